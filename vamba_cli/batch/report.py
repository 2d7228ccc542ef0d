"""`report.html`: what the records of an output folder say, for people. One file, no script, nothing fetched."""

import html
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from vamba_cli.batch.book import now
from vamba_cli.batch.jobs import Record, without_place
from vamba_cli.batch.ledger import Ledger
from vamba_cli.timecode import clock
from vamba_cli.videos import natural_order

_STYLE = """
:root { color-scheme: light dark; --line: #8883; --dim: #777; --bad: #c0392b; --good: #1e8449 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2.5rem auto; padding: 0 1.2rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem }
.sub, td.dim { color: var(--dim) } .sub { margin: .2rem 0 1.6rem }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem }
.tile { border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1.1rem; min-width: 7rem }
.tile b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; line-height: 1.2 }
.tile.bad b { color: var(--bad) } .tile.good b { color: var(--good) }
table { border-collapse: collapse; width: 100% }
th { text-align: left; color: var(--dim); font-weight: 500 }
th, td { padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.name { overflow-wrap: anywhere; min-width: 14rem; max-width: 26rem }
td.dim { white-space: nowrap }
td.number { text-align: right; font-variant-numeric: tabular-nums }
code { font-size: .92em }
"""
_MOST_NOTED = 500
_MOST_SORTED = 20_000  # failures; more of them come as they are found


def write_report(page: Path, ledger: Ledger) -> None:
    """Totals, failures by kind, every failure, and results that come with notes; records are read one by one.

    Raises:
        OSError
    """
    temporary = page.with_name(f".{page.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
            _write(file, ledger)
        temporary.replace(page)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write(file: TextIO, ledger: Ledger) -> None:
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    tasks: Counter[str] = Counter()
    seconds, noted = 0.0, 0
    for record in ledger.records():
        counts[record.status] += 1
        tasks[record.task] += 1
        seconds += record.wall_seconds
        noted += record.status == "done" and bool(_notes(record))
        if record.error is not None:
            kinds[record.error.kind] += 1
    title = f"vamba batch: {ledger.out_dir.resolve().name}"
    file.write('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">')
    file.write('<meta name="viewport" content="width=device-width, initial-scale=1">')
    file.write(f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n")
    what = ", ".join(f"{_text(task)} {count:,}" for task, count in tasks.most_common())
    file.write(f'<h1>{_text(title)}</h1><p class="sub">{_text(str(ledger.out_dir.resolve()))}, {_moment(now())} UTC')
    file.write(f"<br>{what}</p>\n")
    tiles = [
        ("good", counts["done"], "done"),
        ("bad" if counts["failed"] else "", counts["failed"], "failed"),
        ("", noted, "done with notes"),
        ("", clock(seconds), "of work"),
    ]
    file.write('<div class="tiles">')
    file.writelines(f'<div class="tile {kind}"><b>{figure}</b>{label}</div>' for kind, figure, label in tiles)
    file.write("</div>\n")
    if kinds:
        _failures(file, ledger, kinds)
    if noted:
        _noted(file, ledger, noted)
    file.write("</body></html>\n")


def _failures(file: TextIO, ledger: Ledger, kinds: Counter[str]) -> None:
    file.write("<h2>Failures</h2><p>")
    file.write(", ".join(f"{count} {_text(kind)}" for kind, count in kinds.most_common()))
    file.write("</p><table><tr><th>video</th><th>error</th><th>why</th><th>tries</th><th>when (UTC)</th></tr>\n")
    failed = _of_status(ledger, "failed")
    if kinds.total() <= _MOST_SORTED:
        failed = iter(sorted(failed, key=_name_order))
    for record in failed:
        error = record.error
        assert error is not None
        why = without_place(error.message, record.path, record.name)
        file.write(
            f'<tr><td class="name">{_text(record.name)}</td><td>{_text(error.kind)}</td><td>{_text(why)}</td>'
            f'<td class="number">{record.attempts}</td><td class="dim">{_text(_moment(record.finished))}</td></tr>\n'
        )
    file.write("</table><p>Try them again with <code>--retry-failed</code>.</p>\n")


def _noted(file: TextIO, ledger: Ledger, count: int) -> None:
    """Results that are not quite what was asked for: less memory, frames that could not be decoded."""
    file.write("<h2>Done with notes</h2><table><tr><th>video</th><th>notes</th></tr>\n")
    noted = (record for record in _of_status(ledger, "done") if _notes(record))
    for record in sorted(islice(noted, _MOST_NOTED), key=_name_order):
        link = quote(record.output.encode("utf-8", "surrogateescape"))
        file.write(f'<tr><td class="name"><a href="{link}">{_text(record.name)}</a></td>')
        file.write(f"<td>{_text('; '.join(_notes(record)))}</td></tr>\n")
    rest = count - _MOST_NOTED
    file.write(f"</table>{f'<p>and {rest:,} more</p>' if rest > 0 else ''}\n")


def _notes(record: Record) -> tuple[str, ...]:
    return (*(f"out of memory: {reduced}" for reduced in record.reduced), *record.warnings)


def _name_order(record: Record) -> str:
    return natural_order(record.name)


def _of_status(ledger: Ledger, status: str) -> Iterator[Record]:
    return (record for record in ledger.records() if record.status == status and (record.error or status == "done"))


def _moment(iso: str) -> str:
    return iso[:16].replace("T", " ")


def _text(text: str) -> str:
    """Whatever a file is called, it stays text; what is not UTF-8 is shown as escapes."""
    shown = text.encode("utf-8", "backslashreplace").decode().replace("\n", "\u2424")
    return html.escape(shown)
