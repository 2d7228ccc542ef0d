"""One training step over fixed tensors: run as it is, or captured once as a CUDA graph and replayed.

A step of eager PyTorch launches thousands of kernels, one by one, from Python; a graph is launched at once and leaves
the host free to prepare the next batch. Everything in a step therefore has fixed shapes and places, draws no random
numbers, and never asks the device for a value.
"""

import gc
import time
from collections import deque

import torch
from torch import Tensor

from vamba_cli.model.mixer import MixerState
from vamba_cli.model.vamba import MixerStates
from vamba_cli.train.clips import Batch
from vamba_cli.train.objective import Losses, Objective, RingTensors
from vamba_cli.train.optim import Optimiser

_MOST_AHEAD = 2  # steps of a size that the host may be ahead of the device: it is kept busy, and the clock stays true
_PLAIN_STEPS = 3  # before a capture: compilation, and workspaces that libraries take at their first call


def mixed_precision(device: torch.device) -> torch.autocast:
    """Products in bfloat16 on a GPU; CPUs are faster without."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


class Step:
    """Calling it with a batch trains on it. `sums` gathers the losses (all, answers, dense, parts) and the steps.

    Several of them may train one network in turns, each over its own shapes.
    """

    def __init__(self, objective: Objective, optimiser: Optimiser, ring: RingTensors, captured: bool) -> None:
        """`captured`: replay a CUDA graph after the first few steps; where that fails, plain steps go on."""
        self._objective, self._optimiser, self._ring = objective, optimiser, ring
        self._device = objective.model.device
        self._captured = captured and self._device.type == "cuda"
        self._batch: Batch | None = None
        self._states: MixerStates = ()
        self._graph: torch.cuda.CUDAGraph | None = None
        self.num_steps = 0
        self._under_way: deque[torch.cuda.Event] = deque()
        self.sums = torch.zeros(5, device=self._device)

    @property
    def is_captured(self) -> bool:
        return self._graph is not None

    @property
    def is_warm(self) -> bool:
        """Whether compilation and capture are over."""
        return self.num_steps > (_PLAIN_STEPS if self._captured else 0)

    def load(self, batch: Batch) -> Batch:
        """The batch in the tensors that the step reads, copied without waiting."""
        if self._batch is None:
            self._batch = Batch(*(part.to(self._device, copy=True) for part in batch))
            clips = len(batch.order)
            self._states = tuple(MixerState(*(part.float() for part in state))
                                 for state in self._objective.model.empty_states(clips))  # fmt: skip
        else:
            for place, part in zip(self._batch, batch, strict=True):
                place.copy_(part.pin_memory() if place.is_cuda else part, non_blocking=True)
        return self._batch

    def __call__(self, batch: Batch) -> None:
        here = self.load(batch)
        if self._captured and self._graph is None and self.num_steps == _PLAIN_STEPS:
            self._capture(here)  # records without running
        if self._graph is not None:
            self._graph.replay()
        else:
            self._optimiser.forget_gradients()  # those of another size's graph would be added to
            self._run(here)
            self._optimiser.forget_gradients()
        self.num_steps += 1
        self._wait_a_little()

    def _wait_a_little(self) -> None:
        if self._device.type != "cuda":
            return
        done = torch.cuda.Event(blocking=True)
        done.record()
        self._under_way.append(done)
        if len(self._under_way) > _MOST_AHEAD:
            self._under_way.popleft().synchronize()

    def losses(self, batch: Batch) -> Losses:
        """Forward alone."""
        with mixed_precision(self._device):
            return self._objective(self._ring, batch, self._states)

    def _run(self, batch: Batch) -> None:
        losses = self.losses(batch)
        losses.total.backward()
        self._optimiser.step(batch.rate)
        self.finish(losses, batch.keep)

    @torch.no_grad()
    def finish(self, losses: Losses, keep: Tensor) -> None:
        """States for the next step, in place: most clips go on as a long video, some start anew."""
        for mine, new in zip(self._states, losses.states, strict=True):
            for place, part in zip(mine, new, strict=True):
                place.copy_(part * keep.view(-1, *(1,) * (part.ndim - 1)))
        self.sums += torch.stack([*losses[:4], torch.ones_like(losses.total)])

    def _capture(self, batch: Batch) -> None:
        started = time.perf_counter()
        self._optimiser.forget_gradients()
        gc.collect()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=torch.cuda.current_stream(), capture_error_mode="thread_local"):
                self._run(batch)
        except RuntimeError as error:
            torch.cuda.synchronize()
            self._optimiser.forget_gradients()
            self._captured = False
            print(f"no graph of the step, going on without: {str(error).splitlines()[0]}", flush=True)
            return
        self._graph = graph
        print(f"step captured in {time.perf_counter() - started:.1f} s", flush=True)
