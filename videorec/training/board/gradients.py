"""The size of the gradient, as it is before clipping."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf


class GradientNorm:
    """Notes the global norm of the gradient of each step while the optimizer is `watched`; the numbers stay what they are.

    On several devices, where each has a gradient of its own, nothing is noted.
    """

    def __init__(self):
        self._norm = tf.Variable(0.0, trainable=False)
        self._on = tf.distribute.get_strategy().num_replicas_in_sync == 1

    @property
    def value(self) -> float | None:
        """Of the last step."""
        return float(self._norm) if self._on else None

    @contextlib.contextmanager
    def watched(self, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
        """While the block runs, steps of this optimizer are noted (under mixed precision: unscaled)."""
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        apply = optimizer.apply

        def noted(grads, trainable_variables=None):
            self._norm.assign(tf.linalg.global_norm([tf.cast(x, tf.float32) for x in grads if x is not None]))
            return apply(grads, trainable_variables)

        if self._on:
            optimizer.apply = noted
        try:
            yield
        finally:
            if self._on:
                del optimizer.apply
