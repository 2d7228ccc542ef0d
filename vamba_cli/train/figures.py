"""What is not text on slides: plots, diagrams, pictures, logos, a presenter. All claim their place on the canvas."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vamba_cli.train.blocks import Pen
from vamba_cli.train.canvas import Box, Canvas, Colour, Run
from vamba_cli.train.faces import Face
from vamba_cli.train.setting import wrap
from vamba_cli.train.themes import WHITE, legible, luminance, mix, vivid


class Textures:
    """Picture-like images: smooth noise at several scales made once, and photographs where there are any."""

    def __init__(self, seed: int, size: tuple[int, int], photos: Sequence[Path] = (), count: int = 20) -> None:
        generator = np.random.default_rng(seed)
        self._images = [_texture(generator, size) for _ in range(count)]
        self._photos = [Image.open(path).convert("RGB") for path in photos]

    def picture(self, rng: random.Random, width: int, height: int) -> Image.Image:
        """A random part of a random photograph or texture, flipped or not, at a size in pixels."""
        image = rng.choice(self._photos if self._photos and rng.random() < 0.6 else self._images)
        across, down = (rng.uniform(0.4, 1) * length for length in image.size)
        left, top = rng.random() * (image.width - across), rng.random() * (image.height - down)
        part = image.resize(
            (max(1, width), max(1, height)), Image.Resampling.BILINEAR, (left, top, left + across, top + down)
        )
        return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else part


def _texture(generator: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """One texture: octaves of noise over a gradient, in a narrow or a wide range of colours."""
    width, height = size
    total: npt.NDArray[np.float32] = np.zeros((height, width, 3), np.float32)
    persistence = generator.uniform(0.35, 0.75)
    for octave in range(6):
        cells = (int(3 * 2**octave), int(2 * 2**octave), 3)
        noise = generator.integers(0, 256, (cells[1], cells[0], 3), dtype=np.uint8)
        if generator.random() < 0.6:
            noise = np.repeat(noise[..., :1], 3, axis=2)
        layer = Image.fromarray(noise).resize(
            size, Image.Resampling.BICUBIC if octave < 4 else Image.Resampling.BILINEAR
        )
        total += (np.asarray(layer, np.float32) - 128) * persistence**octave
    tint = generator.uniform(30, 225, 3).astype(np.float32)
    gradient = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None] * generator.uniform(-60, 60, 3).astype(
        np.float32
    )
    return Image.fromarray(np.clip(total * generator.uniform(0.4, 1.1) + tint + gradient, 0, 255).astype(np.uint8))


def picture(pen: Pen, area: Box, textures: Textures) -> None:
    """An image or a few, with or without a caption."""
    rng = pen.rng
    face = pen.face(0.8)
    caption = 1.5 * face.size if rng.random() < 0.5 and area.height > 6 * face.size else 0.0
    count = rng.choice((1, 1, 1, 2, 3))
    width = area.width / count * rng.uniform(0.5, 0.92)
    height = (area.height - caption) * rng.uniform(0.6, 1)
    for index in range(count):
        left = area.left + area.width * index / count + (area.width / count - width) / 2
        box = Box(left, area.top, left + width, area.top + height)
        pen.canvas.image.paste(textures.picture(rng, round(width), round(height)), (round(left), round(area.top)))
        if rng.random() < 0.3:
            _shapes(pen, box)
        if rng.random() < 0.25:
            _wording(pen, box)
        pen.canvas.claim(box)
        if caption and (index == 0 or rng.random() < 0.6):
            text = rng.choice((f"Figure {rng.randint(1, 20)}: {pen.words.line()}", pen.words.line(60)))
            slot = box._replace(left=left - 0.04 * area.width / count, right=left + width + 0.04 * area.width / count)
            pen.centred(face, text, slot, area.top + height + 1.1 * face.size)


def _wording(pen: Pen, box: Box) -> None:
    """Large words on a picture, as on signs, posters and packets: alone or on a coloured ground."""
    rng = pen.rng
    typeface = rng.choice((pen.theme.strong_type, pen.theme.title_type, pen.theme.body_type))
    face = pen.book.face(typeface, rng.uniform(0.9, 2.2) * pen.theme.body_size, pen.theme.shaped)
    ground = vivid(rng)
    y = box.top + face.size * rng.uniform(1.0, 1.6)
    for _ in range(rng.randint(1, 3)):
        text = pen.label(face, 0.9 * box.width)
        text = text.upper() if rng.random() < 0.5 and face.width(text.upper()) < 0.95 * box.width else text
        x = box.left + (box.width - face.width(text)) * rng.uniform(0.1, 0.9)
        if y + 0.3 * face.size > box.bottom or x < box.left:
            return
        ink: Colour = WHITE
        if rng.random() < 0.7:
            edges = (
                x - 0.2 * face.size,
                y - 0.9 * face.size,
                x + face.width(text) + 0.2 * face.size,
                y + 0.3 * face.size,
            )
            pen.canvas.draw.rectangle(edges, fill=ground)
            ink = legible(rng.choice((WHITE, (0, 0, 0), vivid(rng))), ground, 0.4)
        pen.canvas.text(x, y, [Run(face, face.typeface.clean(text), ink)], over=True)
        y += face.size * rng.uniform(1.3, 2.2)


def _shapes(pen: Pen, box: Box) -> None:
    """Clip art: flat shapes scattered over a box."""
    rng = pen.rng
    for _ in range(rng.randint(1, 8)):
        x, y = rng.uniform(box.left, box.right), rng.uniform(box.top, box.bottom)
        radius = rng.uniform(0.03, 0.25) * min(box.width, box.height)
        corners = (
            max(x - radius, box.left),
            max(y - radius, box.top),
            min(x + radius, box.right),
            min(y + radius, box.bottom),
        )
        rng.choice((pen.canvas.draw.ellipse, pen.canvas.draw.rectangle))(corners, fill=vivid(rng))


def plot(pen: Pen, area: Box) -> None:
    """Axes with lines, bars or points, tick numbers, labels and perhaps a legend."""
    rng, theme, draw = pen.rng, pen.theme, pen.canvas.draw
    face = pen.face(rng.uniform(0.65, 0.85))
    ink = legible(theme.ink, theme.background, 0.4)
    inner = Box(
        area.left + 3.6 * face.size,
        area.top + 1.6 * face.size,
        area.right - 0.8 * face.size,
        area.bottom - 3.2 * face.size,
    )
    if inner.width < 8 * face.size or inner.height < 4 * face.size:
        return
    thin = max(1, round(pen.canvas.scale * rng.uniform(0.5, 1.2)))
    if rng.random() < 0.5:
        ground = (234, 234, 242) if rng.random() < 0.5 and not theme.is_dark else None
        draw.rectangle(inner, outline=ink, fill=ground, width=thin)
    else:
        draw.line((inner.left, inner.top, inner.left, inner.bottom, inner.right, inner.bottom), fill=ink, width=thin)
    if rng.random() < 0.6:
        pen.centred(face, pen.words.title(), inner, inner.top - 0.5 * face.size, ink)
    colours = [legible(vivid(rng), theme.background, 0.15) for _ in range(rng.randint(1, 4))]
    rng.choice((_curves, _bars, _points))(pen, inner, colours)
    _ticks(pen, inner)
    pen.centred(face, pen.words.label(), inner, inner.bottom + 2.6 * face.size, ink)
    if rng.random() < 0.5:
        _legend(pen, inner, colours, face)
    pen.canvas.claim(inner)


def _curves(pen: Pen, inner: Box, colours: list[Colour]) -> None:
    rng = pen.rng
    xs = np.linspace(0, 1, 40)
    for colour in colours:
        ys = 0.5 + 0.4 * np.sin(rng.uniform(1, 8) * xs + rng.random() * 6) * np.exp(rng.uniform(-2, 1) * xs)
        if rng.random() < 0.4:
            ys = np.maximum.accumulate(ys)
        ys = np.clip(ys, 0.02, 0.98)
        points = zip(inner.left + xs * inner.width, inner.bottom - ys * inner.height, strict=True)
        pen.canvas.draw.line(
            [(float(x), float(y)) for x, y in points], fill=colour, width=round(pen.canvas.scale * rng.uniform(1, 2.5))
        )


def _bars(pen: Pen, inner: Box, colours: list[Colour]) -> None:
    count = pen.rng.randint(3, 12)
    step = inner.width / count
    for index in range(count):
        left = inner.left + step * (index + 0.15)
        top = inner.bottom - inner.height * pen.rng.uniform(0.05, 0.95)
        pen.canvas.draw.rectangle((left, top, left + 0.7 * step, inner.bottom - 1), fill=colours[index % len(colours)])


def _points(pen: Pen, inner: Box, colours: list[Colour]) -> None:
    rng = pen.rng
    radius = pen.canvas.scale * rng.uniform(1, 3)
    for colour in colours:
        x, y = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)
        for _ in range(rng.randint(8, 40)):
            across = inner.left + inner.width * min(max(rng.gauss(x, 0.12), 0.03), 0.97)
            down = inner.top + inner.height * min(max(rng.gauss(y, 0.12), 0.03), 0.97)
            pen.canvas.draw.ellipse((across - radius, down - radius, across + radius, down + radius), fill=colour)


def _ticks(pen: Pen, inner: Box) -> None:
    """Numbers along both axes; known character by character, but no lines of the slide."""
    face = pen.face(0.65)
    rng, ink, draw = pen.rng, pen.theme.ink, pen.canvas.draw
    step = rng.choice((0.1, 0.2, 0.25, 1, 5, 10, 100))
    for index in range(rng.randint(3, 6)):
        text = face.typeface.clean(f"{step * index:g}")
        x = inner.left + inner.width * (index + 0.3) / 6
        pen.line(face, text, x - face.width(text) / 2, inner.bottom + 1.1 * face.size, record=False)
        y = inner.bottom - inner.height * (index + 0.2) / 6
        pen.line(face, text, inner.left - face.width(text) - 0.4 * face.size, y + 0.3 * face.size, record=False)
        draw.line((inner.left - 0.25 * face.size, y, inner.left, y), fill=ink)


def _legend(pen: Pen, inner: Box, colours: list[Colour], face: Face) -> None:
    """Names of the series in a box inside the plot."""
    names = [pen.label(face, 0.4 * inner.width) for _ in colours]
    width = max(face.width(name) for name in names) * 1.05 + 2.6 * face.size
    height = (1.25 * len(names) + 0.4) * face.size
    if width > 0.7 * inner.width or height > 0.8 * inner.height:
        return
    left = pen.rng.choice((inner.left + 0.04 * inner.width, inner.right - width - 0.04 * inner.width))
    top = inner.top + 0.05 * inner.height
    ground = pen.theme.background
    pen.canvas.draw.rectangle(
        (left, top, left + width, top + height), fill=ground, outline=mix(ground, pen.theme.ink, 0.4)
    )
    for index, (name, colour) in enumerate(zip(names, colours, strict=True)):
        baseline = top + (1.1 + 1.25 * index) * face.size
        dash = (
            left + 0.4 * face.size,
            baseline - 0.35 * face.size,
            left + 1.7 * face.size,
            baseline - 0.35 * face.size,
        )
        pen.canvas.draw.line(dash, fill=colour, width=round(2 * pen.canvas.scale))
        pen.line(face, name, left + 2.2 * face.size, baseline)


def diagram(pen: Pen, area: Box) -> None:
    """Boxes with labels on a loose grid, joined by arrows."""
    rng, theme, draw = pen.rng, pen.theme, pen.canvas.draw
    face = pen.face(rng.uniform(0.75, 1))
    columns, rows = rng.randint(2, 4), rng.randint(1, 3)
    cell = (area.width / columns, area.height / rows)
    if cell[0] < 6 * face.size or cell[1] < 2.4 * face.size:
        return
    fill = rng.choice((theme.background, mix(theme.background, vivid(rng), 0.3), vivid(rng)))
    ink = legible(theme.ink if luminance(fill) > 0.5 or theme.is_dark else WHITE, fill, 0.45)
    thin = max(1, round(pen.canvas.scale * rng.uniform(0.6, 1.6)))
    shape = rng.choice((draw.rectangle, draw.rectangle, draw.ellipse, draw.rounded_rectangle))
    height = min(cell[1] * 0.6, face.size * rng.uniform(2, 4))
    previous: Box | None = None
    for index in range(columns * rows):
        if rng.random() < 0.15:
            continue
        centre_x = area.left + cell[0] * (index % columns + 0.5)
        centre_y = area.top + cell[1] * (index // columns + 0.5)
        width = cell[0] * rng.uniform(0.55, 0.75)
        box = Box(centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)
        if previous is not None and previous.top == box.top:
            _arrow(pen, (previous.right, centre_y), (box.left, centre_y), thin)
        elif previous is not None:
            _arrow(pen, ((previous.left + previous.right) / 2, previous.bottom), (centre_x, box.top), thin)
        shape(box, fill=fill, outline=theme.ink, width=thin)
        room = box.inset(0.14 * width if shape == draw.ellipse else 0.3 * face.size, 0)
        pen.centred(face, pen.label(face, room.width), room, centre_y + 0.33 * face.size, ink)
        pen.canvas.claim(box)
        previous = box


def _arrow(pen: Pen, start: tuple[float, float], end: tuple[float, float], thick: int) -> None:
    """A straight arrow."""
    draw, ink = pen.canvas.draw, pen.theme.ink
    draw.line((*start, *end), fill=ink, width=thick)
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    reach = (4 + thick) * pen.canvas.scale
    wings = [(end[0] - reach * math.cos(angle + turn), end[1] - reach * math.sin(angle + turn)) for turn in (0.4, -0.4)]
    draw.polygon([end, *wings], fill=ink)


def logo(pen: Pen, area: Box) -> None:
    """A small mark in a free corner of an area."""
    rng = pen.rng
    size = area.height * rng.uniform(0.07, 0.16)
    wide = size * rng.uniform(0.8, 2.5)
    left = rng.choice((area.left + 0.02 * area.width, area.right - wide - 0.02 * area.width))
    top = rng.choice((area.top + 0.02 * area.height, area.bottom - size - 0.02 * area.height))
    box = Box(left, top, left + wide, top + size)
    if not pen.canvas.is_free(box):
        return
    _mark(pen, box)


def _mark(pen: Pen, box: Box) -> None:
    """One to three flat shapes inside each other."""
    rng, draw = pen.rng, pen.canvas.draw
    colour = legible(vivid(rng), pen.theme.background, 0.15)
    for index in range(rng.randint(1, 3)):
        inset = box.height * 0.14 * index
        shape = rng.choice((draw.ellipse, draw.rectangle))
        shape(box.inset(inset, inset), fill=mix(colour, WHITE, 0.45 * index))
    pen.canvas.claim(box)


def letterhead(pen: Pen, area: Box) -> None:
    """An organisation's mark and its name in a corner of an area: words that are larger than many, and no title."""
    rng = pen.rng
    face = pen.face(rng.uniform(0.7, 1.2))
    lines = wrap(face, pen.words.organisation(), area.width * rng.uniform(0.14, 0.34))[:3]
    leading, size = rng.uniform(1.0, 1.2) * face.size, area.height * rng.uniform(0.07, 0.14)
    if not lines:
        return
    across, down = max(face.width(line) for line in lines) * 1.04, leading * len(lines)
    above = rng.random() < 0.5
    width, height = (max(size, across), size + down) if above else (1.2 * size + across, max(size, down))
    left = rng.choice((area.left, area.left, area.right - width))
    top = rng.choice((area.top, area.top, area.bottom - height))
    if not pen.canvas.is_free(Box(left, top, left + width, top + height)):
        return
    _mark(pen, Box(left, top, left + size, top + size * 0.98))
    x, y = (left, top + size) if above else (left + 1.2 * size, top)
    for line in lines:
        y += leading
        pen.line(face, line, x, y - 0.22 * face.size)


def pointer(canvas: Canvas, rng: random.Random) -> None:
    """A laser dot or a mouse arrow anywhere on the slide, over whatever is there."""
    frame, unit = canvas.frame, canvas.scale * rng.uniform(0.8, 1.6)
    x, y = rng.uniform(frame.left, frame.right), rng.uniform(frame.top, frame.bottom)
    if rng.random() < 0.5:
        radius = 2.5 * unit
        shape = rng.choice((canvas.draw.ellipse, canvas.draw.rectangle))
        shape((x - radius, y - radius, x + radius, y + radius), fill=rng.choice(((220, 30, 30), vivid(rng))))
    else:
        outline = ((0, 0), (0, 12), (3, 9), (5, 14), (7, 13), (5, 8), (9, 8))
        corners = [(x + across * unit, y + down * unit) for across, down in outline]
        canvas.draw.polygon(corners, fill=rng.choice(((0, 0, 0), WHITE)), outline=rng.choice((WHITE, (0, 0, 0))))


def presenter(pen: Pen, area: Box, textures: Textures) -> None:
    """Someone filmed in a free corner of an area: a backdrop, a head and shoulders."""
    rng = pen.rng
    width = area.width * rng.uniform(0.14, 0.27)
    height = width * rng.uniform(0.6, 1.1)
    left = rng.choice((area.left, area.right - width, area.right - width))
    top = rng.choice((area.top, area.bottom - height, area.bottom - height))
    box = Box(left, top, left + width, top + height)
    if not pen.canvas.is_free(box):
        return
    draw_presenter(pen.canvas, box, rng, textures)
    pen.canvas.claim(box)


def draw_presenter(canvas: Canvas, box: Box, rng: random.Random, textures: Textures) -> None:
    """A backdrop with head and shoulders, filling a box and staying inside it."""
    scene = textures.picture(rng, round(box.width), round(box.height))
    draw = ImageDraw.Draw(scene)
    middle, radius = box.width * rng.uniform(0.35, 0.65), 0.16 * min(box.width, box.height) * rng.uniform(0.7, 1.3)
    neck = box.height * rng.uniform(0.4, 0.55)
    skin = (rng.randint(90, 240), rng.randint(60, 190), rng.randint(40, 160))
    draw.ellipse(
        (middle - 2.3 * radius, neck + radius, middle + 2.3 * radius, neck + 7 * radius), fill=vivid(rng, (0.1, 0.8))
    )
    draw.ellipse((middle - radius, neck - 1.3 * radius, middle + radius, neck + 1.3 * radius), fill=skin)
    draw.chord(
        (middle - radius, neck - 1.4 * radius, middle + radius, neck + radius), 180, 360, fill=mix((0, 0, 0), skin, 0.3)
    )
    canvas.image.paste(scene, (round(box.left), round(box.top)))
