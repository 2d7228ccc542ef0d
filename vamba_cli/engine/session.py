"""One video, encoded once (or found in the cache), ready for many questions."""

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from vamba_cli import __version__
from vamba_cli.engine.budget import GIB, Cost, Workload, pairs_that_fit, predict
from vamba_cli.engine.encode import Encoder, encode_video, forward_pairs, memory_for, tokens_per_pair
from vamba_cli.engine.events import Notice, OnEvent, Stage, ignore
from vamba_cli.engine.generate import Generated, Span
from vamba_cli.engine.saving import Fixed, economise
from vamba_cli.engine.store import FORMAT, MemoryStore, file_digest, memory_key
from vamba_cli.engine.workers import two_cores
from vamba_cli.kernels.dispatch import is_fast_for, multiplies_float8
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.plan import FramePlan, Sampling, plan_frames
from vamba_cli.media.probe import probe
from vamba_cli.media.scenes import CutDetector
from vamba_cli.model.memory import VideoMemory
from vamba_cli.settings import Settings, unless_auto
from vamba_cli.subtitles import NO_SUBTITLES, Subtitles
from vamba_cli.weights.parts import TEXT, VIDEO
from vamba_cli.weights.ready import ModelFolder, ReadyModel

DEFAULT_STATIC_TOLERANCE = 0.0  # exact: only identical pictures reuse the ViT's tokens
_PROCESS_BYTES = 340 << 20  # measured on two cores: 325 MiB above the rest for lectures of 17 and 60 minutes
_SPARE_BYTES = GIB  # left to the rest of the machine when nobody sets a limit
_SPARE_CUDA_BYTES = 2 * GIB  # CUDA's context, the workspaces of its libraries, and holes between tensors


@dataclass(frozen=True, slots=True)
class Prospect:
    """A video looked at but not encoded: which frames, at what cost."""

    info: VideoInfo
    plan: FramePlan
    work: Workload
    cost: Cost
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """A video that can be asked.

    read: what was read of its windows so far, by question and window; see `engine.readings`.
    """

    ready: ReadyModel
    prospect: Prospect
    memory: VideoMemory
    from_cache: bool
    encode_seconds: float
    warnings: tuple[str, ...]
    subtitles: Subtitles = NO_SUBTITLES
    read: dict[tuple[str, Span], Generated] = field(default_factory=dict, repr=False, compare=False)


def look_at(video: Path, folder: ModelFolder, settings: Settings, device: torch.device, dtype: torch.dtype) -> Prospect:
    """Probe, plan, and fit the plan into the memory that may be used.

    Raises:
        MediaError, UsageError, MemoryBudgetError.
    """
    info = probe(video)
    wishes = Sampling(
        fps=settings.fps,
        num_frames=settings.frames,
        start_seconds=settings.start_seconds,
        end_seconds=settings.end_seconds,
        max_frames=settings.max_frames,
        longest_edge=settings.longest_edge,
        shortest_edge=settings.shortest_edge,
        keyframes_only=settings.keyframes_only,
    )
    plan = plan_frames(info, wishes)
    work, note = _workload(plan, folder, settings, device, dtype)
    fitting = _most_pairs(folder, work, settings, device)
    notes = [*info.warnings, *plan.notes]
    if fitting < work.num_pairs:
        notes.append(
            f"{2 * work.num_pairs} frames would not fit into the memory that may be used: now {2 * fitting} frames"
        )
        plan = plan_frames(info, replace(wishes, max_frames=2 * fitting))
        work, note = _workload(plan, folder, settings, device, dtype)
    notes += [note] if note else []
    return Prospect(info, plan, work, predict(folder.config, work), tuple(notes))


def memory_dtype(dtype: torch.dtype) -> torch.dtype:
    """Keys and values are kept in 16 bits unless the model itself is more exact than float32."""
    return torch.float16 if dtype == torch.float32 else dtype


def _workload(
    plan: FramePlan, folder: ModelFolder, settings: Settings, device: torch.device, dtype: torch.dtype
) -> tuple[Workload, str | None]:
    """The plan as work for the model, held so that it fits, and what the user should know of that."""
    usual = 16 if device.type == "cpu" else forward_pairs(device)  # enough to fill the machine
    fixed_pairs = settings.chunk_frames and settings.chunk_frames // 2
    chunk_pairs = fixed_pairs or usual
    work = Workload(
        num_pairs=len(plan.times_seconds) // 2,
        tokens_per_pair=tokens_per_pair(plan.width, plan.height, folder.pixels, folder.config.vision.cell),
        chunk_pairs=chunk_pairs,
        forward_pairs=min(chunk_pairs, forward_pairs(device)),
        weight_element_bytes=dtype.itemsize,
        memory_element_bytes=memory_dtype(dtype).itemsize,
        fast=is_fast_for(device, dtype),
        process_bytes=_PROCESS_BYTES if device.type == "cpu" else 0,
    )
    fixed = Fixed(
        chunk_pairs=fixed_pairs,
        weights=unless_auto(settings.weight_dtype),
        kv=unless_auto(settings.kv_dtype),
        token_keep=settings.token_keep,
        offload=settings.kv_offload,
        split=settings.split,
    )
    work, note = economise(folder.config, work, _limit_bytes(settings, device), fixed, host_bytes=_beside(device))
    if work.weights == "fp8" and not multiplies_float8(device):
        slow = "--weight-dtype fp8 only costs here: products in float8 take an NVIDIA GPU from Hopper on"
        note = f"{note}; {slow}" if note else slow
    return work, note


def _most_pairs(folder: ModelFolder, work: Workload, settings: Settings, device: torch.device) -> int:
    fitting = pairs_that_fit(folder.config, work, _limit_bytes(settings, device))
    beside = _beside(device)
    if not work.offload or beside is None:
        return fitting
    per_pair = predict(folder.config, replace(work, num_pairs=1)).memory_bytes
    return max(1, min(fitting, beside // per_pair))


def _limit_bytes(settings: Settings, device: torch.device) -> int:
    if settings.memory_limit_gib is not None:
        return int(settings.memory_limit_gib * GIB)
    if device.type == "cuda":
        total = int(torch.cuda.mem_get_info(device)[1])
        return total - min(_SPARE_CUDA_BYTES, GIB // 2 + total // 16)
    return _host_bytes()


def _beside(device: torch.device) -> int | None:
    """What a GPU's keys and values may take of the CPU's memory."""
    return _host_bytes() if device.type == "cuda" else None


def _host_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") - _SPARE_BYTES
    except (ValueError, OSError, AttributeError):
        return 1 << 62  # unknown machine: let it try


def session_key(video: Path, prospect: Prospect, folder: ModelFolder, settings: Settings, dtype: torch.dtype) -> str:
    """One name for content, model, plan and version: equal keys mean equal memories."""
    plan, work = prospect.plan, prospect.work
    tolerance = static_tolerance(settings)
    return memory_key(
        [file_digest(video), folder.fingerprint, folder.config, folder.pixels, settings.random_weights, str(dtype),
         work.weights, work.kv, work.kept_per_pair, plan.times_seconds, plan.width, plan.height, plan.strategy,
         tolerance, FORMAT, __version__]
    )  # fmt: skip


def static_tolerance(settings: Settings) -> float:
    return DEFAULT_STATIC_TOLERANCE if settings.static_tolerance is None else settings.static_tolerance


def open_session(
    video: Path,
    prospect: Prospect,
    ready: ReadyModel,
    settings: Settings,
    store: MemoryStore | None,
    on_event: OnEvent = ignore,
) -> Session:
    """Take the video's memory from the store, or encode the video and keep the memory there."""
    device, dtype = ready.device, ready.dtype
    key = session_key(video, prospect, ready.folder, settings, dtype) if store else ""
    memory = store.load(key, torch.device("cpu") if prospect.work.offload else device) if store else None
    for note in prospect.notes:
        on_event(Notice(note))
    if memory is not None:
        on_event(Stage("reuse", "of an earlier run"))
        for warning in memory.warnings:
            on_event(Notice(warning))
        ready.enter(TEXT)
        return Session(ready, prospect, memory, True, 0.0, (*prospect.notes, *memory.warnings))
    started = time.perf_counter()
    ready.enter(VIDEO)
    memory = _encode(prospect, ready, settings, on_event)
    ready.enter(TEXT)
    seconds = time.perf_counter() - started
    warnings = (*prospect.notes, *memory.warnings, *_keep(store, key, memory, video, ready, on_event))
    return Session(ready, prospect, memory, False, seconds, warnings)


def open_frames(prospect: Prospect, device: torch.device) -> FrameReader:
    """The frames of a plan in chunks, as encoding on a device reads them."""
    apart = device.type == "cuda"  # launching a GPU's kernels keeps an interpreter busy
    return FrameReader(prospect.info, prospect.plan, chunk_frames=2 * prospect.work.chunk_pairs, apart=apart)


def _encode(prospect: Prospect, ready: ReadyModel, settings: Settings, on_event: OnEvent) -> VideoMemory:
    plan, work, model = prospect.plan, prospect.work, ready.model
    on_event(Stage("encode", f"{len(plan.times_seconds)} frames"))
    ends = [prospect.info.duration_seconds, plan.times_seconds[-1] + plan.step_seconds]
    end_seconds = min(ends if settings.end_seconds is None else [*ends, settings.end_seconds])
    memory = memory_for(model, work, memory_dtype(model.dtype), end_seconds)
    detector = CutDetector()
    with two_cores(model.device) as workers, open_frames(prospect, model.device) as reader:
        encoder = Encoder(model, ready.folder.pixels, memory, static_tolerance(settings), overlap=True, workers=workers)
        encode_video(encoder, detector.watch(reader), len(plan.times_seconds), on_event)
    cuts = torch.from_numpy(detector.cuts(2 * memory.num_pairs))
    memory.looks = replace(memory.looks, cuts=cuts)
    if memory.num_pairs < work.num_pairs:  # the pictures ended early
        memory.end_seconds = min(end_seconds, plan.times_seconds[2 * memory.num_pairs])
    memory.warnings = tuple(reader.warnings)
    for warning in memory.warnings:
        on_event(Notice(warning))
    return memory


def _keep(
    store: MemoryStore | None, key: str, memory: VideoMemory, video: Path, ready: ReadyModel, on_event: OnEvent
) -> tuple[str, ...]:
    """Save a fresh memory; a full or read-only disk costs the next run time, not this run its answer."""
    if store is None:
        return ()
    on_event(Stage("keep", "the encoded video"))
    try:
        kept = store.save(key, memory, str(video.resolve()), ready.folder.resolved.name)
        reason = (
            f"it needs {memory.num_bytes / GIB:.1f} GiB, above the cache's limit of {store.limit_bytes / GIB:.1f} GiB"
        )
    except OSError as error:
        kept, reason = False, f"{error.strerror or error} ({store.folder})"
    if kept:
        return ()
    message = f"the encoded video was not kept for the next question: {reason}"
    on_event(Notice(message))
    return (message,)
