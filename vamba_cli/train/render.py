"""Draws lecture slides that never were: any look, any text, and the place of every character on them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vamba_cli.train.alphabet import ALPHABET
from vamba_cli.train.blocks import Pen, block, bullets, formulas, paragraph, program, table
from vamba_cli.train.canvas import Box, Canvas, Run
from vamba_cli.train.degrade import degrade
from vamba_cli.train.faces import Face, FontBook
from vamba_cli.train.figures import (
    Textures,
    diagram,
    draw_presenter,
    letterhead,
    logo,
    picture,
    plot,
    pointer,
    presenter,
)
from vamba_cli.train.screens import draw_screen
from vamba_cli.train.setting import aligned, draw_title, fit_title
from vamba_cli.train.themes import Theme, draw_footer, draw_headline, mix, random_theme
from vamba_cli.train.words import WordSource

__all__ = ["ALPHABET", "FULL_SIZE", "SMALL_SIZE", "Slide", "SlideRenderer"]

FULL_SIZE = (644, 364)
SMALL_SIZE = (308, 168)

_KINDS = {"content": 0.77, "opening": 0.07, "section": 0.04, "untitled": 0.01, "screen": 0.05, "camera": 0.06}
_CONTENT = {
    "bullets": 36, "picture and bullets": 10, "columns": 8, "program": 15, "table": 8, "plot": 7, "diagram": 6,
    "picture": 6, "paragraph": 5, "formulas": 4, "block": 5, "nothing": 3,
}  # fmt: skip
_SIMPLE: dict[str, Callable[[Pen, Box], object]] = {
    "bullets": bullets, "program": program, "table": table, "plot": plot, "diagram": diagram, "paragraph": paragraph,
    "formulas": formulas, "block": block,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slide:
    """A picture and everything that can be read on it."""

    image: npt.NDArray[np.uint8]  # (height, width, 3)
    title: str  # '' when the slide has none, or no slide is shown
    lines: tuple[str, ...]  # every other line of content in reading order
    glyph_codes: npt.NDArray[np.uint8]  # (n,) indices into ALPHABET; 0 is none
    glyph_centres: npt.NDArray[np.float32]  # (n, 2) x and y in pixels
    deck: int = 0  # slides of one renderer with the same number look as if they belonged together


class SlideRenderer:
    """Each call draws a slide, of a new look unless a share keeps it; a seed, fonts and words draw the same slides."""

    def __init__(
        self,
        fonts: Sequence[Path],
        words: WordSource,
        seed: int,
        size: tuple[int, int] = FULL_SIZE,
        clean: bool = False,
        photos: Sequence[Path] = (),
        same_look_share: float = 0.0,
    ) -> None:
        """`size`: width and height in pixels. `clean` leaves out blur, compression and loss of contrast.

        `photos`: pictures without text, for figures, backdrops and what a camera sees.
        `same_look_share`: of the slides have faces and colours of the one before, as in a deck.
        """
        self._same_look_share = same_look_share
        self._theme: Theme | None = None
        self._deck = 0
        self._book = FontBook(fonts)
        self._words = words
        self._rng = random.Random(seed)
        self._size = size
        self._clean = clean
        self._scale = 2.0
        self._type_scale = max(size[1] / FULL_SIZE[1], 0.72)
        self._canvas_size = (round(size[0] * self._scale), round(size[1] * self._scale))
        self._textures = Textures(seed, (size[0] // 2, size[1] // 2), photos)

    def __call__(self) -> Slide:
        kind = self._choose(_KINDS)
        self._words.new_page()
        for _ in range(8):
            canvas = self._camera() if kind == "camera" else self._slide(kind)
            if canvas is not None:
                return self._finish(canvas)
        return self._finish(self._camera())

    def _slide(self, kind: str) -> Canvas | None:
        """One drawn slide, or None when its title found no room."""
        type_scale = self._type_scale
        if type_scale > 1:  # larger pictures have larger type, or more of it
            type_scale = self._rng.uniform(1, type_scale)
        theme = self._theme
        if theme is None or not self._same_look_share or self._rng.random() >= self._same_look_share:
            theme = random_theme(self._rng, self._book, self._scale, type_scale)
            self._theme, self._deck = theme, self._deck + 1
            self._words.new_deck()
        canvas = self._blank(theme)
        pen = Pen(canvas, theme, self._words, self._rng, self._book)
        if kind == "screen":
            draw_screen(pen)
            return canvas
        if kind in {"opening", "section"}:
            if not self._opening(pen, with_details=kind == "opening"):
                return None
        elif not self._content(pen, titled=kind == "content"):
            return None
        if self._rng.random() < 0.12:
            logo(pen, canvas.frame)
        if self._rng.random() < 0.1:
            presenter(pen, canvas.frame, self._textures)
        if self._rng.random() < 0.3:
            pointer(canvas, self._rng)
        return canvas

    def _blank(self, theme: Theme) -> Canvas:
        """An empty slide on its canvas: all of it, four by three between bars, or beside a presenter."""
        rng, (width, height) = self._rng, self._canvas_size
        layout = rng.random()
        frame = Box(0, 0, width, height)
        border = (0, 0, 0) if rng.random() < 0.85 else (rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255))
        if layout < 0.24:
            across = height * rng.choice((4 / 3, 4 / 3, 4 / 3, 1.25, 1.414))
            left = (width - across) / 2 if rng.random() < 0.8 else 0
            frame = Box(left, 0, left + across, height)
        elif layout < 0.31:
            share = rng.uniform(0.68, 0.9)
            left, top = rng.choice((0.0, (1 - share) * width)), (1 - share) * height * rng.choice((0, 0.5, 0.5))
            frame = Box(left, top, left + share * width, top + share * height)
        elif layout < 0.45:
            dx, dy = rng.uniform(0, 0.03) * width, rng.uniform(0, 0.03) * height
            frame = Box(dx * rng.random(), dy * rng.random(), width - dx * rng.random(), height - dy * rng.random())
        frame = Box(*(float(round(edge)) for edge in frame))
        image = Image.new("RGB", self._canvas_size, border)
        canvas = Canvas(image, frame, self._scale)
        self._background(canvas, theme)
        if 0.24 <= layout < 0.31 and rng.random() < 0.8:
            left, right = (0.0, frame.left) if frame.left > 0 else (frame.right, float(width))
            draw_presenter(canvas, Box(left, height * 0.3, right, height * rng.uniform(0.6, 1)), rng, self._textures)
        return canvas

    def _background(self, canvas: Canvas, theme: Theme) -> None:
        """Plain colour for most, else a gradient or a faint texture."""
        rng, frame, image = self._rng, canvas.frame, canvas.image
        corner = (round(frame.left), round(frame.top))
        extent = (round(frame.width), round(frame.height))
        style = rng.random()
        canvas.draw.rectangle((*corner, frame.right - 1, frame.bottom - 1), fill=theme.background)
        if style < 0.1:
            shades = [mix(theme.background, theme.accent, rng.uniform(0, 0.2)) for _ in range(4)]
            ramp = Image.new("RGB", (2, 2))
            ramp.putdata(shades)
            image.paste(ramp.resize(extent, Image.Resampling.BILINEAR), corner)
        elif style < 0.17:
            texture = self._textures.picture(rng, *extent)
            plain = Image.new("RGB", extent, theme.background)
            image.paste(Image.blend(plain, texture, rng.uniform(0.05, 0.22)), corner)

    def _content(self, pen: Pen, titled: bool) -> bool:
        """A slide with a title (or without) and something below it."""
        area = pen.canvas.frame
        if titled:  # a strip of section names above no title would teach that a bar on top is never the title
            area = draw_headline(pen.canvas, pen.theme, self._words, self._rng, self._book)
        area = draw_footer(pen.canvas, pen.theme, self._words, self._rng, self._book, area)
        if titled:
            text = self._words.title()
            below = draw_title(pen.canvas, area, text, pen.theme, self._rng, self._book, self._words)
            if below is None:
                return False
            area = below
        kind = self._choose(_CONTENT)
        if not titled:
            # The first of a few lines of text would look like a title; and whoever sees untitled programs here learns
            # that dense text has no title, whatever stands above it.
            kind = self._rng.choice(("picture", "picture", "plot", "diagram"))
        margin = pen.theme.margin * pen.canvas.frame.width
        area = area.inset(margin, 0.02 * area.height)
        if area.height > 3 * pen.theme.body_size:
            self._draw(kind, pen, area)
        return True

    def _draw(self, kind: str, pen: Pen, area: Box) -> None:
        """One kind of content."""
        rng = self._rng
        if kind in {"columns", "picture and bullets"}:
            split = area.left + area.width * rng.uniform(0.38, 0.62)
            gap = 0.02 * area.width
            first, second = area._replace(right=split - gap), area._replace(left=split + gap)
            if kind == "columns":
                self._draw(rng.choice(("bullets", "program", "block", "plot", "table")), pen, first)
                self._draw(rng.choice(("bullets", "program", "picture", "diagram")), pen, second)
            else:
                sides = (first, second) if rng.random() < 0.3 else (second, first)
                self._draw(rng.choice(("picture", "picture", "plot", "diagram")), pen, sides[0])
                bullets(pen, sides[1])
        elif kind == "picture":
            picture(pen, area, self._textures)
        elif kind in {"plot", "diagram", "program"} and rng.random() < 0.4 and area.height > 12 * pen.theme.body_size:
            middle = area.top + 0.4 * area.height
            bullets(pen, area._replace(bottom=middle))
            self._draw(kind, pen, area._replace(top=middle))
        elif kind != "nothing":
            _SIMPLE[kind](pen, area)

    def _opening(self, pen: Pen, with_details: bool) -> bool:
        """The first slide of a talk or of a section: a large title somewhere in the middle, and who and when."""
        rng, theme, canvas = self._rng, pen.theme, pen.canvas
        area = canvas.frame.inset(max(theme.margin, 0.06) * canvas.frame.width, 0.08 * canvas.frame.height)
        if with_details and rng.random() < 0.35:
            letterhead(pen, canvas.frame.inset(0.04 * canvas.frame.width, 0.06 * canvas.frame.height))
        if with_details and rng.random() < 0.12:
            area = self._banner(pen, area)
        face, lines = self._heading(theme, area.width)
        if not lines:
            return False
        align = rng.choice(("centre", "centre", "left"))
        leading = face.size * rng.uniform(1.1, 1.35)
        baseline = area.top + area.height * rng.uniform(0.08, 0.6) + face.size
        if rng.random() < 0.2:
            self._affiliation(pen, area, baseline - 1.6 * face.size, align)
        ink = theme.title_ink if theme.bar is None else theme.ink
        if theme.bar is not None and rng.random() < 0.6:
            band = (
                canvas.frame.left,
                baseline - 1.4 * face.size,
                canvas.frame.right,
                baseline + leading * (len(lines) - 1) + 0.7 * face.size,
            )
            if rng.random() < 0.5:  # beamer's box with round corners, often with a shadow
                inset = rng.uniform(0, 0.04) * canvas.frame.width
                band = (band[0] + inset, band[1], band[2] - inset, band[3])
                offset, radius = 2 * canvas.scale, 4 * canvas.scale
                shadow = mix(theme.background, (0, 0, 0), 0.4)
                if rng.random() < 0.6:
                    moved = (band[0] + offset, band[1] + offset, band[2] + offset, band[3] + offset)
                    canvas.draw.rounded_rectangle(moved, radius, fill=shadow)
                canvas.draw.rounded_rectangle(band, radius, fill=theme.bar)
            else:
                canvas.draw.rectangle(band, fill=theme.bar)
            ink = theme.title_ink
        for line in lines:
            if not canvas.text(
                aligned(area, face.centres(line)[0], align), baseline, [Run(face, line, ink)], record=False
            ):
                return False
            baseline += leading
        canvas.title = " ".join(lines)
        if with_details:
            self._details(pen, area, baseline + 0.4 * face.size, align)
        return True

    def _banner(self, pen: Pen, area: Box) -> Box:
        """A picture across the top of a slide; what is left of an area below it."""
        frame = pen.canvas.frame
        band = frame._replace(bottom=frame.top + frame.height * self._rng.uniform(0.15, 0.5))
        if not pen.canvas.is_free(band):
            return area
        found = self._textures.picture(self._rng, round(band.width), round(band.height))
        pen.canvas.image.paste(found, (round(band.left), round(band.top)))
        pen.canvas.claim(band)
        return area._replace(top=band.bottom + 0.03 * frame.height)

    def _heading(self, theme: Theme, room: float) -> tuple[Face, list[str]]:
        """The lines of a large title: one text that is wrapped, or two or three that stand one below the other."""
        face, lines = fit_title(self._words.title(), theme, self._book, room, 3)
        if lines and self._rng.random() < 0.15:
            more = (f"{self._words.code()} {self._words.title()}", self._words.title(), self._words.title())
            for text in more[: self._rng.randint(1, 2)]:
                line = face.typeface.clean(text.upper() if theme.capitals == "upper" else text)
                if len(lines) < 3 and face.width(line) * 1.03 < room and len(" ".join(lines)) + len(line) < 95:
                    lines = [line, *lines]
        return face, lines

    def _affiliation(self, pen: Pen, area: Box, baseline: float, align: str) -> None:
        """One or two small lines above a large title, such as the name of a school."""
        face = pen.face(self._rng.uniform(0.8, 1.1))
        for text in (self._words.label(), f"{self._words.term()} {self._words.label()}")[: self._rng.randint(1, 2)]:
            line = pen.fitted(face, text, area.width)
            if line and baseline - face.size > area.top:
                pen.line(face, line, aligned(area, face.centres(line)[0], align), baseline)
            baseline -= 1.4 * face.size

    def _details(self, pen: Pen, area: Box, baseline: float, align: str) -> None:
        """Subtitle, author, institute and date below the title of a talk."""
        rng = self._rng
        who = self._words.person()
        who = who.upper() if rng.random() < 0.15 else f"{who}, {self._words.person()}" if rng.random() < 0.2 else who
        parts = (self._words.title(), who, self._words.organisation(), self._words.date())
        for share, part in zip((1.15, 1, 0.85, 0.85), parts, strict=True):
            if rng.random() < 0.25:
                continue
            face = pen.face(share)
            text = pen.fitted(face, part, area.width)
            baseline += face.size * rng.uniform(1.3, 2.2)
            if text and baseline < area.bottom:
                pen.line(face, text, aligned(area, face.centres(text)[0], align), baseline)

    def _camera(self) -> Canvas:
        """No slide: a room, a person, a black screen."""
        rng, (width, height) = self._rng, self._canvas_size
        image = self._textures.picture(rng, width, height)
        if rng.random() < 0.1:
            image = Image.new("RGB", self._canvas_size, (rng.randint(0, 40),) * 3)
        canvas = Canvas(image, Box(0, 0, width, height), self._scale)
        if rng.random() < 0.4:
            draw_presenter(canvas, canvas.frame, rng, self._textures)
        if rng.random() < 0.3:
            canvas.image = canvas.image.reduce(8).filter(ImageFilter.GaussianBlur(1)).resize((width, height))
        return canvas

    def _finish(self, canvas: Canvas) -> Slide:
        codes, centres = canvas.glyphs()
        image = canvas.image.reduce(2) if self._clean else degrade(canvas.image, self._size, self._rng)
        lines = tuple(line for line in canvas.lines if line)
        return Slide(np.asarray(image, np.uint8).copy(), canvas.title, lines, codes, centres, self._deck)

    def _choose(self, weights: Mapping[str, float]) -> str:
        return self._rng.choices(tuple(weights), tuple(weights.values()))[0]
