"""Time by windowed cross-attention: which parts of the video support a question (MODEL section 1, point 3).

The model has no clock. Reading only a window's keys and values answers "about this part of the video"; the window's
frame timestamps say when that is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from vamba_cli.engine.events import OnEvent, SearchProgress, ignore
from vamba_cli.engine.generate import Span, batches, tokens_per_batch, view
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba, View
from vamba_cli.weights.tokenizer import Tokenizer

_AS_GOOD = 0.05  # spans whose probability is less than this below the best are as good as it
_LEAST_END = -2.0  # log-probability that a title ends behind the phrase counts no less
_MOST_ELSEWHERE = 0.75  # score of words that are no heading: found, but the slide that they head comes first


@dataclass(frozen=True, slots=True)
class Probe:
    """How a model is asked whether a window supports something.

    question: a yes/no question; the log-odds of "yes" over "no" are the score.
    reading: a question whose answer would be `phrase` if the window showed it; its log-likelihood per token
        (0 at best) is weighed in by `reading_weight`, which is 0 for models that were not trained to read so.
    finding: another such question, whose answer would be a line from `phrase` on, wherever in the window it stands; it
        counts for less than a heading, however much `finding_weight` makes of its likelihood.
    question_of: the question about one window, where it is not the same about all.
    """

    question: str
    reading: str = ""
    phrase: str = ""
    reading_weight: float = 0.0
    finding: str = ""
    finding_weight: float = 0.0
    question_of: Callable[[Span], str] | None = None


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """Frame pairs first .. stop - 1 and the probability that they support the question."""

    first: int
    stop: int
    probability: float


def scenes(memory: VideoMemory, threshold: float) -> list[Span]:
    """Runs of frame pairs that show one unchanging picture: cut where the novelty exceeds the threshold."""
    cuts = [i for i in range(1, memory.num_pairs) if float(memory.looks.novelty[i]) > threshold]
    edges = [0, *cuts, memory.num_pairs]
    return list(pairwise(edges))


def joined(runs: Sequence[Span], longest: int) -> list[Span]:
    """Neighbouring short runs as coarse windows of at most `longest` pairs; longer runs stay as they are."""
    coarse: list[Span] = []
    for first, stop in runs:
        if coarse and stop - coarse[-1][0] <= longest:
            coarse[-1] = (coarse[-1][0], stop)
        else:
            coarse.append((first, stop))
    return coarse


@torch.inference_mode()
def score(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    windows: Sequence[Span],
    on_event: OnEvent = ignore,
) -> Tensor:
    """Scores (windows,) float32 on the CPU: log-odds of yes over no, plus the weighed likelihood of the phrase."""
    scores = torch.zeros(len(windows))
    yes, no = tokenizer.yes_no_ids
    questions = [probe.question_of(window) if probe.question_of else probe.question for window in windows]
    prompts = {question: tokenizer.encode_prompt(question) for question in dict.fromkeys(questions)}
    heading = _Reading.of(tokenizer, probe.reading, probe.phrase) if probe.reading_weight else None
    line = _Reading.of(tokenizer, probe.finding, probe.phrase) if probe.finding_weight else None
    done = 0
    for batch in batches(windows, memory.tokens_per_pair, tokens_per_batch(memory)):
        video = view(model, memory, [windows[i] for i in batch])
        rows = [prompts[questions[i]] for i in batch]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [tokenizer.end_id] * (longest - len(row)) for row in rows], device=model.device)
        ends = torch.tensor([len(row) - 1 for row in rows], device=model.device)
        hidden = model.decode(ids, video)  # causal: what is padded on behind does not reach back to a prompt's end
        logits = model.logits(hidden[torch.arange(len(batch), device=model.device), ends]).float()
        odds = logits[:, yes] - logits[:, no]
        scored = odds if heading is None else odds + probe.reading_weight * heading.likelihood(model, video, len(batch))
        if line is not None:
            elsewhere = odds + probe.finding_weight * line.likelihood(model, video, len(batch))
            scored = torch.maximum(scored, elsewhere.clamp(max=_MOST_ELSEWHERE))
        scores[batch] = scored.cpu()
        done += len(batch)
        on_event(SearchProgress(done, len(windows)))
    return scores


@dataclass(frozen=True, slots=True)
class _Reading:
    """Token ids of a reading question and of the phrase, in the user's capitals and in the opposite ones."""

    prompt: list[int]
    phrase: list[int]
    swapped: list[int]

    @staticmethod
    def of(tokenizer: Tokenizer, question: str, text: str) -> "_Reading":
        phrase, swapped = tokenizer.encode(text), tokenizer.encode(text.swapcase())
        if len(swapped) != len(phrase):  # "ß", or a tokenizer of whole words: no letter-by-letter twin
            swapped = phrase
        end = [tokenizer.end_id]
        return _Reading(tokenizer.encode_prompt(question), phrase + end, swapped + end)

    def likelihood(self, model: Vamba, video: View, batch: int) -> Tensor:
        """Mean log-probability per token (batch,) that the window reads as the phrase, in whatever capitals."""
        ids = torch.tensor([self.prompt + self.phrase[:-1]] * batch, device=model.device)
        hidden = model.decode(ids, video)[:, len(self.prompt) - 1 :]
        log_p = model.logits(hidden).float().log_softmax(-1)  # batch, phrase, vocab
        place = torch.arange(len(self.phrase), device=log_p.device)
        own, twin = log_p[:, place, self.phrase], log_p[:, place, self.swapped]
        best = torch.maximum(own, twin)
        # people name a part of a title: what follows the phrase costs little
        best = torch.cat((best[:, :-1], best[:, -1:].clamp(min=_LEAST_END)), dim=1)
        return best.mean(-1)


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How evidence is looked for.

    scene_threshold: novelty (grey levels) above which a new picture begins.
    longest_window: frame pairs that the model may read at once.
    most_windows: above this many scenes, coarse windows are scored first and only the best are refined.
    least_probability: spans below it are not evidence.
    most_difference: neighbouring scenes whose probabilities differ by no more are one span.
    relative: subtract the median score of the video's windows, for models whose yes is not calibrated.
    """

    scene_threshold: float = 6.0
    longest_window: int = 4
    most_windows: int = 400
    num_refined: int = 48
    least_probability: float = 0.5
    most_spans: int = 5
    most_difference: float = 1.0
    relative: bool = False


def find_evidence(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    options: SearchOptions,
    on_event: OnEvent = ignore,
) -> list[ScoredSpan]:
    """Spans that support the probe; neighbouring scenes that do are merged.

    The most probable come first; those as good as the best in the order of time.
    """
    read, _ = _judge(model, tokenizer, memory, probe, options, on_event)
    spans = merge(
        [(scene.first, scene.stop) for scene in read],
        [scene.probability for scene in read],
        options.least_probability,
        options.most_difference,
    )
    best_probability = max((span.probability for span in spans), default=0.0)

    def rank(span: ScoredSpan) -> tuple[float, int]:
        close = span.probability > best_probability - _AS_GOOD
        return (-best_probability if close else -span.probability), span.first

    return sorted(spans, key=rank)[: options.most_spans]


def probability_curve(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    options: SearchOptions,
    on_event: OnEvent = ignore,
) -> list[ScoredSpan]:
    """How far each part of the video supports the probe: adjacent spans from the first frame pair to the last.

    A span is one scene, or a coarse window of several in the parts of a long video that were not refined.
    """
    read, coarse = _judge(model, tokenizer, memory, probe, options, on_event)
    return sorted((*read, *coarse), key=lambda span: span.first)


def _judge(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    options: SearchOptions,
    on_event: OnEvent,
) -> tuple[list[ScoredSpan], list[ScoredSpan]]:
    """The scenes that were read one by one, and the coarse windows that fill the rest of the video."""
    runs, coarse = scenes(memory, options.scene_threshold), []
    baseline: Tensor | None = None
    if len(runs) > options.most_windows and options.longest_window > 1:
        wide = joined(runs, options.longest_window)
        rough = score(model, tokenizer, memory, probe, [core(run, options.longest_window) for run in wide], on_event)
        baseline = rough.median()
        best = set(rough.topk(min(options.num_refined, len(wide))).indices.tolist())
        kept = [wide[i] for i in best]
        runs = [run for run in runs if any(first <= run[0] and run[1] <= stop for first, stop in kept)]
        if options.relative:
            rough = rough - baseline
        coarse = [ScoredSpan(*wide[i], p) for i, p in enumerate(rough.sigmoid().tolist()) if i not in best]
    scores = score(model, tokenizer, memory, probe, [core(run, options.longest_window) for run in runs], on_event)
    if options.relative:
        scores = scores - (scores.median() if baseline is None else baseline)
    return [ScoredSpan(*run, p) for run, p in zip(runs, scores.sigmoid().tolist(), strict=True)], coarse


def core(run: Span, longest: int) -> Span:
    """What is read of a run: all of it, or the middle when it is longer than the model may read at once."""
    first, stop = run
    surplus = max(0, stop - first - longest)
    return first + surplus // 2, stop - (surplus - surplus // 2)


def merge(
    runs: Sequence[Span], probabilities: Sequence[float], least: float, most_difference: float = 1.0
) -> list[ScoredSpan]:
    """Spans of adjacent runs whose probabilities are at least `least` and alike; a span has the best of its runs.

    A slide that has the topic for its heading is not one with the next, which mentions it.
    """
    spans: list[ScoredSpan] = []
    for (first, stop), probability in zip(runs, probabilities, strict=True):
        if probability < least:
            continue
        if spans and spans[-1].stop == first and abs(spans[-1].probability - probability) <= most_difference:
            last = spans.pop()
            first, probability = last.first, max(probability, last.probability)
        spans.append(ScoredSpan(first, stop, probability))
    return spans
