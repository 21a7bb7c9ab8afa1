"""Dot-product attention against NumPy, its masks, its parameters."""

import keras
import numpy as np
import pytest
from keras import ops

from videorec.layers import DotProductAttention

RNG = np.random.default_rng(0)
OPTIONS = [{"score": "dot"}, {"score": "general"}, {"score": "concat", "units": 5}]
NAMES = [options["score"] for options in OPTIONS]
QUERY = RNG.normal(size=(3, 2, 4)).astype("float32")  # (B, Q, D)
KEYS = RNG.normal(size=(3, 6, 4)).astype("float32")  # (B, T, D)
VALUES = RNG.normal(size=(3, 6, 7)).astype("float32")  # (B, T, Dv)
MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 1]], bool)


def score_by_hand(layer, q, k):
    if layer.score == "dot":
        return q @ k
    if layer.score == "general":
        return q @ layer.get_weights()[0] @ k
    kernel, v = layer.get_weights()
    return v @ np.tanh(kernel.T @ np.concatenate([q, k]))


def by_hand(layer, query, keys, values, mask):
    batch, queries, time = query.shape[0], query.shape[1], keys.shape[1]
    coefficients, context = np.zeros((batch, queries, time)), np.zeros((batch, queries, values.shape[-1]))
    for b in range(batch):
        for q in range(queries):
            e = [np.exp(score_by_hand(layer, query[b, q], keys[b, t])) * mask[b, t] for t in range(time)]
            coefficients[b, q] = np.array(e) / np.sum(e)
            context[b, q] = sum(coefficients[b, q, t] * values[b, t] for t in range(time))
    return context, coefficients


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_equals_numpy(options, masked):
    layer = DotProductAttention(**options)
    mask = MASK if masked else np.ones_like(MASK)
    got = layer(QUERY, KEYS, VALUES, mask=mask if masked else None)
    for value, expected in zip(got, by_hand(layer, QUERY, KEYS, VALUES, mask), strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-5)
    np.testing.assert_allclose(np.sum(got[1], axis=-1), 1, atol=1e-6)
    assert np.all(np.asarray(got[1])[~np.repeat(mask[:, None], 2, axis=1)] == 0)


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_one_query_and_values_from_keys(options):
    layer = DotProductAttention(**options)
    context, coefficients = layer(QUERY[:, 0], KEYS)
    assert context.shape == (3, 4) and coefficients.shape == (3, 6)
    many = layer(QUERY, KEYS, KEYS)
    np.testing.assert_allclose(context, many[0][:, 0], atol=1e-6)
    np.testing.assert_allclose(coefficients, many[1][:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "parameters"),
    [({"score": "dot"}, 0), ({"score": "general"}, 5 * 4), ({"score": "concat", "units": 6}, 6 * (5 + 4) + 6)],
    ids=NAMES,
)
def test_parameters(options, parameters):
    layer = DotProductAttention(**options)
    layer.build((None, 4) if options["score"] == "dot" else (None, 5), (None, None, 4))
    assert layer.count_params() == parameters


def test_dot_is_not_scaled():
    # Scores 0 and 4 for keys of 4 ones: with 1 / sqrt(4) it would be 2.
    _, coefficients = DotProductAttention()(np.ones((1, 4), "float32"), np.stack([np.zeros((1, 4)), np.ones((1, 4))], 1))
    np.testing.assert_allclose(coefficients, [[1 / (1 + np.exp(4)), 1 / (1 + np.exp(-4))]], rtol=1e-5)


def test_one_hot_keys_look_up_a_value():
    keys = np.eye(4, dtype="float32")[None]
    values = RNG.normal(size=(1, 4, 3)).astype("float32")
    context, _ = DotProductAttention()(100 * keys[:, 2], keys, values)
    np.testing.assert_allclose(context, values[:, 2], atol=1e-5)


def test_order_of_pairs_does_not_matter():
    order = [3, 1, 5, 0, 2, 4]
    layer = DotProductAttention()
    np.testing.assert_allclose(layer(QUERY, KEYS[:, order], VALUES[:, order])[0], layer(QUERY, KEYS, VALUES)[0], atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_nothing_left_by_the_mask_is_zero(policy):
    mask = MASK.copy()
    mask[1] = False
    context, coefficients = DotProductAttention(dtype=policy)(QUERY, KEYS, VALUES, mask=mask)
    assert np.all(np.asarray(context[1]) == 0) and np.all(np.asarray(coefficients[1]) == 0)
    np.testing.assert_allclose(np.sum(coefficients, axis=-1), [[1, 1], [0, 0], [1, 1]], atol=2e-3)


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_half_precision(options):
    layer = DotProductAttention(**options, dtype="mixed_float16")
    context, coefficients = layer(QUERY, KEYS, VALUES, mask=MASK)
    assert {keras.backend.standardize_dtype(x.dtype) for x in (context, coefficients)} == {"float16"}
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.weights} <= {"float32"}
    expected = by_hand(layer, QUERY, KEYS, VALUES, MASK)
    np.testing.assert_allclose(context, expected[0], atol=1e-2)
    np.testing.assert_allclose(coefficients, expected[1], atol=1e-2)
    assert np.all(np.asarray(coefficients)[~np.repeat(MASK[:, None], 2, axis=1)] == 0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients are taken with TensorFlow")
def test_gradients_are_finite_where_all_is_masked():
    import tensorflow as tf

    keys, mask = tf.constant(KEYS), np.zeros_like(MASK)
    with tf.GradientTape() as tape:
        tape.watch(keys)
        context, _ = DotProductAttention()(QUERY, keys, mask=mask)
        loss = tf.reduce_sum(context)
    assert np.all(tape.gradient(loss, keys) == 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"score": "cosine"}, "score must be"), ({"score": "concat"}, "units belongs"), ({"units": 3}, "units belongs")]
    + [({"score": "concat", "units": 0}, "at least 1")],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        DotProductAttention(**options)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 5), (2, 6, 4)], "as long as the keys"),
        ([(2, 4), (2, 4)], "needs a query"),
        ([(2, 1, 1, 4), (2, 6, 4)], "needs a query"),
        ([(2, 4), (2, 6, 4), (2, 5, 4)], "Every key needs a value"),
    ],
)
def test_shapes_are_checked(shapes, message):
    with pytest.raises(ValueError, match=message):
        DotProductAttention()(*[ops.zeros(shape) for shape in shapes])
