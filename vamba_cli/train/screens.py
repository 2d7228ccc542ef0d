"""Recorded screens: terminals, editors and browsers. They have lines of text, and no title of a slide."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from vamba_cli.train.blocks import Pen, paragraph
from vamba_cli.train.canvas import Box, Colour, Run
from vamba_cli.train.themes import WHITE, legible, mix

_DARK: tuple[Colour, ...] = ((12, 12, 12), (30, 30, 30), (40, 44, 52), (0, 43, 54), (48, 10, 36))
_INKS: tuple[Colour, ...] = ((220, 220, 220), (120, 200, 120), (110, 170, 240), (230, 200, 120), (220, 120, 160))


def draw_screen(pen: Pen) -> None:
    """A window that fills the slide area, under a bar with buttons; its caption is no line of the content."""
    frame, rng, unit = pen.canvas.frame, pen.rng, pen.canvas.scale
    kind = rng.choice(("terminal", "editor", "browser"))
    is_dark = rng.random() < (0.2 if kind == "browser" else 0.75)
    ground = rng.choice(_DARK) if is_dark else WHITE
    chrome = mix(ground, (128, 128, 128), rng.uniform(0.15, 0.5))
    pen.canvas.draw.rectangle(frame, fill=ground)
    has_bar = kind == "browser" or rng.random() < 0.85
    area = _title_bar(pen, frame, chrome, kind) if has_bar else frame
    if kind == "editor":
        area = _side_bar(pen, area, chrome)
    area = area.inset(5 * unit, 3 * unit)
    if kind == "browser":
        _page(pen, area, ground)
    else:
        _lines(pen, area, ground, numbered=kind == "editor" and rng.random() < 0.7)


def _title_bar(pen: Pen, frame: Box, chrome: Colour, kind: str) -> Box:
    """The bar of a window: buttons, and a caption, tabs or an address."""
    rng, unit, draw = pen.rng, pen.canvas.scale, pen.canvas.draw
    bar = frame._replace(bottom=frame.top + unit * rng.uniform(13, 20))
    draw.rectangle(bar, fill=chrome)
    middle, radius = (bar.top + bar.bottom) / 2, 2.6 * unit
    left = frame.left if rng.random() < 0.6 else frame.right - 36 * unit
    for index, colour in enumerate(((255, 95, 86), (255, 189, 46), (39, 201, 63))):
        x = left + (9 + 10 * index) * unit
        draw.ellipse((x - radius, middle - radius, x + radius, middle + radius), fill=colour)
    face = pen.book.face(pen.theme.body_type, unit * rng.uniform(8, 9.5))
    caption = pen.words.url() if kind == "browser" else f"{pen.words.identifier()}: {pen.words.path()}"
    text = pen.fitted(face, caption, bar.width - 90 * unit)
    if text:
        run = Run(face, text, legible((90, 90, 90), chrome, 0.4))
        pen.canvas.text(frame.left + 48 * unit, middle + 0.34 * face.size, [run], record=False, over=True)
    pen.canvas.claim(bar)
    return frame._replace(top=bar.bottom)


def _side_bar(pen: Pen, area: Box, chrome: Colour) -> Box:
    """The files of a project, beside the text."""
    if pen.rng.random() < 0.4:
        return area
    unit = pen.canvas.scale
    box = area._replace(right=area.left + area.width * pen.rng.uniform(0.14, 0.22))
    pen.canvas.draw.rectangle(box, fill=chrome)
    face = pen.book.face(pen.theme.body_type, 8.5 * unit)
    ink = legible((90, 90, 90), chrome, 0.4)
    baseline = box.top + 1.6 * face.size
    for _ in range(pen.rng.randint(4, 18)):
        text = face.typeface.clean(pen.words.identifier())
        if face.width(text) < 0.8 * box.width and baseline < box.bottom - face.size:
            pen.canvas.text(box.left + 6 * unit, baseline, [Run(face, text, ink)])
        baseline += 1.5 * face.size
    pen.canvas.claim(box)
    return area._replace(left=box.right)


def _lines(pen: Pen, area: Box, ground: Colour, numbered: bool) -> None:
    """A program or the dialogue of a shell, in a typewriter face."""
    rng = pen.rng
    face = pen.book.face(pen.theme.mono_type, pen.canvas.scale * rng.triangular(8, 14, 9.5))
    plain = legible(_INKS[0] if ground != WHITE else (20, 20, 20), ground, 0.5)
    gutter = 2.6 * face.size if numbered else 0.0
    baseline = area.top + 1.1 * face.size
    for number, line in enumerate(islice(pen.words.code_lines(), rng.randint(3, 58)), 1):
        if baseline > area.bottom - 0.4 * face.size:
            return
        text = face.typeface.clean(line).rstrip()
        while text and face.width(text) > area.width - gutter:
            text = text[:-4].rstrip()
        if numbered:
            pen.line(face, str(number), area.left, baseline, mix(plain, ground, 0.5), record=False)
        if text and rng.random() < 0.9:
            indent = face.width(" " * (len(text) - len(text.lstrip())))
            ink = legible(rng.choice(_INKS), ground, 0.3) if rng.random() < 0.4 else plain
            pen.canvas.text(area.left + gutter + indent, baseline, [Run(face, text.lstrip(), ink)])
        baseline += 1.25 * face.size


def _page(pen: Pen, area: Box, ground: Colour) -> None:
    """Paragraphs of a web page."""
    ink = legible((30, 30, 30), ground, 0.5)
    accent = legible(pen.theme.accent, ground, 0.35)
    pen = replace(pen, theme=replace(pen.theme, ink=ink, background=ground, accent=accent))
    face = pen.face()
    while area.height > 4 * face.size:
        if pen.rng.random() < 0.4:
            pen.line(face, pen.fitted(face, pen.words.line(70), area.width), area.left, area.top + face.size, ink)
            area = area._replace(top=area.top + 1.6 * face.size)
        else:
            area = area._replace(top=paragraph(pen, area, "left", 6) + pen.rng.uniform(0.2, 1.2) * face.size)
