"""A short training run on the CPU: the loss falls, what is written can be loaded, and training can go on from it."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.tinynet import SMALL
from vamba_cli.model.vamba import Vamba
from vamba_cli.train import loop
from vamba_cli.train.__main__ import scaled
from vamba_cli.train.evaluate import edit_distance, evaluate
from vamba_cli.train.loop import EvaluationSet, Trainer
from vamba_cli.train.questions import SlideText
from vamba_cli.train.recipe import FIRST_RUN, Recipe, Stage, new_model
from vamba_cli.weights.load import load_model, read_config

WIDTH, HEIGHT, CODES = 84, 56, 12
STAGE = Stage(WIDTH, HEIGHT, clips_per_step=2, seconds=1.0)
RECIPE = Recipe(
    stages=(STAGE,), pairs_per_clip=3, questions_per_clip=3, text_length=64, ring_slides=24, matrix_rate=0.02,
    other_rate=2e-3,
)  # fmt: skip


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
    """A few slides, over and over."""

    def __init__(self, num: int = 8) -> None:
        self.images, self.texts = pictures(num), texts(num)
        self.dense = torch.randint(
            0, CODES, (num, 2, 3, 8), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
        )
        self.taken = 0

    def take(self, num: int) -> tuple[Tensor, Tensor, list[SlideText]]:
        self.taken += 1
        order = [(self.taken + i) % len(self.texts) for i in range(min(num, 5))]
        return self.images[order], self.dense[order], [self.texts[i] for i in order]


def pictures(num: int) -> Tensor:
    return torch.randint(
        0, 256, (num, HEIGHT, WIDTH, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )  # fmt: skip


def texts(num: int) -> list[SlideText]:
    return [SlideText(f"Title {i}", (f"line {i}",)) for i in range(num)]


def trainer(model: Vamba, out: Path) -> Trainer:
    sets = [EvaluationSet("known", pictures(4).numpy(), texts(4))]
    return Trainer(model, RECIPE, out, CODES, sets, compiled=False, log_every=5)


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
    run.evaluate("at the end")
    folder = run.save().parent

    curve = rows(tmp_path / "first" / "curve.jsonl")
    assert [row["step"] for row in curve] == list(range(5, 5 * len(curve) + 1, 5)) and len(curve) >= 6
    assert all(a["seconds"] < b["seconds"] for a, b in pairwise(curve))
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]
    assert curve[-1]["answer"] < curve[0]["answer"] and curve[-1]["dense"] < curve[0]["dense"]
    assert all(row["loss"] == pytest.approx(row["answer"] + row["dense"], abs=1e-3) for row in curve)

    (evaluation,) = rows(tmp_path / "first" / "evaluation.jsonl")
    assert evaluation["note"] == "at the end" and evaluation["step"] >= curve[-1]["step"]
    assert evaluation["known"].keys() == {"exact", "character_error", "shown"}
    assert all(0 <= score <= 1 for score in evaluation["known"].values())

    config, _ = read_config(folder)
    assert config == SMALL
    loaded = load_model(folder, config)
    trained = dict(run.model.named_parameters())
    for name, parameter in loaded.named_parameters():
        assert torch.equal(parameter, trained[name].detach().bfloat16().float()), name

    again = trainer(loaded.requires_grad_(True).train(), tmp_path / "second")  # as --resume does
    again.run_stage(replace(STAGE, seconds=0.5), Source())
    resumed = rows(tmp_path / "second" / "curve.jsonl")
    assert resumed[0]["answer"] < 0.8 * curve[0]["answer"]  # the dense reader begins anew
    assert resumed[-1]["loss"] < curve[-1]["loss"]


def test_rates_rise_stay_and_fall(tmp_path: Path) -> None:
    run = trainer(new_model(SMALL, 1), tmp_path)
    muon, adam = (optimiser.param_groups[0] for optimiser in run.optimisers)

    def rates(step: int, progress: float) -> tuple[float, float]:
        run._step = step
        run._set_rates(progress)
        return muon["lr"] / RECIPE.matrix_rate, adam["lr"] / RECIPE.other_rate

    assert rates(0, 0.0) == pytest.approx((0.02, 0.02))
    assert rates(24, 0.1) == pytest.approx((0.5, 0.5))
    assert rates(1000, 0.2) == rates(1000, RECIPE.flat_share) == pytest.approx((1, 1))
    middle = (1 + RECIPE.flat_share) / 2
    assert rates(1000, middle) == pytest.approx(((1 + RECIPE.final_rate) / 2,) * 2)
    assert rates(1000, 1.0) == rates(1000, 1.5) == pytest.approx((RECIPE.final_rate,) * 2)


def test_some_clips_begin_anew_and_none_carries_gradients(tmp_path: Path) -> None:
    torch.manual_seed(0)
    run = trainer(new_model(SMALL, 1), tmp_path)
    states = tuple(
        type(s)(torch.ones_like(s.conv).requires_grad_(), torch.ones_like(s.ssm).requires_grad_())
        for s in run.model.empty_states(400)
    )
    carried = run._carry(states)
    kept = carried[0].ssm.flatten(1).mean(1)
    assert set(kept.tolist()) == {0.0, 1.0}
    assert 0.9 < float(kept.mean()) < 0.99
    for state in carried:  # a clip begins anew in all layers at once
        assert torch.equal(state.ssm.flatten(1).mean(1), kept) and torch.equal(state.conv.flatten(1).mean(1), kept)
        assert not state.ssm.requires_grad and not state.conv.requires_grad


def test_the_head_learns_alone_at_first(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer(new_model(SMALL, 1), tmp_path)
    run.recipe = replace(RECIPE, head_steps=3)
    alone: list[bool] = []
    monkeypatch.setattr(run, "_set_rates", lambda progress: alone.append(run.objective.head_only))
    run.run_stage(replace(STAGE, seconds=0.4), Source())
    assert alone[1:4] == [True] * 3 and len(alone) > 5 and not any(alone[4:])


def test_it_saves_while_it_trains(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.08)
    run = trainer(new_model(SMALL, 1), tmp_path)
    saved: list[int] = []
    monkeypatch.setattr(run, "save", lambda: saved.append(run._step))
    run.run_stage(Stage(WIDTH, HEIGHT, 1, 0.4), Source())
    assert len(saved) >= 3 and saved == sorted(set(saved))


def test_a_model_that_cannot_read_scores_nothing() -> None:
    reading = evaluate(new_model(SMALL, 1).eval(), pictures(4).numpy(), texts(4), batch=3, max_tokens=4)
    assert reading.exact == 0 and reading.character_error > 0.5
    assert 0 <= reading.shown <= 1
    assert [truth for truth, _ in reading.samples] == [f"Title {i}" for i in range(4)]


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
