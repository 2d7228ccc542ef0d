"""A short training run on the CPU: the loss falls, what is written can be loaded, and training can go on from it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.tinynet import SMALL, looks
from tests.train.batches import CELLS, CODES, ROWS, STAGE, batch, ring, samples, slide
from vamba_cli.engine.generate import generate
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.patches import to_patches
from vamba_cli.model.vamba import Vamba
from vamba_cli.train import loop
from vamba_cli.train.__main__ import reader_file, scaled
from vamba_cli.train.clips import Batch, ClipMaker
from vamba_cli.train.evaluate import (
    EvaluationSet,
    _encode,
    _guessed,
    _what_to_ask,
    _words_right,
    edit_distance,
    evaluate,
)  # fmt: skip
from vamba_cli.train.loop import NOTES, READER, Meter, Trainer
from vamba_cli.train.profile import profile
from vamba_cli.train.questions import FIND, NOT_SHOWN, SlideText
from vamba_cli.train.recipe import FIRST_RUN, RESUMED_RUN, TINY, Recipe, new_model
from vamba_cli.train.samples import Sample
from vamba_cli.train.step import Step
from vamba_cli.weights.load import load_model, read_config
from vamba_cli.weights.ready import load_ready, open_folder
from vamba_cli.weights.registry import resolve_model
from vamba_cli.weights.tokenizer import ByteTokenizer

RECIPE = Recipe(stages=(STAGE,), ring_pages=24, rows_per_page=ROWS, matrix_rate=0.02, other_rate=2e-3)

SHIPPED = NOTES.parent


class Clock:
    """Each look at it takes a hundredth of a second, so that a run has the same steps on every machine."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 0.01
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Source:
    """A few pages, over and over."""

    def __init__(self, num: int = 8) -> None:
        self.pages = samples(range(num))
        self.taken = 0

    def take(self, num: int) -> Sample:
        self.taken += 1
        order = [(self.taken + i) % len(self.pages.text) for i in range(min(num, 5))]
        return Sample(*(part[order] for part in self.pages))


def trainer(model: Vamba, out: Path, recipe: Recipe = RECIPE, **options: Any) -> Trainer:
    slides = [slide(number) for number in range(4)]
    known = EvaluationSet(
        "known", np.stack([one.image for one in slides]), [SlideText(one.title, one.lines) for one in slides]
    )
    return Trainer(model, recipe, out, CODES, [known], compiled=False, log_every=5, **options)


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    return clock


def test_a_short_run_and_another_from_its_weights(tmp_path: Path, clock: Clock) -> None:
    torch.manual_seed(0)
    run = trainer(new_model(SMALL, 1), tmp_path / "first")
    run.run_stage(STAGE, Source())
    run.save()
    run.evaluate("at the end")

    curve = rows(tmp_path / "first" / "curve.jsonl")
    *whole, last = [row["step"] for row in curve]  # the last row has the steps that were left
    assert whole == list(range(5, 5 * len(whole) + 1, 5)) and len(whole) >= 4 and 0 <= last - whole[-1] <= 5
    assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(curve))
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]
    assert curve[-1]["answer"] < curve[0]["answer"] and curve[-1]["dense"] < curve[0]["dense"]
    assert all(row["loss"] == pytest.approx(row["answer"] + row["dense"], abs=1e-3) for row in curve)

    (evaluation,) = rows(tmp_path / "first" / "evaluation.jsonl")
    assert evaluation == json.loads((tmp_path / "first" / "evaluation.json").read_text())
    assert evaluation["note"] == "at the end" and evaluation["step"] >= curve[-1]["step"]
    assert evaluation["known"].keys() == {
        "exact", "character_error", "body_exact", "body_words", "refused", "shown", "absent",
    }  # fmt: skip
    assert all(0 <= score <= 1 for score in evaluation["known"].values())

    folder = tmp_path / "first" / "model"
    config, _ = read_config(folder)
    assert config == SMALL
    loaded = load_model(folder, config)
    trained = dict(run.model.named_parameters())
    for name, parameter in loaded.named_parameters():
        assert torch.equal(parameter, trained[name].detach().bfloat16().float()), name

    resumed = loaded.requires_grad_(True).train()  # as --resume does
    again = trainer(resumed, tmp_path / "second", reader=reader_file(folder))
    again.run_stage(STAGE, Source())
    after = rows(tmp_path / "second" / "curve.jsonl")
    for part in ("answer", "dense"):  # both go on from where they were
        assert after[-1][part] < after[0][part] < 1.05 * curve[-1][part]


@pytest.mark.skipif(not (SHIPPED / "model.safetensors").is_file(), reason="no shipped weights in this checkout")
def test_shipped_weights_go_on_and_what_is_saved_answers(tmp_path: Path) -> None:
    """From the weights in the package, at a small frame size: train, save, go on, and ask as the product does."""
    stage = replace(STAGE, pages=2, clips=1, pairs=2)
    recipe = replace(RECIPE, stages=(stage,), matrix_rate=1e-5, other_rate=1e-6)
    folder = SHIPPED
    for number in range(2):
        model = load_model(folder, TINY).requires_grad_(True).train()
        run = trainer(model, tmp_path / str(number), recipe, reader=reader_file(folder))
        ring, clips, step = run.prepare(stage, Source())
        step(clips(ring))
        loss = step.sums.tolist()
        assert all(map(math.isfinite, loss)) and loss[1] < 4  # of noise: far from a network that knows nothing (5.6)
        folder = run.save().parent
    ready = load_ready(
        open_folder(resolve_model(str(folder))), torch.device("cpu"), torch.float32, random_weights=False
    )
    assert ready.folder.profile == "slides" and isinstance(ready.tokenizer, ByteTokenizer)
    memory = VideoMemory.allocate(TINY, 1, CELLS, end_seconds=1.0, device=torch.device("cpu"), dtype=torch.float32)
    with torch.inference_mode():
        frames = torch.full((2, 56, 84, 3), 255, dtype=torch.uint8)
        tokens = ready.model.vision(to_patches(frames, TINY.vision, PixelConfig(), torch.float32), 4, 6)
        ready.model.encode_chunk(
            tokens, ready.model.empty_states(), lambda layer, k, v: memory.write(layer, 0, k[0], v[0])
        )
    memory.advance(1, looks(torch.zeros(2)))
    assert generate(ready.model, ready.tokenizer, memory, "title?").text == "(no title)"  # a white page


def test_the_dense_reader_lies_beside_the_model_and_is_gone_on_with(tmp_path: Path) -> None:
    recipe = replace(RECIPE, head_steps=3)
    run = trainer(new_model(SMALL, 1), tmp_path, recipe)
    assert [run.dense_share()] == [0.0]  # a new one learns alone at first
    run._step = 3
    assert run.dense_share() == 1.0
    model = run.save().parent
    assert {file.name for file in model.iterdir()} == {
        "model.safetensors", "config.json", "preprocessor_config.json", "vamba.json",
    }  # fmt: skip
    assert reader_file(model) == tmp_path / READER and reader_file(tmp_path) is None and reader_file(None) is None
    again = trainer(new_model(SMALL, 2), tmp_path / "next", recipe, reader=reader_file(model))
    assert torch.equal(again.objective.reader.linear.weight, run.objective.reader.linear.weight)
    assert again.dense_share() == 1.0


def test_rates_rise_stay_and_fall(tmp_path: Path) -> None:
    run = trainer(new_model(SMALL, 1), tmp_path)

    def rate(step: int, progress: float) -> float:
        run._step = step
        return run.rate(progress)

    assert rate(0, 0.0) == pytest.approx(0.02)
    assert rate(24, 0.1) == pytest.approx(0.5)
    assert rate(1000, 0.2) == rate(1000, RECIPE.flat_share) == 1
    middle = (1 + RECIPE.flat_share) / 2
    assert rate(1000, middle) == pytest.approx((1 + RECIPE.final_rate) / 2)
    assert rate(1000, 1.0) == rate(1000, 1.5) == pytest.approx(RECIPE.final_rate)


def test_a_run_ends_by_its_limit(tmp_path: Path, clock: Clock) -> None:
    two = replace(RECIPE, stages=(STAGE, replace(STAGE, seconds=3.0)))
    run = trainer(new_model(SMALL, 1), tmp_path, two, ends_at=0.9)
    for stage in two.stages:
        run.run_stage(stage, Source())
    assert clock.now == pytest.approx(0.9, abs=0.2)  # of 4 seconds in the recipe
    assert run._seconds[0] < 0.3 and run._seconds[1] < 0.8


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
    assert step.sums.tolist()[3] == 2


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
    assert step.sums[3] == (6 if fails else 4)  # the stand-in ran the step that it should have recorded
    assert ("going on without: operation not permitted" in capsys.readouterr().out) == fails


def test_a_new_stage_begins_without_the_gradients_of_the_last(tmp_path: Path) -> None:
    run, pages = trainer(new_model(SMALL, 1), tmp_path), ring()
    for p in run.objective.parameters():
        p.grad = torch.full_like(p, 1e6)
    Step(run.objective, run.optimiser, pages.tensors, captured=False)
    assert all(p.grad is None for p in run.objective.parameters())


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


def test_it_saves_and_evaluates_while_it_trains(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.2)
    run = trainer(new_model(SMALL, 1), tmp_path)
    saved: list[int] = []
    monkeypatch.setattr(run, "save", lambda: saved.append(run._step))
    run.run_stage(STAGE, Source())
    assert len(saved) >= 2 and saved == sorted(set(saved))
    assert [row["step"] for row in rows(tmp_path / "evaluation.jsonl")] == saved


def test_the_curve_is_written_late_and_whole(tmp_path: Path) -> None:
    meter, sums = Meter(torch.device("cpu")), torch.tensor([6.0, 4.0, 2.0, 2.0])
    meter.note(sums, {"step": 2})
    assert not sums.any()  # new sums begin
    sums += torch.tensor([9.0, 6.0, 3.0, 3.0])
    meter.note(sums, {"step": 5})
    meter.write(tmp_path / "curve.jsonl", wait=True)
    assert [(row["step"], row["loss"], row["answer"], row["dense"]) for row in rows(tmp_path / "curve.jsonl")] == [
        (2, 3.0, 2.0, 1.0), (5, 3.0, 2.0, 1.0),
    ]  # fmt: skip


def test_a_profile_says_where_the_time_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile(trainer(new_model(SMALL, 1), tmp_path), STAGE, Source(), steps=2)
    said = capsys.readouterr().out
    for part in ("drawing a batch", "the step alone", "all together", "optimiser alone", "frame pairs a second"):
        assert part in said
    assert "aten::" in said


# --- evaluation


def known_slides() -> EvaluationSet:
    lines = ("the first line of this slide", "second line that is long enough", "short")
    texts = [SlideText(f"Title {i}", tuple(f"{line[:4]}{i}{line[4:]}" for line in lines)) for i in range(6)]
    images = np.stack([slide(number).image for number in range(6)])
    return EvaluationSet("known", images, texts)


def test_a_model_that_cannot_read_scores_nothing() -> None:
    reading = evaluate(new_model(SMALL, 1).eval(), known_slides(), batch=4, max_tokens=4)
    assert reading.exact == reading.body_exact == reading.refused == 0 and reading.character_error > 0.5
    assert reading.shown + reading.absent <= 2
    assert [truth for truth, _ in reading.samples] == [f"Title {i}" for i in range(6)]
    assert len(known_slides().first(2).texts) == len(known_slides().first(2).images) == 2


def test_what_is_asked_can_be_answered() -> None:
    known = known_slides()
    for text, asked in zip(known.texts, _what_to_ask(known.texts), strict=True):
        assert asked.line in text.lines[:2]  # the third is too short to ask for
        assert asked.stranger_title in {other.title for other in known.texts} - {text.title}
        assert " ".join(asked.stranger_line.split()[:2]).casefold() not in text.written


def test_letters_are_guessed_as_when_asked_alone() -> None:
    model, lines = new_model(SMALL, 1).eval(), [("one two three", "one two three"), ("a b", NOT_SHOWN), ("ä ö ü", "ü")]
    memory = _encode(model, torch.from_numpy(known_slides().images[:3]))
    together = _guessed(model, memory, lines)
    tokenizer = ByteTokenizer()
    for place, (line, answer) in enumerate(lines):
        prompt = tokenizer.encode_prompt(FIND.format(" ".join(line.split()[:2])))
        own = [(keys[place : place + 1], values[place : place + 1]) for keys, values in memory]
        right = []
        for token in (*tokenizer.encode(answer), tokenizer.end_id):
            likeliest = int(model.logits(model.decode(torch.tensor([prompt]), own.__getitem__))[0, -1].argmax())
            right.append(likeliest == token)
            prompt = [*prompt, token]
        assert together[place] == right


def test_words_are_right_where_all_their_letters_are() -> None:
    line = "one two drei fünf"
    size = len(line.encode()) + 1
    assert _words_right(line, [True] * size) == [True, True]  # the first two are given
    assert _words_right(line, [False] * 8 + [True] * (size - 8)) == [True, True]
    assert _words_right(line, [True] * 9 + [False] + [True] * (size - 10)) == [False, True]
    assert _words_right(line, [True] * (size - 1) + [False]) == [True, False]  # it did not end there


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2)],
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance


def test_a_run_of_another_length_keeps_its_proportions() -> None:
    recipe = scaled(FIRST_RUN, 45.0, seed=9)
    assert sum(stage.seconds for stage in recipe.stages) == pytest.approx(45)
    ratios = [a.seconds / b.seconds for a, b in zip(recipe.stages, FIRST_RUN.stages, strict=True)]
    assert np.allclose(ratios, ratios[0]) and recipe.seed == 9
    assert scaled(FIRST_RUN, None, FIRST_RUN.seed) == FIRST_RUN
    small = scaled(RESUMED_RUN, None, 1, shrink=20).stages[0]
    assert (small.pages, small.clips, small.pairs) == (8, 2, 8)
