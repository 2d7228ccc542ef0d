"""What a window of the video says about a phrase, in a few numbers, and the odds that these make.

How the numbers are weighed is fitted for each model on pages whose words are known (`vamba_cli.train.calibrate`) and
stands in its `vamba.json`; the code knows only what is measured.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vamba_cli.engine.events import OnEvent, WindowsProgress, ignore
from vamba_cli.engine.generate import MemoryView, Span, batches, read_at_once
from vamba_cli.engine.upload import upload_ids
from vamba_cli.errors import ModelError
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba, View
from vamba_cli.weights.tokenizer import Tokenizer

SIGNALS = (
    "yes", "heading", "heading_worst", "heading_end", "beginning", "rest", "line_worst", "length", "whole",
    "yes_above", "rest_above", "whole_above",
)  # fmt: skip
WEIGHED = {
    "heading": ("yes", "heading", "heading_worst"),
    "line": ("yes", "beginning", "rest", "line_worst", "length"),
    "word": ("yes", "beginning", "rest", "line_worst", "length", "whole", "yes_above", "rest_above", "whole_above"),
    "usual": ("yes", "rest", "whole"),
}
_ABOVE = {name: name.removesuffix("_above") for name in SIGNALS if name.endswith("_above")}
_BOTTOM = 0.25  # of a video's windows do not show a topic, but for what is on nearly every slide
_USUAL_WINDOWS = 4  # of other videos count with a video's own, which may be one picture
_LEAST = -8.0  # log-probability of a token counts no less: one letter that is misread is one letter
_LOGITS = 1 << 24  # are made at once: less than the states of the prompts took before
_WHOLLY = -2.3  # log-probability of every letter of a heading, and of its end, that is read as the phrase and no more
_COLUMNS = {name: column for column, name in enumerate(SIGNALS)}


@dataclass(frozen=True, slots=True)
class Probe:
    """How a model is asked whether a window supports something.

    question: a yes/no question; the log-odds of "yes" over "no" are the first of the signals.
    phrase: what is looked for, or "" where the question is all that can be asked; with it come the other two.
    reading: a question that a window answers with its heading: how likely is the phrase as the answer?
    finding: a question about the first part of the phrase, `beginning`, that a window answers with its line from there
        on: how likely is the phrase?
    whole: the same question about all of a phrase of one word, or "": half a word may begin many.
    question_of: the question about one window, where it is not the same about all.
    """

    question: str
    phrase: str = ""
    reading: str = ""
    finding: str = ""
    beginning: str = ""
    whole: str = ""
    question_of: Callable[[Span], str] | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of the signals, and a constant.

    heading: for the log-odds that the phrase is the heading of a window, or a part of it.
    line, word: that it stands anywhere in it, for phrases of several words and of one.
    usual: no weights, but what some signals usually are where a single word is not shown.
    """

    heading: Mapping[str, float]
    line: Mapping[str, float]
    word: Mapping[str, float]
    usual: Mapping[str, float]

    @staticmethod
    def read(search: Mapping[str, Any], where: str) -> "Calibration | None":
        """The `search` part of a model's `vamba.json`; None where there is none.

        Raises:
            ModelError: it has other keys, or values that are no numbers.
        """
        if not search:
            return None
        for part, names in WEIGHED.items():
            given, wanted = search.get(part), names if part == "usual" else ("constant", *names)
            right = isinstance(given, dict) and sorted(given) == sorted(wanted)
            if not right or not all(type(value) in (int, float) for value in search[part].values()):
                raise ModelError(
                    f"{where}: search.{part} = {given!r} is not allowed: it must give a number for each of "
                    f"{', '.join(wanted)}; `python -m vamba_cli.train.calibrate` writes it"
                )
        return Calibration(**{part: search[part] for part in WEIGHED})


@dataclass(frozen=True, slots=True)
class Judgement:
    """Per window, on the CPU: log-odds that the phrase is shown there, and how.

    heading: that it is the heading or a part of it; minus infinity where that was not asked.
    shown: that it is shown at all.
    wholly: whether the heading is read as the phrase, letter by letter, and ends there.
    """

    heading: Tensor
    shown: Tensor
    wholly: Tensor


def judge(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    calibration: Calibration | None,
    windows: Sequence[Span],
    on_event: OnEvent = ignore,
) -> Judgement:
    """What each window says of the probe; without a calibration the yes or no alone counts."""
    found = signals(model, tokenizer, memory, probe, windows, on_event)
    yes = found[:, 0]
    if calibration is None or not probe.phrase:
        return Judgement(torch.full_like(yes, -torch.inf), yes, torch.zeros_like(yes, dtype=torch.bool))
    found = compared(found, calibration.usual)
    heading = weighed(found, calibration.heading)
    line = weighed(found, calibration.word if probe.whole else calibration.line)
    least = torch.minimum(found[:, _COLUMNS["heading_worst"]], found[:, _COLUMNS["heading_end"]])
    return Judgement(heading, torch.maximum(heading, line), least >= _WHOLLY)


def compared(found: Tensor, usual: Mapping[str, float]) -> Tensor:
    """Signals of all windows of a video with those that say how far a window stands out from the others.

    Some words are likely to be read anywhere, and others nowhere: what the windows without them say is the measure.
    """
    found = found.clone()
    for name, own in _ABOVE.items():
        values = found[:, _COLUMNS[own]]
        others = torch.cat((values, values.new_full((_USUAL_WINDOWS,), usual[own])))
        found[:, _COLUMNS[name]] = values - others.quantile(_BOTTOM)
    return found


def weighed(found: Tensor, weights: Mapping[str, float]) -> Tensor:
    """The log-odds (windows,) that weights make of signals (windows, signals)."""
    total = torch.full((len(found),), weights["constant"])
    for name, column in _COLUMNS.items():
        total += weights.get(name, 0.0) * found[:, column]
    return total


@torch.inference_mode()
def signals(
    model: Vamba,
    tokenizer: Tokenizer,
    memory: VideoMemory,
    probe: Probe,
    windows: Sequence[Span],
    on_event: OnEvent = ignore,
) -> Tensor:
    """(windows, signals) float32 on the CPU, in the order of `SIGNALS`; without a phrase only the first is not 0.

    Those that compare windows are left to `compared`.
    """
    found = torch.zeros(len(windows), len(_COLUMNS))
    yes, no = tokenizer.yes_no_ids
    questions = [probe.question_of(window) if probe.question_of else probe.question for window in windows]
    prompts = {question: tokenizer.encode_prompt(question) for question in dict.fromkeys(questions)}
    heading, line, whole = (
        _Wanted.of(tokenizer, question, probe.phrase) for question in (probe.reading, probe.finding, probe.whole)
    )
    split = max(1, min(len(tokenizer.encode(probe.beginning)), len(tokenizer.encode(probe.phrase)) - 1))
    asked = [one.prompt + one.phrase for one in (heading, line, whole) if probe.phrase]
    longest_prompt = max(map(len, (*prompts.values(), *asked)))
    done = 0
    most_tokens, most_windows = read_at_once(model, memory)
    for batch in batches(windows, memory.tokens_per_pair, most_tokens, longest_prompt, most_windows):
        video = MemoryView(model, memory, [windows[i] for i in batch])
        rows = [prompts[questions[i]] for i in batch]
        longest = max(map(len, rows))
        ids = upload_ids([row + [tokenizer.end_id] * (longest - len(row)) for row in rows], model.device)
        ends = torch.tensor([len(row) - 1 for row in rows], device=model.device)
        hidden = model.decode(ids, video)  # causal: what is padded on behind does not reach back to a prompt's end
        logits = model.logits(hidden[torch.arange(len(batch), device=model.device), ends]).float()
        parts = [logits[:, yes] - logits[:, no]]
        if probe.phrase:
            letters, end = heading.likelihood(model, video, len(batch))
            parts += [letters.mean(1), letters.amin(1), end]
            letters, _ = line.likelihood(model, video, len(batch))
            parts += [letters[:, :split].mean(1), letters[:, split:].mean(1), letters.amin(1)]
            parts.append(torch.full_like(end, math.log(letters.shape[1])))
        if probe.whole:
            letters, _ = whole.likelihood(model, video, len(batch))
            parts.append(letters.mean(1))
        found[batch, : len(parts)] = torch.stack(parts, dim=1).cpu()
        done += len(batch)
        on_event(WindowsProgress(done, len(windows)))
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Token ids of a question and of the phrase as its answer, in the user's capitals and in the opposite ones."""

    prompt: list[int]
    phrase: list[int]
    swapped: list[int]

    @staticmethod
    def of(tokenizer: Tokenizer, question: str, text: str) -> "_Wanted":
        phrase, swapped = tokenizer.encode(text), tokenizer.encode(text.swapcase())
        if len(swapped) != len(phrase):  # "ß", or a tokenizer of whole words: no letter-by-letter twin
            swapped = phrase
        end = [tokenizer.end_id]
        return _Wanted(tokenizer.encode_prompt(question), phrase + end, swapped + end)

    def likelihood(self, model: Vamba, video: View, batch: int) -> tuple[Tensor, Tensor]:
        """Log-probabilities (batch, phrase) of the phrase's tokens in whatever capitals, and (batch,) of its end."""
        ids = upload_ids([self.prompt + self.phrase[:-1]] * batch, model.device)
        hidden = model.decode(ids, video)[:, len(self.prompt) - 1 :]
        rows = max(1, _LOGITS // (len(self.phrase) * model.config.vocab_size))
        best = torch.cat([self._best(model.logits(part).float().log_softmax(-1)) for part in hidden.split(rows)])
        return best[:, :-1], best[:, -1]

    def _best(self, log_p: Tensor) -> Tensor:
        """Of the log-probabilities (batch, phrase, vocab) those of the phrase, in the capitals that are likelier."""
        place = torch.arange(len(self.phrase), device=log_p.device)
        return torch.maximum(log_p[:, place, self.phrase], log_p[:, place, self.swapped]).clamp(min=_LEAST)
