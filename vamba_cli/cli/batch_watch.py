"""A batch for whoever watches: JSON Lines on stdout; on stderr a live line or plain ones, and the closing table."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vamba_cli.batch.events import BatchEvent, Began, Ended, Lived, OnBatchEvent, Told
from vamba_cli.batch.jobs import without_place
from vamba_cli.cli.render import bytes_text, one_line
from vamba_cli.cli.terminal import ReaderGoneError, Terminal, error_console, printable
from vamba_cli.timecode import clock

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.text import Text

    from vamba_cli.batch.planning import Plan
    from vamba_cli.batch.tally import Tally

_MOMENT_SECONDS = 0.1
PLAIN_SECONDS = 30.0  # between two lines of a log
_FAILURES_SHOWN = 10
_PLANNED_SHOWN = 20
_ENCODE = json.JSONEncoder(allow_nan=False).encode


class Lines:
    """JSON objects, one a line, on what was stdout when this was made: a library that prints must not come between."""

    def __init__(self) -> None:
        self._stdout = sys.stdout
        self._flushed_seconds = 0.0
        self.on_terminal = self._stdout.isatty()

    def __call__(self, line: Mapping[str, Any]) -> None:
        """Write one, whole; at once, unless many come within a moment."""
        try:
            self._stdout.write(_ENCODE(line) + "\n")
            if "wall_seconds" in line or time.monotonic() - self._flushed_seconds > _MOMENT_SECONDS:
                self.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None

    def flush(self) -> None:
        """Whoever reads gets what was written so far."""
        self._flushed_seconds = time.monotonic()
        try:
            self._stdout.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None


class PlannedLines:
    """The same for `--dry-run`; on a terminal lines for people, and of many videos the first ones only."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._num_videos = 0

    def __call__(self, line: Mapping[str, Any]) -> None:
        self._num_videos += 1
        if not self._lines.on_terminal:
            self._lines(line)
        elif self._num_videos <= _PLANNED_SHOWN:
            frames = f", {line['num_frames']:,} frames" if "num_frames" in line else ""
            why = f"cannot be read: {_why(line)}" if "error" in line else f"{line.get('reason', '')}{frames}"
            _line_to_stderr(f"  {one_line(line['name'])}: {one_line(why)}")

    def close(self) -> None:
        """Tell how many were not shown."""
        self._lines.flush()
        if self._lines.on_terminal and self._num_videos > _PLANNED_SHOWN:
            _line_to_stderr(f"  and {self._num_videos - _PLANNED_SHOWN:,} more (all of them in `| cat`)")


@contextmanager
def watching(terminal: Terminal) -> Iterator[OnBatchEvent]:
    """A listener; with --quiet it speaks of failures alone, so that a cron job without any is silent."""
    lines, console = Lines(), error_console()
    with redirect_stdout(sys.stderr):
        if terminal.quiet:
            yield QuietWatch(lines)
        elif not console.is_terminal or console.is_dumb_terminal:
            yield PlainWatch(lines, terminal)
        else:
            from rich.progress import Progress, SpinnerColumn, TextColumn

            with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as live:
                yield LiveWatch(lines, live)


class QuietWatch:
    """Nothing but the lines of failures."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __call__(self, event: BatchEvent) -> None:
        if isinstance(event, Ended) and event.line["status"] == "failed":
            self._lines(event.line)


class _Counts:
    """How many came to which end so far."""

    def __init__(self) -> None:
        self.done = self.failed = self.skipped = 0

    def add(self, line: Mapping[str, Any]) -> None:
        self.done += line["status"] == "done"
        self.failed += line["status"] == "failed"
        self.skipped += line["status"] == "skipped"

    def __str__(self) -> str:
        return f"{self.done} done, {self.failed} failed, {self.skipped} skipped"


class PlainWatch:
    """A line for every failure, and one with the counts every half minute."""

    def __init__(self, lines: Lines, terminal: Terminal, clock_seconds: Callable[[], float] = time.monotonic) -> None:
        self._lines, self._terminal, self._clock_seconds = lines, terminal, clock_seconds
        self._last_seconds = clock_seconds()
        self._counts = _Counts()

    def __call__(self, event: BatchEvent) -> None:
        if isinstance(event, Ended):
            self._lines(event.line)
            self._counts.add(event.line)
            if event.line["status"] == "failed" and event.slot is not None:
                self._write(_failure(event.line))
            elif event.line["status"] == "done" and self._terminal.verbose:
                self._write(f"done: {event.line['name']} in {event.line['wall_seconds']:.1f} s")
        elif isinstance(event, Began):
            self._lines.flush()  # it may take an hour
        elif isinstance(event, Told):
            self._write(event.message)
        now_seconds = self._clock_seconds()
        if now_seconds - self._last_seconds >= PLAIN_SECONDS:
            self._last_seconds = now_seconds
            self._write(str(self._counts))

    def _write(self, text: str) -> None:
        sys.stderr.write(f"{one_line(text)}\n")
        sys.stderr.flush()


class LiveWatch:
    """The counts, and a line for each worker, drawn over and over."""

    def __init__(self, lines: Lines, live: "Progress") -> None:
        self._lines, self._live, self._counts = lines, live, _Counts()
        self._total = live.add_task("looking for videos", total=None)
        self._slots: dict[int, TaskID] = {}
        self._names: dict[int, str] = {}
        self._heard: set[int] = set()
        self._drawn_seconds = 0.0

    def __call__(self, event: BatchEvent) -> None:
        if isinstance(event, Told):
            self._live.console.print(one_line(event.message), markup=False)
        elif isinstance(event, Began):
            self._lines.flush()
            self._names[event.slot] = _short(event.name)
            self._draw_slot(event.slot, "" if event.slot in self._heard else "starting")
            self._live.update(self._total, description=str(self._counts))
        elif isinstance(event, Lived):
            self._heard.add(event.slot)
            self._draw_slot(event.slot, event.text)
        else:
            self._ended(event)

    def _ended(self, event: Ended) -> None:
        self._counts.add(event.line)
        if not self._lines.on_terminal:
            self._lines(event.line)
        elif event.slot is not None:  # on a terminal the lines of JSON would bury the rest
            self._live.console.print(_told(event.line), markup=False)
        if event.slot is not None:
            self._names[event.slot] = ""
            self._draw_slot(event.slot, "")
        if event.slot is not None or time.monotonic() - self._drawn_seconds > _MOMENT_SECONDS:
            self._drawn_seconds = time.monotonic()
            self._live.update(self._total, description=str(self._counts))

    def _draw_slot(self, slot: int, text: str) -> None:
        if slot not in self._slots:
            self._slots[slot] = self._live.add_task("", total=None)
        self._live.update(self._slots[slot], description=f"  {self._names.get(slot, '')}  {text}")


def _told(line: Mapping[str, Any]) -> str:
    if line["status"] == "failed":
        return _failure(line)
    return f"{line['status']}: {one_line(line['name'])}"


def _failure(line: Mapping[str, Any]) -> str:
    return f"failed: {one_line(line['path'])}: {_why(line)}"


def _why(line: Mapping[str, Any]) -> str:
    return without_place(line["error"]["message"], line["path"])


def _short(name: str) -> str:
    shown = one_line(name).replace("[", "(").replace("]", ")")
    return shown if len(shown) <= 50 else f"...{shown[-47:]}"


def show_summary(tally: "Tally", out_dir: Path) -> None:
    """Counts, time, the first failures, and where to read on; on stderr."""
    from rich.text import Text

    text = Text()
    earlier = f"{tally.failed_earlier} not tried again (--retry-failed)" if tally.failed_earlier else ""
    lowered = [f"{tally.reduced:,} with less memory"] if tally.reduced else []
    warned = [f"{tally.warned:,} with warnings"] if tally.warned else []
    for label, count, style, note in (
        ("done", tally.done, "green", ", ".join(lowered + warned)),
        ("skipped", tally.skipped, "", ""),
        ("failed", tally.failed, "bold red" if tally.failed else "", earlier),
    ):
        text.append(f"  {label:<8}").append(f"{count:>9,}", style=style).append(
            f"   {note}".rstrip() + "\n", style="dim"
        )
    rate = f"   {tally.done / tally.seconds * 60:.3g} videos a minute" if tally.done and tally.seconds > 1 else ""
    text.append("  time    ").append(f"{clock(tally.seconds):>9}").append(f"{rate}\n", style="dim")
    if not tally.total and not tally.stopped_by:
        text.append("\n  no videos belong to this part (--shard)\n", style="yellow")
    if tally.failures:
        text.append("\n")
    for line in tally.failures[:_FAILURES_SHOWN]:
        text.append(f"  {one_line(line['path'])}", style="red").append(f"  {printable(_why(line))}\n")
    if tally.failed > _FAILURES_SHOWN:
        text.append(f"  and {tally.failed - _FAILURES_SHOWN:,} more\n", style="dim")
    if tally.stopped_by or tally.too_many_failures:
        text.append("\n  stopped before the end: the same command goes on with the rest\n", style="yellow")
    if tally.other_version:
        text.append(
            f"\n  {tally.other_version:,} ran again because another version of vamba had done them; "
            "--any-version keeps those\n"
        )
    text.append(f"\n  {printable(str(out_dir / 'report.html'))}", style="cyan")
    _to_stderr(text)


def show_plan(plan: "Plan", num_workers: int) -> None:
    """What would run, why, and what it would take; on stderr."""
    from rich.text import Text

    reasons = ", ".join(f"{count:,} {reason}" for reason, count in plan.by_reason.most_common(5))
    rows = [("would run", f"{plan.count:,} videos, {bytes_text(plan.size_bytes)}{f' ({reasons})' if reasons else ''}")]
    rows.append(("done", f"{plan.done:,}"))
    rows.append(("failed", f"{plan.failed:,}"))
    if plan.num_frames:
        rows += _estimates(plan, num_workers)
    elif plan.count:
        rows.append(("takes", "not known: none of the videos could be looked into"))
    text = Text()
    for name, value in rows:
        text.append(f"  {name:<10}", style="cyan").append(f"{printable(value)}\n")
    _to_stderr(text)


def _estimates(plan: "Plan", num_workers: int) -> list[tuple[str, str]]:
    basis = "" if plan.num_inspected == plan.count else f" (from {plan.num_inspected} of {plan.count:,} videos)"
    if plan.num_unreadable:
        basis += f"; {plan.num_unreadable} of {plan.num_inspected} looked into cannot be read"
    rows = [
        ("frames", f"{plan.num_frames:,}{basis}"),
        ("tokens", f"{plan.num_video_tokens:,} of video"),
        ("memory", f"{bytes_text(plan.peak_bytes)} at most in each of {num_workers} worker{'s' * (num_workers != 1)}"),
        ("disk", f"{bytes_text(plan.disk_bytes)} for results and the cache of encoded videos"),
    ]
    if plan.seconds is not None:
        how = "at the speed of earlier videos here" if plan.is_measured else "roughly, at most: none was done here yet"
        rows.insert(2, ("time", f"{clock(plan.seconds / num_workers)} ({how})"))
    return rows


def _to_stderr(text: "Text") -> None:
    """Wrapped between words on a terminal; elsewhere lines stay whole."""
    console = error_console()
    console.print(text, soft_wrap=not console.is_terminal)


def _line_to_stderr(line: str) -> None:
    from rich.text import Text

    _to_stderr(Text(line))
