"""Curves by training step, so that a long epoch is not silent."""

import contextlib
import time

import keras
import tensorflow as tf

from videorec.training import sections
from videorec.training.board.gradients import GradientNorm
from videorec.training.callbacks import current_learning_rate, tidy
from videorec.training.curves import Curves

SECONDS = 2.0  # from point to point, at least
MEANS = ("loss", "accuracy", "mse")  # what Keras reports as a mean over the steps so far: that of the last few follows


class StepCurves(keras.callbacks.Callback):
    """Every few steps, every two seconds at most and once an epoch at least: loss and accuracy of the steps since, learning
    rate, norm of the gradient, and how fast it goes.

    Args:
        curves: whose writer is used.
        batch: clips a step.
        points: of a curve, at most, an epoch.
    """

    def __init__(self, curves: Curves, batch: int, points: int = 100):
        super().__init__()
        self._curves, self._batch, self._points = curves, batch, points
        self._gradient, self._watch = GradientNorm(), contextlib.ExitStack()

    def on_train_begin(self, logs=None):
        """Watch the optimizer."""
        self._watch.enter_context(self._gradient.watched(self.model.optimizer))

    def on_train_end(self, logs=None):
        """Leave it as it was."""
        self._watch.close()

    def on_epoch_begin(self, epoch, logs=None):
        """Start anew."""
        self._steps = self.params["steps"] or 1
        self._first = epoch * self._steps
        self._every = -(-self._steps // self._points)
        self._note(0, {})

    def on_train_batch_end(self, batch, logs=None):
        """Where it is time: a point of each curve; `batch` is that of this epoch, from 0."""
        done, now = batch + 1, time.monotonic()
        if done < self._steps and (done - self._done < self._every or now - self._at < SECONDS):
            return
        logs, passed = tidy(logs), done - self._done
        with self._curves.train_writer.as_default(self._first + done):
            for name in MEANS:
                if name in logs:
                    before = self._means.get(name, 0.0)
                    tf.summary.scalar(f"{sections.STEPS}/{name}", (logs[name] * done - before * self._done) / passed)
            tf.summary.scalar(f"{sections.STEPS}/learning_rate", current_learning_rate(self.model))
            norm = self._gradient.value
            if norm is not None:
                tf.summary.scalar(f"{sections.STEPS}/gradient_norm", norm)
            seconds = max(now - self._at, 1e-9)
            tf.summary.scalar(f"{sections.INPUT_STEPS}/clips_per_second", passed * self._batch / seconds)
            waited = min((self._curves.waited - self._waited) / seconds, 1.0)
            tf.summary.scalar(f"{sections.INPUT_STEPS}/waiting_share", waited)
        self._note(done, logs)

    def _note(self, done: int, means: dict[str, float]) -> None:
        self._done, self._means, self._at, self._waited = done, means, time.monotonic(), self._curves.waited
