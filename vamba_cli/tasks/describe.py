"""Parts of a video in a model's own words, each from its own window and what is said in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from vamba_cli.engine.events import OnEvent, WindowsProgress
from vamba_cli.engine.generate import Generated, Span, generate, generate_each
from vamba_cli.engine.session import Session
from vamba_cli.tasks.speech import lines_for_prompt, prompt_with_lines

_LINE_CHARACTERS = 4000  # of what is said, in the prompt of one part


@dataclass(frozen=True, slots=True)
class Part:
    """A half-open span of time and the frame pairs that show it."""

    start_seconds: float
    end_seconds: float
    pairs: Span


def describe(
    session: Session, request: str, parts: Sequence[Part], max_new_tokens: int, on_event: OnEvent
) -> list[Generated]:
    """What the model answers to a request about each part, the lines that are said in it at hand."""
    ready, memory = session.ready, session.memory
    if not session.subtitles.lines:
        windows = [part.pairs for part in parts]
        return generate_each(ready.model, ready.tokenizer, memory, request, windows, max_new_tokens, on_event)
    answers = []
    for number, part in enumerate(parts, 1):
        lines = session.subtitles.between(part.start_seconds, part.end_seconds)
        prompt = prompt_with_lines(request, lines_for_prompt(lines, most_characters=_LINE_CHARACTERS))
        answers.append(
            generate(ready.model, ready.tokenizer, memory, prompt, window=part.pairs, max_new_tokens=max_new_tokens)
        )
        on_event(WindowsProgress(number, len(parts)))
    return answers
