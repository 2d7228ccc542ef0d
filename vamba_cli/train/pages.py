"""Real slide pages with known text: what drawn slides must not lose touch with.

`pages.jsonl` has one page a line: `image`, `source` (repository:path), `title` and `lines`, each
`[text, x0, y0, x1, y1]` in fractions of the page. The title there is one line of text; here it gets the lines that it
was broken into back, and pages whose title is doubtful are left out.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from vamba_cli.train.alphabet import encode, is_readable, normalise
from vamba_cli.train.canvas import Box
from vamba_cli.train.degrade import jpeg
from vamba_cli.train.render import FULL_SIZE, Slide

VALIDATION_REPOSITORY = "slds-lmu/lecture_sl"

_PACKED_QUALITY = 66
_GO_ON_SHARE = 0.85  # of the pages that are drawn stand behind the one before them
_RETITLED_SHARE = 0.75  # of them get another title, where they can
# Lower edge of the content: what lies below in small type is a footer, in fractions of the page.
_FOOTER_TOP, _FOOTER_HEIGHT = 0.92, 0.045
_MIN_LINE_PIXELS = 6.5
_MARKS = "●•○▶►▪■◦›»➢✓*–-·"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page; the box is in fractions of the page."""

    text: str
    box: Box

    @property
    def content(self) -> str:
        """The text without the mark of a list item; drawn slides do not count marks as text either."""
        head, _, rest = self.text.partition(" ")
        return rest if head and all(character in _MARKS for character in head) else self.text

    @property
    def is_footer(self) -> bool:
        return self.box.top > _FOOTER_TOP and self.box.height < _FOOTER_HEIGHT


@dataclass(frozen=True, slots=True)
class Page:
    """A page before it becomes a slide: its picture still compressed, its title and all lines of text."""

    source: str
    picture: bytes
    title: tuple[Line, ...]
    lines: tuple[Line, ...]


Retitle = Callable[[Image.Image, Page, str], tuple[Image.Image, Page]]


def is_validation(source: str) -> bool:
    """Whether a page belongs to the repository that is kept for validation."""
    return source.split(":", maxsplit=1)[0] == VALIDATION_REPOSITORY


def read_pages(folder: Path) -> list[Page]:
    """The pages of a folder with a trustworthy title, or with none."""
    pages = []
    for row in (folder / "pages.jsonl").read_text(encoding="utf-8").splitlines():
        fields = json.loads(row)
        lines = tuple(Line(normalise(text), Box(*box)) for text, *box in fields["lines"])
        title = _title_lines(normalise(fields["title"]), lines)
        if title is not None:
            pages.append(Page(fields["source"], (folder / fields["image"]).read_bytes(), title, lines))
    return _as_seen(pages)


def _as_seen(pages: list[Page]) -> list[Page]:
    """The pages with capitals in the titles of decks that set them in small capitals only.

    The text of such a deck has lower-case letters in every title, which nobody who sees the slide could tell.
    """
    titles: dict[str, list[str]] = {}
    for page in pages:
        titles.setdefault(page.source, []).extend(line.text for line in page.title)
    capitals = {source for source, texts in titles.items() if len(texts) >= 8 and all(map(str.islower, texts))}
    return [_capitalised(page) if page.source in capitals else page for page in pages]


def _capitalised(page: Page) -> Page:
    upper = {line: Line(line.text.upper(), line.box) for line in page.title}
    return replace(page, title=tuple(upper.values()), lines=tuple(upper.get(line, line) for line in page.lines))


def _title_lines(title: str, lines: tuple[Line, ...]) -> tuple[Line, ...] | None:
    """The lines that make up a title, () for a page without, None where the title is doubtful or unreadable."""
    letters = "".join(line.content for line in lines)
    if sum(not is_readable(character) for character in letters) > 0.1 * len(letters):
        return None
    if not title:
        return ()
    at = next((index for index, line in enumerate(lines) if line.text == title), None)
    if at is None or not is_readable(title) or not any(map(str.isalpha, title)):
        return None
    first = lines[at]
    found = [first]
    others = [
        line for line in lines if line is not first and line.box.height > 0.93 * first.box.height and not line.is_footer
    ]
    for line in sorted(others, key=lambda line: line.box.top):
        if _continues(found[-1], line):
            found.append(line)
    rivals = [line for line in others if line not in found]
    is_doubtful = any(line.box.top < first.box.top - 0.01 for line in rivals) or (
        first.box.top > 0.3 and len(rivals) > 1
    )
    return None if is_doubtful or len(found) > 3 or not all(is_readable(line.text) for line in found) else tuple(found)


def _continues(above: Line, below: Line) -> bool:
    """Whether a line is the next line of the same title: same size, right below, and aligned with it."""
    first, second = above.box, below.box
    is_alike = abs(second.height - first.height) < 0.12 * first.height
    is_next = -0.35 * first.height < second.top - first.bottom < 0.5 * first.height
    is_aligned = (
        abs(second.left - first.left) < 0.01 or abs(second.left + second.right - first.left - first.right) < 0.02
    )
    return is_alike and is_next and is_aligned


def to_slide(page: Page, size: tuple[int, int] = FULL_SIZE) -> Slide:
    """A page fitted into (width, height) pixels between black bars; characters are spread over their line's box."""
    return fitted(picture_of(page), page, size)


def picture_of(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.picture)).convert("RGB")


def fitted(image: Image.Image, page: Page, size: tuple[int, int]) -> Slide:
    """`to_slide` of a page's picture."""
    share = min(size[0] / image.width, size[1] / image.height)
    extent = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    corner = ((size[0] - extent[0]) // 2, (size[1] - extent[1]) // 2)
    framed = Image.new("RGB", size)
    framed.paste(image.resize(extent, Image.Resampling.LANCZOS), corner)
    codes, centres = _spread(page.lines, corner, extent)
    body = (line.content for line in page.lines if line not in page.title and not line.is_footer)
    title = " ".join(line.text for line in page.title)
    return Slide(np.array(framed), title, tuple(text for text in body if text and is_readable(text)), codes, centres)


class PageRenderer:
    """Each call draws a page anew: decoded, fitted and changed by `augment`. Keeps the pictures compressed.

    Most calls draw the page behind the one before, with the same changes: titles that follow each other in a deck are
    often alike, and all else stays as it is.
    """

    def __init__(
        self, pages: Sequence[Page], seed: int, size: tuple[int, int] = FULL_SIZE, retitle: Retitle | None = None
    ) -> None:
        """`retitle` sets other titles on most pages, in one typeface for a deck."""
        # Half of the pages whose title is empty have one to everybody who looks at them.
        self._pages = [page for page in pages if page.title]
        self._rng = random.Random(seed)
        self._size = size
        self._retitle = retitle
        self._place, self._deck, self._look = -1, 0, ""

    def __call__(self) -> Slide:
        goes_on = self._deck and self._rng.random() < _GO_ON_SHARE
        place = (self._place + 1) % len(self._pages) if goes_on else self._rng.randrange(len(self._pages))
        if not goes_on or self._pages[place].source != self._pages[self._place].source:
            self._deck, self._look = self._deck + 1, str(self._rng.random())
        self._place = place
        page = self._pages[place]
        image = picture_of(page)
        if self._retitle is not None and self._rng.random() < _RETITLED_SHARE:
            image, page = self._retitle(image, page, self._look)
        slide = augment(fitted(image, page, self._size), random.Random(self._look))
        return replace(slide, deck=self._deck)


def augment(slide: Slide, rng: random.Random) -> Slide:
    """The slide moved and scaled within its frame, in other colours, compressed; the characters' places follow."""
    height, width = slide.image.shape[:2]
    image = Image.fromarray(slide.image)
    share_x, share_y = rng.uniform(0.86, 1), rng.uniform(0.86, 1)
    if rng.random() < 0.7:
        share_y = share_x
    extent = (round(width * share_x), round(height * share_y))
    corner = (rng.randint(0, width - extent[0]), rng.randint(0, height - extent[1]))
    centres = slide.glyph_centres * np.array([extent[0] / width, extent[1] / height]) + np.array(corner)
    border = (0, 0, 0) if rng.random() < 0.6 else (rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255))
    framed = Image.new("RGB", (width, height), border)
    framed.paste(image.resize(extent, Image.Resampling.BICUBIC), corner)
    image = _recoloured(framed, rng)
    if rng.random() < 0.7:
        image = jpeg(image, int(rng.triangular(35, 95, 80)))
    return Slide(np.array(image), slide.title, slide.lines, slide.glyph_codes, centres.astype(np.float32))


def _recoloured(image: Image.Image, rng: random.Random) -> Image.Image:
    """Dark for light, other hues, less contrast: each sometimes."""
    pixels = np.asarray(image)
    if rng.random() < 0.25:
        pixels = 255 - pixels
    if rng.random() < 0.3:
        order = rng.choice(((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)))
        pixels = pixels[..., order]
    changed = Image.fromarray(pixels)
    if rng.random() < 0.3:
        changed = ImageEnhance.Contrast(changed).enhance(rng.uniform(0.6, 1.2))
    if rng.random() < 0.3:
        changed = ImageEnhance.Brightness(changed).enhance(rng.uniform(0.75, 1.15))
    return changed


def _spread(
    lines: tuple[Line, ...], corner: tuple[int, int], extent: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Codes (n,) and centres (n, 2) in pixels of the characters of all lines large enough to be read."""
    codes, centres = [], []
    for line in lines:
        if line.box.height * extent[1] < _MIN_LINE_PIXELS or not line.text:
            continue
        code = encode(line.text)
        widths = _widths()[code]
        across = (np.cumsum(widths) - widths / 2) / widths.sum() * line.box.width + line.box.left
        down = np.full(len(code), (line.box.top + line.box.bottom) / 2)
        seen = code > 1
        seen[: len(line.text) - len(line.content)] = False
        codes.append(code[seen])
        centres.append(np.stack([across, down], axis=1)[seen])
    if not codes:
        return np.zeros(0, np.uint8), np.zeros((0, 2), np.float32)
    placed = np.concatenate(centres) * np.array(extent) + np.array(corner)
    return np.concatenate(codes), placed.astype(np.float32)


@lru_cache(maxsize=1)
def _widths() -> npt.NDArray[np.float32]:
    """Relative widths of the alphabet's codes in a typical proportional face: (256,)."""
    widths = np.full(256, 0.55, np.float32)
    for characters, width in (
        ("iljtI.,:;'|!()[]/fr ‘’", 0.3),
        ("mwMWÆŒœ—…@%™→⇒", 0.88),
        ("ABCDEFGHKNOPQRSTUVXYZ&=+<>~", 0.68),
    ):
        widths[encode(characters)] = width
    return widths


def pack(folder: Path, out: Path) -> None:
    """A small copy of a folder of pages for a machine that must be sent everything: no larger than they are shown."""
    rows = (folder / "pages.jsonl").read_text(encoding="utf-8").splitlines()
    for name in (json.loads(row)["image"] for row in rows):
        image = Image.open(folder / name).convert("RGB")
        image.thumbnail(FULL_SIZE, Image.Resampling.LANCZOS)
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(out / name, "WEBP", quality=_PACKED_QUALITY, method=6)
    (out / "pages.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    import sys

    pack(Path(sys.argv[1]), Path(sys.argv[2]))
