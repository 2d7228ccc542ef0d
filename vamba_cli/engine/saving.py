"""Which savings a video needs to fit into the memory that may be used: the least harmful that suffice. Pure.

In this order, each with what it costs:

1. chunks of fewer frames     some speed
2. split                      loading what answers after what encodes was dropped, for every video
3. kv int8                    keys and values off by 0.5 %
4. weights int8               weights off by 1 %; slower where every token unpacks them
5. token_keep 0.5             half of the picture's details (the paper: about one point of accuracy)
6. offload                    reading all keys and values over the bus for every token of an answer; exact
7. weights int4               weights off by 9 %

When a later one suffices without an earlier one (of small videos the weights are what is large), the earlier one goes.
A setting that a user fixed is never touched. What still does not fit loses frames (`pairs_that_fit`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vamba_cli.engine.budget import GIB, Workload, predict
from vamba_cli.model.config import VambaConfig

LEAST_CHUNK_PAIRS = 4  # below, launches take longer than the work
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Fixed:
    """What the user chose; None where the planner may choose."""

    chunk_pairs: int | None = None
    weights: str | None = None
    kv: str | None = None
    token_keep: float | None = None
    offload: bool | None = None
    split: bool | None = None


@dataclass(frozen=True, slots=True)
class _Measure:
    """One saving: which setting becomes what, in words, and how to forbid it."""

    setting: str
    value: object
    words: str
    forbidden_by: str

    def of(self, work: Workload) -> Workload:
        value: Any = self.value
        return replace(work, **{self.setting: value})


_MEASURES = (
    _Measure("split", True, "what answers is loaded after what encodes", "--no-split"),
    _Measure("kv", "int8", "keys and values in int8", "--kv-dtype full"),
    _Measure("weights", "int8", "weights in int8", "--weight-dtype full"),
    _Measure("token_keep", HALF, "half of the video tokens", "--token-keep 1"),
    _Measure("offload", True, "keys and values in the CPU's memory, which makes answers slow", "--no-kv-offload"),
    _Measure("weights", "int4", "weights in int4", "--weight-dtype int8"),
)


def economise(
    config: VambaConfig, work: Workload, limit_bytes: int, fixed: Fixed, *, host_bytes: int | None
) -> tuple[Workload, str | None]:
    """The workload with the savings that it needs, and a note for the user if there are any besides smaller chunks.

    Args:
        limit_bytes: what may be used of the device.
        host_bytes: what keys and values may take of the CPU's memory beside a GPU; None where there is no GPU.
    """
    on_gpu = host_bytes is not None
    work = replace(
        work, weights=fixed.weights or "full", kv=fixed.kv or "full", token_keep=fixed.token_keep or 1.0,
        offload=bool(fixed.offload) and on_gpu, split=bool(fixed.split),
    )  # fmt: skip

    def fits(one: Workload) -> bool:
        cost = predict(config, one)
        return cost.peak_bytes <= limit_bytes and (not one.offload or cost.memory_bytes <= (host_bytes or 0))

    def smaller_chunks(one: Workload) -> Workload:
        while fixed.chunk_pairs is None and one.chunk_pairs > LEAST_CHUNK_PAIRS and not fits(one):
            half = one.chunk_pairs // 2
            one = replace(one, chunk_pairs=half, forward_pairs=min(half, one.forward_pairs))
        return one

    free = [measure for measure in _MEASURES if getattr(fixed, measure.setting) is None]
    if predict(config, _with(work, free)).memory_bytes > (host_bytes or 0):
        free = [measure for measure in free if measure.setting != "offload"]
    taken = _taken(free, work, lambda one: fits(smaller_chunks(one)))
    saved = smaller_chunks(_with(work, taken))
    if not taken:
        return saved, None
    words = ", ".join(f"{measure.words} ({measure.forbidden_by} forbids it)" for measure in taken)
    return saved, f"to stay within {limit_bytes / GIB:.3g} GiB: {words}"


def _taken(free: list[_Measure], work: Workload, fits: Callable[[Workload], bool]) -> list[_Measure]:
    """The shortest beginning of the list that suffices, without those in it that are not needed; all if none does."""
    taken: list[_Measure] = []
    for measure in free:
        if fits(_with(work, taken)):
            break
        taken = [other for other in taken if other.setting != measure.setting] + [measure]
    if fits(_with(work, taken)):
        for measure in reversed(taken[:-1]):
            fewer = [other for other in taken if other is not measure]
            taken = fewer if fits(_with(work, fewer)) else taken
    return taken


def _with(work: Workload, measures: list[_Measure]) -> Workload:
    for measure in measures:
        work = measure.of(work)
    return work
