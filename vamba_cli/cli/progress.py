"""Events of the engine as a live bar on a terminal, or as plain lines every few seconds elsewhere; on stderr."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vamba_cli.cli.render import bytes_text, one_line
from vamba_cli.cli.terminal import Terminal, error_console, printable
from vamba_cli.engine.events import (
    EncodeProgress,
    Event,
    Notice,
    Stage,
    TranscribeProgress,
    VideoBegins,
    WindowsProgress,
)
from vamba_cli.timecode import clock

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress

PLAIN_SECONDS = 10.0  # between two lines of a log
_ECHO_COLUMNS = 3  # for the ^C of a terminal: behind a full line it would begin another, which nobody erases
_VERBS = {
    "load": "loading",
    "transcribe": "transcribing",
    "reuse": "taking the encoded video",
    "encode": "encoding",
    "keep": "keeping",
    "search": "searching",
    "answer": "answering",
    "read": "reading",
    "name": "naming",
    "describe": "describing",
    "summarise": "summarising",
}


@contextmanager
def progress(terminal: Terminal, clock_seconds: Callable[[], float] = time.monotonic) -> Iterator["Silence"]:
    """A listener for events that draws them while the block runs, and takes the drawing away after it."""
    if terminal.quiet:
        yield Silence()
        return
    console = error_console()
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainLines(clock_seconds)
        return
    with _bars(console) as live:
        yield LiveBar(live, terminal)


def _bars(console: "Console") -> "Progress":
    """Bars with a note to the right of each, which is cut to the width of the terminal."""
    from rich.constrain import Constrain
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
    from rich.table import Column

    class Bars(Progress):
        def get_renderables(self) -> "Iterable[RenderableType]":
            width = console.width - _ECHO_COLUMNS
            return (Constrain(table, width) for table in super().get_renderables())

    rest_of_the_line = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[note]}", markup=False, table_column=rest_of_the_line),
    )
    return Bars(*columns, console=console, transient=True, expand=True)


@contextmanager
def download_progress(terminal: Terminal, name: str) -> Iterator[Callable[[int, int], None]]:
    """A listener for the bytes of a download."""
    console = error_console()
    if terminal.quiet:
        yield lambda _done, _total: None
        return
    if not console.is_terminal or console.is_dumb_terminal:
        yield _plain_download(name)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), DownloadColumn(binary_units=True))
    with Progress(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console, transient=True) as live:
        task = live.add_task(f"fetching {printable(name)}", total=None)
        yield lambda done, total: live.update(task, completed=done, total=total or None)


def _plain_download(name: str) -> Callable[[int, int], None]:
    last_seconds = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last_seconds
        if time.monotonic() - last_seconds >= PLAIN_SECONDS:
            last_seconds = time.monotonic()
            sys.stderr.write(f"fetching {printable(name)}: {bytes_text(done)} of {bytes_text(total)}\n")

    return tell


class Silence:
    """Draws nothing, and is how every drawing is used.

    heard: every note that was told.
    """

    def __init__(self) -> None:
        self.heard: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Take what the engine tells."""
        if isinstance(event, Notice):
            self.heard.add(event.message)

    def note(self, message: str) -> None:
        """A line for people that stays."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The screen is free for a result while the block runs."""
        yield

    def stop(self) -> None:
        """The screen is free for what comes last."""


class PlainLines(Silence):
    """One line per stage and one every ten seconds within it."""

    def __init__(self, clock_seconds: Callable[[], float]) -> None:
        super().__init__()
        self._clock_seconds = clock_seconds
        self._last_seconds = clock_seconds()

    def __call__(self, event: Event) -> None:
        """Write a line if it is time for one."""
        super().__call__(event)
        if isinstance(event, Notice):
            self.note(f"note: {event.message}")
        elif isinstance(event, VideoBegins):
            if event.total > 1:
                self.note(f"video {event.number} of {event.total}: {one_line(event.path)}")
        elif isinstance(event, Stage):
            self._last_seconds = self._clock_seconds()
            self.note(_line(event))
        elif isinstance(event, EncodeProgress | WindowsProgress | TranscribeProgress):
            now_seconds = self._clock_seconds()
            if now_seconds - self._last_seconds >= PLAIN_SECONDS:
                self._last_seconds = now_seconds
                done, total, note = _figures(event)
                self.note(f"  {done} of {total} {note}")

    def note(self, message: str) -> None:
        """Write a line."""
        sys.stderr.write(printable(message) + "\n")
        sys.stderr.flush()


class LiveBar(Silence):
    """A line that is drawn over and over: what runs, how far it is, how fast, how long it will take.

    Where there are many videos, a second one above it counts them.
    """

    def __init__(self, live: "Progress", terminal: Terminal) -> None:
        super().__init__()
        self._live = live
        self._videos = live.add_task("videos", total=None, note="", visible=False)
        self._task = live.add_task("starting", total=None, note="")
        self._terminal = terminal
        self._name = ""  # of the video, where there are many

    def note(self, message: str) -> None:
        """Write a line above the bars; one of a console of its own would run into them."""
        self._live.console.print(printable(message), markup=False, highlight=False)

    def stop(self) -> None:
        """Take the drawing away for good."""
        self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the drawing away for a moment."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def __call__(self, event: Event) -> None:
        """Draw what the event tells."""
        super().__call__(event)
        if isinstance(event, Notice):
            self.note(f"note: {self._name}{event.message}")
        elif isinstance(event, VideoBegins):
            name, many = one_line(Path(event.path).name), event.total > 1
            self._name = f"{name}: " if many else ""
            note = f"{event.number}/{event.total} {name}"
            self._live.update(self._videos, completed=event.number - 1, total=event.total, note=note, visible=many)
        elif isinstance(event, Stage):
            if self._terminal.verbose:
                self._live.console.print(_line(event), markup=False, style="dim")
            self._begin(_VERBS.get(event.name, event.name), event.detail)
        elif isinstance(event, EncodeProgress | WindowsProgress | TranscribeProgress):
            done, total, note = _figures(event)
            if done < total:
                self._live.update(self._task, completed=done, total=total, note=f"{done}/{total} {note}")
            else:  # what is done would stand still; what comes of it may take some seconds
                self._begin(self._live.tasks[-1].description, f"{done}/{total} {note}")

    def _begin(self, description: str, note: str) -> None:
        """Another task in the place of the last one: of how much is not known."""
        self._live.remove_task(self._task)
        self._task = self._live.add_task(description, total=None, note=note)


def _line(stage: Stage) -> str:
    return printable(f"{_VERBS.get(stage.name, stage.name)} {stage.detail}".rstrip())


def _figures(event: EncodeProgress | WindowsProgress | TranscribeProgress) -> tuple[int, int, str]:
    """Done, total, and the rest in words."""
    if isinstance(event, TranscribeProgress):
        return round(event.done_seconds), round(event.total_seconds), "seconds of sound"
    if isinstance(event, WindowsProgress):
        return event.num_windows, event.total_windows, "windows"
    left_frames = max(0, event.total_frames - event.num_frames)
    left = f", {clock(left_frames / event.frames_per_second)} left" if event.frames_per_second > 0 else ""
    speed = f"{event.frames_per_second:.3g} frames/s"  # behind the time: a narrow terminal cuts it off
    return event.num_frames, event.total_frames, f"frames{left}, {speed}, {bytes_text(event.memory_bytes)} kept"
