"""Ctrl-C and SIGTERM heard in a training, whatever Keras does."""

import contextlib
import signal
from collections.abc import Callable, Iterator

import keras


class Interrupted(keras.callbacks.Callback):
    """Stops a training that was asked to stop, at its next step at the latest.

    Keras's `pythonify_logs` waits for the figures of a step and ignores whatever is raised there: the KeyboardInterrupt too.
    """

    def __init__(self):
        super().__init__()
        self.asked = False

    def on_train_batch_end(self, batch, logs=None):
        """Stop?"""
        if self.asked:
            raise KeyboardInterrupt

    def on_test_batch_end(self, batch, logs=None):
        """Stop?"""
        if self.asked:
            raise KeyboardInterrupt


@contextlib.contextmanager
def raised_again() -> Iterator[Interrupted]:
    """While the block runs, Ctrl-C and SIGTERM do what they did, and the callback that is given knows of them."""
    callback, noting = Interrupted(), {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):
            noting[number] = handler, _noting(callback, handler)
            signal.signal(number, noting[number][1])
    try:
        yield callback
    finally:
        for number, (handler, own) in noting.items():
            if signal.getsignal(number) is own:  # else its first call has changed what a second one does
                signal.signal(number, handler)


def _noting(callback: Interrupted, handler: Callable) -> Callable:
    def note(*args):
        callback.asked = True
        handler(*args)

    return note
