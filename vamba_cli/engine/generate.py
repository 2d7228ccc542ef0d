"""Text from a model, a memory and a prompt."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vamba_cli.engine.events import OnEvent, WindowsProgress, ignore
from vamba_cli.engine.sampling import Sampler, SamplingOptions
from vamba_cli.engine.step import StepGraph
from vamba_cli.engine.upload import upload_ids
from vamba_cli.kernels.packed import Rows, stacked
from vamba_cli.model.attention import TextCache
from vamba_cli.model.config import VambaConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba, View
from vamba_cli.weights.tokenizer import TextStream, Tokenizer

TOKENS_PER_BATCH = 40_000  # video tokens that one batch of windows reads; bounds the gathered copy
WINDOWS_PER_BATCH, PROMPT_TOKENS = 64, 64  # with prompts of so many tokens, fewer with longer: bounds their states
NUMBERS_PER_BATCH = 1 << 27  # keys and values in it: 256 MiB in 16 bits,
_COPIED_SHARE = 16  # or such a part of a larger memory

Span = tuple[int, int]  # half-open run of frame pairs


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer, and the geometric mean of its tokens' probabilities: how sure the model was.

    pieces: what each token added to the text, with its log-probability.
    """

    text: str
    probability: float
    pieces: tuple[tuple[str, float], ...] = ()

    @staticmethod
    def of(words: Sequence[str], logs: Sequence[float]) -> "Generated":
        """The answer of tokens with these log-probabilities; words may end with what is left of a character cut off."""
        mean = sum(logs) / max(1, len(logs))
        return Generated("".join(words).strip(), math.exp(mean), tuple(zip(words, logs, strict=False)))


class MemoryView:
    """The memory as `Vamba.decode` reads it, restricted to windows of equal length, one per text of the batch.

    A single window (all of the memory, say) is read in place where it lies; several are gathered, and the copies are
    kept where they are few: otherwise there is one of one layer at a time.

    stays: every call for a layer gives the same tensors, so that a graph can read them.
    """

    def __init__(self, model: Vamba, memory: VideoMemory, windows: Sequence[Span]) -> None:
        self._model, self._memory, self._windows = model, memory, windows
        self._cached: dict[int, tuple[Rows, Rows]] = {}
        first, stop = windows[0]
        num_tokens = len(windows) * (stop - first) * memory.tokens_per_pair
        self._few = num_tokens <= tokens_per_batch(memory)  # then dense copies, and near ones, are kept for all layers
        here = memory.keys[0].device == model.device and (
            bool(memory.key_scales) or memory.keys[0].dtype == model.dtype
        )
        self.stays = self._few or (here and len(windows) == 1)

    def __call__(self, layer: int) -> tuple[Rows, Rows]:
        if layer in self._cached:
            return self._cached[layer]
        kept = [self._memory.read(layer, first, stop) for first, stop in self._windows]
        joined = [stacked(part) for part in zip(*kept, strict=True)]
        keys, values = (self._ready(rows) for rows in joined)
        if self._few or (len(kept) == 1 and keys is joined[0]):
            self._cached[layer] = keys, values
        return keys, values

    def _ready(self, rows: Rows) -> Rows:
        if isinstance(rows, Tensor):
            return rows.to(self._model.device, self._model.dtype, non_blocking=True)
        near = rows.to(self._model.device)
        return near.dense(self._model.dtype) if self._few else near


def read_at_once(model: Vamba, memory: VideoMemory) -> tuple[int, int]:
    """Video tokens and windows of a batch that is read a few times only, not once for every token of an answer."""
    return most_at_once(model.config, tokens_per_batch(memory), memory.keys[0].device == model.device)


def most_at_once(config: VambaConfig, few: int, near: bool) -> tuple[int, int]:
    """`read_at_once` where dense copies of `few` video tokens, for all layers, may be made.

    Gathering a layer anew costs little, unless it comes from another device (not `near`), and leaves room for prompts.
    """
    return (TOKENS_PER_BATCH, prompts_in_their_place(config, few)) if near else (few, WINDOWS_PER_BATCH)


def prompts_in_their_place(config: VambaConfig, num_tokens: int) -> int:
    """Prompts whose states take no more than dense copies of so many video tokens, for all layers, would."""
    copies = 2 * config.num_layers * config.kv_dim * num_tokens
    return max(1, min(WINDOWS_PER_BATCH, copies // (PROMPT_TOKENS * state_numbers(config))))


def state_numbers(config: VambaConfig) -> int:
    """Numbers that are alive at once for every token of a text."""
    return 3 * config.intermediate_size + 11 * config.hidden_size


def tokens_per_batch(memory: VideoMemory) -> int:
    """Video tokens of which a dense copy, for all layers, may be made."""
    keys = memory.keys[0]
    return tokens_that_are_copied(len(memory.keys), math.prod(keys.shape[1:]), len(keys))


def tokens_that_are_copied(num_layers: int, kv_dim: int, num_tokens: int) -> int:
    """`tokens_per_batch` from the sizes of a model and of a memory."""
    copied = max(NUMBERS_PER_BATCH // (2 * num_layers * kv_dim), num_tokens // _COPIED_SHARE)
    return max(1, min(TOKENS_PER_BATCH, copied))


@torch.inference_mode()
def generate(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    question: str,
    *,
    window: Span | None = None,
    options: SamplingOptions | None = None,
    max_new_tokens: int = 256,
    on_text: Callable[[str], None] = lambda _text: None,
) -> Generated:
    """The answer to a question about a window of the video, or about all of it; `on_text` gets it piece by piece."""
    sampler = Sampler(options or SamplingOptions())
    stream = TextStream(tokenizer)
    video = MemoryView(model, memory, [window or (0, memory.num_pairs)])
    ids = tokenizer.encode_prompt(question)
    cache = model.text_cache(1, len(ids) + max_new_tokens)
    words, logs = list[str](), list[float]()

    def say(text: str) -> None:
        words.append(text)
        if text:
            on_text(text)

    following = Following(model, video, cache)
    for _ in range(max_new_tokens):
        logits = following(ids)
        token = sampler(logits)
        logs.append(float(logits.float().log_softmax(-1)[token]))
        ended = token == tokenizer.end_id
        say("" if ended else stream.push(token))
        if ended:
            break
        ids = [token]
    say(stream.finish())
    return Generated.of(words, logs)


class Following:
    """Logits behind a growing text: a captured graph where there is one for it, else layer by layer."""

    def __init__(self, model: Vamba, video: View, cache: TextCache) -> None:
        self._model, self._video, self._cache = model, video, cache
        self._step: StepGraph | None = None

    def __call__(self, ids: list[int]) -> Tensor:
        """Logits (vocab,) after the next tokens of the text."""
        if len(ids) == 1 and self._step is None and StepGraph.suits(self._model, self._video, self._cache):
            self._step = StepGraph(self._model, self._video, self._cache)
        if self._step is not None:
            return self._step(*ids)
        hidden = self._model.decode(upload_ids([ids], self._model.device), self._video, self._cache)
        self._cache = self._cache.advanced(len(ids))
        return self._model.logits(hidden[0, -1:])[0]


@torch.inference_mode()
def generate_each(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    question: str,
    windows: Sequence[Span],
    max_new_tokens: int = 128,
    on_event: OnEvent = ignore,
) -> list[Generated]:
    """Greedy answers to one question about many windows, each read alone; windows of equal length run together."""
    answers = [Generated("", 0.0)] * len(windows)
    num_left = len(windows)
    prompt = tokenizer.encode_prompt(question)
    for batch in batches(windows, memory.tokens_per_pair, tokens_per_batch(memory), len(prompt)):
        video = MemoryView(model, memory, [windows[i] for i in batch])
        ids = upload_ids([prompt] * len(batch), model.device)
        cache = model.text_cache(len(batch), ids.shape[1] + max_new_tokens)
        rows: list[list[int]] = [[] for _ in batch]
        logs: list[list[float]] = [[] for _ in batch]
        running = torch.ones(len(batch), dtype=torch.bool, device=model.device)
        for _ in range(max_new_tokens):
            hidden = model.decode(ids, video, cache)
            cache = cache.advanced(ids.shape[1])
            best, ids = model.logits(hidden[:, -1:]).float().log_softmax(-1).max(-1)
            said = torch.where(running, ids[:, 0], tokenizer.end_id).tolist()
            for row, log, token, value in zip(rows, logs, said, best[:, 0].tolist(), strict=True):
                if token != tokenizer.end_id or not row or row[-1] != tokenizer.end_id:
                    row.append(token)
                    log.append(value)
            running &= ids[:, 0] != tokenizer.end_id
            num_running = int(running.sum())
            on_event(WindowsProgress(len(windows) - num_left + len(batch) - num_running, len(windows)))
            if not num_running:
                break
        num_left -= len(batch)
        on_event(WindowsProgress(len(windows) - num_left, len(windows)))
        for place, row, log in zip(batch, rows, logs, strict=True):
            stream = TextStream(tokenizer)
            words = ["" if token == tokenizer.end_id else stream.push(token) for token in row]
            answers[place] = Generated.of([*words, stream.finish()], log)
    return answers


def batches(
    windows: Sequence[Span],
    tokens_per_pair: int,
    most_tokens: int = TOKENS_PER_BATCH,
    prompt_tokens: int = PROMPT_TOKENS,
    most_windows: int = WINDOWS_PER_BATCH,
) -> Iterator[list[int]]:
    """Indices of windows of equal length, so many that one batch has a bounded number of tokens of video and text."""
    most = most_windows * PROMPT_TOKENS // max(PROMPT_TOKENS, prompt_tokens)
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, (first, stop) in enumerate(windows):
        by_length[stop - first].append(index)
    for length, indices in by_length.items():
        size = max(1, min(most, most_tokens // max(1, length * tokens_per_pair)))
        yield from (indices[i : i + size] for i in range(0, len(indices), size))
