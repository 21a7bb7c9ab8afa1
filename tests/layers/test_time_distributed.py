"""`TimeDistributed` against NumPy and its inner layers, with static and open axes."""

import keras
import numpy as np
import pytest
from layers import assert_close, random

from videorec.layers import TimeDistributed

TENSORFLOW = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs")


def dense_by_hand(x, layer):
    kernel, bias = layer.get_weights()
    return x @ kernel + bias


@pytest.mark.parametrize("batch, time", [(None, None), (None, 4), (3, None), (3, 4)])
def test_equals_numpy_and_keeps_static_shape(batch, time):
    inner = keras.layers.Dense(5)
    inputs = keras.Input((time, 6), batch_size=batch)
    outputs = TimeDistributed(inner)(inputs)
    assert outputs.shape == (batch, time, 5)
    x = np.random.default_rng(0).normal(size=(batch or 2, time or 7, 6)).astype("float32")
    model = keras.Model(inputs, outputs)
    np.testing.assert_allclose(model.predict(x, verbose=0), dense_by_hand(x, inner), atol=1e-5)


@TENSORFLOW
def test_shape_changes_in_one_function():
    import tensorflow as tf

    # The case in which Keras's own layer loops over the batch axis.
    inner = keras.layers.Dense(4)
    inputs = keras.Input((None, 6))
    model = keras.Model(inputs, TimeDistributed(inner)(inputs))
    function = tf.function(model, input_signature=[tf.TensorSpec((None, None, 6), tf.float32)])
    for shape in [(2, 5, 6), (3, 7, 6), (1, 1, 6)]:
        x = np.random.default_rng(1).normal(size=shape).astype("float32")
        assert function(x).shape == (*shape[:2], 4)
        np.testing.assert_allclose(function(x), dense_by_hand(x, inner), atol=1e-5)


def test_unknown_height_and_width():
    inputs = keras.Input((None, None, None, 3))
    outputs = TimeDistributed(keras.layers.Conv2D(2, 3, padding="same"))(inputs)
    assert outputs.shape == (None, None, None, None, 2)
    assert keras.Model(inputs, outputs).predict(np.zeros((2, 3, 8, 9, 3)), verbose=0).shape == (2, 3, 8, 9, 2)


@pytest.mark.parametrize("kind", [list, dict])
def test_several_outputs(kind):
    frame = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(2, 3, padding="same", strides=2)(frame)
    second = keras.layers.GlobalAveragePooling2D()(first)
    inner = keras.Model(frame, [first, second] if kind is list else {"map": first, "pooled": second})
    inputs = keras.Input((None, 8, 8, 3))
    outputs = TimeDistributed(inner)(inputs)
    shapes = keras.tree.map_structure(lambda x: tuple(x.shape), outputs)
    expected = [(None, None, 4, 4, 2), (None, None, 2)]
    assert shapes == (expected if kind is list else dict(zip(["map", "pooled"], expected, strict=True)))
    x = np.random.default_rng(2).normal(size=(2, 3, 8, 8, 3)).astype("float32")
    y = keras.tree.flatten(keras.Model(inputs, outputs).predict(x, verbose=0))
    for got, frame_by_frame in zip(y, keras.tree.flatten(inner(x[:, 1])), strict=True):
        np.testing.assert_allclose(got[:, 1], frame_by_frame, atol=1e-5)


@TENSORFLOW
def test_one_copy_of_the_inner_layer_in_the_graph():
    import tensorflow as tf

    inputs = keras.Input((16, 8, 8, 3))
    model = keras.Model(inputs, TimeDistributed(keras.layers.Conv2D(2, 3))(inputs))
    function = tf.function(model, input_signature=[tf.TensorSpec((2, 16, 8, 8, 3), tf.float32)])
    names = [op.type for op in function.get_concrete_function().graph.get_operations()]
    assert names.count("Conv2D") == 1


def test_training_is_passed_on():
    layer = TimeDistributed(keras.layers.Dropout(0.5))
    x = np.ones((2, 3, 50), "float32")
    assert np.all(layer(x, training=False) == 1)
    dropped = keras.ops.convert_to_numpy(layer(x, training=True))
    assert 0 < np.mean(dropped == 0) < 1


def test_mask_goes_around_the_inner_layer():
    layer = TimeDistributed(keras.layers.LSTM(2))  # takes a mask, but this one is not about its steps
    x, mask = np.ones((2, 3, 4, 5), "float32"), np.array([[True, True, False]] * 2)
    np.testing.assert_array_equal(layer(x, mask=mask), layer(x))
    np.testing.assert_array_equal(layer.compute_mask(x, mask), mask)


def test_weights_of_keras_own_layer():
    ours, theirs, x = (
        TimeDistributed(keras.layers.Dense(5)),
        keras.layers.TimeDistributed(keras.layers.Dense(5)),
        random(2, 4, 6),
    )
    expected = ours(x)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    assert_close(theirs(x), expected, atol=1e-6)


def test_output_shape():
    layer = TimeDistributed(keras.layers.Dense(5))
    assert layer.compute_output_shape((2, None, 4)) == (2, None, 5)


def test_too_few_axes():
    with pytest.raises(ValueError, match="batch, time"):
        TimeDistributed(keras.layers.Dense(2))(keras.Input((4,)))


def test_dtype_of_the_inner_layer():
    layer = TimeDistributed(keras.layers.Dense(2, dtype="mixed_float16"))
    assert layer(keras.Input((4, 3))).dtype == "float16"
    assert keras.backend.standardize_dtype(layer(np.ones((1, 4, 3), "float32")).dtype) == "float16"
