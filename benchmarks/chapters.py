"""How well do chapters fit the true slides of lectures?

    python benchmarks/chapters.py ../shared/lectures/*.json [--out results.json] [--plain]

Each JSON file lists the true slides of the video beside it (title, start_seconds, end_seconds). A true boundary is
where a slide with a new title comes up; a found one within 3 s of it is right, each counted once. F1 is of all
boundaries but 0. The character error of titles compares each chapter's with the true title at the chapter's middle
(edit distance over the true length, at most 1; chapters on slides without a title do not count; a chapter without a
title counts 1). `--plain` adds what PySceneDetect's own detectors find in the same files with their defaults.
Read-only; the network is never used.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vamba_cli import api
from vamba_cli.results import Chapter
from vamba_cli.settings import Settings

TOLERANCE_SECONDS = 3.0


def true_boundaries(slides: Sequence[dict[str, Any]]) -> list[float]:
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


def character_error(read: str, true: str) -> float:
    """Edit distance over the true length, at most 1."""
    before = list(range(len(true) + 1))
    for i, letter in enumerate(read, 1):
        row = [i]
        for j, other in enumerate(true, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other)))
        before = row
    return min(1.0, before[-1] / len(true))


def title_errors(chapters: Sequence[Chapter], slides: Sequence[dict[str, Any]]) -> list[tuple[float, str, str]]:
    """Error, title read and true title of each chapter whose middle shows a titled slide."""
    errors = []
    for chapter in chapters:
        middle = (chapter.start_seconds + chapter.end_seconds) / 2
        shown = next((s["title"] for s in slides if s["start_seconds"] <= middle < s["end_seconds"]), "")
        true = shown.replace(". . .", "...")  # as text taken from a document writes an ellipsis
        if true:
            read = chapter.title if chapter.title_source == "model" else ""
            errors.append((character_error(read, true), read, true))
    return errors


def plain_detectors(video: Path) -> dict[str, list[float]]:
    """The cuts that PySceneDetect finds with its defaults."""
    from scenedetect import AdaptiveDetector, ContentDetector, detect

    return {
        kind.__name__: [scene[0].seconds for scene in detect(str(video), kind())[1:]]
        for kind in (AdaptiveDetector, ContentDetector)
    }


def judge(truth_file: Path, *, plain: bool) -> dict[str, Any]:
    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    video, true = truth_file.with_suffix(".mp4"), true_boundaries(truth["slides"])
    started = time.perf_counter()
    (item,) = api.chapters(video, Settings()).items
    seconds = time.perf_counter() - started
    errors = title_errors(item.chapters, truth["slides"])
    row: dict[str, Any] = {
        "lecture": video.stem,
        "boundaries": len(true),
        "found": len(item.chapters) - 1,
        "f1": f1([chapter.start_seconds for chapter in item.chapters[1:]], true),
        "title_error": statistics.mean(error for error, _, _ in errors),
        "exact_titles": sum(error == 0 for error, _, _ in errors) / len(errors),
        "encode_seconds": item.timing.encode_seconds,
        "chapter_seconds": item.timing.answer_seconds,
        "seconds": seconds,
        "misread": [{"read": read, "true": true_title} for error, read, true_title in errors if error],
    }
    if plain:
        row["plain_f1"] = {name: f1(cuts, true) for name, cuts in plain_detectors(video).items()}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", nargs="+", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plain", action="store_true", help="also PySceneDetect's own detectors")
    arguments = parser.parse_args()
    rows = []
    for path in arguments.truth:
        row = judge(path, plain=arguments.plain)
        rows.append(row)
        others = "".join(f"  {name} {score:.3f}" for name, score in row.get("plain_f1", {}).items())
        print(
            f"{row['lecture']:42} {row['boundaries']:3} true {row['found']:3} found  F1 {row['f1']:.3f}  "
            f"title error {row['title_error']:.3f}  exact {row['exact_titles']:.0%}  "
            f"encode {row['encode_seconds']:.1f} s, chapters {row['chapter_seconds']:.1f} s{others}",
            flush=True,
        )
    mean_f1 = statistics.mean(row["f1"] for row in rows)
    mean_error = statistics.mean(row["title_error"] for row in rows)
    print(f"{'mean of lectures':42} F1 {mean_f1:.3f}  title error {mean_error:.3f}")
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
