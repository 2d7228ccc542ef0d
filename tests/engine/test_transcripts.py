"""Transcripts on disk: kept as they are, never believed when damaged, removed with the rest of the cache."""

import json
import os
from pathlib import Path

import pytest

from vamba_cli.engine import transcripts
from vamba_cli.engine.transcripts import TranscriptStore
from vamba_cli.subtitles import Line, Subtitles

HEARD = Subtitles((Line(0.5, 1.25, "Größe “so”"), Line(2.0, 3.0, "\N{BEER MUG}")), "transcribed by x", ("a note",))


@pytest.fixture
def store(tmp_path: Path) -> TranscriptStore:
    return TranscriptStore(tmp_path / "transcripts")


def test_a_transcript_comes_back_as_it_was(store: TranscriptStore) -> None:
    assert store.load("a") is None
    store.save("a", HEARD, "/videos/lecture.mp4")
    silence = Subtitles((), "", ("no speech was heard in it",))
    store.save("b", silence, "/videos/film.mp4")
    assert store.load("a") == HEARD and store.load("b") == silence and store.load("c") is None
    assert sorted(path.name for path in store.folder.iterdir()) == ["a.json", "b.json"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", '{"format": "vamba-transcript-1"}',
     '{"format": "vamba-transcript-0", "source": "", "notes": [], "lines": []}',
     '{"format": "vamba-transcript-1", "source": "x", "notes": [], "lines": [[1, 2]]}',
     '{"format": "vamba-transcript-1", "source": "x", "notes": [], "lines": [["a", 2, "b"]]}', "\udcff"],
)  # fmt: skip
def test_a_damaged_file_counts_as_none(store: TranscriptStore, text: str) -> None:
    store.save("a", HEARD, "v.mp4")
    (store.folder / "a.json").write_text(text, errors="surrogateescape")
    assert store.load("a") is None


def test_the_one_unused_for_longest_goes_first(store: TranscriptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "_MOST_FILES", 3)
    for age, key in enumerate("abc"):
        store.save(key, HEARD, f"{key}.mp4")
        os.utime(store.folder / f"{key}.json", (1000 + age, 1000 + age))
    assert store.load("a") is not None  # used: now the youngest
    store.save("d", HEARD, "d.mp4")
    assert [key for key in "abcd" if (store.folder / f"{key}.json").exists()] == ["a", "c", "d"]


def test_clear(store: TranscriptStore) -> None:
    assert store.clear() == 0
    for key, video in (("a", "/v/lecture.mp4"), ("b", "/v/film.mp4"), ("c", "/w/film.mp4")):
        store.save(key, HEARD, video)
    assert store.clear("/v/film") == 1 and store.load("b") is None
    assert store.clear() == 2 and store.load("a") is None


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    store = TranscriptStore(blocked)
    store.save("a", HEARD, "v.mp4")
    assert store.load("a") is None and json.dumps(blocked.read_text()) == '""'
