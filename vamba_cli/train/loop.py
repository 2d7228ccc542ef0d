"""The training loop: one GPU, one process, a clock instead of a step count.

Weights, a loss curve (`curve.jsonl`) and evaluations are written as training goes; `--resume FOLDER` starts from
the weights of an earlier run, and from what only teaches, the dense reader and the counters of parts, where that lies
beside them.
"""

import json
import math
import shutil
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vamba_cli import weights
from vamba_cli.model.vamba import Vamba
from vamba_cli.train.clips import ClipMaker, Ring
from vamba_cli.train.evaluate import EvaluationSet, evaluate, evaluate_turns
from vamba_cli.train.export import export
from vamba_cli.train.objective import Objective
from vamba_cli.train.optim import Optimiser
from vamba_cli.train.recipe import Recipe, Stage
from vamba_cli.train.samples import Sample, SampleShape
from vamba_cli.train.step import Step, mixed_precision

SAVE_SECONDS = 100.0  # a run that is cut off loses no more than this
FIRST_SHARE = 0.09  # of a ring is filled before training begins
_FULL_PIXELS = 644 * 364  # of the pages of which the recipe's ring holds as many as it says
PAGES_PER_STEP = 256  # that the ring takes at most
READER = "reader.safetensors"
NOTES = Path(weights.__file__).parent / "tiny" / "vamba.json"  # how the product asks such a model
_QUICK_PAGES = 64  # of each evaluation set, while training goes on


class PageSource(Protocol):
    """Where fresh pages come from: never blocks for long."""

    def take(self, num: int) -> Sample:
        """Up to `num` pages, stacked; perhaps none."""


@dataclass
class Trainer:
    """A run in progress. `progress` is the share of the whole run's seconds that has passed."""

    model: Vamba
    recipe: Recipe
    out: Path
    num_codes: int
    evaluations: list[EvaluationSet] = field(default_factory=list)
    compiled: bool = True
    captured: bool = True
    log_every: int = 50
    reader: Path | None = None  # weights of the dense reader and the counters of an earlier run
    ends_at: float | None = None  # on time.perf_counter(): a last stage ends by then, whatever its seconds

    def __post_init__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self.device = self.model.device
        self.objective = Objective(self.model, self.num_codes, self.recipe.dense_weight, self.recipe.part_weight)
        self.objective.to(self.device)
        if self.reader is not None:
            self._heads().load_state_dict(load_file(self.reader, str(self.device)))
        if not self.recipe.vision_learns:
            self.model.vision.requires_grad_(False)
            self.objective.reader.requires_grad_(False)
        self.optimiser = Optimiser(self.objective, self.recipe.matrix_rate, self.recipe.other_rate)
        self._seconds = [stage.seconds for stage in self.recipe.stages]
        self._spent = 0.0
        self._step = 0
        if self.compiled:
            self.objective.compile_parts()

    def prepare(self, stage: Stage, source: PageSource) -> "Course":
        """A filled ring, what draws batches from it, and the step that trains on them."""
        shape = sample_shape(stage, self.recipe)
        pages = ring_pages(stage, self.recipe)
        ring = Ring(pages, shape, self.device)
        while len(ring) < max(FIRST_SHARE * pages, min(64, pages)):
            ring.add(source.take(PAGES_PER_STEP))
            time.sleep(0.02)
        clips = ClipMaker(self.recipe.seed, stage, self.recipe.rows_per_page)
        step = Step(self.objective, self.optimiser, ring.tensors, self.captured)
        return Course(stage, source, ring, clips, step, Meter(self.device))

    def run(self, stages: Sequence[tuple[Stage, PageSource]]) -> None:
        """Train in turns at the frame sizes of these stages, until the seconds of all of them are over."""
        numbers = [self.recipe.stages.index(stage) for stage, _ in stages]
        courses = [self.prepare(stage, source) for stage, source in stages]
        self._warm_up(courses)
        started = last = saved = time.perf_counter()
        self._fit_clock(numbers[0], started)
        seconds = sum(self._seconds[number] for number in numbers)
        if not seconds:
            print("no time is left to train", flush=True)
            return
        while (now := time.perf_counter()) - started < seconds:
            course = min(courses, key=lambda course: course.step.num_steps / course.stage.seconds)
            self._train(course, now - started)
            if self._step % self.log_every == 0:
                last = self._note(courses, started, last)
            if time.perf_counter() - saved > SAVE_SECONDS:
                self.save()
                self.evaluate("while training", _QUICK_PAGES)
                saved = time.perf_counter()
        if self._step % self.log_every:
            self._note(courses, started, last)
        for course in courses:
            course.meter.write(self.out / "curve.jsonl", wait=True)
        self._spent += seconds

    def _warm_up(self, courses: "Sequence[Course]") -> None:
        """The first steps at each size: compilation is not training, so the clock starts after them."""
        for course in courses:
            began = time.perf_counter()
            while not course.step.is_warm:
                self._train(course, 0.0)
            _synchronise(self.device)
            course.num_noted = course.step.num_steps
            print(f"first steps at {course.size}: {time.perf_counter() - began:.1f} s", flush=True)

    def _train(self, course: "Course", seconds: float) -> None:
        """One step, so many seconds after the start of its stage."""
        course.ring.add(course.source.take(PAGES_PER_STEP))
        progress = (self._spent + seconds) / max(1e-9, sum(self._seconds))
        course.step(course.clips(course.ring, self.rate(progress), self.dense_share()))
        self._step += 1

    def _fit_clock(self, number: int, now: float) -> None:
        """Shorten what is left of the run to what is left of its time."""
        left = sum(self._seconds[number:])
        if self.ends_at is not None and self.ends_at - now < left:
            share = max(0.0, self.ends_at - now) / max(1e-9, left)
            self._seconds[number:] = [seconds * share for seconds in self._seconds[number:]]

    def rate(self, progress: float) -> float:
        """Share of the full learning rates: a short rise, flat, then linear down."""
        falling = max(0.0, (progress - self.recipe.flat_share) / (1 - self.recipe.flat_share))
        warmup = min(1.0, (self._step + 1) / 50)
        return warmup * (1 - min(1.0, falling) * (1 - self.recipe.final_rate))

    def dense_share(self) -> float:
        """0 while a new dense reader learns alone, else 1."""
        return float(self.reader is not None or self._step >= self.recipe.head_steps)

    def _note(self, courses: "Sequence[Course]", started: float, last: float) -> float:
        """A row of the loss curve for each size, for the steps since `last`; returns the time now."""
        now = time.perf_counter()
        for course in courses:
            steps, stage = course.step.num_steps - course.num_noted, course.stage
            if not steps:
                continue
            course.num_noted = course.step.num_steps
            row: dict[str, float | str] = {
                "step": self._step, "size": course.size, "seconds": round(self._spent + now - started, 1),
                "pages_per_second": round(steps * stage.pages / (now - last), 1),
                "pairs_per_second": round(steps * stage.clips * stage.pairs / (now - last), 1),
                "drawn": course.ring.num_added,
            }  # fmt: skip
            course.meter.note(course.step.sums, row)
            course.meter.write(self.out / "curve.jsonl")
        return now

    def evaluate(self, note: str, most_pages: int | None = None) -> dict[str, dict[str, float]]:
        """Scores of all evaluation sets, printed, appended to `evaluation.jsonl` and laid beside the weights."""
        began = time.perf_counter()
        scores: dict[str, dict[str, float]] = {}
        for one in self.evaluations:
            with mixed_precision(self.device), torch.compiler.set_stance("force_eager"):
                reading = evaluate(self.model.eval(), one.first(most_pages))
                turns = _turns(self.model, one) if most_pages is None else None
            print(f"[{note}] {one.name}: {reading}", *reading.samples[:4], sep="\n   ", flush=True)
            scores[one.name] = reading.to_json()
            if turns is not None:
                print(f"   in turn: {turns}", flush=True)
                scores[f"{one.name}, in turn"] = turns
        self.model.train()
        seconds = round(time.perf_counter() - began, 1)
        row = json.dumps({"note": note, "step": self._step, "evaluation_seconds": seconds, **scores})
        with (self.out / "evaluation.jsonl").open("a") as file:
            file.write(row + "\n")
        (self.out / "evaluation.json").write_text(row + "\n")  # that of the weights in `model`
        return scores

    def _heads(self) -> nn.ModuleDict:
        """What only teaches."""
        return nn.ModuleDict({"reader": self.objective.reader, "counters": self.objective.counters})

    def save(self) -> Path:
        """The model in a folder that can be asked and shipped as it is, and what only teaches beside it.

        Raises:
            FloatingPointError: some weights are no numbers any more; what was saved before stays.
        """
        if not all(bool(p.isfinite().all()) for p in self.model.parameters()):
            raise _lost("some weights are no numbers any more")
        save_file({k: v.cpu() for k, v in self._heads().state_dict().items()}, self.out / READER)
        return export_with_notes(self.model, self.out / "model")


def export_with_notes(model: Vamba, folder: Path) -> Path:
    """A network in a folder that is asked as the shipped one is; its weights' file."""
    file = export(model, folder)
    shutil.copyfile(NOTES, folder / NOTES.name)
    return file


@dataclass
class Course:
    """A stage under way."""

    stage: Stage
    source: PageSource
    ring: Ring
    clips: ClipMaker
    step: Step
    meter: "Meter"
    num_noted: int = 0  # steps that the loss curve has

    @property
    def size(self) -> str:
        return f"{self.stage.width}x{self.stage.height}"


class Meter:
    """Writes rows of the loss curve one interval late, so that no step waits for its own loss."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._open: deque[tuple[Tensor, torch.cuda.Event | None, dict[str, float | str]]] = deque()

    def note(self, sums: Tensor, row: dict[str, float | str]) -> None:
        """Take the sums of the steps since the last call, and begin new ones."""
        pinned = self._device.type == "cuda"
        kept = torch.empty(sums.shape, pin_memory=pinned)
        kept.copy_(sums, non_blocking=True)
        event = None
        if pinned:
            event = torch.cuda.Event()
            event.record()
        sums.zero_()
        self._open.append((kept, event, row))

    def write(self, file: Path, wait: bool = False) -> None:
        """Append and print the rows whose sums have arrived; with `wait`, all."""
        while self._open and (wait or self._open[0][1] is None or self._open[0][1].query()):
            kept, event, row = self._open.popleft()
            if event is not None:
                event.synchronize()
            *sums, steps = kept.tolist()
            means = [round(value / steps, 4) for value in sums]
            row = {**row, "loss": means[0], "answer": means[1], "dense": means[2], "parts": means[3]}
            with file.open("a") as lines:
                lines.write(json.dumps(row) + "\n")
            print(row, flush=True)
            if not math.isfinite(means[0]):
                raise _lost(f"the loss is {means[0]} before step {row['step']}")


def _turns(model: Vamba, one: EvaluationSet) -> dict[str, float]:
    """What is known of the order of two, four and eight pages."""
    found = {num_pages: evaluate_turns(model, one, num_pages) for num_pages in (2, 4, 8)}
    return {
        f"{name} of {num_pages}": value
        for num_pages, turns in found.items()
        if turns is not None
        for name, value in turns.to_json().items()
    }


def _lost(what: str) -> FloatingPointError:
    return FloatingPointError(
        f"{what}: training on would teach nothing. What was saved before is still there; "
        "try a lower --rate or another --seed"
    )


def sample_shape(stage: Stage, recipe: Recipe) -> SampleShape:
    return SampleShape((stage.width, stage.height), recipe.rows_per_page, stage.page_tokens)


def ring_pages(stage: Stage, recipe: Recipe) -> int:
    """Pages that the ring of a stage holds: fewer of larger ones, in the same memory."""
    return min(recipe.ring_pages, recipe.ring_pages * _FULL_PIXELS // (stage.width * stage.height))


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
