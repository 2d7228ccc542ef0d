"""The log file of a batch: a line for whatever happens, and a disk that is full is no reason to stop."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from vamba_cli.cli.terminal import Terminal
from vamba_cli.errors import UsageError

_LOG_BYTES, _LOG_FILES = 10 * 2**20, 5


@contextmanager
def logging_to(log_file: Path | None, terminal: Terminal) -> Iterator[None]:
    """What happens, line by line, in a file that begins anew at 10 MiB; five old ones are kept.

    Raises:
        UsageError: the file cannot be opened.
    """
    handler = logging.NullHandler() if log_file is None else _opened(log_file, terminal)
    logger = logging.getLogger("vamba_cli.batch")
    logger.addHandler(handler)
    before, logger.propagate = logger.propagate, False
    logger.setLevel(logging.INFO if log_file else logging.CRITICAL)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
        handler.close()


def _opened(log_file: Path, terminal: Terminal) -> logging.Handler:
    try:
        handler = _LogFile(log_file, terminal)
    except OSError as error:
        raise UsageError(f"--log-file {log_file} cannot be written: {error.strerror or error}") from error
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(process)d %(message)s"))
    return handler


class _LogFile(RotatingFileHandler):
    """Tells once that it cannot be written, however many lines are lost."""

    def __init__(self, path: Path, terminal: Terminal) -> None:
        super().__init__(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8", errors="backslashreplace")
        self._path, self._terminal = path, terminal
        self._is_told = False

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Called where a line could not be written."""
        self._tell(sys.exception())

    def close(self) -> None:
        """What is still to be written may have no room either."""
        try:
            super().close()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: BaseException | None) -> None:
        if self._is_told:
            return
        self._is_told = True
        why = getattr(error, "strerror", None) or error
        with suppress(OSError):  # nobody may be left to tell, either
            self._terminal.error(f"--log-file {self._path} cannot be written: {why}; the run goes on without it")


class _OneLine(logging.Formatter):
    """A name with a newline in it stays on its line."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")
