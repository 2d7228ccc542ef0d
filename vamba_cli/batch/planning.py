"""`--dry-run`: which videos would run and why, and what that would take; nothing is written."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from vamba_cli.batch.jobs import Entry, Work
from vamba_cli.batch.ledger import Ledger
from vamba_cli.batch.standing import Done, Judge, Rules, Standing, Verdict
from vamba_cli.errors import VambaError

MOST_INSPECTED = 50
_INSPECT_SECONDS = 30.0  # for all of them: a file server may be slow
_RECORDS_READ = 500  # for the speed of earlier runs
_USUAL_RESULT_BYTES = 6000
# Where no video was done yet: rough figures of PyTorch and FFmpeg on common machines.
_SECONDS_BESIDE = 5.0  # of a video: opening it, reading what it shows, writing the result
_USED_OF_PEAK = 0.35
_DECODE_PIXELS_PER_SECOND = 8e8


@dataclass(slots=True)
class Plan:
    """What a run would do, and an estimate from a sample.

    count, by_reason: videos that would run, and why.
    num_inspected: how many of them the estimate rests on; they stand for the rest by their number.
    num_unreadable: of those.
    seconds: of one worker; is_measured where it comes from videos that were done here.
    """

    count: int = 0
    done: int = 0
    failed: int = 0
    size_bytes: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    num_inspected: int = 0
    num_unreadable: int = 0
    num_frames: int = 0
    num_video_tokens: int = 0
    peak_bytes: int = 0
    disk_bytes: int = 0
    seconds: float | None = None
    is_measured: bool = False


def plan_batch(
    entries: Iterator[Entry], work: Work, ledger: Ledger, rules: Rules, on_line: Callable[[Mapping[str, Any]], None]
) -> Plan:
    """Look at every video's record and at a sample of the videos; `on_line` gets one object per video that would run.

    Up to `MOST_INSPECTED` videos are all looked into; of more, a fair sample.
    """
    plan = Plan()
    sample: list[tuple[Entry, Standing]] = []
    draw = random.Random(0)
    judge = Judge(ledger, work, rules)
    for entry in entries:
        if entry.problem:
            plan.failed += 1
            on_line(
                _line(entry, work, "failed", error={"kind": "MediaError", "message": f"{entry.path} {entry.problem}"})
            )
            continue
        standing = judge.standing(entry)
        if isinstance(standing, Done):
            plan.done += 1
            continue
        if standing.verdict is Verdict.FAILED:
            plan.failed += 1
            continue
        plan.count += 1
        plan.size_bytes += entry.size_bytes
        plan.by_reason[standing.reason] += 1
        if plan.count <= MOST_INSPECTED:
            sample.append((entry, standing))
            continue
        if plan.count == MOST_INSPECTED + 1:
            for early, why in sample:
                on_line(_line(early, work, "planned", reason=why.reason))
        on_line(_line(entry, work, "planned", reason=standing.reason))
        place = draw.randrange(plan.count)
        if place < MOST_INSPECTED:
            sample[place] = (entry, standing)
    _estimate(plan, sample, work, ledger, on_line)
    return plan


def _estimate(
    plan: Plan,
    sample: list[tuple[Entry, Standing]],
    work: Work,
    ledger: Ledger,
    on_line: Callable[[Mapping[str, Any]], None],
) -> None:
    """Look into the sample; where it is everything, each video's line tells what was seen."""
    seen: list[dict[str, Any]] = []
    began = time.monotonic()
    for entry, standing in sample:
        facts: dict[str, Any] = {}
        if ":" not in work.task and time.monotonic() - began < _INSPECT_SECONDS:
            facts = _inspect(entry, work)
        if "num_frames" in facts:
            seen.append(facts)
        plan.num_inspected += bool(facts)
        if plan.count <= MOST_INSPECTED:
            shown = {key: value for key, value in facts.items() if not key.startswith("_")}
            on_line(_line(entry, work, "planned", reason=standing.reason, **shown))
    result_bytes, seconds_per_frame = _experience(ledger, work)
    plan.disk_bytes = plan.count * result_bytes
    if not seen:
        return
    times = plan.count / plan.num_inspected
    plan.num_unreadable = plan.num_inspected - len(seen)
    plan.num_frames = round(times * sum(facts["num_frames"] for facts in seen))
    plan.num_video_tokens = round(times * sum(facts["num_video_tokens"] for facts in seen))
    plan.peak_bytes = max(facts["peak_bytes"] for facts in seen)
    if work.settings.cache:
        kept = round(times * sum(facts["_memory_bytes"] for facts in seen))
        plan.disk_bytes += min(kept, int(work.settings.cache_limit_gib * 2**30))
    plan.is_measured = seconds_per_frame is not None
    if seconds_per_frame is not None:
        plan.seconds = seconds_per_frame * plan.num_frames
    else:
        plan.seconds = times * _rough_seconds(seen, work)


def _inspect(entry: Entry, work: Work) -> dict[str, Any]:
    from vamba_cli import api

    try:
        facts = api.inspect(Path(entry.path), work.settings)
    except VambaError as error:
        return {"error": {"kind": type(error).__name__, "message": str(error)}}
    decoded = facts.video.num_frames if facts.plan.strategy == "sequential" else facts.num_frames
    new = 0 if facts.cached else 1  # what lies in the cache is neither read nor encoded, and is there already
    return {
        "num_frames": facts.num_frames,
        "num_video_tokens": facts.num_video_tokens,
        "peak_bytes": facts.peak_bytes,
        "_memory_bytes": new * facts.memory_bytes,
        "_flops": new * facts.encode_flops,
        "_pixels": new * decoded * facts.video.width * facts.video.height,
    }


def _experience(ledger: Ledger, work: Work) -> tuple[int, float | None]:
    """Bytes of a result, and seconds of work per frame, of videos that this folder has seen."""
    frames, seconds, sizes = 0, 0.0, list[int]()
    for record in islice(ledger.records(), _RECORDS_READ):
        if record.status == "done" and record.task == work.task:
            sizes.append(record.output_bytes)
            if record.num_frames:
                frames, seconds = frames + record.num_frames, seconds + record.wall_seconds
    usual = sum(sizes) // len(sizes) if sizes else _USUAL_RESULT_BYTES
    return usual, seconds / frames if frames else None


def _rough_seconds(seen: list[dict[str, Any]], work: Work) -> float:
    """From the machine's speed at a matrix product and a usual speed of decoding."""
    import torch

    from vamba_cli.weights.ready import choose_device, choose_dtype

    device = choose_device(work.settings.device)
    matrix = torch.ones(1024, 1024, device=device, dtype=choose_dtype(work.settings.dtype, device))
    number = float((matrix @ matrix)[0, 0])  # the first product is slow, and waits until the device is done
    began, products = time.perf_counter(), 0
    while time.perf_counter() - began < 0.2:
        number += float((matrix @ matrix)[0, 0])
        products += 1
    flops_per_second = products * 2 * 1024**3 / (time.perf_counter() - began)
    flops, pixels = (sum(facts[key] for facts in seen) for key in ("_flops", "_pixels"))
    encoding = flops / (_USED_OF_PEAK * flops_per_second) + pixels / _DECODE_PIXELS_PER_SECOND
    return float(encoding + len(seen) * _SECONDS_BESIDE)


def _line(entry: Entry, work: Work, status: str, **more: Any) -> dict[str, Any]:
    line = {"schema_version": 1, "path": entry.path, "name": entry.name, "status": status, "task": work.task}
    return {**line, "size_bytes": entry.size_bytes, **more}
