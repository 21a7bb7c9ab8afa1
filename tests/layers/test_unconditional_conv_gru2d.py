"""The ConvGRU without input against NumPy."""

import numpy as np
import pytest
from equations import conv_gru
from layers import assert_close, built, random

from videorec.layers import ConvGRU2D, UnconditionalConvGRU2D

STATE = random(2, 5, 4, 3)
STEPS = 4


def by_hand(layer):
    recurrent, *bias = layer.get_weights()
    h, states = STATE, []
    for _ in range(STEPS):
        h = conv_gru(None, h, None, recurrent, *bias)
        states.append(h)
    return np.stack(states, axis=1)


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equals_the_equations(use_bias, unroll):
    options = {"return_sequences": True, "return_state": True, "unroll": unroll}
    layer = built(UnconditionalConvGRU2D(3, 3, STEPS, use_bias=use_bias, **options), STATE.shape)
    assert layer.cell.kernel is None and layer.count_params() == 9 * 3 * 9 + 9 * use_bias
    outputs, last = layer(STATE)
    assert_close(outputs, by_hand(layer))
    assert_close(last, outputs[:, -1], atol=0)


@pytest.mark.parametrize("reset_after", [False, True])
def test_is_a_conv_gru_whose_input_kernel_is_zero(reset_after):
    options = {"use_bias": True, "reset_after": reset_after}
    layer = built(UnconditionalConvGRU2D(3, 3, STEPS, **options), STATE.shape)
    with_input = ConvGRU2D(3, 3, **options)
    with_input.build((2, STEPS, 5, 4, 2))
    with_input.set_weights([np.zeros((3, 3, 2, 9)), *layer.get_weights()])
    assert_close(layer(STATE), with_input(np.ones((2, STEPS, 5, 4, 2), "float32"), initial_state=STATE), atol=1e-6)


def test_recurrent_dropout_acts_in_training_only():
    layer = built(UnconditionalConvGRU2D(3, 3, STEPS, recurrent_dropout=0.5), STATE.shape)
    plain = np.asarray(layer(STATE))
    np.testing.assert_array_equal(layer(STATE), plain)
    assert np.abs(np.asarray(layer(STATE, training=True)) - plain).max() > 0.01


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="steps"):
        UnconditionalConvGRU2D(3, 3, 0)
    with pytest.raises(ValueError, match="needs an input"):
        UnconditionalConvGRU2D(3, 3, 2, dropout=0.5)
    with pytest.raises(ValueError, match="3 channels"):
        UnconditionalConvGRU2D(3, 3, 2)(np.zeros((2, 5, 4, 2), "float32"))
