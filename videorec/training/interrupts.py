"""SIGTERM, by which clusters take their machines back, as Ctrl-C."""

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def sigterm_as_ctrl_c(first: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While the block runs, SIGTERM calls `first` and raises KeyboardInterrupt."""

    def stop(*_):
        first()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
