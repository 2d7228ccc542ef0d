"""Time by windowed cross-attention: which parts of the video support a question (MODEL section 1, point 3).

The model has no clock. Reading only a window's keys and values answers "about this part of the video"; the window's
frame timestamps say when that is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from vamba_cli.engine.events import OnEvent, ignore
from vamba_cli.engine.generate import Span
from vamba_cli.engine.signals import Calibration, Judgement, Probe, judge
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.tokenizer import Tokenizer

_AS_GOOD = 0.5  # spans whose log-odds are less than this below the best of their kind are as good as it
_CERTAIN = 4.6  # log-odds of 99 in 100
_MENTION, _IN_HEADING, _HEADING = 0, 1, 2  # kinds of spans: the higher comes first


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """Frame pairs first .. stop - 1 and the probability that they support the question.

    heading: whether what is looked for is their heading, or a part of it.
    """

    first: int
    stop: int
    probability: float
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A run of frame pairs, the log-odds that it supports the question, and as what."""

    first: int
    stop: int
    odds: float
    kind: int = _MENTION

    def span(self) -> ScoredSpan:
        return ScoredSpan(self.first, self.stop, _probability(self.odds), self.kind > _MENTION)


def _probability(odds: float) -> float:
    return float(torch.tensor(odds).sigmoid())


def scenes(memory: VideoMemory, threshold: float) -> list[Span]:
    """Runs of frame pairs that show one unchanging picture: cut where the novelty exceeds the threshold."""
    cuts = [i for i in range(1, memory.num_pairs) if float(memory.looks.novelty[i]) > threshold]
    edges = [0, *cuts, memory.num_pairs]
    return list(pairwise(edges))


def settled(memory: VideoMemory, runs: Sequence[Span], threshold: float) -> list[tuple[Span, Span]]:
    """Runs of pictures that stand still, each with the part of it that shows nothing else.

    A frame pair in which one slide gives way to another shows both, unless it was encoded with the other one alone, and
    reads as neither: it belongs to the run that begins in it and is not read. Where one such pair follows the other,
    the picture moves, and each stays as it is.
    """

    def mixed(run: Span) -> bool:
        alone = run[1] - run[0] == 1 and float(memory.looks.changes[2 * run[0] + 1]) > threshold
        return alone and not memory.looks.doubled[run[0]]

    found: list[tuple[Span, Span]] = []
    for place, run in enumerate(runs):
        before = runs[place - 1] if place else None
        if before is not None and mixed(before) and not mixed(run):
            found[-1] = (before[0], run[1]), run
        else:
            found.append((run, run))
    return found


def joined(runs: Sequence[Span], longest: int) -> list[Span]:
    """Neighbouring short runs as coarse windows of at most `longest` pairs; longer runs stay as they are."""
    coarse: list[Span] = []
    for first, stop in runs:
        if coarse and stop - coarse[-1][0] <= longest:
            coarse[-1] = (coarse[-1][0], stop)
        else:
            coarse.append((first, stop))
    return coarse


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How evidence is looked for.

    scene_threshold: novelty (grey levels) above which a new picture begins.
    longest_window: frame pairs that the model may read at once.
    most_windows: above this many scenes, coarse windows are scored first and only the best are refined.
    least_probability: spans below it are not evidence.
    most_growth_seconds: neighbouring scenes of one kind are one span that is no longer than its first scene and this,
    most_difference: if their log-odds differ by no more than this: "pointers (1)" and "pointers (2)" are two titles.
    relative: subtract the median score of the video's windows, for models whose yes is not calibrated.
    stills: the pictures are slides or screens: frame pairs that show two of them are not read.
    """

    scene_threshold: float = 6.0
    longest_window: int = 4
    most_windows: int = 400
    num_refined: int = 48
    least_probability: float = 0.5
    most_spans: int = 5
    most_growth_seconds: float = math.inf
    most_difference: float = math.inf
    relative: bool = False
    stills: bool = False


def find_evidence(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    calibration: Calibration | None,
    options: SearchOptions,
    on_event: OnEvent = ignore,
) -> list[ScoredSpan]:
    """Spans that support the probe; neighbouring scenes that do so in the same way are merged.

    Scenes whose whole heading is the phrase come first, then those with the phrase in their heading, then the others;
    among each the most probable, and those as good as the best in the order of time.
    """
    read, _ = _judged(model, tokenizer, memory, probe, calibration, options, on_event)
    good = [scene for scene in read if _probability(scene.odds) >= options.least_probability]
    spans = merge(good, memory, options.most_growth_seconds, options.most_difference)
    best = {kind: max((span.odds for span in spans if span.kind == kind), default=0.0) for kind in range(3)}

    def rank(span: Scene) -> tuple[int, float, int]:
        return -span.kind, 0.0 if span.kind == _HEADING else _worse(span.odds, best[span.kind]), span.first

    return [span.span() for span in sorted(spans, key=rank)[: options.most_spans]]


def best_first(spans: Sequence[ScoredSpan]) -> list[ScoredSpan]:
    """The most probable first; those as good as the best in the order of time."""
    odds = {span: float(torch.tensor(span.probability).logit(1e-6)) for span in spans}
    best = max(odds.values(), default=0.0)

    return sorted(spans, key=lambda span: (_worse(odds[span], best), span.first))


def _worse(odds: float, best: float) -> float:
    """How much worse than the best; 0 for what is as good, or as good as certain."""
    best = min(best, _CERTAIN)
    return 0.0 if best - odds < _AS_GOOD else best - odds


def probability_curve(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    calibration: Calibration | None,
    options: SearchOptions,
    on_event: OnEvent = ignore,
) -> list[ScoredSpan]:
    """How far each part of the video supports the probe: adjacent spans from the first frame pair to the last.

    A span is one scene, or a coarse window of several in the parts of a long video that were not refined.
    """
    read, coarse = _judged(model, tokenizer, memory, probe, calibration, options, on_event)
    return [scene.span() for scene in sorted((*read, *coarse), key=lambda scene: scene.first)]


def _judged(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    calibration: Calibration | None,
    options: SearchOptions,
    on_event: OnEvent,
) -> tuple[list[Scene], list[Scene]]:
    """The scenes that were read one by one, and the coarse windows that fill the rest of the video."""

    def ask(spans: Sequence[Span]) -> Judgement:
        windows = [core(span, options.longest_window) for span in spans]
        return judge(model, tokenizer, memory, probe, calibration, windows, on_event)

    runs, coarse = scenes(memory, options.scene_threshold), list[Scene]()
    baseline: Tensor | None = None
    if len(runs) > options.most_windows and options.longest_window > 1:
        wide = joined(runs, options.longest_window)
        rough = ask(wide).shown
        baseline = rough.median()
        best = set(rough.topk(min(options.num_refined, len(wide))).indices.tolist())
        kept = [wide[i] for i in best]
        runs = [run for run in runs if any(first <= run[0] and run[1] <= stop for first, stop in kept)]
        if options.relative:
            rough = rough - baseline
        coarse = [Scene(*wide[i], odds) for i, odds in enumerate(rough.tolist()) if i not in best]
    parts = settled(memory, runs, options.scene_threshold) if options.stills else [(run, run) for run in runs]
    judged = ask([read for _, read in parts])
    shown = judged.shown
    if options.relative:
        shown = shown - (shown.median() if baseline is None else baseline)
    kinds = torch.where(judged.heading > 0, torch.where(judged.wholly, _HEADING, _IN_HEADING), _MENTION)
    scored = zip(parts, shown.tolist(), kinds.tolist(), strict=True)
    return [Scene(*run, odds, kind) for (run, _), odds, kind in scored], coarse


def core(run: Span, longest: int) -> Span:
    """What is read of a run: all of it, or the middle when it is longer than the model may read at once."""
    first, stop = run
    surplus = max(0, stop - first - longest)
    return first + surplus // 2, stop - (surplus - surplus // 2)


def merge(
    scenes: Sequence[Scene], memory: VideoMemory, most_growth_seconds: float, most_difference: float = math.inf
) -> list[Scene]:
    """Adjacent scenes of one kind as spans; a span has the best odds of its scenes.

    Whoever goes to a span wants the place where it is shown: a long stretch of slides with one heading stays several
    spans. A slide that has the topic for its heading is not one with the next, which mentions it.
    """

    def seconds(first: int, stop: int) -> float:
        return memory.pair_start_seconds(stop) - memory.pair_start_seconds(first)

    spans: list[Scene] = []
    longest = 0.0
    for scene in scenes:
        last = spans[-1] if spans else None
        if (
            last is not None
            and (last.stop, last.kind) == (scene.first, scene.kind)
            and abs(last.odds - scene.odds) <= most_difference
            and seconds(last.first, scene.stop) <= longest
        ):
            spans[-1] = Scene(last.first, scene.stop, max(last.odds, scene.odds), scene.kind)
        else:
            spans.append(scene)
            longest = seconds(scene.first, scene.stop) + most_growth_seconds
    return spans
