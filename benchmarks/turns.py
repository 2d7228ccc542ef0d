"""What does the network itself know of order and number? Asked of clips of lectures, without the rules of the product.

    python benchmarks/turns.py ../shared/lectures/*.json --out turns.json

`vamba ask` answers questions of order by rules over titles that are read one by one (`benchmarks/truth.py --only
order`). Here the network answers in its own words. A clip is 64 frame pairs of a lecture that are encoded on their own,
as `--start` and `--end` do; clips follow each other without a gap. Parts are slides with one title in a row.

  listed    "titles?": F1 of the titles that are told in the right order
  as_many   of these lists that have as many titles as there are parts
  after     "after: <title>", for every title that the clip shows once and that is not its last
  before    "before: <title>", likewise
  counted   "how many?", whose answer is a numbered list

A title is right if at most one letter in ten is wrong; `exact` is the share without a fault. Intervals are of 95 %:
Wilson's for shares, bootstrap for means.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intervals import Row, mean_row, pooled
from truth import Lecture, titled_parts

from vamba_cli.api.models import OpenModel
from vamba_cli.api.sessions import encoded, flushed_denormals
from vamba_cli.engine.events import ignore
from vamba_cli.engine.generate import generate
from vamba_cli.engine.session import Session
from vamba_cli.settings import Settings
from vamba_cli.train.evaluate import LISTED_TOKENS, TITLE_TOKENS, edit_distance, f1_in_order
from vamba_cli.train.questions import AFTER, BEFORE, COUNT, SEPARATOR, TITLES, number_told

CLIP_PAIRS = 64
LETTERS_WRONG = 0.1  # of a title that still counts as right


@dataclass(frozen=True, slots=True)
class Clip:
    """Some frame pairs of a lecture, encoded on their own, and the titles that they show in turn."""

    session: Session
    titles: list[str]

    def ask(self, question: str, max_new_tokens: int) -> str:
        ready = self.session.ready
        said = generate(ready.model, ready.tokenizer, self.session.memory, question, max_new_tokens=max_new_tokens)
        return said.text.strip()


def clips_of(lecture: Lecture, settings: Settings) -> Iterator[Clip]:
    """Clips that follow each other and show two parts at least, each for one whole frame pair or more."""
    times = OpenModel(settings).look_at(lecture.video).plan.times_seconds
    begins = times[:: 2 * CLIP_PAIRS]
    parts = titled_parts(lecture.slides)
    for begin, end in zip(begins, (*begins[1:], None), strict=True):
        model = OpenModel(replace(settings, start_seconds=begin, end_seconds=end))
        session, _ = encoded(lecture.video, model, ignore)
        plan = session.prospect.plan.times_seconds
        pairs = list(zip(plan[::2], plan[1::2], strict=True))
        titles = [
            part.title
            for part in parts
            if any(part.span[0] <= first and last < part.span[1] for first, last in pairs)
        ]  # fmt: skip
        if len(titles) > 1:
            yield Clip(session, titles)


def is_near(told: str, title: str) -> bool:
    """Whether a title is read with few wrong letters, whatever its capitals."""
    a, b = (" ".join(text.casefold().split()) for text in (told, title))
    return edit_distance(a, b) <= LETTERS_WRONG * len(b)


def nearest(told: str, titles: Sequence[str]) -> str:
    """The title that is meant, or what is told where it is none of them."""
    return next((title for title in titles if is_near(told, title)), told)


def neighbours(clip: Clip, wording: str, step: int) -> list[tuple[str, str, str]]:
    """(asked title, true neighbour, answer) for titles that the clip shows once."""
    asked = []
    for place, title in enumerate(clip.titles):
        if clip.titles.count(title) == 1 and 0 <= place + step < len(clip.titles):
            answer = clip.ask(wording.format(title), TITLE_TOKENS)
            asked.append((title, clip.titles[place + step], answer))
    return asked


def measure(lecture: Lecture, settings: Settings) -> Row:
    row: Row = {"of": lecture.name, "listed": [], "as_many": [], "counted": [], "after": [], "before": [],
                "exact": [], "misses": []}  # fmt: skip
    for clip in clips_of(lecture, settings):
        room = (len(clip.titles) + 2) * LISTED_TOKENS
        told = clip.ask(TITLES[0], room).split(SEPARATOR)
        row["listed"].append(f1_in_order([nearest(title, clip.titles) for title in told], clip.titles))
        row["as_many"].append(len(told) == len(clip.titles))
        number = number_told(clip.ask(COUNT[0], room))
        row["counted"].append(number == len(clip.titles))
        for kind, wording, step in (("after", AFTER[0], 1), ("before", BEFORE[0], -1)):
            for title, true, answer in neighbours(clip, wording, step):
                row[kind].append(is_near(answer, true))
                if kind == "after":
                    row["exact"].append(answer == true)
                if not row[kind][-1]:
                    row["misses"].append([f"{kind}: {title}", true, answer])
        row["misses"].append([f"{clip.session.prospect.plan.times_seconds[0]:.0f} s", clip.titles, told, number])
    return row


def rows_of(name: str, found: Sequence[Row]) -> list[Row]:
    """The figures of some lectures together."""
    listed = [value for row in found for value in row["listed"]]
    shares = [pooled(f"{name}: {kind}", found, kind) for kind in ("as_many", "counted", "after", "exact", "before")]
    return [mean_row(f"{name}: listed", listed), *shares]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", nargs="+", type=Path, help="JSON files with the true slides")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    arguments = parser.parse_args()
    settings, found = Settings(model=arguments.model), list[Row]()
    with flushed_denormals():
        for path in arguments.truth:
            found.append(measure(Lecture.read(path), settings))
            for row in rows_of(found[-1]["of"], found[-1:]):
                show(row)
            if arguments.out:
                arguments.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for row in rows_of("all", found):
        show(row)


def show(row: Row) -> None:
    value = row.get("share", row.get("mean"))
    print(f"{row['of'][-60:]:60} {value:6.1%}  ({row['low']:.1%} to {row['high']:.1%}) of {row['number']}", flush=True)


if __name__ == "__main__":
    main()
