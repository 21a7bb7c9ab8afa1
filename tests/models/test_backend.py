"""What differs between Keras's backends. tests/test_jax.py runs this on JAX too."""

import keras
import numpy as np
import pytest

from videorec.models import backend


@pytest.mark.parametrize("policy, kept", [("float32", True), ("mixed_bfloat16", False), ("mixed_float16", False)])
def test_on_jax_cudnn_gets_lstms_of_float32_alone(policy, kept):
    dtype = keras.dtype_policies.DTypePolicy(policy)
    frames = keras.Input((5, 3))
    one = keras.layers.LSTM(2, return_sequences=True, dtype=dtype)
    two = keras.layers.Bidirectional(keras.layers.LSTM(2, dtype=dtype), dtype=dtype)
    model = keras.Model(frames, two(one(frames)))
    assert backend.without_cudnn(model) is model
    expected = "auto" if kept or not backend.on_jax() else False
    assert [x.use_cudnn for x in (one, two.forward_layer, two.backward_layer)] == [expected] * 3


class Failing(keras.optimizers.AdamW):
    """Its first step goes wrong, as one does for which a GPU has no memory."""

    def update_step(self, gradient, variable, learning_rate):
        raise RuntimeError("no memory for the step")


def test_an_error_of_a_step_is_not_hidden_by_averages():
    """Keras asks for averages of weights that the failed step has taken away."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(Failing(1e-3, use_ema=True), "mse")
    with pytest.raises(RuntimeError, match="no memory for the step"), backend.errors_of_steps():
        model.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=1, verbose=0)


def test_other_errors_of_types_stay_as_they_are():
    with pytest.raises(TypeError, match="mine"), backend.errors_of_steps():
        try:
            raise ValueError("before")
        except ValueError as error:
            raise TypeError("mine") from error
