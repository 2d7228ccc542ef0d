"""From exceptions and signals to one line on stderr and an exit code."""

import errno
import os
import signal
import sys
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vamba_cli.cli.terminal import ReaderGoneError
from vamba_cli.errors import (
    LockHeldError,
    MediaError,
    MemoryBudgetError,
    ModelError,
    UsageError,
    VambaError,
    VerificationError,
)

OK, BUG, USAGE, SOME_FAILED, UNDECODABLE, OUT_OF_MEMORY, MODEL_MISSING = range(7)
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
_NARROWEST = 20  # columns of a terminal for which lines are broken
LOCK_HELD, INTERRUPTED, BROKEN_PIPE, TERMINATED = 75, 130, 141, 143

_CODES: tuple[tuple[type[VambaError], int], ...] = (
    (UsageError, USAGE),
    (MediaError, UNDECODABLE),
    (MemoryBudgetError, OUT_OF_MEMORY),
    (ModelError, MODEL_MISSING),
    (LockHeldError, LOCK_HELD),
    (VerificationError, BUG),
)


class Terminated(BaseException):
    """SIGTERM arrived; unwinds the stack so that files and threads are closed."""


@contextmanager
def signals() -> Iterator[None]:
    """Say at once that Ctrl-C was seen, and let SIGTERM unwind; a second Ctrl-C ends the process where it stands."""
    try:
        before = signal.signal(signal.SIGINT, _on_interrupt), signal.signal(signal.SIGTERM, _on_terminate)
    except ValueError:  # not the main thread: an embedding program has its own handlers
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def report(error: BaseException, *, debug: bool) -> int:
    """Write what happened to stderr and give the exit code for it."""
    if isinstance(error, ReaderGoneError | BrokenPipeError):
        return mute_stdout()
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else OK if error.code is None else BUG
    if isinstance(error, Terminated):
        _say("terminated")
        return TERMINATED
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if type(error).__name__ == "NoArgsIsHelpError":  # a family of commands without one of them
        _say(str(error.format_message()).rstrip())  # type: ignore[attr-defined]
        return USAGE
    message, code = _classify(error)
    _say(_broken_at_words(f"error: {message}"))
    if code == BUG and not debug and not isinstance(error, VambaError):
        _say(_broken_at_words("This is a bug in vamba or in a library below it: run with --debug for the traceback."))
    return code


def mute_stdout() -> int:
    """The reader of stdout is gone (`| head`): nothing more can or need be written, also not at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _classify(error: BaseException) -> tuple[str, int]:
    text = " ".join(str(error).split())
    for kind, code in _CODES:
        if isinstance(error, kind):
            return text, code
    if hasattr(error, "format_message"):  # the parser's own errors, whatever module they are vendored in
        return _parser_message(error), USAGE
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, without importing it
        advice = "use fewer or smaller frames (--frames, --longest-edge), or a memory preset (`vamba presets list`)"
        return f"out of memory: {text.partition('.')[0] or 'the machine has no more'}: {advice}", OUT_OF_MEMORY
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("vamba_cli"):
        return f"the Python package {error.name!r} is missing: install vamba again, or `pip install {error.name}`", (
            MODEL_MISSING
        )
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        place = f" ({error.filename})" if error.filename else ""
        return f"nothing can be written: {error.strerror}{place}; free some space or choose another place", USAGE
    return f"unexpected {type(error).__name__}: {text}", BUG


def _parser_message(error: BaseException) -> str:
    message = str(error.format_message()).strip()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "vamba")
    if not getattr(error, "option_name", "--").startswith("--"):
        message += " (write ./-NAME for a file whose name begins with -)"
    if "unexpected extra argument" in message:
        several = ", and -q before further questions" if path.endswith(" ask") else ""
        message += f": put what has spaces in quotes{several}"
    return f"{message[:1].lower()}{message[1:].removesuffix('.')}; see `{path} --help`"


def _on_interrupt(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    over_the_bar = "\r\x1b[2K" if sys.stderr.isatty() else ""
    _say(f"{over_the_bar}interrupted, stopping (Ctrl-C again to end at once)")
    raise KeyboardInterrupt


def _on_terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _broken_at_words(text: str) -> str:
    """The text as it stands in a file; on a terminal in lines that it has room for, so that it breaks no word."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):  # no terminal, or none that can be asked
        columns = 0  # as one says that does not know
    wide = columns >= _NARROWEST
    return textwrap.fill(text, columns, break_long_words=False, break_on_hyphens=False) if wide else text


def _say(line: str) -> None:
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        pass  # stderr is closed: there is no one to tell
