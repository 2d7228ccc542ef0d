"""Times by windows: a window reads only its own rows, batches change nothing, and the search finds what was planted."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.test_partition import encode, video
from tests.tinynet import looks, small_model
from vamba_cli.engine import windows
from vamba_cli.engine.events import Event, WindowsProgress
from vamba_cli.engine.generate import Span, generate
from vamba_cli.engine.signals import SIGNALS, WEIGHED, Calibration, Judgement, Probe, compared, judge, signals
from vamba_cli.engine.windows import (
    ScoredSpan,
    SearchOptions,
    core,
    find_evidence,
    joined,
    merge,
    probability_curve,
    scenes,
    settled,
)
from vamba_cli.errors import ModelError
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.tokenizer import ByteTokenizer

PAIRS = 12
PROBE = Probe("shown? Gradient descent")
READING = Probe("shown? Gradient descent", "Gradient descent", "title?", "find: Gradient", "Gradient")
WORD = Probe("shown? Gradient", "Gradient", "title?", "find: Grad", "Grad", "find: Gradient")
TOKENIZER = ByteTokenizer()


@pytest.fixture(scope="module")
def model() -> Vamba:
    torch.manual_seed(3)
    return small_model()


@pytest.fixture(scope="module")
def memory(model: Vamba) -> VideoMemory:
    return encode(model, video(PAIRS), []).memory


def only(memory: VideoMemory, first: int, stop: int) -> VideoMemory:
    """A memory that holds nothing but the rows of these pairs."""
    part = slice(first * memory.tokens_per_pair, stop * memory.tokens_per_pair)
    return VideoMemory(
        keys=tuple(layer[part].clone() for layer in memory.keys),
        values=tuple(layer[part].clone() for layer in memory.values),
        tokens_per_pair=memory.tokens_per_pair,
        looks_so_far=looks(memory.looks.times_seconds[2 * first : 2 * stop]),
        end_seconds=memory.end_seconds,
        num_tokens=part.stop - part.start,
    )


@pytest.mark.parametrize(("first", "stop"), [(0, 1), (3, 7), (11, 12), (0, 12), (5, 5)])
@pytest.mark.parametrize("probe", [PROBE, READING, WORD])
def test_a_window_reads_its_own_rows_only(
    model: Vamba, memory: VideoMemory, first: int, stop: int, probe: Probe
) -> None:
    restricted = signals(model, TOKENIZER, memory, probe, [(first, stop)])
    alone = signals(model, TOKENIZER, only(memory, first, stop), probe, [(0, stop - first)])
    torch.testing.assert_close(restricted, alone, rtol=1e-4, atol=1e-4)
    said = generate(model, TOKENIZER, memory, "what?", window=(first, stop), max_new_tokens=6)
    assert said.text == generate(model, TOKENIZER, only(memory, first, stop), "what?", max_new_tokens=6).text


def test_what_lies_outside_of_a_window_does_not_matter(model: Vamba, memory: VideoMemory) -> None:
    inside = signals(model, TOKENIZER, memory, READING, [(4, 6)])
    spoilt = only(memory, 0, PAIRS)
    start, stop = 4 * memory.tokens_per_pair, 6 * memory.tokens_per_pair
    for layer in (*spoilt.keys, *spoilt.values):
        layer[:start] = torch.nan
        layer[stop:] = torch.nan
    assert torch.equal(signals(model, TOKENIZER, spoilt, READING, [(4, 6)]), inside)
    assert bool(signals(model, TOKENIZER, spoilt, PROBE, [(4, 7)])[:, 0].isnan())  # one pair more, and it is read


@pytest.mark.parametrize("limit", [1, 13, 40, 10**6])
@pytest.mark.parametrize("probe", [PROBE, READING, WORD])
def test_batches_equal_one_by_one(
    model: Vamba, memory: VideoMemory, probe: Probe, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = [(0, 2), (3, 4), (1, 3), (0, 12), (4, 5), (5, 6), (10, 12), (6, 10), (2, 6), (7, 7)]
    singly = torch.cat([signals(model, TOKENIZER, memory, probe, [span]) for span in spans])
    assert float(singly[:, 0].std()) > 1e-2
    monkeypatch.setattr("vamba_cli.engine.generate.TOKENS_PER_BATCH", limit)
    events: list[Event] = []
    together = signals(model, TOKENIZER, memory, probe, spans, events.append)
    torch.testing.assert_close(together, singly, rtol=1e-4, atol=1e-4)
    assert together.dtype == torch.float32
    done = [event.num_windows for event in events if isinstance(event, WindowsProgress)]
    assert done == sorted(set(done)) and done[-1] == len(spans) and len(done) == len(events)
    assert events[-1] == WindowsProgress(len(spans), len(spans))


@pytest.mark.parametrize("prompts", [2, 64])
def test_copies_of_one_layer_and_logits_of_some_windows_at_a_time(
    model: Vamba, memory: VideoMemory, prompts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where windows have more tokens than may be copied for all layers, and a vocabulary is large."""
    spans = [(0, 2), (1, 3), (4, 6), (10, 12), (6, 8)]
    expected = signals(model, TOKENIZER, memory, WORD, spans)
    monkeypatch.setattr("vamba_cli.engine.generate.tokens_per_batch", lambda _memory: 1)
    monkeypatch.setattr("vamba_cli.engine.generate.prompts_in_their_place", lambda _config, _tokens: prompts)
    monkeypatch.setattr("vamba_cli.engine.signals._LOGITS", 1)
    events: list[Event] = []
    torch.testing.assert_close(
        signals(model, TOKENIZER, memory, WORD, spans, events.append), expected, rtol=1e-4, atol=1e-4
    )
    assert len(events) == (3 if prompts == 2 else 1)


def test_the_first_signal_is_the_log_odds_of_yes(model: Vamba, memory: VideoMemory) -> None:
    prompt = torch.tensor([TOKENIZER.encode_prompt(PROBE.question)])
    with torch.inference_mode():
        hidden = model.decode(prompt, lambda layer: (memory.keys[layer][None], memory.values[layer][None]))
        p = model.logits(hidden[0, -1]).softmax(-1)
    found = signals(model, TOKENIZER, memory, PROBE, [(0, PAIRS)])
    assert float(found[0, 0]) == pytest.approx(float((p[ord("y")] / p[ord("n")]).log()), abs=1e-4)
    assert not found[0, 1:].any()


def letters_of(model: Vamba, memory: VideoMemory, question: str, text: str) -> Tensor:
    """Log-probabilities of a text's bytes and of its end as an answer, by the definition, in better capitals."""
    prompt, end = TOKENIZER.encode_prompt(question), [TOKENIZER.end_id]
    own, twin = (TOKENIZER.encode(spelt) + end for spelt in (text, text.swapcase()))
    with torch.inference_mode():
        ids = torch.tensor([prompt + own[:-1]])
        hidden = model.decode(ids, lambda layer: (memory.keys[layer][None], memory.values[layer][None]))
        log_p = model.logits(hidden[0, len(prompt) - 1 :]).log_softmax(-1)
    places = torch.arange(len(own))
    return torch.maximum(log_p[places, own], log_p[places, twin]).clamp(min=-8.0)


def test_the_other_signals_are_likelihoods_of_the_phrase(model: Vamba, memory: VideoMemory) -> None:
    (found,) = signals(model, TOKENIZER, memory, READING, [(0, PAIRS)])
    heading = letters_of(model, memory, "title?", "Gradient descent")
    line = letters_of(model, memory, "find: Gradient", "Gradient descent")[:-1]
    wanted = [heading[:-1].mean(), heading[:-1].min(), heading[-1], line[:8].mean(), line[8:].mean(), line.min()]
    assert found[1:7].tolist() == pytest.approx([float(value) for value in wanted], abs=1e-4)
    assert found[7:].tolist() == pytest.approx([math.log(16), 0.0, 0.0, 0.0, 0.0])
    (word,) = signals(model, TOKENIZER, memory, WORD, [(0, PAIRS)])
    whole = letters_of(model, memory, "find: Gradient", "Gradient")[:-1]
    assert float(word[8]) == pytest.approx(float(whole.mean()), abs=1e-4)
    assert float(word[4]) == pytest.approx(
        float(letters_of(model, memory, "find: Grad", "Gradient")[:4].mean()), abs=1e-4
    )


def calibration(**constants: float) -> Calibration:
    """Weights that are 1 for the first signal of each part, and constants."""
    parts = {
        part: {"constant": constants.get(part, 0.0), **dict.fromkeys(names, 0.0)} for part, names in WEIGHED.items()
    }
    return Calibration(**{part: {**values, "yes": 1.0} for part, values in parts.items()})


def test_a_window_is_measured_by_those_that_do_not_show_it() -> None:
    found = torch.zeros(8, len(SIGNALS))
    found[:, 0] = torch.tensor([-5.0, -4.0, -5.0, 3.0, -5.0, -4.0, -5.0, -5.0])
    usual = {"yes": -5.0, "rest": 0.0, "whole": 0.0}
    above = compared(found, usual)[:, SIGNALS.index("yes_above")]
    torch.testing.assert_close(above, found[:, 0] + 5.0)
    assert torch.equal(found[:, 9:], torch.zeros(8, 3))  # the given ones stay as they are
    alone = compared(found[3:4], usual)[:, SIGNALS.index("yes_above")]
    assert float(alone) == 8.0  # one picture: other videos are the measure


def test_the_better_of_heading_and_line_counts(model: Vamba, memory: VideoMemory) -> None:
    spans = [(i, i + 1) for i in range(PAIRS)]
    yes = signals(model, TOKENIZER, memory, READING, spans)[:, 0]
    judged = judge(model, TOKENIZER, memory, READING, calibration(heading=1.0, line=-1.0, word=5.0), spans)
    torch.testing.assert_close(judged.heading, yes + 1)
    torch.testing.assert_close(judged.shown, yes + 1)
    judged = judge(model, TOKENIZER, memory, READING, calibration(heading=-1.0, line=2.0, word=5.0), spans)
    torch.testing.assert_close(judged.shown, yes + 2)
    word = judge(model, TOKENIZER, memory, WORD, calibration(heading=-1.0, line=2.0, word=5.0), spans)
    torch.testing.assert_close(word.shown, signals(model, TOKENIZER, memory, WORD, spans)[:, 0] + 5)


@pytest.mark.parametrize("probe", [PROBE, READING])
def test_yes_alone_counts_without_phrase_or_calibration(model: Vamba, memory: VideoMemory, probe: Probe) -> None:
    judged = judge(model, TOKENIZER, memory, probe, None if probe.phrase else calibration(line=9.0), [(0, PAIRS)])
    assert torch.equal(judged.shown, signals(model, TOKENIZER, memory, probe, [(0, PAIRS)])[:, 0])
    assert judged.heading.tolist() == [-torch.inf] and not judged.wholly.any()


@pytest.mark.parametrize(
    "search",
    [{"line": {}}, {"heading": 3}, {"heading": {"constant": 1.0}}, {part: {"constant": "1"} for part in WEIGHED}],
)
def test_a_calibration_that_lacks_something_is_refused(search: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"here: search\.heading .* is not allowed"):
        Calibration.read(search, "here")


def test_no_calibration_is_none() -> None:
    assert Calibration.read({}, "here") is None
    whole = {part: dict.fromkeys(("constant", *names), 0.5) for part, names in WEIGHED.items()}
    del whole["usual"]["constant"]
    assert Calibration.read(whole, "here") == Calibration(**whole)


# --- runs of frame pairs


def memory_with(novelty: Sequence[float]) -> VideoMemory:
    """A memory of one token per pair whose pictures change so much."""
    rows = (torch.zeros(len(novelty), 1, 1),)
    times = torch.arange(2 * len(novelty), dtype=torch.float64)
    end = float(2 * len(novelty))
    return VideoMemory(rows, rows, 1, looks(times, novelty), end, num_tokens=len(novelty))


def test_scenes_are_cut_above_the_threshold() -> None:
    memory = memory_with([torch.inf, 0.0, 6.0, 6.1, 90.0, 1.0])
    assert scenes(memory, 6.0) == [(0, 3), (3, 4), (4, 6)]
    assert scenes(memory, 0.5) == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
    assert scenes(memory, 100.0) == [(0, 6)]
    assert scenes(memory_with([torch.inf]), 6.0) == [(0, 1)]


RUNS = st.lists(st.integers(1, 9), min_size=1, max_size=40).map(
    lambda lengths: list(pairwise([sum(lengths[:i]) for i in range(len(lengths) + 1)]))
)


@given(RUNS, st.integers(1, 12))
def test_joined_covers_the_same_with_fewer(runs: list[Span], longest: int) -> None:
    coarse = joined(runs, longest)
    edges = {first for first, _ in runs} | {runs[-1][1]}
    assert [first for first, _ in coarse[1:]] == [stop for _, stop in coarse[:-1]]
    assert (coarse[0][0], coarse[-1][1]) == (0, runs[-1][1])
    assert all(first in edges and stop in edges for first, stop in coarse)
    assert all(stop - first <= longest or (first, stop) in runs for first, stop in coarse)
    assert all(b[1] - a[0] > longest for a, b in pairwise(coarse) if b in runs)  # none that could be joined is left


@given(st.integers(0, 50), st.integers(1, 60), st.integers(1, 20))
def test_core_is_the_middle(first: int, length: int, longest: int) -> None:
    start, stop = core((first, first + length), longest)
    assert stop - start == min(length, longest)
    before, after = start - first, first + length - stop
    assert before >= 0 and 0 <= after - before <= 1


def good(first: int, stop: int, odds: float = 1.0, kind: int = 0) -> windows.Scene:
    return windows.Scene(first, stop, odds, kind)


@given(RUNS, st.lists(st.booleans(), min_size=40, max_size=40), st.floats(0, 30))
def test_merge_joins_neighbours_up_to_a_length(runs: list[Span], kept: list[bool], growth: float) -> None:
    memory = memory_with([torch.inf, *[50.0] * runs[-1][1]])
    chosen = [good(first, stop, float(first)) for (first, stop), keep in zip(runs, kept, strict=False) if keep]
    spans = merge(chosen, memory, growth)
    pairs = [pair for scene in chosen for pair in range(scene.first, scene.stop)]
    assert [pair for span in spans for pair in range(span.first, span.stop)] == pairs
    for span in spans:
        inside = [scene for scene in chosen if span.first <= scene.first < span.stop]
        assert span.odds == max(scene.odds for scene in inside)
        first_scene = inside[0].stop - inside[0].first
        assert 2 * (span.stop - span.first) <= 2 * first_scene + growth or len(inside) == 1  # pairs of two seconds


def test_runs_of_another_kind_stay_apart() -> None:
    memory = memory_with([torch.inf] * 9)
    together = [good(0, 2), good(2, 3), good(5, 6)]
    assert merge(together, memory, 60.0) == [good(0, 3), good(5, 6)]
    assert len(merge([good(0, 2, 3.0), good(2, 3, 4.5)], memory, 60.0, 1.0)) == 2
    assert len(merge([good(0, 2, 3.0), good(2, 3, 4.5)], memory, 60.0, 2.0)) == 1
    assert merge([good(0, 2, 3.0, 2), good(2, 3, 3.0, 0)], memory, 60.0) == [good(0, 2, 3.0, 2), good(2, 3, 3.0, 0)]


# --- the search, with a scorer whose opinion is known


class Scorer:
    """Stands in for `judge`: windows that touch a planted pair get its score, others get `elsewhere`."""

    def __init__(self, planted: dict[int, float], elsewhere: float = -5.0, wholly: Sequence[int] = ()) -> None:
        self.planted, self.elsewhere, self.wholly = planted, elsewhere, wholly
        self.asked: list[list[Span]] = []

    def __call__(self, *arguments: Any) -> Judgement:
        spans: list[Span] = arguments[5]
        self.asked.append(spans)
        found = [[s for pair, s in self.planted.items() if first <= pair < stop] for first, stop in spans]
        shown = torch.tensor([max(scores, default=self.elsewhere) for scores in found])
        wholly = torch.tensor([any(first <= pair < stop for pair in self.wholly) for first, stop in spans])
        return Judgement(torch.where(wholly, shown, -torch.inf), shown, wholly)


def search(
    monkeypatch: pytest.MonkeyPatch, scorer: Scorer, novelty: Sequence[float], **options: Any
) -> list[ScoredSpan]:
    monkeypatch.setattr(windows, "judge", scorer)
    nothing: Any = None
    return find_evidence(nothing, TOKENIZER, memory_with(novelty), PROBE, None, SearchOptions(**options))


CHANGING = [torch.inf, *[50.0] * 199]  # 200 scenes of one pair


def test_planted_scene_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    novelty = [torch.inf, 0.0, 0.0, 50.0, 0.0, 50.0, 0.0, 0.0, 0.0]  # (0, 3), (3, 5), (5, 9)
    scorer = Scorer({4: 3.0})
    (span,) = search(monkeypatch, scorer, novelty)
    assert (span.first, span.stop) == (3, 5)
    assert span.probability == pytest.approx(0.9526, abs=1e-4)
    assert scorer.asked == [[(0, 3), (3, 5), (5, 9)]]


def test_absent_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search(monkeypatch, Scorer({}), CHANGING) == []
    assert search(monkeypatch, Scorer({}), CHANGING, most_windows=10) == []


@pytest.mark.parametrize("place", [0, 1, 77, 100, 198, 199])
def test_coarse_to_fine_finds_the_planted_scene(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    scorer = Scorer({place: 4.0})
    (span,) = search(monkeypatch, scorer, CHANGING, most_windows=20, num_refined=3, longest_window=4)
    assert (span.first, span.stop) == (place, place + 1)
    rough, fine = scorer.asked
    assert len(rough) == 50 and len(fine) == 12
    assert all(stop - first == 1 for first, stop in fine)


def test_coarse_path_equals_the_fine_one_where_enough_is_refined(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {3: 1.0, 50: 4.0, 51: 5.0, 120: 2.5}
    fine = search(monkeypatch, Scorer(planted), CHANGING)
    coarse = search(monkeypatch, Scorer(planted), CHANGING, most_windows=20, num_refined=4)
    assert fine == coarse
    assert [(span.first, span.stop) for span in fine] == [(50, 52), (120, 121), (3, 4)]


def test_the_best_come_first_and_the_earliest_of_equals(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {10 * i: 6.0 + i / 100 for i in range(8)} | {150: 1.0}
    spans = search(monkeypatch, Scorer(planted), CHANGING, most_spans=3)
    assert [span.first for span in spans] == [0, 10, 20]
    spans = search(monkeypatch, Scorer(planted), CHANGING, most_spans=20)
    assert [span.first for span in spans] == [0, 10, 20, 30, 40, 50, 60, 70, 150]


def test_a_heading_that_is_read_wholly_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer({10: 9.0, 20: 2.0, 30: 1.0, 31: 8.0}, wholly=[30, 20])
    spans = search(monkeypatch, scorer, CHANGING)
    assert [(span.first, span.stop) for span in spans] == [(20, 21), (30, 31), (10, 11), (31, 32)]
    assert [span.heading for span in spans] == [True, True, False, False]


def test_long_scenes_are_read_in_their_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer({50: 4.0})
    (span,) = search(monkeypatch, scorer, [torch.inf, *[0.0] * 99], longest_window=4)
    assert scorer.asked == [[(48, 52)]]
    assert (span.first, span.stop) == (0, 100)


@pytest.mark.parametrize("most_windows", [10, 1000])
def test_relative_scores_are_measured_from_the_median(monkeypatch: pytest.MonkeyPatch, most_windows: int) -> None:
    """A model whose yes is always too likely, or never likely, still has a best window."""
    for elsewhere, planted in ((3.0, 5.0), (-9.0, -4.0)):
        scorer = Scorer({77: planted}, elsewhere)
        spans = search(monkeypatch, scorer, CHANGING, relative=True, most_windows=most_windows, least_probability=0.6)
        assert [(span.first, span.stop) for span in spans] == [(77, 78)]
        assert spans[0].probability == pytest.approx(torch.tensor(planted - elsewhere).sigmoid().item(), abs=1e-4)


def test_the_median_is_that_of_the_whole_video(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only good windows are refined, their own median would take all that they have."""
    scorer = Scorer({76: 2.0, 77: 2.0, 78: 2.0, 79: 2.0}, elsewhere=-3.0)
    options = {"most_windows": 10, "num_refined": 1, "longest_window": 4}
    (span,) = search(monkeypatch, scorer, CHANGING, relative=True, least_probability=0.9, **options)
    assert (span.first, span.stop) == (76, 80)


# --- the curve


def curve(
    monkeypatch: pytest.MonkeyPatch, scorer: Scorer, novelty: Sequence[float], **options: Any
) -> list[ScoredSpan]:
    monkeypatch.setattr(windows, "judge", scorer)
    nothing: Any = None
    return probability_curve(nothing, TOKENIZER, memory_with(novelty), PROBE, None, SearchOptions(**options))


def test_the_curve_has_a_step_for_each_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    novelty = [torch.inf, 0.0, 0.0, 50.0, 0.0, 50.0, 0.0, 0.0, 0.0]
    steps = curve(monkeypatch, Scorer({4: 3.0}), novelty)
    assert [(step.first, step.stop) for step in steps] == [(0, 3), (3, 5), (5, 9)]
    assert [step.probability for step in steps] == pytest.approx([0.0067, 0.9526, 0.0067], abs=1e-4)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("most_windows", [10, 1000])
def test_the_curve_covers_all_and_agrees_with_the_search(
    monkeypatch: pytest.MonkeyPatch, most_windows: int, relative: bool
) -> None:
    options: dict[str, Any] = {"most_windows": most_windows, "relative": relative, "num_refined": 3}
    planted = {3: 4.0, 77: 5.0, 120: 3.0}
    steps = curve(monkeypatch, Scorer(planted, elsewhere=-1.0), CHANGING, **options)
    assert (steps[0].first, steps[-1].stop) == (0, 200)
    assert all(a.stop == b.first for a, b in pairwise(steps))
    found = search(monkeypatch, Scorer(planted, elsewhere=-1.0), CHANGING, **options, least_probability=0.6)
    assert sorted(found, key=lambda span: span.first) == [step for step in steps if step.probability >= 0.6]
    assert {round(step.probability, 4) for step in steps if step.probability < 0.6} == {0.5 if relative else 0.2689}
    assert len(steps) == (200 if most_windows == 1000 else 47 + 3 * 4)


def test_the_network_searches_too(model: Vamba, memory: VideoMemory) -> None:
    options = SearchOptions(least_probability=0.0, most_spans=50, scene_threshold=6.0)
    spans = find_evidence(model, TOKENIZER, memory, PROBE, None, options)
    assert spans == [ScoredSpan(0, PAIRS, spans[0].probability)]  # all scenes support at probability 0: one span
    best = signals(model, TOKENIZER, memory, PROBE, [(i, i + 1) for i in range(PAIRS)])[:, 0].max().sigmoid()
    assert spans[0].probability == pytest.approx(float(best), abs=1e-5)


def test_questions_of_their_own_are_asked_as_if_alone(model: Vamba, memory: VideoMemory) -> None:
    """Windows whose questions differ in length run in one batch; each scores as by itself."""
    spans = [(first, first + 2) for first in range(0, PAIRS, 2)]
    own = {span: "shown? " + "Gradient descent " * (1 + place % 3) for place, span in enumerate(spans)}
    together = signals(model, TOKENIZER, memory, Probe("", question_of=own.__getitem__), spans)[:, 0]
    alone = [float(signals(model, TOKENIZER, memory, Probe(own[span]), [span])[0, 0]) for span in spans]
    assert together.tolist() == pytest.approx(alone, abs=1e-4)
    assert together.tolist() != pytest.approx(signals(model, TOKENIZER, memory, PROBE, spans)[:, 0].tolist(), abs=1e-2)


def test_a_pair_that_shows_two_slides_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs 2 (a slide comes), 5 and 6 (the picture moves), 9 (comes, at the end)."""
    novelty = [torch.inf, 0.0, 50.0, 50.0, 0.0, 50.0, 50.0, 50.0, 0.0, 50.0]
    memory = memory_with(novelty)
    for pair in (2, 5, 6, 9):
        memory.looks.changes[2 * pair + 1] = 50.0
    runs = scenes(memory, 6.0)
    assert settled(memory, runs, 6.0) == [
        ((0, 2), (0, 2)), ((2, 5), (3, 5)), ((5, 6), (5, 6)), ((6, 9), (7, 9)), ((9, 10), (9, 10)),
    ]  # fmt: skip
    scorer = Scorer({2: 9.0, 4: 3.0})
    monkeypatch.setattr(windows, "judge", scorer)
    nothing: Any = None
    options = SearchOptions(stills=True, longest_window=8)
    (span,) = find_evidence(nothing, TOKENIZER, memory, PROBE, None, options)
    assert (span.first, span.stop) == (2, 5) and span.probability < 0.96
    assert scorer.asked == [[(0, 2), (3, 5), (5, 6), (7, 9), (9, 10)]]
    memory.looks.doubled[2] = True  # encoded as two pictures of the slide that comes
    assert settled(memory, runs, 6.0)[1:3] == [((2, 3), (2, 3)), ((3, 5), (3, 5))]
