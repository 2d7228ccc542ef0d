"""Text from a memory: the cache changes nothing, the pieces are the answer, the seed decides."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.test_partition import encode, video
from tests.tinynet import small_model
from vamba_cli.engine.events import Event, WindowsProgress
from vamba_cli.engine.generate import Generated, MemoryView, batches, generate, generate_each
from vamba_cli.engine.sampling import Sampler, SamplingOptions, token_probabilities
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.tokenizer import ByteTokenizer, decode

QUESTION, NUM_TOKENS = "what is shown?", 24


class Recording(ByteTokenizer):
    """Notes which tokens became text; ends answers where the test wants, or never."""

    def __init__(self, end_id: int = -1) -> None:
        self.end_id = end_id
        self.tokens: list[int] = []

    def token_bytes(self, token: int) -> bytes:
        self.tokens.append(token)
        return super().token_bytes(token)


@pytest.fixture(scope="module")
def model() -> Vamba:
    torch.manual_seed(3)
    return small_model()


@pytest.fixture(scope="module")
def memory(model: Vamba) -> VideoMemory:
    return encode(model, video(6, seed=1), []).memory


@torch.inference_mode()
def without_cache(model: Vamba, memory: VideoMemory, num: int) -> tuple[list[int], list[Tensor]]:
    """Greedy tokens and their logits, every one from the whole text anew."""
    ids = ByteTokenizer().encode_prompt(QUESTION)
    start, logits = len(ids), []
    for _ in range(num):
        hidden = model.decode(torch.tensor([ids]), lambda layer: _all_rows(memory, layer))
        logits.append(model.logits(hidden[0, -1]))
        ids.append(int(logits[-1].argmax()))
    return ids[start:], logits


def _all_rows(memory: VideoMemory, layer: int) -> tuple[Tensor, Tensor]:
    return memory.keys[layer][None], memory.values[layer][None]


def test_cached_generation_equals_recomputing(model: Vamba, memory: VideoMemory) -> None:
    tokens, logits = without_cache(model, memory, NUM_TOKENS)
    assert len(set(tokens)) > 5  # a model stuck on one token would prove little
    tokenizer = Recording()
    said = generate(model, tokenizer, memory, QUESTION, max_new_tokens=NUM_TOKENS)
    assert tokenizer.tokens == tokens
    assert said.text == decode(ByteTokenizer(), tokens).strip()
    logs = [float(one.log_softmax(-1).max()) for one in logits]
    assert said.probability == pytest.approx(math.exp(sum(logs) / NUM_TOKENS), rel=1e-3)


@torch.inference_mode()
@pytest.mark.parametrize("cuts", [[1], [5], [3, 4, 9], list(range(1, 20))])
def test_text_in_pieces_equals_text_at_once(model: Vamba, memory: VideoMemory, cuts: list[int]) -> None:
    ids = torch.randint(0, 256, (2, 20), generator=torch.Generator().manual_seed(0))
    whole = model.decode(ids, lambda layer: _all_rows(memory, layer))
    cache, pieces = model.text_cache(2, 20), []
    for first, stop in zip([0, *cuts], [*cuts, 20], strict=True):
        pieces.append(model.decode(ids[:, first:stop], lambda layer: _all_rows(memory, layer), cache))
        cache = cache.advanced(stop - first)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-4, atol=1e-4)


def test_the_video_is_read(model: Vamba, memory: VideoMemory) -> None:
    other = encode(model, video(6, seed=2), []).memory
    answers = [generate(model, ByteTokenizer(), one, QUESTION, max_new_tokens=8) for one in (memory, other)]
    assert answers[0] != answers[1]


def test_pieces_are_the_answer(model: Vamba, memory: VideoMemory) -> None:
    pieces: list[str] = []
    said = generate(model, Recording(), memory, QUESTION, max_new_tokens=NUM_TOKENS, on_text=pieces.append)
    assert len(pieces) > 5 and all(pieces)
    assert "".join(pieces).strip() == said.text


@pytest.mark.parametrize("num", [1, 2, 7])
def test_no_more_tokens_than_asked_for(model: Vamba, memory: VideoMemory, num: int) -> None:
    tokenizer = Recording()
    generate(model, tokenizer, memory, QUESTION, max_new_tokens=num)
    assert tokenizer.tokens == without_cache(model, memory, num)[0]


def test_the_end_token_ends_the_answer_and_is_not_said(model: Vamba, memory: VideoMemory) -> None:
    tokens, _ = without_cache(model, memory, NUM_TOKENS)
    place = next(i for i in range(3, NUM_TOKENS) if tokens[i] not in tokens[:i])
    tokenizer = Recording(end_id=tokens[place])
    said = generate(model, tokenizer, memory, QUESTION, max_new_tokens=NUM_TOKENS)
    assert tokenizer.tokens == tokens[:place]
    assert said.text == decode(ByteTokenizer(), tokens[:place]).strip()


def test_an_answer_that_ends_at_once_is_empty(model: Vamba, memory: VideoMemory) -> None:
    tokens, _ = without_cache(model, memory, 1)
    pieces: list[str] = []
    said = generate(model, Recording(end_id=tokens[0]), memory, QUESTION, on_text=pieces.append)
    assert said.text == "" and pieces == []


def test_seed_and_temperature(model: Vamba, memory: VideoMemory) -> None:
    def ask(**options: float) -> Generated:
        return generate(
            model, ByteTokenizer(), memory, QUESTION, max_new_tokens=12,
            options=SamplingOptions(options.get("temperature", 1.5), seed=int(options.get("seed", 0))),
        )  # fmt: skip

    assert ask(seed=5) == ask(seed=5)  # the second answer does not depend on the first
    assert len({ask(seed=seed).text for seed in range(4)}) > 1
    assert ask(temperature=0, seed=1) == ask(temperature=0, seed=2)


def test_an_empty_window_says_nothing_of_the_video(model: Vamba, memory: VideoMemory) -> None:
    other = encode(model, video(6, seed=2), []).memory
    said = [generate(model, ByteTokenizer(), one, QUESTION, window=(2, 2), max_new_tokens=5) for one in (memory, other)]
    assert said[0] == said[1]


def test_a_single_window_is_read_in_place(model: Vamba, memory: VideoMemory) -> None:
    keys, values = MemoryView(model, memory, [(1, 3)])(2)
    assert isinstance(keys, Tensor) and isinstance(values, Tensor)
    start = memory.tokens_per_pair
    assert keys.data_ptr() == memory.keys[2][start].data_ptr()
    assert values.data_ptr() == memory.values[2][start].data_ptr()
    assert keys.shape == (1, 2 * start, 2, 16)


# --- many windows at once


@pytest.mark.parametrize("limit", [1, 30, 10**6])
@pytest.mark.parametrize("end_id", [-1, 24, 176])
def test_each_window_is_answered_as_if_alone(
    model: Vamba, memory: VideoMemory, limit: int, end_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = [(0, 2), (3, 4), (1, 3), (0, 6), (4, 5), (4, 6), (5, 6)]
    singly = [
        generate(model, Recording(end_id), memory, QUESTION, window=span, max_new_tokens=NUM_TOKENS) for span in spans
    ]
    assert len({one.text for one in singly}) > 3
    monkeypatch.setattr("vamba_cli.engine.generate.TOKENS_PER_BATCH", limit)
    told: list[Event] = []
    together = generate_each(
        model, Recording(end_id), memory, QUESTION, spans, max_new_tokens=NUM_TOKENS, on_event=told.append
    )
    assert told[-1] == WindowsProgress(len(spans), len(spans))
    done = [event.num_windows for event in told if isinstance(event, WindowsProgress)]
    assert done == sorted(done)
    assert [one.text for one in together] == [one.text for one in singly]
    assert [one.probability for one in together] == pytest.approx([one.probability for one in singly], rel=1e-3)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda ends: (min(ends), max(ends)))),
    st.integers(1, 10_000),
)
def test_batches_hold_every_window_once(spans: list[tuple[int, int]], tokens_per_pair: int) -> None:
    found = list(batches(spans, tokens_per_pair))
    assert sorted(index for batch in found for index in batch) == list(range(len(spans)))
    for batch in found:
        lengths = {stop - first for first, stop in (spans[index] for index in batch)}
        assert len(lengths) == 1
        assert len(batch) == 1 or len(batch) * lengths.pop() * tokens_per_pair <= 40_000


# --- the next token


LOGITS = st.lists(st.integers(-30_000, 30_000), min_size=1, max_size=40).map(lambda ids: torch.tensor(ids) / 1000)


@settings(deadline=None, max_examples=200)
@given(
    logits=LOGITS,
    temperature=st.floats(0.05, 20),
    top_k=st.none() | st.integers(1, 50),
    top_p=st.none() | st.floats(0.01, 1),
)
def test_probabilities(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> None:
    p = token_probabilities(logits, SamplingOptions(temperature, top_k, top_p))
    assert p.shape == logits.shape and p.dtype == torch.float32
    assert float(p.sum()) == pytest.approx(1, abs=1e-5)
    assert bool((p >= 0).all())
    kept = logits[p > 0]
    assert float(kept.max()) == float(logits.max())  # the likeliest is never cut
    if top_k is not None:
        ties = int((logits == kept.min()).sum())
        assert len(kept) <= top_k - 1 + ties
    cut = logits[p == 0]
    if len(cut) and temperature >= 1:  # below, the tail may round to 0 by itself
        assert float(cut.max()) <= float(kept.min()) + 1e-6


@settings(deadline=None, max_examples=100)
@given(logits=LOGITS, top_p=st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_that_reach_it(logits: Tensor, top_p: float) -> None:
    plain = logits.softmax(-1)
    kept = token_probabilities(logits, SamplingOptions(1.0, top_p=top_p)) > 0
    assert float(plain[kept].sum()) >= top_p - 1e-5
    assert float(plain[kept].sum() - plain[kept].min()) < top_p + 1e-5


def test_cutting_keeps_the_proportions() -> None:
    logits = torch.tensor([1.0, 3.0, 2.0, -1.0])
    for options in (SamplingOptions(1.0, top_k=2), SamplingOptions(1.0, top_p=0.8)):
        p = token_probabilities(logits, options)
        assert p.tolist() == pytest.approx([0, 1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0])
    assert token_probabilities(logits, SamplingOptions(2.0)).tolist() == pytest.approx(
        (logits / 2).softmax(-1).tolist()
    )
    assert token_probabilities(logits, SamplingOptions(1.0, top_k=9, top_p=1.0)).equal(logits.softmax(-1))


def test_drawn_tokens_follow_the_probabilities() -> None:
    logits = torch.tensor([0.0, 2.0, 1.0, -50.0])
    sampler = Sampler(SamplingOptions(1.0, top_k=3, seed=1))
    drawn = torch.bincount(torch.tensor([sampler(logits) for _ in range(4000)]), minlength=4) / 4000
    assert drawn.tolist() == pytest.approx([0.090, 0.665, 0.245, 0], abs=0.03)
    assert Sampler(SamplingOptions())(logits) == 1
