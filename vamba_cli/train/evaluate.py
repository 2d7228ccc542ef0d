"""How well a checkpoint reads: titles letter by letter, and yes or no to "is it shown"."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vamba_cli.model.config import PixelConfig
from vamba_cli.model.patches import to_patches
from vamba_cli.model.vamba import Vamba
from vamba_cli.train.questions import SlideText
from vamba_cli.weights.tokenizer import ByteTokenizer, decode


@dataclass(frozen=True, slots=True)
class Reading:
    """Scores over a set of slides: shares of exact titles and right yes/no answers, and mean character error rate."""

    exact: float
    character_error: float
    shown: float
    samples: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"exact {self.exact:.3f} CER {self.character_error:.3f} shown {self.shown:.3f}"


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


@torch.inference_mode()
def evaluate(
    model: Vamba, images: npt.NDArray[np.uint8], texts: Sequence[SlideText], batch: int = 64, max_tokens: int = 96
) -> Reading:
    """Ask for the title of each slide (as a video of one frame pair), and whether right and wrong titles are shown."""
    picker = random.Random(0)
    answers: list[str] = []
    right = total = 0
    for first in range(0, len(texts), batch):
        part = texts[first : first + batch]
        memory = _encode(model, torch.from_numpy(images[first : first + batch]).to(model.device))
        answers += _greedy(model, memory, "title?", len(part), max_tokens)
        own = [text.title for text in part]
        others = [picker.choice(texts).title for _ in part]
        for asked in (own, others):
            score = _yes_minus_no(model, memory, [f"shown? {title}" for title in asked])
            for title, text, yes in zip(asked, part, (score > 0).tolist(), strict=True):
                truth = title.casefold() in "\n".join((text.title, *text.lines)).casefold()
                right += yes == truth
                total += 1
    pairs = [(text.title, answer) for text, answer in zip(texts, answers, strict=True)]
    errors = [edit_distance(truth, answer) / max(1, len(truth)) for truth, answer in pairs]
    return Reading(
        exact=float(np.mean([truth == answer for truth, answer in pairs])),
        character_error=float(np.mean(np.minimum(errors, 1))),
        shown=right / total,
        samples=tuple(pairs),
    )


def _encode(model: Vamba, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Each image (n, H, W, 3) as its own video of two equal frames: per layer (n, tokens, kv_heads, head_dim)."""
    frames = images.repeat_interleave(2, 0)
    patches = to_patches(frames, model.config.vision, PixelConfig(), model.dtype)
    tokens = model.vision(patches, images.shape[1] // 14, images.shape[2] // 14)
    memory: list[tuple[Tensor, Tensor]] = []
    model.encode_chunk(tokens, model.empty_states(len(images)), lambda _layer, k, v: memory.append((k, v)))
    return memory


def _greedy(model: Vamba, memory: list[tuple[Tensor, Tensor]], prompt: str, n: int, max_tokens: int) -> list[str]:
    tokenizer = ByteTokenizer()
    ids = torch.tensor([tokenizer.encode_prompt(prompt)] * n, device=model.device)
    cache = model.text_cache(n, ids.shape[1] + max_tokens)
    out = []
    for _ in range(max_tokens):
        hidden = model.decode(ids, memory.__getitem__, cache)
        cache = cache.advanced(ids.shape[1])
        ids = model.logits(hidden[:, -1:]).argmax(-1)
        out.append(ids)
    answers = []
    for row in torch.cat(out, 1).tolist():
        stop = row.index(tokenizer.end_id) if tokenizer.end_id in row else len(row)
        answers.append(decode(tokenizer, row[:stop]))
    return answers


def _yes_minus_no(model: Vamba, memory: list[tuple[Tensor, Tensor]], prompts: Sequence[str]) -> Tensor:
    tokenizer = ByteTokenizer()
    rows = [tokenizer.encode_prompt(prompt) for prompt in prompts]
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    hidden = model.decode(ids.to(model.device), memory.__getitem__)
    last = hidden[torch.arange(len(rows)), [len(row) - 1 for row in rows]]
    logits = model.logits(last).float()
    return logits[:, ord("y")] - logits[:, ord("n")]
