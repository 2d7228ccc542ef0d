"""This machine measured with a model, its settings and a video."""

import os
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from vamba_cli.api.models import OpenModel, savings_of
from vamba_cli.api.sessions import flushed_denormals
from vamba_cli.engine.events import OnEvent, Stage, ignore
from vamba_cli.engine.session import Prospect, memory_dtype, open_frames, open_session, static_tolerance
from vamba_cli.engine.speed import Asker, Ceilings, Measured, PeakMemory, ceilings, floors, measure, shortened, timed
from vamba_cli.errors import UsageError
from vamba_cli.measurements import BenchFigure, BenchMachine, BenchResult
from vamba_cli.model.memory import Looks
from vamba_cli.results import VideoSummary
from vamba_cli.settings import Settings
from vamba_cli.weights.ready import ReadyModel

_MOST_REPEATS = 100
_MOST_FRAMES = {"cpu": 16}  # that are encoded for the time of a frame; elsewhere all that the plan has


def bench(video: Path, settings: Settings, on_event: OnEvent = ignore, *, repeats: int = 3) -> BenchResult:
    """Read a video, encode it, ask it; then encode and ask random frames of its size `repeats` times.

    Nothing is taken from the cache or kept there.

    Raises:
        UsageError, MediaError, MemoryBudgetError, ModelError: see their docstrings.
    """
    if not 1 <= repeats <= _MOST_REPEATS:
        raise UsageError(f"repeats = {repeats} is not allowed: it must be 1 to {_MOST_REPEATS}")
    model = OpenModel(replace(settings, cache=False))
    prospect, device = model.look_at(video), model.device
    with flushed_denormals():
        on_event(Stage("measure", "what the machine reaches in products and copies"))
        ceiling = ceilings(device, model.dtype)
        peak = PeakMemory(device)
        ready, load_seconds = model.ready(on_event, prospect.work)
        on_event(Stage("measure", "reading the video"))
        decode_seconds = _decode_seconds(prospect, device)
        file_seconds, repeated = _from_file(video, prospect, ready, model.settings, on_event)
        on_event(Stage("measure", "encoding and answering"))
        work = shortened(prospect.work, _MOST_FRAMES.get(device.type, 2 * prospect.work.num_pairs))
        plan = prospect.plan
        measured = measure(
            ready, work, plan.width, plan.height, repeats=repeats, full_dtype=memory_dtype(model.dtype), peak=peak
        )
    facts, whole = prospect.info, prospect.work
    return BenchResult(
        video=VideoSummary(str(video), facts.duration_seconds, facts.width, facts.height),
        model=model.summary(),
        preset=model.settings.presets,
        machine=_machine(device, ceiling),
        num_frames=len(plan.times_seconds),
        num_video_tokens=whole.num_tokens,
        savings=savings_of(whole),
        figures=_figures(prospect, ready, measured, ceiling, load_seconds, decode_seconds, file_seconds, repeated),
        warnings=prospect.notes,
    )


def _decode_seconds(prospect: Prospect, device: torch.device) -> float:
    started = time.perf_counter()
    with open_frames(prospect, device) as reader:
        for _chunk in reader:
            pass
    return time.perf_counter() - started


def _from_file(
    video: Path, prospect: Prospect, ready: ReadyModel, settings: Settings, on_event: OnEvent
) -> tuple[float, int]:
    """Seconds from the file to the first token of an answer, and frame pairs that repeat a picture."""
    looks: list[Looks] = []

    def work() -> None:
        memory = open_session(video, prospect, ready, settings, None, on_event).memory
        looks.append(memory.looks)
        Asker(ready.model, memory).first()

    seconds = timed(ready.device, work)
    return seconds, int((looks[0].novelty <= static_tolerance(settings)).sum())


def _figures(
    prospect: Prospect, ready: ReadyModel, measured: Measured, ceiling: Ceilings,
    load_seconds: float, decode_seconds: float, file_seconds: float, repeated: int,
) -> tuple[BenchFigure, ...]:  # fmt: skip
    """All that was measured, with what the sizes of the model allow at best on this machine."""
    config, whole, part = ready.folder.config, prospect.work, measured.work
    best, best_part = floors(config, whole, ceiling, repeated), floors(config, part, ceiling)
    frames, part_frames = 2 * whole.num_pairs, 2 * part.num_pairs
    encode = [1e3 * seconds / part_frames for seconds in measured.encode_seconds]
    tokens = [1 / seconds for seconds in measured.token_seconds]
    peak = None if measured.peak_bytes is None else float(measured.peak_bytes)
    least = 1e3 * best_part.encode_seconds / part_frames
    return (
        BenchFigure("load", "load the model", "seconds", load_seconds),
        BenchFigure("decode", "read a frame of the video", "milliseconds", 1e3 * decode_seconds / max(1, frames)),
        BenchFigure("encode", "encode a frame", "milliseconds", median(encode), least, tuple(encode)),
        BenchFigure("first_token", "file to first token", "seconds", file_seconds, best.encode_seconds),
        BenchFigure(
            "second_question", "second question, first token", "seconds", median(measured.question_seconds), None,
            tuple(measured.question_seconds),
        ),
        BenchFigure(
            "tokens", "further tokens", "tokens/second", median(tokens), 1 / best_part.token_seconds, tuple(tokens)
        ),
        BenchFigure("peak", "peak memory", "bytes", peak, float(best.peak_bytes)),
        BenchFigure("predicted_peak", "predicted peak memory", "bytes", float(prospect.cost.peak_bytes)),
    )  # fmt: skip


def _machine(device: torch.device, ceiling: Ceilings) -> BenchMachine:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} processors"
    return BenchMachine(
        str(device), name, torch.get_num_threads(), torch.__version__, ceiling.flops, ceiling.bytes_per_second
    )
