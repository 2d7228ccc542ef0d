"""Draws the slides of `vamba demo` into `vamba_cli/cli/demo_slides/`. Text and pictures are our own.

    python docs/make_demo_slides.py /usr/share/fonts/truetype/lato

needs Pillow and the folder of the Lato fonts (SIL Open Font License 1.1; the drawn pictures are free of it).
"""

import math
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

OUT = Path(__file__).parent.parent / "vamba_cli" / "cli" / "demo_slides"
WIDTH, HEIGHT, SCALE = 640, 360, 3  # drawn three times larger, then reduced: smooth lines
INK, PALE, BLUE, ORANGE, PAPER = "#1c2733", "#8593a3", "#1f6fb2", "#d9701e", "#ffffff"
Pen = ImageDraw.ImageDraw
Point = tuple[float, float]


def main() -> None:
    """Draw all slides."""
    fonts = Path(sys.argv[1])
    OUT.mkdir(exist_ok=True)
    for title, lines, figure in SLIDES:
        image = draw_slide(fonts, title, lines, figure)
        path = OUT / f"{title.lower().replace(' ', '_')}.png"
        image.quantize(64, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def draw_slide(fonts: Path, title: str, lines: Sequence[str], figure: Callable[[Pen], None]) -> Image.Image:
    """One page: title above a rule, text on the left, a figure on the right, a footer."""
    large = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    pen = ImageDraw.Draw(large)
    pen.rectangle((0, 0, 10 * SCALE, HEIGHT * SCALE), fill=BLUE)
    text(pen, fonts / "Lato-Bold.ttf", 34, (36, 26), title, INK)
    line(pen, [(36, 78), (604, 78)], PALE, 1.5)
    for row, words in enumerate(lines):
        top = 106 + 38 * row
        pen.ellipse([value * SCALE for value in (38, top + 9, 45, top + 16)], fill=ORANGE)
        text(pen, fonts / "Lato-Regular.ttf", 20, (58, top), words, INK)
    figure(pen)
    text(pen, fonts / "Lato-Regular.ttf", 13, (36, 332), "vamba demo lecture", PALE)
    return large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def text(pen: Pen, font: Path, size: int, at: Point, words: str, fill: str) -> None:
    """Words with their upper left corner at a point."""
    face = ImageFont.truetype(str(font), size * SCALE, layout_engine=ImageFont.Layout.BASIC)  # no ligatures
    pen.text((at[0] * SCALE, at[1] * SCALE), words, font=face, fill=fill)


def line(pen: Pen, points: Sequence[Point], fill: str, width: float = 3) -> None:
    """A line through points."""
    pen.line([(x * SCALE, y * SCALE) for x, y in points], fill=fill, width=round(width * SCALE), joint="curve")


def dot(pen: Pen, at: Point, radius: float, fill: str) -> None:
    """A filled circle."""
    x, y = at
    pen.ellipse([value * SCALE for value in (x - radius, y - radius, x + radius, y + radius)], fill=fill)


def axes(pen: Pen) -> None:
    """Two axes of a plot."""
    line(pen, [(400, 110), (400, 300), (600, 300)], PALE, 2)


def curve(pen: Pen, function: Callable[[float], float], fill: str) -> None:
    """A function of 0..1 with values 0..1 on the axes."""
    line(pen, [(404 + 190 * i / 60, 298 - 180 * function(i / 60)) for i in range(61)], fill)


def network(pen: Pen, arrows: str) -> None:
    """Three layers of neurons."""
    layers = [[(420, y) for y in (140, 200, 260)], [(500, y) for y in (120, 175, 225, 280)], [(580, 200)]]
    for left, right in pairwise(layers):
        for start in left:
            for end in right:
                line(pen, [start, end], arrows, 1.2)
    for layer in layers:
        for at in layer:
            dot(pen, at, 11, BLUE)


def valley(pen: Pen) -> None:
    """Steps down into a minimum."""
    axes(pen)
    curve(pen, lambda x: 0.1 + 3.2 * (x - 0.55) ** 2, BLUE)
    for x in (0.06, 0.19, 0.31, 0.41, 0.49, 0.55):
        dot(pen, (404 + 190 * x, 298 - 180 * (0.1 + 3.2 * (x - 0.55) ** 2)), 6, ORANGE)


def errors_flow_back(pen: Pen) -> None:
    """A network with an arrow from its output to its input."""
    network(pen, PALE)
    line(pen, [(590, 310), (415, 310)], ORANGE, 3)
    line(pen, [(427, 303), (415, 310), (427, 317)], ORANGE, 3)


def rates(pen: Pen) -> None:
    """Loss over time for three step sizes."""
    axes(pen)
    curve(pen, lambda x: 0.9 - 0.25 * x, PALE)
    curve(pen, lambda x: 0.08 + 0.85 * math.exp(-5 * x), BLUE)
    curve(pen, lambda x: 0.6 + 0.3 * math.sin(22 * x) * (0.4 + 0.6 * x), ORANGE)


def gap(pen: Pen) -> None:
    """Training and validation loss that part."""
    axes(pen)
    curve(pen, lambda x: 0.06 + 0.85 * math.exp(-4 * x), BLUE)
    curve(pen, lambda x: 0.2 + 0.72 * math.exp(-5 * x) + 0.5 * max(0.0, x - 0.35) ** 1.3, ORANGE)


def shrink(pen: Pen) -> None:
    """Bars of weights before and after."""
    for index, (before, after) in enumerate(((160, 80), (110, 62), (180, 86), (70, 40), (135, 70))):
        left = 412 + 38 * index
        pen.rectangle([v * SCALE for v in (left, 298 - before, left + 24, 298)], outline=PALE, width=2 * SCALE)
        pen.rectangle([v * SCALE for v in (left, 298 - after, left + 24, 298)], fill=BLUE)
    line(pen, [(400, 300), (606, 300)], PALE, 2)


def lottery(pen: Pen) -> None:
    """A grid of examples of which one batch is drawn."""
    for row in range(5):
        for column in range(6):
            drawn = (row, column) in ((0, 4), (1, 1), (2, 2), (2, 5), (3, 0), (4, 3))
            dot(pen, (420 + 34 * column, 130 + 38 * row), 11, ORANGE if drawn else "#cfd8e1")


SLIDES: tuple[tuple[str, tuple[str, ...], Callable[[Pen], None]], ...] = (
    (
        "How Neural Networks Learn",
        ("A short course in six steps", "From a guess to a model", "No formulas today"),
        lambda pen: network(pen, PALE),
    ),
    (
        "Gradient Descent",
        ("Start anywhere", "Look which way is down", "Take a small step", "Repeat until flat"),
        valley,
    ),
    (
        "Backpropagation",
        ("Compare output and target", "Send the error backwards", "The chain rule, layer by layer"),
        errors_flow_back,
    ),
    ("Learning Rate", ("Too small: hours are lost", "Too large: it never settles", "Warm up, then decay"), rates),
    ("Mini Batches", ("Draw a few examples", "Average what they say", "Noise helps to explore"), lottery),
    ("Overfitting", ("Training loss still falls", "Validation loss rises", "It has learned by heart"), gap),
    ("Regularisation", ("Keep the weights small", "Drop units at random", "Show varied examples"), shrink),
)


if __name__ == "__main__":
    main()
