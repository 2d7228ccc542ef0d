"""How far can the answers of the bundled checkpoint be trusted? Every figure of its model card, in one go.

    python benchmarks/truth.py ../shared/lectures/*.json --pages ../shared/slides --out truth.json

Each JSON file lists the true slides of the video beside it (title, start_seconds, end_seconds); `--pages` is a folder
of real pages with `pages.jsonl`, of which only decks count that neither training nor calibration has seen. Parts:

  titles    "when is <title> introduced?" for every title: right if the first span of evidence overlaps a slide of that
            title and is shorter than that slide and 30 s. `own` counts the very slide alone, which no single answer can
            satisfy where a deck repeats a title.
  absent    "is <title> shown?" for titles of other lectures: right if the answer is no, without evidence.
  phrases   "when is <words> shown?" for 2 to 4 words from the body of a page, on clips of decks, and for words of other
            decks, which are not there.
  order     "what comes after <title>?" for every title that is shown once: right if the first span of evidence overlaps
            what is behind it; "which comes first, <title> or <title>?"; and how many titled parts are counted.
  chapters  a found boundary within 3 s of a true one is right, each counted once; F1 is of all boundaries but 0. The
            title of each chapter is compared with that of the true slide at its middle: edit distance over the true
            length, at most 1. `--plain` adds what PySceneDetect's own detectors find with their defaults.
  hour      the time from the start of the command to its first answer for the longest video, without the cache, scaled
            to an hour: wall clock and processor.

`--only` names the parts that are wanted. Intervals are of 95 %: Wilson's for shares, bootstrap for means. With `--out`
a video that is there already is not measured again. Memories of encoded videos are kept in vamba's cache. The network
is never used.
"""

import argparse
import json
import math
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from intervals import Row, mean_row, pooled, share_row

from vamba_cli import api
from vamba_cli.api.models import OpenModel
from vamba_cli.results import Answer, Chapter
from vamba_cli.settings import Settings
from vamba_cli.train.evaluate import edit_distance
from vamba_cli.train.page_clips import PageClip, page_clips

MORE_SECONDS = 30.0  # that a span may be longer than the true slide
TOLERANCE_SECONDS = 3.0  # of a boundary
NUM_PAIRS = 20  # of titles of which is asked which comes first
NUM_ABSENT = 40  # titles and phrases asked of a video that does not show them
WEIGHTS = Path(api.__file__).parents[1] / "weights" / "tiny" / "model.safetensors"

Times = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Lecture:
    """A video and its true slides."""

    video: Path
    seconds: float
    slides: list[Row]

    @staticmethod
    def read(path: Path) -> "Lecture":
        truth = json.loads(path.read_text(encoding="utf-8"))
        return Lecture(path.with_suffix(".mp4"), truth["duration_seconds"], truth["slides"])

    @property
    def name(self) -> str:
        return self.video.stem

    @property
    def titles(self) -> dict[str, list[Times]]:
        """When each title is on screen."""
        found: dict[str, list[Times]] = {}
        for slide in self.slides:
            if slide["title"].strip():
                found.setdefault(slide["title"], []).append((slide["start_seconds"], slide["end_seconds"]))
        return found


@dataclass(frozen=True, slots=True)
class Bench:
    """What the parts measure with."""

    lectures: list[Lecture]
    clips: list[PageClip]
    model: OpenModel
    plain: bool

    def videos(self, part: str) -> Sequence[Lecture | PageClip]:
        """What a part is measured on."""
        if part == "hour":
            return [max(self.lectures, key=lambda lecture: lecture.seconds)]
        return self.clips if part == "phrases" else self.lectures

    def ask(self, video: Path, questions: Sequence[str]) -> tuple[Answer, ...]:
        return api.ask(video, questions, self.model.settings, model=self.model).answers


# --- questions


def fits(answer: Answer, true: Sequence[Times], most_more: float = MORE_SECONDS) -> bool:
    """Whether the first span overlaps one of the true spans and is not much longer, by so many seconds."""
    if not answer.evidence:
        return False
    start, end = answer.evidence[0].start_seconds, answer.evidence[0].end_seconds
    return any(start < last and first < end and end - start < last - first + most_more for first, last in true)


def says_no(answer: Answer) -> bool:
    return not answer.evidence and answer.outcome == "not_found"


def miss(answer: Answer, true: Sequence[Times] = ()) -> Row:
    spans = [[e.start_seconds, e.end_seconds, e.score] for e in answer.evidence[:2]]
    return {"question": answer.question, "true": list(true), "found": spans}


def titles(bench: Bench, lecture: Lecture) -> Row:
    answers = bench.ask(lecture.video, [f"when is {title} introduced?" for title in lecture.titles])
    hits, own, misses = list[bool](), list[bool](), []
    for answer, true in zip(answers, lecture.titles.values(), strict=True):
        hits += [fits(answer, true)] * len(true)
        own += [fits(answer, [span]) for span in true]
        if not hits[-1]:
            misses.append(miss(answer, true))
    return share_row(lecture.name, hits, own=sum(own) / len(own), hits=hits, own_hits=own, misses=misses)


def absent(bench: Bench, lecture: Lecture) -> Row:
    own = "\n".join(lecture.titles).casefold()
    others = {title for other in bench.lectures if other is not lecture for title in other.titles}
    strangers = sorted(title for title in others if title.casefold() not in own)
    asked = random.Random(0).sample(strangers, min(NUM_ABSENT, len(strangers)))
    answers = bench.ask(lecture.video, [f"is {title} shown?" for title in asked])
    hits = [says_no(answer) for answer in answers]
    misses = [miss(answer) for answer, hit in zip(answers, hits, strict=True) if not hit]
    return share_row(lecture.name, hits, hits=hits, misses=misses)


def phrases(bench: Bench, clip: PageClip) -> Row:
    others = [phrase.text for other in bench.clips if other is not clip for phrase in other.phrases]
    strangers = clip.absent(others)
    asked = [*clip.phrases, *random.Random(0).sample(strangers, min(NUM_ABSENT // 2, len(strangers)))]
    with tempfile.TemporaryDirectory() as folder:
        answers = bench.ask(clip.written(Path(folder)), [f'when is "{phrase.text}" shown?' for phrase in asked])
    pairs = list(zip(asked, answers, strict=True))
    hits = [fits(answer, clip.spans(phrase)) for phrase, answer in pairs if phrase.pages]
    refused = [says_no(answer) for phrase, answer in pairs if not phrase.pages]
    misses = [
        miss(answer, clip.spans(phrase))
        for phrase, answer in pairs
        if phrase.pages and not fits(answer, clip.spans(phrase))
    ]
    wrong = [miss(answer) for phrase, answer in pairs if not phrase.pages and not says_no(answer)]
    share = sum(refused) / max(1, len(refused))
    more = {"hits": hits, "refused": refused, "misses": misses, "wrongly_found": wrong}
    return share_row(clip.name, hits, absent=share, **more)


# --- order


@dataclass(frozen=True, slots=True)
class Part:
    """Slides with one title that follow each other."""

    title: str
    span: Times


def titled_parts(slides: Sequence[Row]) -> list[Part]:
    found = list[Part]()
    for slide in slides:
        title, start = slide["title"].strip(), slide["start_seconds"]
        if title and found and found[-1].title == title:
            start = found.pop().span[0]
        if title:
            found.append(Part(title, (start, slide["end_seconds"])))
    return found


def order(bench: Bench, lecture: Lecture) -> Row:
    parts = titled_parts(lecture.slides)
    every = [part.title for part in parts]
    follows = [(one, then) for one, then in pairwise(parts) if every.count(one.title) == 1]
    known = [one for one, _ in follows]
    picker = random.Random(0)
    pairs = [picker.sample(known, 2) for _ in range(NUM_PAIRS)]
    asked = [f"what comes after {one.title}?" for one, _ in follows]
    asked += [f"which comes first, {one.title} or {other.title}?" for one, other in pairs]
    *answers, counted = bench.ask(lecture.video, [*asked, "how many slides are there?"])
    after, sooner = answers[: len(follows)], answers[len(follows) :]
    hits, misses = list[bool](), []
    for answer, (_, then) in zip(after, follows, strict=True):
        hits.append(fits(answer, [then.span], math.inf))
        if not hits[-1]:
            misses.append(miss(answer, [then.span]) | {"answer": answer.answer})
    first = [comes_first(answer, *pair) for answer, pair in zip(sooner, pairs, strict=True)]
    misses += [miss(answer) | {"answer": answer.answer} for answer, hit in zip(sooner, first, strict=True) if not hit]
    number = int(found.group()) if (found := re.match(r"\d+", counted.answer)) else 0
    return share_row(lecture.name, hits, sooner=sum(first) / len(first), counted=number, parts=len(parts), hits=hits,
                     sooner_hits=first, misses=misses)  # fmt: skip


def comes_first(answer: Answer, one: Part, other: Part) -> bool:
    """Whether the answer names the earlier part as the first one, and shows it."""
    early = min(one, other, key=lambda part: part.span)
    title = early.title.rstrip("?!. ")  # a title may end as a question does
    is_named = re.search(rf"{re.escape(title)}\W*” comes first", answer.answer) is not None
    return is_named and fits(answer, [early.span], math.inf)


# --- chapters


def true_boundaries(slides: Sequence[Row]) -> list[float]:
    """When slides with a new title come up."""
    found, title = [], slides[0]["title"]
    for slide in slides[1:]:
        if slide["title"] and slide["title"] != title:
            found.append(float(slide["start_seconds"]))
        title = slide["title"] or title
    return found


def f1(found: Sequence[float], true: Sequence[float]) -> float:
    """Harmonic mean of precision and recall, each boundary matched once, in the order of time."""
    hits, left = 0, sorted(found)
    for moment in sorted(true):
        near = [other for other in left if abs(other - moment) <= TOLERANCE_SECONDS]
        if near:
            hits += 1
            left.remove(min(near, key=lambda other: abs(other - moment)))
    return 2 * hits / (len(found) + len(true)) if found or true else 1.0


def title_errors(chapters: Sequence[Chapter], slides: Sequence[Row]) -> list[tuple[float, str, str]]:
    """Error, title read and true title of each chapter whose middle shows a titled slide."""
    errors = []
    for chapter in chapters:
        middle = (chapter.start_seconds + chapter.end_seconds) / 2
        shown = next((s["title"] for s in slides if s["start_seconds"] <= middle < s["end_seconds"]), "")
        true = shown.replace(". . .", "...")  # as text taken from a document writes an ellipsis
        if true:
            read = chapter.title if chapter.title_source == "model" else ""
            errors.append((min(1.0, edit_distance(read, true) / len(true)), read, true))
    return errors


def plain_detectors(video: Path) -> dict[str, list[float]]:
    """The cuts that PySceneDetect finds with its defaults."""
    from scenedetect import AdaptiveDetector, ContentDetector, detect

    return {
        kind.__name__: [scene[0].seconds for scene in detect(str(video), kind())[1:]]
        for kind in (AdaptiveDetector, ContentDetector)
    }


def chapters(bench: Bench, lecture: Lecture) -> Row:
    (item,) = api.chapters(lecture.video, bench.model.settings).items
    true = true_boundaries(lecture.slides)
    found = title_errors(item.chapters, lecture.slides)
    score = f1([chapter.start_seconds for chapter in item.chapters[1:]], true)
    errors = [error for error, _, _ in found]
    misread = [{"read": read, "true": title} for error, read, title in found if error]
    row = mean_row(lecture.name, errors, f1=score, boundaries=len(true), errors=errors, misread=misread)
    if bench.plain:
        row["plain_f1"] = {name: f1(cuts, true) for name, cuts in plain_detectors(lecture.video).items()}
    return row


# --- time and size


def hour(bench: Bench, lecture: Lecture) -> Row:
    title = next(iter(lecture.titles))
    command = [sys.executable, "-m", "vamba_cli", "ask", str(lecture.video), f"when is {title} introduced?"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command += ["--model", bench.model.settings.model, "--no-cache"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    scale = 3600 / lecture.seconds
    return {"of": lecture.name, "seconds_an_hour": wall * scale, "processor_seconds_an_hour": processor * scale,
            "video_seconds": lecture.seconds, "load": os.getloadavg()[0]}  # fmt: skip


PARTS: dict[str, Callable[[Bench, Any], Row]] = {
    "titles": titles, "absent": absent, "phrases": phrases, "order": order, "chapters": chapters, "hour": hour,
}  # fmt: skip


def summary(part: str, rows: Sequence[Row]) -> list[Row]:
    """The figures over all videos."""
    if part == "hour" or not rows:
        return list(rows)
    if part == "chapters":
        errors = [error for row in rows for error in row["errors"]]
        return [mean_row("title error", errors), mean_row("boundary F1", [row["f1"] for row in rows])]
    extra = {
        "titles": ("the very slide", "own_hits"),
        "phrases": ("absent phrases", "refused"),
        "order": ("which is first", "sooner_hits"),
    }.get(part)
    return [pooled("all", rows), *([pooled(extra[0], rows, extra[1])] if extra else [])]


def show(part: str, row: Row) -> None:
    """One line of figures, and its misses."""
    figures = []
    for name, value in row.items():
        if name in ("share", "own", "absent", "sooner"):
            figures.append(f"{name} {value:6.1%}")
        elif name in ("mean", "f1") or name in ("low", "high"):
            figures.append(f"{name} {value:.3f}")
        elif isinstance(value, int | float):
            figures.append(f"{name} {value:.4g}")
        elif name == "plain_f1":
            figures += [f"{detector} {score:.3f}" for detector, score in value.items()]
    print(f"{part:9} {row['of'][:42]:42} {'  '.join(figures)}", flush=True)
    for kind in ("misses", "wrongly_found"):
        for missed in row.get(kind, []):
            print(f"    {kind}", json.dumps(missed, ensure_ascii=False), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", nargs="+", type=Path, help="JSON files with the true slides")
    parser.add_argument("--pages", type=Path, help="folder of real pages")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--videos", default="", help="only videos with this in their names")
    parser.add_argument(
        "--out", type=Path, help="write everything as JSON; what is there already is not measured again"
    )
    parser.add_argument("--plain", action="store_true", help="chapters: also PySceneDetect's own detectors")
    parser.add_argument("--model", default="tiny")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    if unknown := [part for part in wanted if part not in PARTS]:
        parser.error(f"--only {unknown[0]} is not known: choose {', '.join(PARTS)}")
    done: dict[str, list[Row]] = {}
    if arguments.out and arguments.out.exists():
        done = json.loads(arguments.out.read_text(encoding="utf-8"))
    clips = page_clips(arguments.pages, "measure") if arguments.pages else []
    lectures = [Lecture.read(path) for path in arguments.truth]
    bench = Bench(lectures, clips, OpenModel(Settings(model=arguments.model)), arguments.plain)
    for part in wanted:
        rows = done.setdefault(part, [])
        for video in bench.videos(part):
            if arguments.videos in video.name and video.name not in [row["of"] for row in rows]:
                started, processor = time.perf_counter(), time.process_time()
                row = PARTS[part](bench, video)
                row["took_seconds"] = time.perf_counter() - started
                row["took_processor_seconds"] = time.process_time() - processor
                rows.append(row)
                show(part, row)
                if arguments.out:
                    arguments.out.write_text(json.dumps(done, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print("\nAll")
    for part in wanted:
        for row in summary(part, done[part]):
            show(part, row)
        took = sum(row["took_processor_seconds"] for row in done[part])
        print(f"{part:9} took {took:.0f} s of processor, without encoding where memories were kept")
    print(f"weights   {WEIGHTS.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
