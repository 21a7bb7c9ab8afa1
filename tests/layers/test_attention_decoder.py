"""The decoder with attention against NumPy."""

import keras
import numpy as np
import pytest
from equations import lstm

from videorec.layers import AttentionDecoder

UNITS, STEPS, SIZE, KEYS = 4, 3, 2, 5
RNG = np.random.default_rng(0)
FIRST, KEYS_, H, C = (RNG.normal(size=s).astype("float32") for s in [(2, SIZE), (2, KEYS, UNITS), (2, UNITS), (2, UNITS)])


def numpy(tensors):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


def built(**options):
    layer = AttentionDecoder(UNITS, STEPS, **options)
    layer.build(FIRST.shape, KEYS_.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(scale=0.7, size=w.shape) for w in layer.weights])
    return layer


def by_hand(layer, score="dot"):
    cell = numpy([w.value for w in layer.cell.weights])
    [combine], (kernel, bias) = (numpy([w.value for w in x.weights]) for x in (layer.attentional, layer.output_layer))
    attention = numpy([w.value for w in layer.attend.weights])
    y, h, c, outputs, coefficients = FIRST, H, C, [], []
    for _ in range(STEPS):
        h, c = lstm(y, h, c, *cell)
        if score == "dot":
            scores = np.einsum("bu,bju->bj", h, KEYS_)
        elif score == "general":
            scores = np.einsum("bu,uv,bjv->bj", h, attention[0], KEYS_)
        else:
            both = np.concatenate([np.repeat(h[:, None], KEYS, axis=1), KEYS_], axis=-1)
            scores = np.tanh(both @ attention[0]) @ attention[1]
        alpha = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        context = np.einsum("bj,bju->bu", alpha, KEYS_)
        y = np.tanh(np.concatenate([context, h], axis=-1) @ combine) @ kernel + bias
        outputs.append(y)
        coefficients.append(alpha)
    return np.stack(outputs, axis=1), np.stack(coefficients, axis=1)


@pytest.mark.parametrize("score", ["dot", "general", "concat"])
@pytest.mark.parametrize("attentional_units", [None, 3])
def test_equals_the_equations(score, attentional_units):
    layer = built(score=score, attentional_units=attentional_units)
    got = numpy(layer(FIRST, KEYS_, [H, C]))
    for value, expected in zip(got, by_hand(layer, score), strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-5)
    np.testing.assert_allclose(got[1].sum(axis=-1), 1, atol=1e-6)


def test_order_of_the_encoders_states_does_not_matter():
    layer, order = built(), [3, 1, 4, 0, 2]
    expected, coefficients = numpy(layer(FIRST, KEYS_, [H, C]))
    got, permuted = numpy(layer(FIRST, KEYS_[:, order], [H, C]))
    np.testing.assert_allclose(got, expected, atol=1e-5)
    np.testing.assert_allclose(permuted, coefficients[..., order], atol=1e-5)


def test_round_trip_with_dynamic_batch_and_time(tmp_path):
    inputs = [keras.Input((SIZE,)), keras.Input((None, UNITS)), keras.Input((UNITS,)), keras.Input((UNITS,))]
    outputs = AttentionDecoder(UNITS, STEPS, "general", 3)(inputs[0], inputs[1], inputs[2:])
    assert [tuple(x.shape) for x in outputs] == [(None, STEPS, SIZE), (None, STEPS, None)]
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    expected = by_hand(model.layers[-1], "general")
    for got, value in zip(loaded.predict([FIRST, KEYS_, H, C], verbose=0), expected, strict=True):
        np.testing.assert_allclose(got, value, atol=1e-5)


def test_mixed_precision():
    layer = built(dtype="mixed_float16")
    outputs, coefficients = layer(FIRST, KEYS_, [H, C])
    assert {keras.backend.standardize_dtype(x.dtype) for x in (outputs, coefficients)} == {"float16"}
    assert {w.dtype for w in layer.weights} == {"float32"}
    np.testing.assert_allclose(numpy(outputs), by_hand(layer)[0], atol=0.03)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="steps"):
        AttentionDecoder(4, 0)
    with pytest.raises(ValueError, match="as long as the keys"):
        AttentionDecoder(3, 2)(FIRST, KEYS_, [H[:, :3], C[:, :3]])
