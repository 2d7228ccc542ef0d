"""Where the time of a training step goes: printed once, for whoever wants the next run to be faster."""

import time
from collections.abc import Callable

import torch

from vamba_cli.train.loop import PAGES_PER_STEP, PageSource, Trainer
from vamba_cli.train.recipe import Stage

_STEPS = 20


def profile(trainer: Trainer, stage: Stage, source: PageSource, steps: int = _STEPS) -> None:
    """Print the time of the host's parts, of a step alone and of all together, then the costliest kernels."""
    device = trainer.device
    course = trainer.prepare(stage, source)
    ring, clips, step = course.ring, course.clips, course.step

    def timed(work: Callable[[], object], steps: int = steps) -> float:
        """Milliseconds of one call, after what the device has been given is done."""
        _wait(device)
        began = time.perf_counter()
        for _ in range(steps):
            work()
        _wait(device)
        return 1e3 * (time.perf_counter() - began) / steps

    def whole() -> None:
        ring.add(source.take(PAGES_PER_STEP))
        step(clips(ring))

    batch = clips(ring)
    first = timed(lambda: step(batch), 1)
    while not step.is_warm:
        step(batch)
    drawn = [0, time.perf_counter()]

    def taken() -> None:
        samples = source.take(PAGES_PER_STEP)
        drawn[0] += len(samples.text)
        ring.add(samples)

    rows = [
        ("first step, with compilation", first),
        ("taking drawn pages and uploading them", timed(taken)),
        ("drawing a batch and its questions", timed(lambda: clips(ring))),
        ("uploading a batch", timed(lambda: step.load(batch))),
        ("the step alone" + (" (captured)" if step.is_captured else ""), timed(lambda: step(batch))),
        ("all together", timed(whole)),
    ]
    here = step.load(batch)
    with torch.no_grad():
        rows.append(("forward alone, without gradients", timed(lambda: step.losses(here))))
    share = torch.zeros((), device=device)
    for p in trainer.objective.parameters():
        p.grad = torch.zeros_like(p)
    rows.append(("optimiser alone", timed(lambda: trainer.optimiser.step(share))))
    trainer.optimiser.forget_gradients()
    print(f"\n{'milliseconds':>14}")
    for name, milliseconds in rows:
        print(f"{milliseconds:14.2f}  {name}")
    pairs = stage.clips * stage.pairs
    together = rows[5][1] / 1e3
    print(f"{pairs / together:14.0f}  frame pairs a second ({stage.pages / together:.0f} encoded pages)")
    _print_kernels(lambda: step(batch), device)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _print_kernels(work: Callable[[], object], device: torch.device) -> None:
    """The costliest kernels of a few steps, and how long the device was busy."""
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        kinds = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds) as seen:
        for _ in range(3):
            work()
        _wait(device)
    order = "self_cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
    print(seen.key_averages().table(sort_by=order, row_limit=30, max_name_column_width=70))
