"""The ConvGRU without input against NumPy."""

import keras
import numpy as np
import pytest
from equations import conv_gru

from videorec.layers import ConvGRU2D, UnconditionalConvGRU2D

STATE = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")
STEPS = 4


def numpy(tensors):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


def with_random_weights(layer):
    layer.build(STATE.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.weights])
    return layer


def by_hand(layer):
    recurrent, *bias = [w.astype("float64") for w in layer.get_weights()]
    h, states = STATE.astype("float64"), []
    for _ in range(STEPS):
        h = conv_gru(None, h, None, recurrent, *bias)
        states.append(h)
    return np.stack(states, axis=1)


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equals_the_equations(use_bias, unroll):
    options = {"return_sequences": True, "return_state": True, "unroll": unroll}
    layer = with_random_weights(UnconditionalConvGRU2D(3, 3, STEPS, use_bias=use_bias, **options))
    assert layer.cell.kernel is None and layer.count_params() == 9 * 3 * 9 + 9 * use_bias
    outputs, last = numpy(layer(STATE))
    np.testing.assert_allclose(outputs, by_hand(layer), atol=1e-5)
    np.testing.assert_array_equal(last, outputs[:, -1])


@pytest.mark.parametrize("reset_after", [False, True])
def test_is_a_conv_gru_whose_input_kernel_is_zero(reset_after):
    options = {"use_bias": True, "reset_after": reset_after}
    layer = with_random_weights(UnconditionalConvGRU2D(3, 3, STEPS, **options))
    with_input = ConvGRU2D(3, 3, **options)
    with_input.build((2, STEPS, 5, 4, 2))
    with_input.set_weights([np.zeros((3, 3, 2, 9)), *layer.get_weights()])
    expected = with_input(np.ones((2, STEPS, 5, 4, 2), "float32"), initial_state=STATE)
    np.testing.assert_allclose(numpy(layer(STATE)), numpy(expected), atol=1e-6)


def test_round_trip_with_dynamic_batch(tmp_path):
    state = keras.Input(STATE.shape[1:])
    layer = UnconditionalConvGRU2D(3, 3, STEPS, return_sequences=True, use_bias=True, recurrent_dropout=0.1)
    model = keras.Model(state, layer(state))
    assert model.output_shape == (None, STEPS, 5, 4, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for batch in (2, 1):
        got = loaded.predict(STATE[:batch], verbose=0)
        np.testing.assert_allclose(got, by_hand(model.layers[-1])[:batch], atol=1e-5)


def test_recurrent_dropout_acts_in_training_only():
    layer = with_random_weights(UnconditionalConvGRU2D(3, 3, STEPS, recurrent_dropout=0.5))
    plain = numpy(layer(STATE))
    np.testing.assert_array_equal(numpy(layer(STATE)), plain)
    assert np.abs(numpy(layer(STATE, training=True)) - plain).max() > 0.01


def test_mixed_precision():
    layer = with_random_weights(UnconditionalConvGRU2D(3, 3, STEPS, return_sequences=True, dtype="mixed_float16"))
    outputs = layer(STATE)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16" and layer.weights[0].dtype == "float32"
    np.testing.assert_allclose(numpy(outputs), by_hand(layer), atol=0.02)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="steps"):
        UnconditionalConvGRU2D(3, 3, 0)
    with pytest.raises(ValueError, match="needs an input"):
        UnconditionalConvGRU2D(3, 3, 2, dropout=0.5)
    with pytest.raises(ValueError, match="3 channels"):
        UnconditionalConvGRU2D(3, 3, 2)(np.zeros((2, 5, 4, 2), "float32"))
