"""Text from a model, a memory and a prompt."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vamba_cli.engine.sampling import Sampler, SamplingOptions
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import KeysValues, Vamba
from vamba_cli.weights.tokenizer import TextStream, Tokenizer

Span = tuple[int, int]  # half-open run of frame pairs
View = Callable[[int], KeysValues]


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer, and the geometric mean of its tokens' probabilities: how sure the model was."""

    text: str
    probability: float


def view(model: Vamba, memory: VideoMemory, windows: Sequence[Span]) -> View:
    """The memory as `Vamba.decode` reads it, restricted to windows of equal length, one per text of the batch.

    A single window (all of the memory, say) is a view; several are gathered.
    """
    cached: dict[int, KeysValues] = {}

    def gather(layer: int) -> KeysValues:
        if layer not in cached:
            rows = [memory.rows(layer, first, stop) for first, stop in windows]
            keys, values = (torch.stack(part) if len(part) > 1 else part[0][None] for part in zip(*rows, strict=True))
            cached[layer] = keys.to(model.device, model.dtype), values.to(model.device, model.dtype)
        return cached[layer]

    return gather


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
    video = view(model, memory, [window or (0, memory.num_pairs)])
    ids = torch.tensor([tokenizer.encode_prompt(question)], device=model.device)
    cache = model.text_cache(1, ids.shape[1] + max_new_tokens)
    pieces: list[str] = []
    log_probability, num_tokens = 0.0, 0

    def say(text: str) -> None:
        if text:
            pieces.append(text)
            on_text(text)

    for _ in range(max_new_tokens):
        hidden = model.decode(ids, video, cache)
        cache = cache.advanced(ids.shape[1])
        logits = model.logits(hidden[0, -1])
        token = sampler(logits)
        log_probability += float(logits.float().log_softmax(-1)[token])
        num_tokens += 1
        if token == tokenizer.end_id:
            break
        say(stream.push(token))
        ids = torch.tensor([[token]], device=model.device)
    say(stream.finish())
    return Generated("".join(pieces).strip(), math.exp(log_probability / max(1, num_tokens)))


def padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token rows of different lengths as one (rows, longest) tensor padded with 0 behind, and their lengths."""
    lengths = torch.tensor([len(row) for row in rows], device=device)
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    return ids.to(device), lengths
