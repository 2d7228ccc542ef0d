"""What can be said without encoding: of a file, and of a checkpoint."""

import time
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

from vamba_cli.api.models import folder_of, model_summary, savings_of
from vamba_cli.api.sessions import store_of
from vamba_cli.engine.events import OnEvent, Stage, ignore
from vamba_cli.engine.session import Prospect, look_at, session_key
from vamba_cli.engine.verify import verify_folder
from vamba_cli.errors import MemoryBudgetError
from vamba_cli.results import InfoResult, InfoTiming, PlanFacts, VerifyResult, VideoFacts
from vamba_cli.settings import Settings, unless_auto
from vamba_cli.weights.ready import ModelFolder, choose_device, choose_dtype

_BOUNDLESS_GIB = 1e6
_TOO_LITTLE = "asking is not possible with the memory that may be used; without that limit it would take what is shown"


def inspect(video: Path, settings: Settings) -> InfoResult:
    """What a file is and what asking it would take, without decoding it; neither weights nor memory need be there."""
    started = time.perf_counter()
    folder, settings = folder_of(settings, sizes_suffice=True)
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.dtype, device)
    prospect, warnings = _prospect(video, folder, settings, device, dtype)
    store = store_of(settings)
    cached = store is not None and store.contains(session_key(video, prospect, folder, settings, dtype))
    plan, cost, work = prospect.plan, prospect.cost, prospect.work
    names = [field.name for field in fields(VideoFacts)]
    info = {key: value for key, value in asdict(prospect.info).items() if key in names}
    return InfoResult(
        video=VideoFacts(**{**info, "path": str(video)}),
        plan=PlanFacts(len(plan.times_seconds), plan.step_seconds, plan.width, plan.height, plan.strategy, plan.notes),
        model=model_summary(folder, device, dtype, work.weights, work.kv),
        preset=settings.presets,
        num_frames=len(plan.times_seconds),
        num_video_tokens=work.num_tokens,
        memory_bytes=cost.memory_bytes,
        weight_bytes=cost.weight_bytes,
        peak_bytes=cost.peak_bytes,
        encode_flops=cost.encode_flops,
        cached=cached,
        warnings=warnings,
        timing=InfoTiming(time.perf_counter() - started),
        savings=savings_of(work),
    )


def verify(
    folder: Path, on_event: OnEvent = ignore, *, weight_dtype: str = "full", kv_dtype: str = "full"
) -> VerifyResult:
    """A checkpoint folder against its `expected.safetensors`, as it is or in fewer bits.

    Raises:
        UsageError: a dtype that there is not.
        ModelError: see `verify_folder`.
    """
    settings = Settings(weight_dtype=weight_dtype, kv_dtype=kv_dtype)
    weights, kv = (unless_auto(name) or "full" for name in (settings.weight_dtype, settings.kv_dtype))
    on_event(Stage("load", str(folder)))
    return verify_folder(folder, weights, kv)


def _prospect(
    video: Path, folder: ModelFolder, settings: Settings, device: torch.device, dtype: torch.dtype
) -> tuple[Prospect, tuple[str, ...]]:
    """What asking would take, also where this machine has not the memory for it, and the warnings."""
    try:
        prospect = look_at(video, folder, settings, device, dtype)
    except MemoryBudgetError as error:
        prospect = look_at(video, folder, replace(settings, memory_limit_gib=_BOUNDLESS_GIB), device, dtype)
        return prospect, (*prospect.notes, f"{_TOO_LITTLE}: {error}")
    return prospect, prospect.notes
