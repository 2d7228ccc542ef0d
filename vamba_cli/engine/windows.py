"""Time by windowed cross-attention: which parts of the video support a question (MODEL section 1, point 3).

The model has no clock. Reading only a window's keys and values answers "about this part of the video"; the window's
frame timestamps say when that is.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from vamba_cli.engine.events import OnEvent, SearchProgress, ignore
from vamba_cli.engine.generate import Span, View, view
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.tokenizer import Tokenizer

_TOKENS_PER_BATCH_CPU = 40_000  # video tokens that one batch of windows reads; bounds the gathered copy
_TOKENS_PER_BATCH_GPU = 400_000


@dataclass(frozen=True, slots=True)
class Probe:
    """How a model is asked whether a window supports something.

    question: a yes/no question; the log-odds of "yes" over "no" are the score.
    reading: a question whose answer would be `phrase` if the window showed it; its log-likelihood per token
        (0 at best) is weighed in by `reading_weight`, which is 0 for models that were not trained to read so.
    """

    question: str
    reading: str = ""
    phrase: str = ""
    reading_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """Frame pairs first .. stop - 1 and the probability that they support the question."""

    first: int
    stop: int
    probability: float


def scenes(memory: VideoMemory, threshold: float) -> list[Span]:
    """Runs of frame pairs that show one unchanging picture: cut where the novelty exceeds the threshold."""
    cuts = [i for i in range(1, memory.num_pairs) if float(memory.novelty[i]) > threshold]
    edges = [0, *cuts, memory.num_pairs]
    return list(pairwise(edges))


def windows_of(runs: Sequence[Span], longest: int) -> list[Span]:
    """Cover runs by windows of at most `longest` pairs: long runs are split evenly, short neighbours are not joined."""
    windows = []
    for first, stop in runs:
        parts = -(-(stop - first) // longest)
        edges = [first + (stop - first) * i // parts for i in range(parts + 1)]
        windows += list(pairwise(edges))
    return windows


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
    limit = _TOKENS_PER_BATCH_CPU if model.device.type == "cpu" else _TOKENS_PER_BATCH_GPU
    yes, no = tokenizer.yes_no_ids
    prompt = tokenizer.encode_prompt(probe.question)
    reading = tokenizer.encode_prompt(probe.reading) if probe.reading_weight else []
    phrase = [*tokenizer.encode(probe.phrase), tokenizer.end_id]
    done = 0
    for batch in _batches(windows, memory.tokens_per_pair, limit):
        video = view(model, memory, [windows[i] for i in batch])
        last = model.decode(torch.tensor([prompt] * len(batch), device=model.device), video)[:, -1]
        logits = model.logits(last).float()
        odds = logits[:, yes] - logits[:, no]
        if reading:
            odds = odds + probe.reading_weight * _likelihood(model, video, reading, phrase, len(batch))
        scores[batch] = odds.cpu()
        done += len(batch)
        on_event(SearchProgress(done, len(windows)))
    return scores


def _likelihood(model: Vamba, video: View, prompt: list[int], phrase: list[int], batch: int) -> Tensor:
    """Mean log-probability per token (batch,) of `phrase` as the answer to `prompt`."""
    ids = torch.tensor([prompt + phrase] * batch, device=model.device)
    hidden = model.decode(ids[:, :-1], video)[:, len(prompt) - 1 :]
    log_p = model.logits(hidden).float().log_softmax(-1)
    return log_p.gather(-1, ids[:, len(prompt) :, None])[..., 0].mean(-1)


def _batches(windows: Sequence[Span], tokens_per_pair: int, limit: int) -> Iterable[list[int]]:
    """Indices of windows of equal length, so many that a batch reads at most `limit` video tokens."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, (first, stop) in enumerate(windows):
        by_length[stop - first].append(index)
    for length, indices in by_length.items():
        size = max(1, limit // max(1, length * tokens_per_pair))
        yield from (indices[i : i + size] for i in range(0, len(indices), size))


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How evidence is looked for.

    scene_threshold: novelty (grey levels) above which a new picture begins.
    longest_window: frame pairs that the model may read at once.
    most_windows: above this many scenes, coarse windows are scored first and only the best are refined.
    least_probability: spans below it are not evidence.
    relative: subtract the median score of the video's windows, for models whose yes is not calibrated.
    """

    scene_threshold: float = 6.0
    longest_window: int = 4
    most_windows: int = 400
    num_refined: int = 48
    least_probability: float = 0.5
    most_spans: int = 5
    relative: bool = False


def find_evidence(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    options: SearchOptions,
    on_event: OnEvent = ignore,
) -> list[ScoredSpan]:
    """Spans that support the probe, the most probable first; neighbouring scenes that do are merged."""
    runs = scenes(memory, options.scene_threshold)
    if len(runs) > options.most_windows:
        coarse = joined(runs, options.longest_window)
        rough = score(model, tokenizer, memory, probe, [_core(run, options) for run in coarse], on_event)
        best = {coarse[i] for i in rough.topk(min(options.num_refined, len(coarse))).indices.tolist()}
        kept = [run for run in runs if any(first <= run[0] and run[1] <= stop for first, stop in best)]
        baseline = float(rough.median())
    else:
        kept, baseline = runs, None
    scores = score(model, tokenizer, memory, probe, [_core(run, options) for run in kept], on_event)
    if options.relative:
        scores = scores - (float(scores.median()) if baseline is None else baseline)
    spans = merge(kept, scores.sigmoid().tolist(), options.least_probability)
    return sorted(spans, key=lambda span: (-round(span.probability, 3), span.first))[: options.most_spans]


def _core(run: Span, options: SearchOptions) -> Span:
    """What is read of a run: all of it, or the middle when it is longer than the model may read at once."""
    first, stop = run
    surplus = max(0, stop - first - options.longest_window)
    return first + surplus // 2, stop - (surplus - surplus // 2)


def merge(runs: Sequence[Span], probabilities: Sequence[float], least: float) -> list[ScoredSpan]:
    """Spans of adjacent runs whose probability is at least `least`; a span has the best probability of its runs."""
    spans: list[ScoredSpan] = []
    for (first, stop), probability in zip(runs, probabilities, strict=True):
        if probability < least:
            continue
        if spans and spans[-1].stop == first:
            last = spans.pop()
            first, probability = last.first, max(probability, last.probability)
        spans.append(ScoredSpan(first, stop, probability))
    return spans
