"""What is to be done about a video: the quick look at its record says what reading it as a whole says."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vamba_cli import __version__
from vamba_cli.batch.jobs import Entry, Problem, Record, Work, key_of, output_of
from vamba_cli.batch.ledger import Ledger
from vamba_cli.batch.owners import Owner
from vamba_cli.batch.standing import Done, Judge, Rules, Standing, Verdict
from vamba_cli.settings import Settings

WORK = Work("ask", Settings(), {"questions": ["é?"]}, "m")
PLAIN = Rules()
ODD = [
    "a.mp4",
    'q"\\uote\\u0041.mp4',
    "two\nlines.mp4",
    "日本 [1].mp4",
    os.fsdecode(b"caf\xe9.mp4"),
    "é" * 130 + ".mp4",
]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "out", Owner.this_process())
    made.prepare()
    return made


def done(ledger: Ledger, entry: Entry, **more: Any) -> Record:
    """A video that is done, with its record and its result on disk."""
    output = output_of(entry.name, WORK)
    place = Path(ledger.place_of(output))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"{}")
    record = Record(
        name=entry.name, path=entry.path, task="ask", status="done", work=WORK.digest,
        version=__version__, size_bytes=entry.size_bytes, mtime_ns=entry.mtime_ns, output=output, output_bytes=2,
        attempts=3, content="ab" * 16, warnings=("one",), finished="2026-01-01T00:00:00.000+00:00", worker="w",
    )  # fmt: skip
    record = replace(record, **more)
    ledger.save(key_of(entry.name, "ask"), record, None)
    return record


def both(ledger: Ledger, entry: Entry, rules: Rules = PLAIN) -> Standing | Done:
    """By a quick look and by reading the whole record: they may not differ."""
    quick, whole = Judge(ledger, WORK, rules), Judge(ledger, WORK, rules)
    whole._glances = False
    found = quick.standing(entry)
    assert found == whole.standing(entry)
    return found


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_of_a_video_that_is_done_a_glance_is_enough(
    ledger: Ledger, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Entry(f"in/{name}", str(tmp_path / name), 7, 1_700_000_000_000_000_001)
    record = done(ledger, entry)
    expected = Done(record.fingerprint, ledger.place_of(record.output), 3)
    assert both(ledger, entry) == expected
    monkeypatch.setattr(Record, "from_bytes", lambda _data: pytest.fail("the record was taken apart"))
    assert Judge(ledger, WORK, Rules()).standing(entry) == expected


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"status": "failed", "error": Problem("MediaError", "x"), "output": "", "output_bytes": 0}, Verdict.FAILED),
        ({"size_bytes": 70}, Verdict.CHECK),
        ({"mtime_ns": 1}, Verdict.CHECK),
        ({"path": "/moved/a.mp4"}, Verdict.CHECK),
        ({"output_bytes": 3}, Verdict.RUN),
        ({"output": "results/b.json"}, Verdict.RUN),
        ({"work": "0" * 32}, Verdict.RUN),
        ({"version": "0.0.0"}, Verdict.RUN),
    ],
)
def test_whatever_differs_is_seen(ledger: Ledger, changed: dict[str, Any], verdict: Verdict) -> None:
    entry = Entry("in/a.mp4", "/in/a.mp4", 7, 11)
    done(ledger, entry, **changed)
    found = both(ledger, entry)
    assert isinstance(found, Standing) and found.verdict is verdict


def test_what_was_lowered_is_told_again(ledger: Ledger) -> None:
    entry = Entry("in/a.mp4", "/in/a.mp4", 7, 11)
    done(ledger, entry, reduced=("half of the chunk",))
    found = both(ledger, entry)
    assert isinstance(found, Done) and found.reduced == ("half of the chunk",)


def test_a_record_that_is_cut_anywhere_is_none(ledger: Ledger, tmp_path: Path) -> None:
    entry = Entry("in/a.mp4", "/in/a.mp4", 7, 11)
    data = done(ledger, entry).to_bytes()
    (file,) = (tmp_path / "out" / ".vamba" / "records").rglob("*.json")
    for end in range(len(data) - 1):  # without its last newline it is whole
        file.write_bytes(data[:end])
        assert both(ledger, entry) == Standing(Verdict.RUN, "new"), end


def test_force_and_checksum_look_at_no_glance(ledger: Ledger) -> None:
    entry = Entry("in/a.mp4", "/in/a.mp4", 7, 11)
    done(ledger, entry)
    for rules, verdict in ((Rules(force=True), Verdict.RUN), (Rules(checksum=True), Verdict.CHECK)):
        found = both(ledger, entry, rules)
        assert isinstance(found, Standing) and found.verdict is verdict
    assert isinstance(both(ledger, entry, Rules(began="2025", force=True)), Done)  # this run did it itself
