"""A profile of chosen training steps."""

import importlib.util
import logging
from pathlib import Path

import keras
import tensorflow as tf

from videorec.models.backend import on_jax

log = logging.getLogger(__name__)


class Profile(keras.callbacks.Callback):
    """Profiles the steps from `first` to `last` of this process, counted from 1, into TensorBoard's folder.

    Args:
        folder: of the events.
        first, last: steps; both are profiled.
    """

    def __init__(self, folder: Path, first: int, last: int):
        super().__init__()
        self._folder, self._first, self._last = str(folder), first, last
        self._step, self._on = 0, False

    def on_train_batch_begin(self, batch, logs=None):
        """Start before the first."""
        self._step += 1
        if self._step == self._first:
            _start(self._folder)
            self._on = True

    def on_train_batch_end(self, batch, logs=None):
        """Stop after the last."""
        if self._on and self._step >= self._last:
            self._stop()

    def on_train_end(self, logs=None):
        """Stop what ends early, and say what came of it."""
        if self._on:
            self._stop()
        if self._step < self._first:
            log.warning("no profile: --train.profile starts at step %d, and training took %d", self._first, self._step)

    def _stop(self) -> None:
        _stop()
        self._on = False
        log.info("steps %d to %d are profiled: %s/plugins/profile", self._first, self._step, self._folder)
        if importlib.util.find_spec("tensorboard_plugin_profile") is None:
            log.info("to see it in TensorBoard: pip install tensorboard-plugin-profile")


def _start(folder: str) -> None:
    if on_jax():
        import jax

        jax.profiler.start_trace(folder)
    else:
        tf.profiler.experimental.start(folder)


def _stop() -> None:
    if on_jax():
        import jax

        jax.profiler.stop_trace()
    else:
        tf.profiler.experimental.stop()
