"""How often is "when is <words in the body of a slide> shown?" answered with the right time?

    python benchmarks/phrases.py ../shared/slides [--out results.json]

Makes videos of real pages whose text is known (a folder with `pages.jsonl`; of one repository that is not trained on)
and asks each for 2 to 4 words in a row from the body of each of its pages. The answer is right when the first span of
evidence is shorter than two minutes and overlaps a page that has these words. `absent` asks for words of pages of the
other videos: the share that is rightly answered with no evidence.
"""

import argparse
import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from vamba_cli import api
from vamba_cli.results import Evidence
from vamba_cli.settings import Settings
from vamba_cli.train.pages import Page, is_validation, read_pages, to_slide

LONGEST_SPAN_SECONDS = 120.0
SECONDS_PER_PAGE = 8
FRAMES_PER_SECOND = 5
SIZE = (640, 360)
LEAST_HEIGHT = 9 / 360  # of a line's box, as a share of the page: smaller type cannot be read at this size
NUM_ABSENT = 25


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words to ask for, and the numbers of the pages that have them."""

    text: str
    pages: tuple[int, ...]


def words_of(page: Page) -> str:
    return "\n".join(line.text for line in page.lines).casefold()


def choose(page: Page, picker: random.Random) -> str | None:
    """2 to 4 words in a row from the body of a page, ordinary ones, or None where it has no such line."""
    lines = [
        line.content
        for line in page.lines
        if line not in page.title and not line.is_footer and line.box.height >= LEAST_HEIGHT
    ]
    found = []
    for words in (line.split() for line in lines):
        for length in (2, 3, 4):
            for first in range(len(words) - length + 1):
                part = words[first : first + length]
                text = " ".join(part)
                if all(word.strip(",.:;").isalpha() for word in part) and 12 <= len(text) <= 40:
                    found.append(text.strip(",.:; "))
    return picker.choice(found) if found else None


def phrases_of(pages: list[Page], picker: random.Random) -> list[Phrase]:
    """One phrase for each page that has a distinctive one: no more than three pages have it, and no title."""
    texts = [words_of(page) for page in pages]
    titles = "\n".join(" ".join(line.text for line in page.title) for page in pages).casefold()
    phrases: dict[str, Phrase] = {}
    for page in pages:
        text = choose(page, picker)
        if text is None or text.casefold() in titles:
            continue
        places = tuple(number for number, words in enumerate(texts) if text.casefold() in words)
        if 1 <= len(places) <= 3:
            phrases[text] = Phrase(text, places)
    return list(phrases.values())


def write_video(pages: list[Page], path: Path) -> None:
    """The pages one after the other, `SECONDS_PER_PAGE` each."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"crf": "23"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for page in pages:
            picture = np.asarray(Image.fromarray(to_slide(page, SIZE).image))
            for _ in range(SECONDS_PER_PAGE * FRAMES_PER_SECOND):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def is_right(span: Evidence | None, phrase: Phrase) -> bool:
    if span is None or span.end_seconds - span.start_seconds >= LONGEST_SPAN_SECONDS:
        return False
    return any(
        min(span.end_seconds, (page + 1) * SECONDS_PER_PAGE) > max(span.start_seconds, page * SECONDS_PER_PAGE)
        for page in phrase.pages
    )


def judge(video: Path, phrases: list[Phrase], absent: list[str], settings: Settings) -> dict[str, Any]:
    """Scores of one video, and what was found for each phrase."""
    asked = [phrase.text for phrase in phrases] + absent
    result = api.ask(video, [f'when is "{text}" shown?' for text in asked], settings)
    first = [answer.evidence[0] if answer.evidence else None for answer in result.answers]
    rows = [
        {"phrase": phrase.text, "pages": phrase.pages, "right": is_right(span, phrase), "found": _as_list(span)}
        for phrase, span in zip(phrases, first, strict=False)
    ]
    wrong = [[text, _as_list(span)] for text, span in zip(absent, first[len(phrases) :], strict=True) if span]
    return {
        "right": sum(bool(row["right"]) for row in rows) / len(rows),
        "absent": 1 - len(wrong) / len(absent) if absent else None,
        "phrases": rows,
        "wrongly_found": wrong,
    }


def _as_list(span: Evidence | None) -> list[float] | None:
    return None if span is None else [span.start_seconds, span.end_seconds, span.score]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path, help="folder of pages with pages.jsonl")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--videos", type=int, default=3)
    parser.add_argument("--pages-per-video", type=int, default=60)
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    args = parser.parse_args()
    pages = [page for page in read_pages(args.pages) if is_validation(page.source) and page.title]
    size = args.pages_per_video
    parts = [pages[first : first + size] for first in range(0, len(pages), size)][: args.videos]
    picker = random.Random(0)
    chosen = [phrases_of(part, picker) for part in parts]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (part, phrases) in enumerate(zip(parts, chosen, strict=True)):
            here = "\n".join(map(words_of, part))
            others = [
                p.text for other in chosen if other is not phrases for p in other if p.text.casefold() not in here
            ]
            absent = picker.sample(others, min(NUM_ABSENT, len(others)))
            video = Path(folder, f"pages-{number}.mp4")
            write_video(part, video)
            row = {"video": number, "pages": len(part), **judge(video, phrases, absent, Settings(model=args.model))}
            rows.append(row)
            print(
                f"video {number}: {len(phrases)} phrases, right {row['right']:.1%}, absent {row['absent']:.1%}",
                flush=True,
            )
            if args.out:
                args.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    total = sum(len(row["phrases"]) for row in rows)
    print(f"all: {total} phrases, right {sum(row['right'] * len(row['phrases']) for row in rows) / total:.1%}")


if __name__ == "__main__":
    main()
