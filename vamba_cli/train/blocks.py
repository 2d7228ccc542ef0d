"""Text on slides: bullets, numbered lists, paragraphs, programs, tables, formulas."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import islice

from vamba_cli.train.canvas import Box, Canvas, Colour, Run
from vamba_cli.train.faces import Face, FontBook
from vamba_cli.train.setting import aligned, emphasised, wrap
from vamba_cli.train.themes import WHITE, Theme, legible, luminance, mix, vivid
from vamba_cli.train.words import WordSource

_CODE_INKS: tuple[Colour, ...] = ((0, 0, 160), (0, 110, 0), (160, 0, 0), (120, 0, 120), (150, 90, 0))


@dataclass(frozen=True, slots=True)
class Pen:
    """All that drawing content needs, passed around as one."""

    canvas: Canvas
    theme: Theme
    words: WordSource
    rng: random.Random
    book: FontBook

    def face(self, share: float = 1.0) -> Face:
        """The body face at a share of the theme's size, never below its smallest."""
        size = max(self.theme.body_size * share, self.theme.small_size)
        return self.book.face(self.theme.body_type, size, self.theme.shaped)

    def line(
        self, face: Face, text: str, left: float, baseline: float, ink: Colour | None = None, record: bool = True
    ) -> bool:
        """One line in one face; False when it did not fit. Unless `record`, it is no line of the slide."""
        text = face.typeface.clean(text)
        return bool(text.strip()) and self.canvas.text(left, baseline, [Run(face, text, ink or self.theme.ink)], record)

    def label(self, face: Face, room: float) -> str:
        """A short label no wider than `room`, at worst a number."""
        for _ in range(4):
            text = self.fitted(face, self.words.label(), room)
            if text:
                return text
        return str(self.rng.randint(0, 9))

    def centred(self, face: Face, text: str, slot: Box, baseline: float, ink: Colour | None = None) -> None:
        """One line in the middle of a slot, cut at a word to fit its width."""
        text = self.fitted(face, text, slot.width)
        if text:
            self.line(face, text, aligned(slot, face.centres(text)[0], "centre"), baseline, ink)

    def fitted(self, face: Face, text: str, room: float) -> str:
        """The text cut at a word so that it is no wider than `room`; possibly empty."""
        text = face.typeface.clean(text)
        while text and face.width(text) * 1.04 > room:
            text = text.rpartition(" ")[0]
        return text


@dataclass(frozen=True, slots=True)
class _Row:
    """One set line of a list: its text, face, indent in canvas pixels, and the mark that starts an item."""

    text: str
    face: Face
    indent: float
    mark: str
    gap: float


def bullets(pen: Pen, area: Box) -> None:
    """A list with marks or numbers, some items with items below them, wrapped to the width of the area."""
    rng, theme = pen.rng, pen.theme
    numbered = rng.random() < 0.15
    is_full = rng.random() < 0.12  # a table of contents, or a slide that says it all
    rows: list[_Row] = []
    used, number = 0.0, 0
    room = area.height - 0.4 * theme.body_size
    wanted = 20 if is_full else rng.choice((1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 10, 12))
    alike = pen.words.title() if rng.random() < 0.08 else ""
    for _ in range(wanted):
        level = 0 if not rows or rng.random() < 0.68 else rng.choice((1, 1, 2))
        number += level == 0
        alike = alike and pen.words.varied(alike)
        mark = f"{number}." if numbered and level == 0 else theme.bullet
        item = _item(pen, area, level, mark, alike or _words(pen, brief=is_full))
        height = sum(row.gap for row in item)
        if used + height > room:
            break
        rows += item
        used += height
    spare = max(0.0, room - used)
    top = area.top + (spare / 2 if theme.is_centred else rng.random() * 0.15 * spare)
    ink = theme.accent if is_full and rng.random() < 0.4 else theme.ink  # contents are links
    _draw_rows(pen, area, rows, top, ink, balls=rng.random() < 0.5)


def _words(pen: Pen, brief: bool) -> str:
    """What one item of a list says; where it is brief, mostly what could be a title."""
    rng = pen.rng
    text = pen.words.title() if brief and rng.random() < 0.6 else pen.words.line(rng.choice((30, 60, 100)))
    if rng.random() < (0.1 if brief else 0.3):
        text = f"{text}{rng.choice((', ', ': ', ' – ', ' and ', '; '))}{pen.words.line(80)}"
    return text


def _item(pen: Pen, area: Box, level: int, mark: str, text: str) -> list[_Row]:
    """One item of a list, broken into lines."""
    rng, theme = pen.rng, pen.theme
    face = pen.face((1, 0.9, 0.82)[level])
    step = (0.6 if mark == "none" else 1.5) * theme.body_size
    indent = step * (level + 1)
    lines = wrap(face, face.typeface.clean(text), area.width - indent - 0.06 * area.width)
    leading = face.size * theme.spacing
    extra = rng.choice((0.0, 0.1, 0.35)) * face.size
    return [
        _Row(line, face, indent, "" if index else mark, leading + (0 if index else extra))
        for index, line in enumerate(lines[:4])
    ]


def _draw_rows(pen: Pen, area: Box, rows: list[_Row], top: float, ink: Colour, balls: bool) -> None:
    """Rows from the top down; numbers stand as they are, or white in a coloured ball."""
    theme = pen.theme
    baseline = top
    for row in rows:
        baseline += row.gap
        left = area.left + row.indent
        if row.mark[:1].isdigit() and not balls:
            runs = [Run(row.face, f"{row.mark} ", theme.accent), Run(row.face, row.text, ink)]
            left -= row.face.centres(runs[0].text)[0]
        else:
            runs = emphasised(row.text, row.face, ink, theme, pen.book, pen.rng)
        if not runs or not pen.canvas.text(left, baseline, runs):
            continue
        if row.mark and not row.mark[:1].isdigit():
            _mark(pen, row.mark, left - 0.75 * row.face.size, baseline - 0.33 * row.face.size, row.face.size)
        elif row.mark and balls:
            _numbered_ball(pen, row.mark.rstrip("."), left - 0.9 * row.face.size, baseline, row.face)


def _numbered_ball(pen: Pen, number: str, x: float, baseline: float, face: Face) -> None:
    """A number in a filled circle, as beamer sets enumerations; it is no part of the line's text."""
    colour = legible(pen.theme.accent, pen.theme.background, 0.3)
    small = pen.book.face(face.typeface, 0.66 * face.size)
    y, radius = baseline - 0.33 * face.size, 0.5 * face.size
    pen.canvas.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    width = small.centres(number)[0]
    run = Run(small, number, legible(WHITE, colour, 0.35))
    pen.canvas.text(x - width / 2, y + 0.36 * small.size, [run], record=False, over=True)


def _mark(pen: Pen, kind: str, x: float, y: float, size: float) -> None:
    """The mark in front of an item, centred on (x, y)."""
    draw, colour, radius = pen.canvas.draw, pen.theme.accent, 0.17 * size
    box = (x - radius, y - radius, x + radius, y + radius)
    if kind in {"disc", "ball"}:
        draw.ellipse(box, fill=colour)
        if kind == "ball":
            draw.ellipse((x - radius / 2, y - radius / 2, x, y), fill=mix(colour, WHITE, 0.7))
    elif kind == "square":
        draw.rectangle(box, fill=colour)
    elif kind == "ring":
        draw.ellipse(box, outline=colour, width=max(1, round(size / 14)))
    elif kind in {"triangle", "arrow"}:
        draw.polygon(((x - radius, y - radius), (x + radius, y), (x - radius, y + radius)), fill=colour)
    elif kind == "dash":
        draw.line((x - 1.4 * radius, y, x + 1.4 * radius, y), fill=colour, width=max(1, round(size / 14)))


def paragraph(pen: Pen, area: Box, align: str | None = None, max_lines: int = 12) -> float:
    """Running text; returns where it ends."""
    rng, theme = pen.rng, pen.theme
    face = pen.face(rng.uniform(0.9, 1.25))
    align = align or rng.choice(("left", "left", "centre"))
    text = ". ".join(pen.words.line() for _ in range(rng.randint(1, 4)))
    lines = wrap(face, face.typeface.clean(text), 0.95 * area.width)[:max_lines]
    leading = face.size * theme.spacing
    baseline = area.top + face.size
    for line in lines:
        if baseline > area.bottom - 0.3 * face.size:
            break
        left = aligned(area, face.centres(line)[0], align)
        pen.canvas.text(
            left,
            baseline,
            emphasised(line, face, theme.ink, theme, pen.book, rng)
            if align == "left"
            else [Run(face, line, theme.ink)],
        )
        baseline += leading
    return baseline


def program(pen: Pen, area: Box) -> None:
    """A listing or a terminal, plain or in a frame, light or dark, often with coloured words."""
    rng, theme = pen.rng, pen.theme
    is_long = rng.random() < 0.45  # the whole file, as small as it takes
    size = max(theme.body_size * rng.uniform(0.7, 1), pen.theme.small_size)
    if is_long:
        size = pen.canvas.scale * rng.triangular(7, 11, 8)
    face = pen.book.face(theme.mono_type, size)
    leading = size * rng.uniform(1.1, 1.4)
    style = rng.choice(("plain", "plain", "light", "dark", "frame"))
    ground = {"light": mix(theme.background, (128, 128, 128), 0.15), "dark": (30, 32, 40)}.get(style, theme.background)
    if style in {"light", "dark"}:
        pen.canvas.draw.rectangle(area, fill=ground)
    elif style == "frame":
        pen.canvas.draw.rectangle(area, outline=theme.accent, width=max(1, round(pen.canvas.scale)))
    ink = legible(theme.ink if style != "dark" else (220, 220, 220), ground, 0.45)
    coloured = rng.random() < 0.6
    baseline = area.top + 0.4 * size + leading
    for line in islice(pen.words.code_lines(), 80 if is_long else rng.randint(3, 22)):
        if baseline > area.bottom - 0.5 * size:
            break
        text = face.typeface.clean(line).rstrip()
        left = area.left + 0.7 * size
        while text and left + face.width(text) > area.right - 0.4 * size:
            text = text[:-4].rstrip()
        if text and rng.random() < 0.92:
            shade = legible(rng.choice(_CODE_INKS), ground, 0.3) if coloured and rng.random() < 0.5 else ink
            indent = len(text) - len(text.lstrip())
            head, _, tail = text.lstrip().partition(" ")
            runs = [Run(face, head, shade)] + ([Run(face, f" {tail}", ink)] if tail else [])
            pen.canvas.text(left + face.width(" " * indent), baseline, runs)
        baseline += leading


def table(pen: Pen, area: Box) -> None:
    """Rows and columns of labels and numbers, with rules, bands or a full grid."""
    rng, theme, draw = pen.rng, pen.theme, pen.canvas.draw
    face = pen.face(rng.uniform(0.75, 1))
    columns, rows = rng.randint(2, 6), rng.randint(2, 9)
    is_memory = rng.random() < 0.2  # cells of a byte, bits, a truth table
    if is_memory:
        columns, rows = rng.randint(5, 17), rng.randint(2, 24)
    width = min(
        area.width * rng.uniform(0.6, 1), columns * face.size * rng.uniform(*((1.9, 4) if is_memory else (6, 12)))
    )
    left = aligned(area, width, rng.choice(("left", "centre")))
    step = face.size * rng.uniform(1.35, 1.9)
    rows = min(rows, int((area.height - 0.3 * face.size) / step))
    style = rng.choice(("grid", "rules", "bands", "bare"))
    pale = mix(theme.background, theme.accent, 0.15)
    head = legible(theme.bar or theme.accent, theme.background, 0.15) if style == "bands" else theme.background
    thin = max(1, round(pen.canvas.scale * 0.7))
    numeric = rng.random() < 0.6
    for row in range(rows):
        top = area.top + row * step
        ground = head if row == 0 else (pale if style == "bands" and row % 2 else theme.background)
        if ground != theme.background:
            draw.rectangle((left, top, left + width, top + step), fill=ground)
        if style == "grid" or (style == "rules" and row in {0, 1, rows - 1}):
            draw.line((left, top, left + width, top), fill=theme.ink, width=thin)
        for column in range(columns):
            cell = left + width * column / columns
            room = width / columns - (0.3 if is_memory else 0.8) * face.size
            is_number = numeric and row and column
            if is_memory:
                text = f"{rng.randrange(256):02X}" if rng.random() < 0.8 else ""
            else:
                text = pen.fitted(face, pen.words.number(), room) if is_number else pen.label(face, room)
            ink = legible(theme.ink if luminance(ground) > 0.5 or theme.is_dark else WHITE, ground, 0.4)
            indent = (0.15 if is_memory else 0.4) * face.size
            pen.line(face, text, cell + indent, top + step / 2 + 0.33 * face.size, ink, record=not is_memory)
    if style in {"grid", "rules"}:
        draw.line((left, area.top + rows * step, left + width, area.top + rows * step), fill=theme.ink, width=thin)
    if style == "grid":
        for column in range(columns + 1):
            across = left + width * column / columns
            draw.line((across, area.top, across, area.top + rows * step), fill=theme.ink, width=thin)


def formulas(pen: Pen, area: Box) -> None:
    """A few lines of mathematics between lines of prose."""
    rng = pen.rng
    face = pen.face(rng.uniform(1, 1.5))
    baseline = area.top + face.size
    for _ in range(rng.randint(1, 5)):
        if baseline > area.bottom - face.size:
            return
        is_prose = rng.random() < 0.4
        text = pen.fitted(face, pen.words.line(60) if is_prose else pen.words.formula(), 0.95 * area.width)
        if text:
            pen.line(face, text, aligned(area, face.centres(text)[0], "left" if is_prose else "centre"), baseline)
        baseline += face.size * rng.uniform(1.4, 2.4)


def block(pen: Pen, area: Box) -> None:
    """A coloured box with a heading, such as a theorem or an alert, and text in it."""
    rng, theme, draw = pen.rng, pen.theme, pen.canvas.draw
    face = pen.face()
    base = vivid(rng) if rng.random() < 0.5 else theme.accent
    heading = legible(base, theme.background, 0.15)
    height = min(area.height, face.size * rng.uniform(4, 9))
    split = area.top + 1.6 * face.size
    draw.rectangle((area.left, area.top, area.right, split), fill=heading)
    pale = mix(theme.background, base, 0.1)
    draw.rectangle((area.left, split, area.right, area.top + height), fill=pale)
    name = rng.choice(("Definition", "Theorem", "Example", "Note", "Remark", "Question", "Warning", "Proof"))
    title = pen.fitted(
        face, rng.choice((name, f"{name} ({pen.words.term()})", pen.words.title())), area.width - 1.5 * face.size
    )
    pen.line(face, title, area.left + 0.6 * face.size, area.top + 1.12 * face.size, legible(WHITE, heading, 0.4))
    paragraph(pen, Box(area.left + 0.6 * face.size, split, area.right, area.top + height), "left", 6)
    rest = area._replace(top=area.top + height + 0.5 * face.size)
    if rest.height > 3 * face.size and rng.random() < 0.7:
        bullets(pen, rest)
