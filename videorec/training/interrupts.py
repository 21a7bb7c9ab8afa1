"""SIGTERM, by which clusters take their machines back, as Ctrl-C."""

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def sigterm_as_ctrl_c(first: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While the block runs, SIGTERM calls `first` and raises KeyboardInterrupt. Further ones, as launchers send them to a group
    and then to each of it, change nothing: what is being saved is saved."""

    def stop(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        first()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
