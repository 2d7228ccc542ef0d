"""Looks of slides: colours, typefaces, sizes and what stands above and below the content."""

from __future__ import annotations

import colorsys
import random
from dataclasses import dataclass
from typing import TypedDict

from PIL import Image

from vamba_cli.train.canvas import Box, Canvas, Colour, Run
from vamba_cli.train.faces import Face, FontBook, Typeface
from vamba_cli.train.words import WordSource

WHITE: Colour = (255, 255, 255)
# Bars and backgrounds of the themes that half of all lectures use.
_BEAMER: tuple[Colour, ...] = (
    *((51, 51, 179), (35, 55, 59), (0, 51, 102), (139, 0, 0), (38, 38, 134), (0, 90, 80), (20, 60, 120), (128, 0, 64)),
    *((64, 64, 64), (153, 153, 153), (204, 204, 214), (214, 214, 240), (252, 186, 18), (230, 230, 230), (0, 105, 62)),
)
_DARK: tuple[Colour, ...] = (
    (0, 0, 0),
    (35, 55, 59),
    (30, 30, 30),
    (18, 24, 60),
    (40, 44, 52),
    (60, 20, 30),
    (0, 43, 54),
    (25, 50, 30),
)
_PALE: tuple[Colour, ...] = (WHITE,) * 6 + (
    (250, 250, 250),
    (253, 246, 227),
    (238, 240, 245),
    (255, 250, 235),
    (228, 238, 228),
)

_INKS: tuple[Colour, ...] = ((0, 0, 0), (0, 0, 0), (51, 51, 51), (35, 55, 59), (64, 64, 64), (30, 30, 90))

_MODEST_SHARE = 0.3  # of the looks have titles hardly larger than the text below them


@dataclass(frozen=True, slots=True)
class Theme:
    """One look; sizes of type are in canvas pixels."""

    background: Colour
    ink: Colour
    title_ink: Colour
    accent: Colour
    bar: Colour | None
    title_type: Typeface
    body_type: Typeface
    strong_type: Typeface
    mono_type: Typeface
    title_size: float
    body_size: float
    small_size: float
    align: str
    capitals: str
    bullet: str
    rule: bool
    headline: str
    footer: str
    is_centred: bool
    margin: float
    spacing: float
    shaped: bool

    @property
    def is_dark(self) -> bool:
        return luminance(self.background) < 0.4


def luminance(colour: Colour) -> float:
    """Perceived brightness, 0 to 1."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def vivid(rng: random.Random, value: tuple[float, float] = (0.3, 0.95)) -> Colour:
    """A saturated colour of a brightness (HSV value) in the range."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.5, 1), rng.uniform(*value))
    return round(red * 255), round(green * 255), round(blue * 255)


def legible(colour: Colour, background: Colour, contrast: float = 0.35) -> Colour:
    """The colour, or a darker or lighter one, that stands out from the background by `contrast` in luminance."""
    goal = WHITE if luminance(background) < 0.5 else (0, 0, 0)
    for step in range(10):
        candidate = mix(colour, goal, step / 10)
        if abs(luminance(candidate) - luminance(background)) >= contrast:
            return candidate
    return goal


class _Colours(TypedDict):
    background: Colour
    ink: Colour
    title_ink: Colour
    accent: Colour
    bar: Colour | None


def _colours(rng: random.Random) -> _Colours:
    """Colours that go together, nearly always with plenty of contrast."""
    is_dark = rng.random() < 0.22
    background = rng.choice(_DARK) if is_dark else rng.choice(_PALE)
    if rng.random() < 0.08:
        background = vivid(rng, (0.15, 0.4)) if is_dark else mix(vivid(rng), WHITE, rng.uniform(0.7, 0.92))
    contrast = rng.uniform(0.25, 0.4) if rng.random() < 0.1 else 0.5
    ink = mix(WHITE, background, rng.uniform(0, 0.3)) if is_dark else rng.choice(_INKS)
    ink = legible(ink, background, contrast)
    bar = None
    if rng.random() < 0.36:
        bar = rng.choice(_BEAMER) if rng.random() < 0.7 else vivid(rng)
    accent = rng.choice(_BEAMER[:8]) if rng.random() < 0.5 else vivid(rng)
    accent = legible(accent, background, max(0.2, contrast - 0.15))
    title_ink = rng.choice((ink, ink, accent)) if bar is None else (WHITE if luminance(bar) < 0.6 else (20, 20, 20))
    title_ink = legible(title_ink, bar or background, contrast - 0.1)
    return _Colours(background=background, ink=ink, title_ink=title_ink, accent=accent, bar=bar)


def random_theme(rng: random.Random, book: FontBook, scale: float, type_scale: float) -> Theme:
    """A new look. `scale`: canvas pixels per finished pixel; `type_scale`: below 1 for small pictures."""
    unit = scale * type_scale
    body_type = rng.choice(book.body)
    strong_type = book.sibling(body_type, rng)
    title_type = rng.choice(
        (body_type, body_type, strong_type, strong_type, rng.choice(book.title), rng.choice(book.title))
    )
    mono_type = rng.choice(book.mono)
    if rng.random() < 0.06:
        title_type = mono_type
    # Beamer's titles are 17 to 21 pixels high here, those of office programs 22 to 36.
    title_size = rng.triangular(14, 26, 19) if rng.random() < 0.5 else rng.triangular(18, 46, 25)
    body_size = min(rng.triangular(8.5, 24, 11.5), title_size * 1.05)
    if rng.random() < _MODEST_SHARE:
        title_size = rng.uniform(11.5, 19)
        body_size, title_type = title_size / rng.uniform(1, 1.2), rng.choice((body_type, strong_type, strong_type))
    return Theme(
        **_colours(rng),
        title_type=title_type, body_type=body_type, strong_type=strong_type, mono_type=mono_type,
        title_size=title_size * unit, body_size=max(body_size * unit, 8.5 * scale),
        small_size=max(8.5 * unit, 7.5 * scale) * rng.uniform(1, 1.15),
        align=rng.choices(("left", "centre", "right"), (0.57, 0.33, 0.1))[0],
        capitals=rng.choices(("", "upper", "small"), (0.81, 0.12, 0.07))[0],
        bullet=rng.choice(("disc", "disc", "disc", "square", "triangle", "dash", "ring", "arrow", "none", "ball")),
        rule=rng.random() < 0.18, headline=rng.choices(("", "sections", "strip", "side"), (0.8, 0.09, 0.08, 0.03))[0],
        footer=rng.choices(("", "page", "line", "bars", "text"), (0.25, 0.3, 0.12, 0.2, 0.13))[0],
        is_centred=rng.random() < 0.35, margin=rng.uniform(0.025, 0.09), spacing=rng.uniform(1.15, 1.5),
        shaped=rng.random() < 0.6,
    )  # fmt: skip


def draw_bar(canvas: Canvas, box: Box, colour: Colour, rng: random.Random) -> None:
    """A filled bar; now and then it shades off to black at one end."""
    canvas.draw.rectangle(box, fill=colour)
    if rng.random() < 0.12:
        darker = mix(colour, (0, 0, 0), rng.uniform(0.2, 0.7))
        ramp = Image.new("RGB", (2, 1) if rng.random() < 0.5 else (1, 2))
        ramp.putdata([colour, darker] if rng.random() < 0.5 else [darker, colour])
        extent = (max(1, round(box.width)), max(1, round(box.height)))
        canvas.image.paste(ramp.resize(extent, Image.Resampling.BILINEAR), (round(box.left), round(box.top)))


def draw_headline(canvas: Canvas, theme: Theme, words: WordSource, rng: random.Random, book: FontBook) -> Box:
    """What stands above or beside the title on every slide of a deck; returns what is left of the slide."""
    frame = canvas.frame
    colour = legible(theme.bar or theme.accent, theme.background, 0.1)
    ink = legible(mix(colour, WHITE, 0.8), colour, 0.3)
    face = book.face(theme.body_type, theme.small_size)
    if theme.headline == "side":
        width = frame.width * rng.uniform(0.14, 0.2)
        box = Box(frame.left, frame.top, frame.left + width, frame.bottom)
        canvas.draw.rectangle(box, fill=colour)
        baseline = frame.top + 2.2 * face.size
        while baseline < frame.bottom - 2 * face.size and rng.random() < 0.9:
            aside(canvas, face, words.label(), frame.left + 0.5 * face.size, baseline, ink, width - face.size)
            baseline += 1.5 * face.size
        canvas.claim(box)
        return frame._replace(left=box.right)
    if theme.headline == "strip":
        box = frame._replace(bottom=frame.top + rng.uniform(0.01, 0.05) * frame.height)
        canvas.draw.rectangle(box, fill=colour)
        canvas.claim(box)
        return frame._replace(top=box.bottom)
    if theme.headline == "sections":
        has_dots = rng.random() < 0.5  # one for each slide of a section
        box = frame._replace(bottom=frame.top + (2.5 if has_dots else 1.7) * face.size)
        canvas.draw.rectangle(box, fill=colour)
        count = rng.randint(2, 5)
        for index in range(count):
            left = frame.left + frame.width * (index + 0.1) / count
            aside(canvas, face, words.label(), left, frame.top + 1.2 * face.size, ink, frame.width / count * 0.8)
            for dot in range(rng.randint(1, 9) if has_dots else 0):
                x, y, radius = left + (0.5 + dot) * 0.7 * face.size, frame.top + 1.95 * face.size, 0.22 * face.size
                canvas.draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink)
        canvas.claim(box)
        return frame._replace(top=box.bottom)
    return frame


def draw_footer(canvas: Canvas, theme: Theme, words: WordSource, rng: random.Random, book: FontBook, area: Box) -> Box:
    """Author, short title, page number; returns the area above. None of it counts among the slide's lines."""
    if theme.footer == "":
        return area._replace(bottom=area.bottom - 0.02 * area.height)
    face = book.face(theme.body_type, theme.small_size)
    page = rng.choice(
        (
            f"{rng.randint(1, 99)}",
            f"{rng.randint(1, 40)} / {rng.randint(41, 90)}",
            f"{rng.randint(1, 40)}/{rng.randint(41, 90)}",
        )
    )
    top = area.bottom - 1.55 * face.size
    baseline = area.bottom - 0.45 * face.size
    about = rng.choice((words.title(), f"{words.person()} ({words.term()})", f"©{words.date()} {words.term()}"))
    parts = [words.person(), about, f"{words.date()}   {page}" if rng.random() < 0.3 else page]
    rng.shuffle(parts) if rng.random() < 0.1 else None
    ink = legible(mix(theme.ink, theme.background, 0.3), theme.background, 0.3)
    if theme.footer == "bars":
        base = legible(theme.bar or theme.accent, theme.background, 0.1)
        shades = [base, mix(base, WHITE, rng.uniform(0, 0.3)), mix(base, (0, 0, 0), rng.uniform(0, 0.4))]
        for index, part in enumerate(parts):
            left = area.left + area.width * index / 3
            canvas.draw.rectangle((left, top, left + area.width / 3, area.bottom), fill=shades[index])
            shade_ink = legible(WHITE, shades[index], 0.35)
            aside(canvas, face, part, left + face.size, baseline, shade_ink, area.width / 3 - 2 * face.size)
    elif theme.footer == "page":
        left = rng.choice(
            (area.right - 4.5 * face.size, area.left + face.size, area.left + area.width / 2 - 2 * face.size)
        )
        aside(canvas, face, page, left, baseline, ink, 4 * face.size)
    else:
        if theme.footer == "line":
            canvas.draw.line((area.left, top, area.right, top), fill=ink, width=max(1, round(canvas.scale)))
        third = area.width / 3
        for index, part in enumerate(parts[: rng.randint(1, 3)]):
            aside(canvas, face, part, area.left + third * index + face.size, baseline, ink, third - 2 * face.size)
    canvas.claim(Box(area.left, top, area.right, area.bottom))
    return area._replace(bottom=top - 0.01 * area.height)


def aside(canvas: Canvas, face: Face, text: str, left: float, baseline: float, ink: Colour, room: float) -> None:
    """Small text that is part of the look, not of the content: cut to its room, readable, but no line of the slide."""
    text = face.typeface.clean(text)
    while text and face.width(text) > room:
        text = text[:-2].rstrip()
    if text:
        canvas.text(left, baseline, [Run(face, text, ink)], record=False, over=True)
