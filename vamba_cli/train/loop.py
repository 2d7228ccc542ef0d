"""The training loop: one GPU, one process, a clock instead of a step count.

    python -m vamba_cli.train --fonts .fonts --pages .pages --out runs/first

Weights, a loss curve (`curve.jsonl`) and evaluations are written as training goes; `--resume FOLDER` starts from
the weights of an earlier run.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vamba_cli.model.decoder import DecoderLayer
from vamba_cli.model.mixer import MixerBlock
from vamba_cli.model.vamba import MixerStates, Vamba
from vamba_cli.model.vision import VisionBlock
from vamba_cli.train.clips import ClipMaker, SlideRing
from vamba_cli.train.evaluate import evaluate
from vamba_cli.train.export import export
from vamba_cli.train.objective import Objective
from vamba_cli.train.optim import make_optimisers
from vamba_cli.train.questions import SlideText
from vamba_cli.train.recipe import Recipe, Stage

SAVE_SECONDS = 100.0  # a run that is cut off loses no more than this
RESET_SHARE = 0.05  # of the clips of a step begin a new video; the others continue one


class SlideSource(Protocol):
    """Where fresh slides come from: never blocks for long."""

    def take(self, num: int) -> tuple[Tensor, Tensor, list[SlideText]]:
        """Up to `num` slides: images, dense targets, words."""


@dataclass
class EvaluationSet:
    """Slides with known titles, never trained on."""

    name: str
    images: npt.NDArray[np.uint8]
    texts: list[SlideText]


@dataclass
class Trainer:
    """A run in progress. `progress` is the share of the whole run's seconds that has passed."""

    model: Vamba
    recipe: Recipe
    out: Path
    num_codes: int
    evaluations: list[EvaluationSet] = field(default_factory=list)
    compiled: bool = True
    log_every: int = 50

    def __post_init__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self.device = self.model.device
        self.objective = Objective(self.model, self.num_codes, self.recipe.dense_weight).to(self.device)
        self.optimisers = make_optimisers(self.objective, self.recipe.matrix_rate, self.recipe.other_rate)
        self._base_rates = [group["lr"] for o in self.optimisers for group in o.param_groups]
        self._spent = 0.0
        self._step = 0
        if self.compiled:  # block by block: equal blocks share one compilation, which takes seconds, not minutes
            torch._dynamo.config.recompile_limit = 64
            for module in self.model.modules():
                if isinstance(module, VisionBlock | MixerBlock | DecoderLayer):
                    module.compile(dynamic=False)
            self.objective.prepare = torch.compile(self.objective.prepare, dynamic=False)

    @property
    def total_seconds(self) -> float:
        return sum(stage.seconds for stage in self.recipe.stages)

    def run_stage(self, stage: Stage, source: SlideSource) -> None:
        """Train at one frame size until the stage's seconds are over."""
        ring = SlideRing(self.recipe.ring_slides, stage.width, stage.height, self.device)
        while len(ring) < min(1500, self.recipe.ring_slides):
            ring.add(*source.take(256))
            time.sleep(0.02)
        clips = ClipMaker(
            self.recipe.seed, self.recipe.pairs_per_clip, self.recipe.questions_per_clip, self.recipe.text_length
        )
        states = self.model.empty_states(stage.clips_per_step)
        sums = torch.zeros(3, device=self.device)
        started = last = saved = time.perf_counter()
        warm = False
        while True:
            now = time.perf_counter()
            if warm and now - started >= stage.seconds:
                break
            self._set_rates((self._spent + (now - started if warm else 0.0)) / self.total_seconds)
            ring.add(*source.take(256))
            batch = clips(ring, stage.clips_per_step).to(self.device)
            self.objective.head_only = self._step < self.recipe.head_steps
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                losses = self.objective(ring.images, ring.dense, batch, states)
            losses.total.backward()
            for optimiser in self.optimisers:
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
            states = self._carry(losses.states)
            sums += torch.stack([losses.total, losses.answer, losses.dense]).detach()
            self._step += 1
            if not warm:  # compilation is not training: the clock starts after the first step
                _synchronise(self.device)
                print(
                    f"first step of stage {stage.width}x{stage.height}: {time.perf_counter() - now:.1f} s", flush=True
                )
                started = last = time.perf_counter()
                warm = True
            if self._step % self.log_every == 0:
                means = (sums / self.log_every).tolist()
                sums.zero_()
                seconds = time.perf_counter() - last
                last = time.perf_counter()
                rate = self.log_every * stage.clips_per_step * self.recipe.pairs_per_clip / seconds
                self._log(self._spent + last - started, means, rate, len(ring))
            if time.perf_counter() - saved > SAVE_SECONDS:
                self.save()
                saved = time.perf_counter()
        self._spent += stage.seconds

    def _carry(self, states: MixerStates) -> MixerStates:
        """States for the next step: most clips go on as a long video, some start anew."""
        clips = states[0].ssm.shape[0]
        keep = (torch.rand(clips, device=self.device) >= RESET_SHARE).float()
        return tuple(
            type(s)(s.conv.detach().float() * keep[:, None, None], s.ssm.detach() * keep[:, None, None, None])
            for s in states
        )

    def _set_rates(self, progress: float) -> None:
        r = self.recipe
        falling = max(0.0, (progress - r.flat_share) / (1 - r.flat_share))
        warmup = min(1.0, (self._step + 1) / 50)
        factor = warmup * (1 - min(1.0, falling) * (1 - r.final_rate))
        groups = [group for o in self.optimisers for group in o.param_groups]
        for group, base in zip(groups, self._base_rates, strict=True):
            group["lr"] = base * factor

    def _log(self, seconds: float, means: list[float], rate: float, slides: int) -> None:
        row = {
            "step": self._step, "seconds": round(seconds, 1), "loss": round(means[0], 4), "answer": round(means[1], 4),
            "dense": round(means[2], 4), "pairs_per_second": round(rate), "slides": slides,
        }  # fmt: skip
        with (self.out / "curve.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)

    def evaluate(self, note: str) -> dict[str, dict[str, float]]:
        """Scores of all evaluation sets, printed and appended to `evaluation.jsonl`."""
        scores = {}
        for one in self.evaluations:
            with torch.autocast(self.device.type, dtype=torch.bfloat16), torch.compiler.set_stance("force_eager"):
                reading = evaluate(self.model.eval(), one.images, one.texts)
            print(f"[{note}] {one.name}: {reading}", *reading.samples[:6], sep="\n   ", flush=True)
            scores[one.name] = {
                "exact": reading.exact, "character_error": reading.character_error, "shown": reading.shown,
            }  # fmt: skip
        self.model.train()
        with (self.out / "evaluation.jsonl").open("a") as file:
            file.write(json.dumps({"note": note, "step": self._step, **scores}) + "\n")
        return scores

    def save(self) -> Path:
        return export(self.model, self.out / "model")


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
