"""A short training run on the CPU: the loss falls, what is written can be loaded, and training can go on from it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tinynet import SMALL, looks
from tests.train.batches import CELLS, HEIGHT, RECIPE, STAGE, WIDTH, Source, trainer
from vamba_cli.engine.generate import generate
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.patches import to_patches
from vamba_cli.train import loop
from vamba_cli.train.__main__ import at_width, reader_file, scaled
from vamba_cli.train.loop import NOTES, READER, Meter, ring_pages
from vamba_cli.train.profile import profile
from vamba_cli.train.recipe import FIRST_RUN, MIX, RESUMED_RUN, TINY, new_model
from vamba_cli.weights.load import load_model, read_config
from vamba_cli.weights.ready import load_ready, open_folder
from vamba_cli.weights.registry import resolve_model
from vamba_cli.weights.tokenizer import ByteTokenizer

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
    run.run([(STAGE, Source())])
    run.save()
    run.evaluate("at the end")

    curve = rows(tmp_path / "first" / "curve.jsonl")
    *whole, last = [row["step"] for row in curve]  # the last row has the steps that were left
    assert whole == list(range(5, 5 * len(whole) + 1, 5)) and len(whole) >= 4 and 0 <= last - whole[-1] <= 5
    assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(curve))
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]
    assert curve[-1]["answer"] < curve[0]["answer"] and curve[-1]["dense"] < curve[0]["dense"]
    sums = [row["answer"] + row["dense"] + RECIPE.part_weight * row["parts"] for row in curve]
    assert [row["loss"] for row in curve] == pytest.approx(sums, abs=1e-3)

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
    again.run([(STAGE, Source())])
    after = rows(tmp_path / "second" / "curve.jsonl")
    for part in ("answer", "dense", "parts"):  # all go on from where they were
        assert after[-1][part] < after[0][part] < 1.05 * curve[-2][part]  # the very last row may be of one step


@pytest.mark.skipif(not (SHIPPED / "model.safetensors").is_file(), reason="no shipped weights in this checkout")
def test_shipped_weights_go_on_and_what_is_saved_answers(tmp_path: Path) -> None:
    """From the weights in the package, at a small frame size: train, save, go on, and ask as the product does."""
    mix = replace(MIX, clip={"title": 1.0})  # order is asked for in tokens that weigh more
    stage = replace(STAGE, pages=2, clips=1, pairs=2, mix=mix)
    recipe = replace(RECIPE, stages=(stage,), matrix_rate=1e-5, other_rate=1e-6)
    folder = SHIPPED
    for number in range(2):
        model = load_model(folder, TINY).requires_grad_(True).train()
        run = trainer(model, tmp_path / str(number), recipe, reader=reader_file(folder))
        course = run.prepare(stage, Source())
        course.step(course.clips(course.ring))
        loss = course.step.sums.tolist()
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
    memory.advance(1, lambda: looks(torch.zeros(2)))
    assert generate(ready.model, ready.tokenizer, memory, "title?").text == "(no title)"  # a white page


def test_what_only_teaches_lies_beside_the_model_and_is_gone_on_with(tmp_path: Path) -> None:
    recipe = replace(RECIPE, head_steps=3)
    run = trainer(new_model(SMALL, 1), tmp_path, recipe)
    assert [run.dense_share()] == [0.0]  # a new one learns alone at first
    run._step = 3
    assert run.dense_share() == 1.0
    for weights in run.objective.counters.parameters():
        torch.nn.init.normal_(weights)  # as when they have learnt
    model = run.save().parent
    assert {file.name for file in model.iterdir()} == {
        "model.safetensors", "config.json", "preprocessor_config.json", "vamba.json",
    }  # fmt: skip
    assert reader_file(model) == tmp_path / READER and reader_file(tmp_path) is None and reader_file(None) is None
    again = trainer(new_model(SMALL, 2), tmp_path / "next", recipe, reader=reader_file(model))
    for one, other in (
        (run.objective.reader, again.objective.reader),
        (run.objective.counters, again.objective.counters),
    ):
        pairs = zip(one.parameters(), other.parameters(), strict=True)
        assert all(torch.equal(mine, its) for mine, its in pairs)
    assert again.dense_share() == 1.0


def test_order_is_learnt_without_the_vision_network(tmp_path: Path) -> None:
    run = trainer(new_model(SMALL, 1), tmp_path, replace(RECIPE, vision_learns=False))
    before = {name: p.detach().clone() for name, p in run.objective.named_parameters()}
    course = run.prepare(STAGE, Source())
    for _ in range(2):
        course.step(course.clips(course.ring))
    moved = {name for name, p in run.objective.named_parameters() if not torch.equal(p, before[name])}
    kept = {name for name in before if name.startswith(("model.vision.", "reader."))}
    assert kept and not moved & kept and any(".mixer." in name for name in moved)


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
        run.run([(stage, Source())])
    assert clock.now == pytest.approx(0.9, abs=0.2)  # of 4 seconds in the recipe
    assert run._seconds[0] < 0.3 and run._seconds[1] < 0.8


def test_two_sizes_take_turns_by_their_seconds(tmp_path: Path, clock: Clock) -> None:
    wide = replace(STAGE, width=2 * WIDTH, pages=2, clips=1, seconds=2.0)
    recipe = replace(RECIPE, stages=(STAGE, wide), in_turns=True)
    run = trainer(new_model(SMALL, 1), tmp_path, recipe)
    run.run([(STAGE, Source()), (wide, Source(size=(2 * WIDTH, HEIGHT)))])
    curve = rows(tmp_path / "curve.jsonl")
    last = {row["size"]: row for row in curve}
    assert last.keys() == {f"{WIDTH}x{HEIGHT}", f"{2 * WIDTH}x{HEIGHT}"}
    assert clock.now >= 3.0 and curve[-1]["seconds"] == pytest.approx(3.0, abs=0.1)
    steps = [sum(row["pages_per_second"] / part.pages for row in curve if row["size"] == size)
             for size, part in zip(last, recipe.stages, strict=True)]  # fmt: skip
    assert steps[1] == pytest.approx(2 * steps[0], rel=0.1)  # steps, not pages, are shared out


@pytest.mark.usefixtures("clock")
def test_a_run_without_time_left_ends_in_peace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = replace(RECIPE, stages=(STAGE, replace(STAGE, seconds=3.0)))
    run = trainer(new_model(SMALL, 1), tmp_path, two, ends_at=0.0)
    for stage in two.stages:
        run.run([(stage, Source())])
    assert capsys.readouterr().out.count("no time is left to train") == 2
    assert run.save().is_file()


def test_large_pages_have_a_ring_of_the_same_bytes() -> None:
    recipe = replace(RECIPE, ring_pages=1000)
    sizes = [ring_pages(replace(STAGE, width=w, height=h), recipe) for w, h in ((308, 168), (644, 364), (1288, 728))]
    assert sizes == [1000, 1000, 250]


def test_it_saves_and_evaluates_while_it_trains(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.2)
    run = trainer(new_model(SMALL, 1), tmp_path)
    saved: list[int] = []
    monkeypatch.setattr(run, "save", lambda: saved.append(run._step))
    run.run([(STAGE, Source())])
    assert len(saved) >= 2 and saved == sorted(set(saved))
    assert [row["step"] for row in rows(tmp_path / "evaluation.jsonl")] == saved


def test_the_curve_is_written_late_and_whole(tmp_path: Path) -> None:
    meter, sums = Meter(torch.device("cpu")), torch.tensor([6.0, 4.0, 2.0, 1.0, 2.0])
    meter.note(sums, {"step": 2})
    assert not sums.any()  # new sums begin
    sums += torch.tensor([9.0, 6.0, 3.0, 1.5, 3.0])
    meter.note(sums, {"step": 5})
    meter.write(tmp_path / "curve.jsonl", wait=True)
    kinds = ("loss", "answer", "dense", "parts")
    assert [(row["step"], *(row[k] for k in kinds)) for row in rows(tmp_path / "curve.jsonl")] == [
        (2, 3.0, 2.0, 1.0, 0.5), (5, 3.0, 2.0, 1.0, 0.5),
    ]  # fmt: skip


def test_a_run_that_is_lost_stops_and_keeps_what_was_saved(tmp_path: Path, clock: Clock) -> None:
    run = trainer(new_model(SMALL, 1), tmp_path)
    saved = run.save().read_bytes()
    run.model.norm.weight.data[0] = torch.nan
    with pytest.raises(FloatingPointError, match=r"the loss is nan before step \d+: .* What was saved before is still"):
        run.run([(STAGE, Source())])
    with pytest.raises(FloatingPointError, match="some weights are no numbers any more"):
        run.save()
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == saved


def test_a_profile_says_where_the_time_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile(trainer(new_model(SMALL, 1), tmp_path), STAGE, Source(), steps=2)
    said = capsys.readouterr().out
    for part in ("drawing a batch", "the step alone", "all together", "optimiser alone", "frame pairs a second"):
        assert part in said
    assert "aten::" in said


def test_a_run_of_another_length_keeps_its_proportions() -> None:
    recipe = scaled(FIRST_RUN, 45.0, seed=9)
    assert sum(stage.seconds for stage in recipe.stages) == pytest.approx(45)
    ratios = [a.seconds / b.seconds for a, b in zip(recipe.stages, FIRST_RUN.stages, strict=True)]
    assert np.allclose(ratios, ratios[0]) and recipe.seed == 9
    assert scaled(FIRST_RUN, None, FIRST_RUN.seed) == FIRST_RUN
    small = scaled(RESUMED_RUN, None, 1, shrink=20).stages[0]
    assert (small.pages, small.clips, small.pairs) == (8, 1, RESUMED_RUN.stages[0].pairs)


def test_a_recipe_at_one_width() -> None:
    (stage,) = at_width(RESUMED_RUN, 644).stages
    assert stage == replace(RESUMED_RUN.stages[0], seconds=480.0)
    with pytest.raises(SystemExit, match="--width 640 is not allowed: this recipe has 644 and 1288"):
        at_width(RESUMED_RUN, 640)
