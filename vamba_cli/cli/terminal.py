"""The two streams of a command: results on stdout, everything else on stderr; colour only where a person looks."""

import io
import json
import os
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vamba_cli.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


class ReaderGoneError(Exception):
    """Whoever read stdout has left (`| head`); not an OSError, which typer would end with exit code 1."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """How much is said on stderr."""

    quiet: bool = False
    verbose: bool = False

    def note(self, message: str) -> None:
        """A line for people; not shown with --quiet."""
        if not self.quiet:
            self.error(message)

    def error(self, message: str) -> None:
        """A line that is shown with --quiet, too."""
        console = error_console()
        console.print(printable(message), highlight=False, markup=False, soft_wrap=not console.is_terminal)

    def detail(self, message: str) -> None:
        """A line that only --verbose shows."""
        if self.verbose:
            self.note(message)


def prepare_streams() -> None:
    """Make the three streams usable, whatever the caller left of them.

    One that is closed (`>&-`) is `None` in Python: nothing is read there, and what is written is lost. What the
    encoding of stdout lacks becomes `?`; stderr escapes it anyway.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open until the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def error_console() -> "Console":
    """Rich on stderr; it honours NO_COLOR and TERM=dumb."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def show(text: "Text") -> None:
    """Print a result: wrapped and coloured on a terminal, the plain lines elsewhere."""
    from rich.console import Console

    stdout = Console(highlight=False)
    with stdout.capture() as capture:
        stdout.print(text, soft_wrap=not stdout.is_terminal)
    _write(capture.get())


def result_columns() -> int | None:
    """Columns to wrap a result to; None where stdout is not a terminal and lines stay whole."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show_json(document: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    _write(json_text(document, ascii_only=encoding != "utf8"))


def write_stdout(document: str) -> None:
    """Print a document as it would stand in a file: in UTF-8, whatever the terminal speaks."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(document.encode("utf-8", "replace"))
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None


def json_text(document: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """JSON for people and programs; a number that JSON does not know is a bug and raises."""
    return json.dumps(document, indent=2, ensure_ascii=ascii_only, allow_nan=False) + "\n"


def printable(text: str) -> str:
    """The text without control characters: neither a file name nor an answer may steer the terminal."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf"))
    return "".join("?" if unicodedata.category(c) == "Cs" else c for c in kept)


def check_output(path: Path) -> None:
    """Refuse a place that cannot be written before any work is done.

    Raises:
        UsageError: it is a folder, or its folder does not exist or may not be written.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it")
    if path.exists() and not path.is_file():  # /dev/stdout, or a pipe
        return
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: the folder {path.parent} does not exist; make it first")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{path} cannot be written: {path.parent} is not yours to write in; choose another place")


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file or nothing: readers never see half of it. A device or a pipe is written to, not replaced."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
