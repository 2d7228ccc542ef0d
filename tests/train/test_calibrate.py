"""How the search's weights are fitted, and the clips that they are fitted on."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from vamba_cli.engine.signals import SIGNALS, WEIGHED, Calibration
from vamba_cli.train.calibrate import Asked, calibrate, fit, left_out, score
from vamba_cli.train.page_clips import PageClip, page_clips
from vamba_cli.train.pages import VALIDATION_REPOSITORY


def test_fit_finds_the_weights_that_made_the_truth() -> None:
    torch.manual_seed(0)
    found = torch.randn(4000, len(SIGNALS))
    odds = 2.0 * found[:, 0] - 1.0 * found[:, 4] - 0.5
    truth = torch.rand(4000) < odds.sigmoid()
    weights = fit(found, truth, ("yes", "beginning"))
    assert weights["yes"] == pytest.approx(2.0, abs=0.25)
    assert weights["beginning"] == pytest.approx(-1.0, abs=0.2)
    assert weights["constant"] == pytest.approx(-0.5, abs=0.2)


def asked(clip: str, number: int, kind: str, window: int | None) -> Asked:
    """A phrase of a clip of ten windows, whose signals are high in the window that shows it, and noisy elsewhere."""
    generator = torch.Generator().manual_seed(number)
    found = torch.randn(10, len(SIGNALS), generator=generator) - 3.0
    found[:, SIGNALS.index("yes_above") :] = 0.0
    shown = torch.zeros(10, dtype=torch.bool)
    if window is not None:
        found[window, : SIGNALS.index("yes_above")] += 5.0
        shown[window] = True
    heads = shown if kind == "title" else torch.zeros_like(shown)
    if kind == "body" and window is not None:
        found[window, 1:4] -= 5.0
    return Asked(clip, f"word{number}" if "word" in kind else f"some words {number}", kind, found, heads, shown)


def test_what_is_there_is_found_and_what_is_not_is_refused() -> None:
    kinds = ("title", "body", "word", "absent", "absent word")
    rows = [
        asked(f"clip {clip}", 1000 * clip + 10 * i + place, kind, None if "absent" in kind else i % 10)
        for clip in range(3)
        for i in range(40)
        for place, kind in enumerate(kinds)
    ]
    weights = calibrate(rows)
    assert Calibration.read(weights, "here") is not None
    assert {part: set(values) - {"constant"} for part, values in weights.items()} == {
        part: set(names) for part, names in WEIGHED.items()
    }
    for result in (score(rows, weights), left_out(rows)):
        right = {kind: int(text.split(" of ")[0]) for kind, text in result.items()}
        assert set(right) == set(kinds) and all(text.endswith(" of 120") for text in result.values())
        assert min(right.values()) >= 105
    assert int(score(rows, weights)["absent"].split()[0]) >= 116  # 97.5 % at least of what it was fitted on


def write_decks(folder: Path) -> None:
    rows = []
    for deck in range(4):
        for page in range(3):
            Image.new("RGB", (320, 180), "white").save(folder / f"{deck}-{page}.png")
            words = f"alpha beta gamma{'abcd'[deck]}{'xyz'[page]} delta"
            lines = [
                [f"Heading {page}", 0.1, 0.05, 0.6, 0.12],
                [words, 0.1, 0.4, 0.7, 0.46],
                ["tiny print here", 0.1, 0.6, 0.4, 0.61],
            ]
            source = f"{VALIDATION_REPOSITORY}:slides/deck{deck}.pdf"
            rows.append({"image": f"{deck}-{page}.png", "source": source, "title": f"Heading {page}", "lines": lines})
    rows.append({**rows[0], "source": "other/repository:deck.pdf"})
    (folder / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)))


def test_decks_are_shared_out_and_phrases_are_distinctive(tmp_path: Path) -> None:
    write_decks(tmp_path)
    fitted, measured = page_clips(tmp_path, "calibrate"), page_clips(tmp_path, "measure")
    assert [clip.name for clip in fitted] == ["deck0", "deck2"] and [clip.name for clip in measured] == [
        "deck1",
        "deck3",
    ]
    (first, _), (_, last) = fitted, measured
    assert first.titles == ["Heading 0", "Heading 1", "Heading 2"]
    for phrase in first.phrases:
        assert 1 <= len(phrase.pages) <= 3 and "print" not in phrase.text
        assert all(phrase.text in first.words[page] for page in phrase.pages)
        assert [start for start, _ in first.spans(phrase)] == [8.0 * page for page in phrase.pages]
    assert "gammaax" in first.rare
    assert [phrase.text for phrase in last.absent(["gammaax delta", "alpha beta"])] == ["gammaax delta"]


def test_a_clip_is_a_video_of_its_pages(tmp_path: Path) -> None:
    write_decks(tmp_path)
    clip: PageClip = page_clips(tmp_path, "measure")[0]
    path = clip.written(tmp_path)
    from vamba_cli.media.probe import probe

    info = probe(path)
    assert info.duration_seconds == pytest.approx(27.0, abs=0.6) and (info.width, info.height) == (640, 360)
    stamp = path.stat().st_mtime_ns
    assert clip.written(tmp_path).stat().st_mtime_ns == stamp
