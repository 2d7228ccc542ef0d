"""SIGINT and SIGTERM during a batch: the first one ends it in order, a second one leaves at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@dataclass(slots=True)
class Stop:
    """Which signal arrived, if any."""

    by: signal.Signals | None = None


@contextmanager
def listening() -> Iterator[Stop]:
    """Note signals while the block runs; elsewhere than in the main thread they are left to who handles them."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.by is None:
            stop.by = signal.Signals(number)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(EXIT_CODES[signal.Signals(number)])

    before = {number: signal.signal(number, on_signal) for number in EXIT_CODES}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
