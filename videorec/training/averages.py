"""Averages of the weights over the last steps (`train.ema`): what is validated, shown and kept, while training goes on with the
weights themselves."""

import contextlib
from collections.abc import Iterator

import keras

from videorec.models.backend import on_jax


class AveragedWeights(keras.callbacks.Callback):
    """From validation until the next epoch begins, the model has the averages that its optimizer keeps of its weights.

    To be called before the callbacks that look at the model. Keras's SwapEMAWeights swaps by sums and differences, whose
    rounding changes the weights that training goes on with, and has no way to save these.

    Args:
        on: whether the optimizer keeps averages (`use_ema`); else nothing is done.
    """

    def __init__(self, on: bool):
        super().__init__()
        self._on = on
        self._own = None  # the model's weights, while it has the averages

    def on_epoch_begin(self, epoch, logs=None):
        """Train on."""
        self._set_own()

    def on_test_begin(self, logs=None):
        """Validate the averages."""
        self._set_averages()

    def on_epoch_end(self, epoch, logs=None):
        """Without a validation set, too, they are what is kept."""
        self._set_averages()

    @contextlib.contextmanager
    def own(self) -> Iterator[None]:
        """The model's own weights for the block: what a resumed run goes on with."""
        averaged = self._own is not None
        self._set_own()
        try:
            yield
        finally:
            if averaged:
                self._set_averages()

    def _set_averages(self) -> None:
        if self._on and self._own is None:
            variables = self.model.trainable_variables
            self._own = [keras.ops.convert_to_numpy(x) for x in variables]
            self.model.optimizer.finalize_variable_values(variables)
            for variable in variables if on_jax() else ():  # else both are one array, which JAX's next step uses up
                variable.assign(keras.ops.copy(variable.value))

    def _set_own(self) -> None:
        if self._own is not None:
            for variable, values in zip(self.model.trainable_variables, self._own, strict=True):
                variable.assign(values)
            self._own = None
