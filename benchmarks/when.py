"""How often is "when is <title> introduced?" answered with the right time?

    python benchmarks/when.py ../shared/lectures/*.json [--out results.json]

Each JSON file lists the true slides of the video beside it (title, start_seconds, end_seconds). Every titled slide
is asked about; the answer is right when the first span of evidence is shorter than two minutes and overlaps the slide.
Many decks repeat a title ("Outline"): `any` counts a span on any slide of that title as right, `own` only the very
slide, which no single answer can satisfy for all of them. `absent` asks for the titles of the other decks: the share
that is rightly answered with no evidence.
Set OMP_WAIT_POLICY=passive for times as the command line has them. Read-only; the network is never used.
"""

import argparse
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vamba_cli import api
from vamba_cli.results import Evidence
from vamba_cli.settings import Settings

LONGEST_SPAN_SECONDS = 120.0
NUM_ABSENT = 25


@dataclass(frozen=True, slots=True)
class Lecture:
    """A video and its true slides."""

    video: Path
    duration_seconds: float
    slides: list[dict[str, Any]]

    @staticmethod
    def read(path: Path) -> "Lecture":
        truth = json.loads(path.read_text(encoding="utf-8"))
        slides = [slide for slide in truth["slides"] if slide["title"].strip()]
        return Lecture(path.with_suffix(".mp4"), truth["duration_seconds"], slides)


def overlaps(span: Evidence, slide: dict[str, Any]) -> bool:
    short = span.end_seconds - span.start_seconds < LONGEST_SPAN_SECONDS
    common = min(span.end_seconds, slide["end_seconds"]) - max(span.start_seconds, slide["start_seconds"])
    return bool(short and common > 0)


def judge(lecture: Lecture, others: list[str], settings: Settings) -> dict[str, Any]:
    """Scores of one lecture, its misses, and how long it took."""
    titles = list(dict.fromkeys(slide["title"] for slide in lecture.slides))
    questions = [f"when is {title} introduced?" for title in titles + others]
    started = time.perf_counter()
    result = api.ask(lecture.video, questions, settings)
    seconds = time.perf_counter() - started
    first = {
        title: answer.evidence[0] if answer.evidence else None
        for title, answer in zip(titles + others, result.answers, strict=True)
    }
    own = any_slide = 0
    misses = []
    for slide in lecture.slides:
        span = first[slide["title"]]
        same = [other for other in lecture.slides if other["title"] == slide["title"]]
        own += span is not None and overlaps(span, slide)
        right = span is not None and any(overlaps(span, other) for other in same)
        any_slide += right
        if not right:
            found = None if span is None else [span.start_seconds, span.end_seconds, span.score]
            misses.append(
                {"title": slide["title"], "true": [slide["start_seconds"], slide["end_seconds"]], "found": found}
            )
    num = len(lecture.slides)
    return {
        "lecture": lecture.video.stem,
        "slides": num,
        "any": any_slide / num,
        "own": own / num,
        "absent": sum(first[title] is None for title in others) / len(others) if others else None,
        "encode_seconds_per_hour": result.timing.encode_seconds / lecture.duration_seconds * 3600,
        "question_seconds": result.timing.answer_seconds / len(questions),
        "total_seconds": seconds,
        "misses": misses,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("truth", type=Path, nargs="+", help="JSON files with the true slides")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    parser.add_argument("--cached", action="store_true", help="use memories kept by an earlier run (no encode times)")
    args = parser.parse_args()
    lectures = [Lecture.read(path) for path in args.truth]
    settings = Settings(model=args.model, cache=args.cached)
    rows = []
    for lecture in lectures:
        own = {slide["title"].casefold() for slide in lecture.slides}
        strangers = sorted(
            {
                s["title"]
                for other in lectures
                if other is not lecture
                for s in other.slides
                if s["title"].casefold() not in own
            }
        )
        others = random.Random(0).sample(strangers, min(NUM_ABSENT, len(strangers)))
        row = judge(lecture, others, settings)
        rows.append(row)
        absent = "-" if row["absent"] is None else f"{row['absent']:.1%}"
        print(
            f"{row['lecture'][:44]:44} {row['slides']:3} slides  any {row['any']:6.1%}  own {row['own']:6.1%}  "
            f"absent {absent:>6}  encode {row['encode_seconds_per_hour']:4.0f} s/h  "
            f"question {row['question_seconds']:.2f} s",
            flush=True,
        )
        for miss in row["misses"]:
            print("    missed", json.dumps(miss, ensure_ascii=False), flush=True)
        if args.out:
            args.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    total = sum(row["slides"] for row in rows)
    print(f"all: {total} slides, any {sum(r['any'] * r['slides'] for r in rows) / total:.1%}")


if __name__ == "__main__":
    main()
