"""The decoder with attention against NumPy."""

import keras
import numpy as np
import pytest
from equations import lstm
from layers import assert_close, built, numpy, random

from videorec.layers import AttentionDecoder

UNITS, STEPS, SIZE, KEYS = 4, 3, 2, 5
FIRST, STATES = random(2, SIZE), random(2, KEYS, UNITS, seed=1)
H, C = random(2, UNITS, seed=2), random(2, UNITS, seed=3)


def decoder(**options):
    return built(AttentionDecoder(UNITS, STEPS, **options), FIRST.shape, STATES.shape, scale=0.7)


def by_hand(layer, score="dot"):
    cell, attention = numpy(layer.cell.weights), numpy(layer.attend.weights)
    [combine], [kernel, bias] = numpy(layer.attentional.weights), numpy(layer.output_layer.weights)
    y, h, c, outputs, coefficients = FIRST, H, C, [], []
    for _ in range(STEPS):
        h, c = lstm(y, h, c, *cell)
        if score == "dot":
            scores = np.einsum("bu,bju->bj", h, STATES)
        elif score == "general":
            scores = np.einsum("bu,uv,bjv->bj", h, attention[0], STATES)
        else:
            both = np.concatenate([np.repeat(h[:, None], KEYS, axis=1), STATES], axis=-1)
            scores = np.tanh(both @ attention[0]) @ attention[1]
        alpha = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        context = np.einsum("bj,bju->bu", alpha, STATES)
        y = np.tanh(np.concatenate([context, h], axis=-1) @ combine) @ kernel + bias
        outputs.append(y)
        coefficients.append(alpha)
    return np.stack(outputs, axis=1), np.stack(coefficients, axis=1)


@pytest.mark.parametrize("score", ["dot", "general", "concat"])
@pytest.mark.parametrize("attentional_units", [None, 3])
def test_equals_the_equations(score, attentional_units):
    layer = decoder(score=score, attentional_units=attentional_units)
    outputs, coefficients = numpy(layer(FIRST, STATES, [H, C]))
    assert_close([outputs, coefficients], by_hand(layer, score))
    np.testing.assert_allclose(coefficients.sum(axis=-1), 1, atol=1e-6)


def test_order_of_the_encoders_states_does_not_matter():
    layer, order = decoder(), [3, 1, 4, 0, 2]
    expected, coefficients = numpy(layer(FIRST, STATES, [H, C]))
    got, permuted = numpy(layer(FIRST, STATES[:, order], [H, C]))
    assert_close([got, permuted], [expected, coefficients[..., order]])


def test_keys_that_do_not_count():
    layer, mask = decoder(), np.array([[True, False, True, True, False]] * 2)
    outputs, coefficients = numpy(layer(FIRST, STATES, [H, C], mask=mask))
    expected, of_the_others = numpy(layer(FIRST, STATES[:, mask[0]], [H, C]))
    assert_close([outputs, coefficients[..., mask[0]]], [expected, of_the_others])
    assert not coefficients[..., ~mask[0]].any()


def test_shapes_of_symbols():
    inputs = [keras.Input((SIZE,)), keras.Input((None, UNITS)), keras.Input((UNITS,)), keras.Input((UNITS,))]
    outputs = AttentionDecoder(UNITS, STEPS)(inputs[0], inputs[1], inputs[2:])
    assert [tuple(x.shape) for x in outputs] == [(None, STEPS, SIZE), (None, STEPS, None)]


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="steps"):
        AttentionDecoder(4, 0)
    with pytest.raises(ValueError, match="as long as the keys"):
        AttentionDecoder(3, 2)(FIRST, STATES, [H[:, :3], C[:, :3]])
