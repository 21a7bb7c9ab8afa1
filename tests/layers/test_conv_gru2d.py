"""`ConvGRU2D` against the paper's equations, its weights, dropout and arguments."""

import exports
import keras
import numpy as np
import pytest
from equations import conv_gru
from layers import assert_close, built, numpy, random, randomized

from videorec.layers import ConvGRU2D

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's own formats")


def by_hand(x, kernel, recurrent_kernel, bias=0.0, reset_after=False):
    """All states `(B, T, H, W, f)`."""
    h, states = np.zeros((len(x), *x.shape[2:4], recurrent_kernel.shape[2])), []
    for frame in np.moveaxis(x, 1, 0):
        h = conv_gru(frame, h, kernel, recurrent_kernel, bias, reset_after)
        states.append(h)
    return np.stack(states, axis=1)


@pytest.mark.parametrize("kernel_size", [3, (1, 3), (5, 1)])
@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equals_the_equations(use_bias, reset_after, kernel_size):
    x = random(2, 4, 5, 6, 3)
    options = {"use_bias": use_bias, "reset_after": reset_after, "return_sequences": True}
    layer = built(ConvGRU2D(4, kernel_size, **options), x.shape)
    cell, pair = layer.cell, (kernel_size, kernel_size) if kernel_size == 3 else kernel_size
    assert cell.kernel.shape == (*pair, 3, 12)
    assert cell.recurrent_kernel.shape == (*pair, 4, 12)
    assert (cell.bias.shape == ((2, 12) if reset_after else (12,))) if use_bias else cell.bias is None
    assert_close(layer(x), by_hand(x, *layer.get_weights(), reset_after=reset_after))


@pytest.mark.parametrize("reset_after", [False, True])
def test_keras_gru_with_negated_z_weights(reset_after):
    x = random(3, 6, 5)
    theirs = built(keras.layers.GRU(4, reset_after=reset_after, return_sequences=True), x.shape)
    ours = ConvGRU2D(4, 1, use_bias=True, reset_after=reset_after, return_sequences=True)
    ours.build((3, 6, 1, 1, 5))
    negate_z = np.repeat([-1, 1, 1], 4)
    kernel, recurrent_kernel, bias = (w * negate_z for w in theirs.get_weights())
    ours.set_weights([kernel[None, None], recurrent_kernel[None, None], bias])
    assert_close(ours(x[:, :, None, None])[:, :, 0, 0], theirs(x))


@pytest.mark.parametrize(
    "channels, filters, kernel_size, count",
    [(128, 64, 3, 331_776), (256, 128, 3, 1_327_104), (512, 256, 3, 5_308_416), (4096, 512, 1, 7_077_888)],
)
def test_number_of_weights_of_the_paper_s_levels(channels, filters, kernel_size, count):
    zeros = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    layer = ConvGRU2D(filters, kernel_size, **zeros)
    layer.build((None, None, 4, 4, channels))
    assert layer.count_params() == count
    layer = ConvGRU2D(filters, kernel_size, use_bias=True, **zeros)
    layer.build((None, None, 4, 4, channels))
    assert layer.count_params() == count + 3 * filters


def test_number_of_weights_of_both_directions():
    layer = keras.layers.Bidirectional(ConvGRU2D(64, 3))
    layer.build((None, None, 4, 4, 128))
    assert layer.count_params() == 2 * 331_776


def test_initial_state_may_be_a_tensor_and_is_zeros():
    x, h = random(2, 3, 4, 5, 3), random(2, 4, 5, 4, seed=1)
    layer = built(ConvGRU2D(4, 3), x.shape)
    assert_close(layer(x, initial_state=h), layer(x, initial_state=[h]), atol=0)
    assert_close(layer.cell.get_initial_state(2), [np.zeros((2, 4, 5, 4))], atol=0)


def test_functional_model_with_mask_and_state(tmp_path):
    x, h, mask = random(2, 4, 5, 5, 3), random(2, 5, 5, 4), np.array([[True, True, False, True], [True, False, False, False]])
    inputs = [keras.Input((None, 5, 5, 3)), keras.Input((5, 5, 4)), keras.Input((None,), dtype="bool")]
    layer = ConvGRU2D(4, 3, name="gru")
    model = keras.Model(inputs, layer(inputs[0], initial_state=inputs[1], mask=inputs[2]))
    expected = numpy(layer(x, initial_state=h, mask=mask))
    assert np.abs(expected - numpy(layer(x, mask=mask))).max() > 0.01
    assert np.abs(expected - numpy(layer(x, initial_state=h))).max() > 0.01
    model.save(tmp_path / "model.keras")
    assert_close(keras.saving.load_model(tmp_path / "model.keras").predict([x, h, mask], verbose=0), expected, atol=1e-6)


BIAS = 50.0  # a gate with this bias is 1 to float32's precision, 0 with its negative


def gated(x, z, r, **kwargs):
    """A layer of 1 x 1 kernels with both gates fixed and h~ = tanh(x + r o h)."""
    layer, f = ConvGRU2D(x.shape[-1], 1, use_bias=True, return_sequences=True, **kwargs), x.shape[-1]
    layer.build(x.shape)
    candidate_only = np.concatenate([np.zeros((f, 2 * f)), np.eye(f)], 1)[None, None]
    bias = np.repeat([BIAS if z else -BIAS, BIAS if r else -BIAS, 0], f)
    layer.set_weights([candidate_only, candidate_only, bias])
    return layer


@pytest.mark.parametrize("unroll", [False, True])
def test_dropout_drops_the_same_inputs_at_all_steps(unroll):
    x = np.ones((2, 5, 4, 4, 6), "float32")
    layer = gated(x, z=True, r=False, dropout=0.5, seed=1, unroll=unroll)
    assert_close(layer(x), np.tanh(x), atol=1e-6)  # inference drops nothing
    y, other = numpy(layer(x, training=True)), numpy(layer(x, training=True))
    assert 0.3 < np.mean(y == 0) < 0.7
    np.testing.assert_allclose(y[y != 0], np.tanh(2), atol=1e-6)  # what stays is scaled by 1 / (1 - 0.5)
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 5, axis=1))
    assert np.any(y != other) and np.any(y[0] != y[1])


@pytest.mark.parametrize("unroll", [False, True])
def test_recurrent_dropout_drops_the_same_states_at_all_steps(unroll):
    x, h = np.zeros((2, 5, 4, 4, 6), "float32"), np.ones((2, 4, 4, 6), "float32")
    layer = gated(x, z=True, r=True, recurrent_dropout=0.5, seed=1, unroll=unroll)
    y = numpy(layer(x, initial_state=h, training=True))
    assert 0.3 < np.mean(y[:, 0] == 0) < 0.7
    # Other masks at later steps would bring further zeros.
    np.testing.assert_array_equal(y == 0, np.repeat(y[:, :1] == 0, 5, axis=1))
    keeps = gated(x, z=False, r=True, recurrent_dropout=0.5)  # z = 0: h stays, all of it
    assert_close(keeps(x, initial_state=h, training=True)[:, -1], h, atol=1e-6)


@tensorflow_only
def test_tflite_of_any_length_backwards():
    layer = ConvGRU2D(4, 3, use_bias=True, reset_after=True, go_backwards=True, return_sequences=True)
    symbols = keras.Input((None, 6, 5, 3))
    model = keras.Model(symbols, layer(symbols))
    lite = exports.tflite(model, randomized(layer) and symbols)
    for time in (5, 1):
        x = random(1, time, 6, 5, 3)
        assert_close(lite(x), by_hand(x[:, ::-1], *layer.get_weights(), reset_after=True))


@pytest.mark.parametrize(
    "options, match",
    [
        ({"filters": 0}, "filters must be an int above 0"),
        ({"kernel_size": 0}, "kernel_size must be an int above 0 or a pair"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size must be an int above 0 or a pair"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"recurrent_dropout": -0.1}, "recurrent_dropout must be at least 0 and below 1"),
        ({"strides": 2}, "strides"),
    ],
)
def test_arguments_out_of_range(options, match):
    with pytest.raises(ValueError, match=match):
        ConvGRU2D(**{"filters": 2, "kernel_size": 3, **options})


def test_unusable_inputs():
    with pytest.raises(ValueError, match="fixed height and width"):
        ConvGRU2D(2, 3)(keras.Input((4, None, 8, 3)))
    with pytest.raises(ValueError, match="expected ndim=5"):
        ConvGRU2D(2, 3)(keras.Input((8, 8, 3)))
