"""The step: states that are carried, no gradients left, nothing from the host, and a graph where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.tinynet import SMALL
from tests.train.batches import ROWS, STAGE, batch, ring, trainer
from vamba_cli.train.clips import Batch, ClipMaker
from vamba_cli.train.recipe import new_model
from vamba_cli.train.step import Step


def test_states_are_carried_and_some_videos_begin_anew(tmp_path: Path) -> None:
    run, pages = trainer(new_model(SMALL, 1), tmp_path), ring()
    step = Step(run.objective, run.optimiser, pages.tensors, captured=True)  # without a GPU there is no graph
    one = batch(of=pages)._replace(keep=torch.tensor([1.0, 0.0]))
    step(one)
    assert step.is_warm and not step.is_captured
    for state in step._states:
        assert bool((state.ssm[0] != 0).any()) and bool((state.conv[0] != 0).any())
        assert not bool((state.ssm[1] != 0).any()) and not bool((state.conv[1] != 0).any())
        assert state.ssm.dtype == state.conv.dtype == torch.float32 and not state.ssm.requires_grad
    places = [part.data_ptr() for state in step._states for part in state]
    before = step._states[0].ssm.clone()
    step(one)
    assert places == [part.data_ptr() for state in step._states for part in state]  # in place, for a graph
    assert not torch.equal(before[0], step._states[0].ssm[0])
    assert step.sums.tolist()[4] == 2


class StandInGraph:
    """Counts replays in place of a CUDA graph."""

    replays = 0

    def replay(self) -> None:
        self.replays += 1


@pytest.mark.parametrize("fails", [False, True])
def test_after_a_few_plain_steps_a_graph_is_replayed_unless_it_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The order of things; whether a GPU captures the step can only be seen on one."""
    run, pages, graph = trainer(new_model(SMALL, 1), tmp_path), ring(), StandInGraph()
    began: list[bool] = []

    @contextmanager
    def capturing(*_: Any, **__: Any) -> Iterator[None]:
        began.append(all(p.grad is None for p in run.objective.parameters()))
        if fails:
            raise RuntimeError("operation not permitted\nwhen stream is capturing")
        yield

    for name, value in (("CUDAGraph", lambda: graph), ("graph", capturing), ("synchronize", lambda: None)):
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: None)
    step = Step(run.objective, run.optimiser, pages.tensors, captured=True)
    step._captured = True  # as on a GPU
    for number in range(6):
        step(batch(seed=number, of=pages))
        assert step.is_warm == (number >= 3)
    assert began == [True]  # once, with no gradients left to add to
    assert (graph.replays, step.is_captured) == ((0, False) if fails else (3, True))
    assert step.sums[4] == (6 if fails else 4)  # the stand-in ran the step that it should have recorded
    assert ("going on without: operation not permitted" in capsys.readouterr().out) == fails


def test_gradients_that_the_graph_of_another_size_left_are_not_added_to(tmp_path: Path) -> None:
    pages, trained = ring(), []
    for left in (None, 1e6):
        torch.manual_seed(0)
        run = trainer(new_model(SMALL, 1), tmp_path)
        step = Step(run.objective, run.optimiser, pages.tensors, captured=False)
        for p in run.objective.parameters() if left else ():
            p.grad = torch.full_like(p, 1e6)
        step(batch(of=pages))
        trained.append(list(run.objective.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*trained, strict=True))


def test_a_step_leaves_no_gradients_and_moves_every_parameter(tmp_path: Path) -> None:
    run, pages = trainer(new_model(SMALL, 1), tmp_path), ring()
    before = {name: p.detach().clone() for name, p in run.objective.named_parameters()}
    step = Step(run.objective, run.optimiser, pages.tensors, captured=False)
    for seed in range(2):
        step(batch(seed=seed, of=pages))
    moved = [name for name, p in run.objective.named_parameters() if not torch.equal(before[name], p)]
    assert moved == list(before)
    assert all(p.grad is None for p in run.objective.parameters())


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch's own look at it
def test_compilation_has_no_breaks_and_is_over_after_the_first_step(tmp_path: Path) -> None:
    """Traced as for a GPU, without generating code: each break is a launch less that a compiler can join."""
    pages, sums = ring(), []
    for compiled in (False, True):
        run = trainer(new_model(SMALL, 1), tmp_path)
        torch.manual_seed(0)
        run.objective.reader.linear.reset_parameters()
        if compiled:
            torch._dynamo.reset()
            counters.clear()
            run.objective.compile_parts("aot_eager")
        step, clips, graphs = Step(run.objective, run.optimiser, pages.tensors, False), ClipMaker(1, STAGE, ROWS), []
        for _ in range(2):
            step(clips(pages))
            graphs.append(counters["stats"]["unique_graphs"])
        sums.append(step.sums)
    assert not counters["graph_break"]
    assert graphs[0] == graphs[1] > 5
    torch.testing.assert_close(sums[0], sums[1], rtol=1e-4, atol=1e-4)


class Foreign(TorchDispatchMode):
    """Notes the operations that are given a tensor of another device than the step's, or that make one."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        flat = tree_leaves((args, kwargs))
        out = func(*args, **(kwargs or {}))
        made = [one for one in tree_leaves(out) if isinstance(one, torch.Tensor)]
        given = [one for one in flat if isinstance(one, torch.Tensor)]
        if any(one.device.type != "meta" for one in (*made, *given)):
            self.seen.add(str(func))
        return out


def test_a_step_takes_nothing_from_the_host_and_asks_the_device_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a device without values every wait for one is an error; a graph cannot be captured of a step that has any."""
    run = trainer(new_model(SMALL, 1).to("meta"), tmp_path)
    pages = [part.to("meta") for part in ring().tensors]
    one = Batch(*(part.to("meta") for part in batch()))
    states = run.model.empty_states(len(one.order))
    for name in ("tensor", "as_tensor", "from_numpy"):
        monkeypatch.delattr(torch, name)
    with Foreign() as foreign:
        losses = run.objective(tuple(pages), one, states)
        losses.total.backward()
        run.optimiser.step(one.rate)
    assert foreign.seen == set()
