"""Setting type: breaking text into lines, emphasis inside a line, small capitals, and titles."""

from __future__ import annotations

import random
from collections.abc import Iterator

from vamba_cli.train.canvas import Box, Canvas, Colour, Run
from vamba_cli.train.faces import Face, FontBook, Typeface
from vamba_cli.train.themes import Theme, draw_bar, legible, mix
from vamba_cli.train.words import WordSource

_MAX_TITLE_LINES = 2


def wrap(face: Face, text: str, room: float) -> list[str]:
    """The text broken at spaces into lines no wider than `room` canvas pixels; [] when one word alone is wider."""
    space = face.width(" ")
    lines: list[str] = []
    words: list[str] = []
    used = 0.0
    for word in text.split():
        width = face.width(word)
        if width > room:
            return []
        if words and used + space + width > room:
            lines.append(" ".join(words))
            words, used = [], 0.0
        used += width + (space if words else 0)
        words.append(word)
    return [*lines, " ".join(words)] if words else lines


def emphasised(text: str, face: Face, colour: Colour, theme: Theme, book: FontBook, rng: random.Random) -> list[Run]:
    """A line as runs; now and then some of its words stand out by colour, weight, slant or a typewriter face."""
    words = text.split(" ")
    if rng.random() > 0.18 or len(words) < 2:
        return [Run(face, text, colour)]
    first = rng.randrange(len(words))
    last = min(len(words), first + rng.randint(1, 3))
    before, middle, after = " ".join(words[:first]), " ".join(words[first:last]), " ".join(words[last:])
    kind = rng.random()
    other, shade = face, colour
    if kind < 0.35:
        shade = theme.accent
    elif kind < 0.75:
        other = book.face(theme.strong_type, face.size, theme.shaped)
    else:
        other = book.face(theme.mono_type, face.size * 0.95)
    middle = other.typeface.clean(middle)
    runs = [Run(face, f"{before} ", colour)] if before else []
    runs += [Run(other, middle, shade)] if middle else []
    return runs + ([Run(face, f" {after}", colour)] if after else [])


def small_capitals(text: str, face: Face, colour: Colour, book: FontBook) -> list[Run]:
    """The text with small capitals for its lower-case letters; it still reads as the lower-case letters."""
    small = book.face(face.typeface, face.size * 0.8)
    runs: list[Run] = []
    for piece, is_small in _pieces(text):
        upper = piece.upper()
        if is_small and len(upper) == len(piece):
            runs.append(Run(small, upper, colour, label=piece))
        else:
            runs.append(Run(face, piece, colour))
    return runs


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Stretches of a text that are, or are not, lower-case letters."""
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or text[index].islower() != text[start].islower():
            yield text[start:index], text[start].islower()
            start = index


def fit_title(
    text: str, theme: Theme, book: FontBook, room: float, max_lines: int = _MAX_TITLE_LINES
) -> tuple[Face, list[str]]:
    """A face no larger than the theme's and the title's lines in it; no lines when it fits at no legible size."""
    if theme.capitals == "upper":
        text = text.upper()
    smallest = max(0.55 * theme.title_size, theme.small_size * 1.4)
    text = theme.title_type.clean(text)
    return fit_lines(text, book, theme.title_type, (theme.title_size, smallest), room, max_lines, theme.shaped)


def fit_lines(
    text: str,
    book: FontBook,
    typeface: Typeface,
    sizes: tuple[float, float],
    room: float,
    max_lines: int,
    shaped: bool = False,
) -> tuple[Face, list[str]]:
    """A face between the largest and the smallest of the sizes and the text's lines in it; no lines where none fits."""
    size, smallest = sizes
    while True:
        face = book.face(typeface, size, shaped)
        lines = wrap(face, text, room)
        if lines and len(lines) <= max_lines:
            return face, lines
        size *= 0.88
        if size < smallest:
            return face, []


def draw_title(
    canvas: Canvas,
    area: Box,
    text: str,
    theme: Theme,
    rng: random.Random,
    book: FontBook,
    words: WordSource | None = None,
) -> Box | None:
    """The title at the top of an area, with its bar or rule; returns what is left below, None if it does not fit.

    With `words`, a smaller line may follow it, which is no part of the title.
    """
    margin = theme.margin * canvas.frame.width
    face, lines = fit_title(text, theme, book, area.width - 2 * margin)
    if not lines:
        return None
    pad = face.size * (rng.uniform(0.25, 0.6) if theme.bar else rng.uniform(0.05, 1.1))
    if theme.bar is None and rng.random() < 0.15:
        pad = face.size * rng.uniform(1.1, 2.0)
    leading = face.size * rng.uniform(1.08, 1.3)
    subtitle = _subtitle(words, theme, book, rng, face, area.width - 2 * margin) if words else None
    below = 1.25 * subtitle[0].size if subtitle else 0.0
    bottom = area.top + 2 * pad + 0.95 * face.size + leading * (len(lines) - 1) + below
    if theme.bar is not None:
        left = area.left + (margin * 0.6 if rng.random() < 0.1 else 0)
        draw_bar(canvas, Box(left, area.top, area.right, bottom), theme.bar, rng)
    drawn = []
    for index, line in enumerate(lines):
        baseline = area.top + pad + 0.78 * face.size + leading * index
        runs = [Run(face, line, theme.title_ink)]
        if theme.capitals == "small":
            runs = small_capitals(line, face, theme.title_ink, book)
        left = aligned(area.inset(margin, 0), sum(run.face.centres(run.text)[0] for run in runs), theme.align)
        if not canvas.text(left, baseline, runs, record=False):
            return None
        drawn.append(line)
    canvas.title = " ".join(drawn)
    if len(lines) == 1 and theme.capitals != "small" and rng.random() < 0.025:
        _footnote_mark(canvas, (left, baseline), area.right, face, lines[0], theme, rng, book)
    if subtitle:
        left = aligned(area.inset(margin, 0), subtitle[0].centres(subtitle[1])[0], theme.align)
        canvas.text(left, baseline + 1.2 * subtitle[0].size, [Run(*subtitle, theme.title_ink)])
    if theme.rule:
        down = bottom - pad * 0.4
        colour = legible(mix(theme.accent, theme.background, 0.2), theme.background, 0.2)
        right = area.right - margin if rng.random() < 0.7 else area.left + area.width * rng.uniform(0.3, 0.8)
        canvas.draw.line(
            (area.left + margin, down, right, down),
            fill=colour,
            width=max(1, round(canvas.scale * rng.uniform(0.5, 2))),
        )
    return area._replace(top=bottom + 0.02 * area.height)


def _subtitle(
    words: WordSource, theme: Theme, book: FontBook, rng: random.Random, title: Face, room: float
) -> tuple[Face, str] | None:
    """A smaller line below some titles, such as the part of a topic; None for most."""
    face = book.face(theme.body_type, max(title.size * rng.uniform(0.55, 0.75), theme.small_size))
    if rng.random() > 0.07 or face.size > 0.8 * title.size:
        return None
    text = face.typeface.clean(words.line(50))
    return (face, text) if text and face.width(text) * 1.05 < room else None


def _footnote_mark(
    canvas: Canvas,
    start: tuple[float, float],
    edge: float,
    face: Face,
    line: str,
    theme: Theme,
    rng: random.Random,
    book: FontBook,
) -> None:
    """A small raised number behind a title; text taken from documents has it as a word of its own."""
    small = book.face(face.typeface, 0.62 * face.size)
    right = start[0] + face.centres(line)[0] + 0.05 * face.size
    number = small.typeface.clean(str(rng.randint(1, 9)))
    baseline = start[1] - 0.38 * face.size
    run = Run(small, number, theme.title_ink)
    if number and right + small.size < edge and canvas.text(right, baseline, [run], record=False, over=True):
        canvas.title = f"{canvas.title} {number}"


def aligned(area: Box, width: float, align: str) -> float:
    """Left end of a line of some width within an area."""
    spare = max(0.0, area.width - width)
    return area.left + {"left": 0.0, "centre": spare / 2, "right": spare}[align]
