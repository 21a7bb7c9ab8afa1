"""The size of the gradient, as it is before clipping."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf
from keras import ops

from videorec.models import hosts
from videorec.models.backend import on_jax


class GradientNorm:
    """Notes the global norm of the gradient of each step while the optimizer is `watched`; the numbers stay what they are.

    On several devices nothing is noted: of TensorFlow's each has a gradient of its own, JAX's steps are another model's.
    """

    def __init__(self):
        self._norm = _OfJax() if on_jax() else _OfTensorFlow()
        self._on = tf.distribute.get_strategy().num_replicas_in_sync * hosts.devices() == 1

    @property
    def value(self) -> float | None:
        """Of the last step."""
        return self._norm.read() if self._on else None

    @contextlib.contextmanager
    def watched(self, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
        """While the block runs, steps of this optimizer are noted (under mixed precision: unscaled)."""
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        apply = optimizer.apply

        def noted(grads, trainable_variables=None):
            squares = [ops.sum(ops.square(ops.cast(x, "float32"))) for x in grads if x is not None]
            self._norm.note(ops.sqrt(sum(squares)))
            return apply(grads, trainable_variables)

        if self._on:
            optimizer.apply = noted
        try:
            yield
        finally:
            if self._on:
                del optimizer.apply


class _OfTensorFlow:
    """A number that a graph leaves."""

    def __init__(self):
        self._variable = tf.Variable(0.0, trainable=False)

    def note(self, value) -> None:
        self._variable.assign(value)

    def read(self) -> float:
        return float(self._variable)


class _OfJax:
    """The same, of a compiled step, which hands it to Python as it runs."""

    def __init__(self):
        self._value = 0.0

    def note(self, value) -> None:
        import jax

        jax.debug.callback(self._set, value)

    def _set(self, value) -> None:
        self._value = float(value)

    def read(self) -> float:
        import jax

        jax.effects_barrier()
        return self._value
