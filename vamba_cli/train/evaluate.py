"""How well a checkpoint reads: titles and body lines letter by letter, and whether it says yes and no rightly."""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vamba_cli.model.config import PixelConfig
from vamba_cli.model.patches import to_patches
from vamba_cli.model.vamba import Vamba
from vamba_cli.train.questions import (
    AFTER,
    BEFORE,
    COUNT,
    FIND,
    NOT_SHOWN,
    SEPARATOR,
    SlideText,
    continuation,
    number_told,
)
from vamba_cli.weights.tokenizer import ByteTokenizer, decode

TITLE_TOKENS = 96  # that an answer with one title has at most
_LINE_LENGTH = (14, 64)  # characters of the body lines that are asked for
LISTED_TOKENS = 40  # for each title of a list
_STAYS = (5, 12, 3, 9, 8, 14, 2, 11)  # frame pairs for which the pages of a clip stay; 64 in all
_KNOWN_WORDS = 2  # of a body line, from which on it is to be read


@dataclass
class EvaluationSet:
    """Slides with known titles, never trained on."""

    name: str
    images: npt.NDArray[np.uint8]
    texts: list[SlideText]

    def first(self, num: int | None) -> "EvaluationSet":
        """The first pages of the set, or all."""
        return replace(self, images=self.images[:num], texts=self.texts[:num])


@dataclass(frozen=True, slots=True)
class Reading:
    """Scores over a set of slides.

    exact, character_error: of titles: the share read without a fault, and the mean share of wrong characters.
    body_exact: share of body lines whose every further character is right after "find:" and their first two words.
    body_words: share of the further words of these lines that are right, each after the true words before it.
    refused: share of lines of other slides that "find:" says are not shown.
    shown, absent: right answers to "is it shown?" for titles of the slide, and of others.
    """

    exact: float
    character_error: float
    body_exact: float
    body_words: float
    refused: float
    shown: float
    absent: float
    samples: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return " ".join(f"{name} {value:.3f}" for name, value in self.to_json().items())

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items() if name != "samples"}


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of one slide: a line of its own and one of another ("" for none), and a strange title."""

    line: str
    stranger_line: str
    stranger_title: str


@torch.inference_mode()
def evaluate(model: Vamba, one: EvaluationSet, batch: int = 100, max_tokens: int = TITLE_TOKENS) -> Reading:
    """Ask each slide, as a video of one frame pair, for its title, for body lines, and what it shows."""
    asked = _what_to_ask(one.texts)
    titles: list[str] = []
    right: list[list[bool]] = []  # of each letter of a body line
    refused: list[bool] = []
    shown: list[bool] = []
    absent: list[bool] = []
    for first in range(0, len(one.texts), batch):
        part, wanted = one.texts[first : first + batch], asked[first : first + batch]
        memory = _encode(model, torch.from_numpy(one.images[first : first + batch]).to(model.device))
        titles += _greedy(model, memory, "title?", len(part), max_tokens)
        right += _guessed(model, memory, [(_finding(w.line), w.line) for w in wanted])
        refused += map(all, _guessed(model, memory, [(_finding(w.stranger_line), NOT_SHOWN) for w in wanted]))
        shown += _yes(model, memory, [f"shown? {text.title}" for text in part])
        absent += _yes(model, memory, [f"shown? {w.stranger_title}" for w in wanted])
    pairs = list(zip((text.title for text in one.texts), titles, strict=True))
    errors = [edit_distance(truth, answer) / max(1, len(truth)) for truth, answer in pairs]
    bodies = [(w.line, letters) for w, letters in zip(asked, right, strict=True) if w.line]
    return Reading(
        exact=_mean([truth == answer for truth, answer in pairs]),
        character_error=_mean([min(error, 1.0) for error in errors]),
        body_exact=_mean([all(letters) for _, letters in bodies]),
        body_words=_mean([word for line, letters in bodies for word in _words_right(line, letters)]),
        refused=_mean([no for w, no in zip(asked, refused, strict=True) if w.stranger_line]),
        shown=_mean(shown),
        absent=_mean([not yes for yes in absent]),
        samples=tuple(pairs),
    )


@dataclass(frozen=True, slots=True)
class Turns:
    """What is known of the order of some pages in one clip.

    listed: F1 of the titles that "titles?" gives in the right order, without a fault in a letter.
    as_many: share of these lists that have as many titles as there are pages.
    after, before: share of the titles whose neighbour is given without a fault.
    counted: share of the clips whose pages are counted rightly.
    """

    listed: float
    as_many: float
    after: float
    before: float
    counted: float

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


@torch.inference_mode()
def evaluate_turns(model: Vamba, one: EvaluationSet, num_pages: int, batch: int = 40) -> Turns | None:
    """Ask clips of so many pages what comes after what; None where the set has no such clip."""
    clips = _clips(one.texts, num_pages)
    f1: list[float] = []
    as_many, after, before, counted = list[bool](), list[bool](), list[bool](), list[bool]()
    for first in range(0, len(clips), batch):
        part = clips[first : first + batch]
        titles = [[one.texts[at].title for at in group] for group in part]
        images = torch.from_numpy(one.images[[at for group in part for at in group]])
        memory = _encode(model, images.to(model.device), _STAYS[:num_pages])
        told = _greedy(model, memory, "titles?", len(part), num_pages * LISTED_TOKENS)
        lists = [answer.split(SEPARATOR) for answer in told]
        f1 += [f1_in_order(one, truth) for one, truth in zip(lists, titles, strict=True)]
        as_many += [len(one) == num_pages for one in lists]
        for place in range(num_pages - 1):
            here, there = ([truth[at] for truth in titles] for at in (place, place + 1))
            for right, wording, known, wanted in ((after, AFTER[0], here, there), (before, BEFORE[0], there, here)):
                asked = [(wording.format(title), answer) for title, answer in zip(known, wanted, strict=True)]
                right += map(all, _guessed(model, memory, asked))
        told = _greedy(model, memory, COUNT[0], len(part), num_pages * LISTED_TOKENS)
        counted += [number_told(answer) == num_pages for answer in told]
    return Turns(_mean(f1), _mean(as_many), _mean(after), _mean(before), _mean(counted)) if clips else None


def _clips(texts: Sequence[SlideText], num_pages: int) -> list[list[int]]:
    """Numbers of pages that follow each other, so many in each clip; pages with a title that it has are passed over."""
    clips, group = list[list[int]](), list[int]()
    for at, text in enumerate(texts):
        if text.title.casefold() not in {texts[other].title.casefold() for other in group}:
            group.append(at)
        if len(group) == num_pages:
            clips.append(group)
            group = []
    return clips


def f1_in_order(told: Sequence[str], truth: Sequence[str]) -> float:
    """Of the titles of both lists that can be paired without crossing."""
    row = [0] * (len(truth) + 1)
    for title in told:
        for at, wanted in reversed(list(enumerate(truth))):
            row[at + 1] = row[at] + 1 if title == wanted else row[at + 1]
        row = list(accumulate(row, max))
    return 2 * row[-1] / (len(told) + len(truth))


def _words_right(line: str, letters: Sequence[bool]) -> list[bool]:
    """For each word of a line behind those that were given, whether all its bytes were guessed, and where it ends."""
    right, at = [], 0
    for place, word in enumerate(line.split(" ")):
        end = at + len(word.encode()) + 1
        if place >= _KNOWN_WORDS:
            right.append(all(letters[at:end]))
        at = end
    return right


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _beginning(line: str) -> str:
    return " ".join(line.split()[:_KNOWN_WORDS])


def _finding(line: str) -> str:
    return FIND.format(_beginning(line))


def _what_to_ask(texts: Sequence[SlideText]) -> list[_Asked]:
    """For each slide: lines whose beginning says which line is meant, and what stands on other slides alone."""
    picker = random.Random(0)
    lines = [[line for line in text.lines if _can_be_asked(line, text)] for text in texts]
    every = [line for some in lines for line in some]
    titles = [text.title for text in texts]
    asked = []
    for text, own in zip(texts, lines, strict=True):
        strange = [line for line in picker.sample(every, min(8, len(every))) if _beginning(line).casefold()
                   not in text.written]  # fmt: skip
        others = [title for title in picker.sample(titles, min(8, len(titles)))
                  if title.casefold() not in text.written]  # fmt: skip
        asked.append(_Asked(picker.choice(own) if own else "", strange[0] if strange else "",
                            others[0] if others else "Anaximander of Miletus"))  # fmt: skip
    return asked


def _can_be_asked(line: str, text: SlideText) -> bool:
    shortest, longest = _LINE_LENGTH
    is_long = shortest <= len(line) <= longest and len(line.split()) > _KNOWN_WORDS
    return is_long and " ".join(line.split()) == line and (
        continuation(_beginning(line), (text.title, *text.lines)) == line
    )  # fmt: skip


def _encode(model: Vamba, images: Tensor, stays: Sequence[int] = (1,)) -> list[tuple[Tensor, Tensor]]:
    """As many videos as there are images (n, H, W, 3) for `stays`: the frame pairs for which each image stays.

    Per layer (videos, tokens, kv_heads, head_dim).
    """
    frames = images.repeat_interleave(2, 0)
    patches = to_patches(frames, model.config.vision, PixelConfig(), model.dtype)
    tokens = model.vision(patches, images.shape[1] // 14, images.shape[2] // 14)
    of_videos = tokens.unflatten(0, (-1, len(stays))).repeat_interleave(torch.tensor(stays, device=tokens.device), 1)
    memory: list[tuple[Tensor, Tensor]] = []
    states = model.empty_states(len(of_videos))
    model.encode_chunk(of_videos.flatten(1, 2), states, lambda _layer, k, v: memory.append((k, v)))
    return memory


def _greedy(model: Vamba, memory: list[tuple[Tensor, Tensor]], prompt: str, n: int, max_tokens: int) -> list[str]:
    tokenizer = ByteTokenizer()
    ids = torch.tensor([tokenizer.encode_prompt(prompt)] * n, device=model.device)
    cache = model.text_cache(n, ids.shape[1] + max_tokens)
    running = torch.ones(n, dtype=torch.bool, device=model.device)
    out = []
    for _ in range(max_tokens):
        hidden = model.decode(ids, memory.__getitem__, cache)
        cache = cache.advanced(ids.shape[1])
        ids = model.logits(hidden[:, -1:]).argmax(-1)
        out.append(ids)
        running &= ids[:, 0] != tokenizer.end_id
        if not running.any():
            break
    answers = []
    for row in torch.cat(out, 1).tolist():
        stop = row.index(tokenizer.end_id) if tokenizer.end_id in row else len(row)
        answers.append(decode(tokenizer, row[:stop]))
    return answers


def _guessed(model: Vamba, memory: list[tuple[Tensor, Tensor]], asked: Sequence[tuple[str, str]]) -> list[list[bool]]:
    """For (question, answer): whether each token of the answer, and its end, is the likeliest after those before it.

    All of them are exactly where greedy decoding gives the answer, in one pass instead of many.
    """
    tokenizer = ByteTokenizer()
    prompts = [tokenizer.encode_prompt(question) for question, _ in asked]
    answers = [[*tokenizer.encode(answer), tokenizer.end_id] for _, answer in asked]
    ids = _padded([prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]).to(model.device)
    best = model.logits(model.decode(ids[:, :-1], memory.__getitem__)).argmax(-1).tolist()
    return [
        [best[row][len(prompt) - 1 + at] == token for at, token in enumerate(answer)]
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
    ]


def _padded(rows: Sequence[Sequence[int]]) -> Tensor:
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
    return ids


def _yes(model: Vamba, memory: list[tuple[Tensor, Tensor]], prompts: Sequence[str]) -> list[bool]:
    """Whether yes is likelier than no."""
    tokenizer = ByteTokenizer()
    rows = [tokenizer.encode_prompt(prompt) for prompt in prompts]
    hidden = model.decode(_padded(rows).to(model.device), memory.__getitem__)
    last = hidden[torch.arange(len(rows)), [len(row) - 1 for row in rows]]
    yes, no = tokenizer.yes_no_ids
    logits = model.logits(last).float()
    return (logits[:, yes] > logits[:, no]).tolist()
