"""`PeepholeConvLSTM2D` against the equations and Keras's ConvLSTM2D, its weights, dropout and arguments."""

import keras
import numpy as np
import pytest
from equations import lstm
from layers import assert_close, built, numpy, random

from videorec.layers import PeepholeConvLSTM2D, PeepholeLSTM

BATCH, TIME, HEIGHT, WIDTH, CHANNELS, FILTERS = 2, 4, 5, 6, 2, 3
CLIP, MAP = (BATCH, TIME, HEIGHT, WIDTH, CHANNELS), (BATCH, HEIGHT, WIDTH, FILTERS)
X, STATE = random(*CLIP), [random(*MAP, seed=1), random(*MAP, seed=2)]
PEEPHOLES = ["channel", "spatial", None]

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs")


def by_hand(layer, frames, output_peephole="new"):
    """All h `(B, T, H, W, f)` from STATE, and the last h and c."""
    cell, (h, c) = layer.cell, STATE
    weights = [None if w is None else numpy(w) for w in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    peepholes = np.zeros(3) if cell.peephole_kernel is None else numpy(cell.peephole_kernel)
    outputs = []
    for x in frames:
        h, c = lstm(x, h, c, *weights, peepholes, output_peephole)
        outputs.append(h)
    return np.stack(outputs, axis=1), h, c


@pytest.mark.parametrize("output_peephole", ["new", "old"])
@pytest.mark.parametrize("peephole", PEEPHOLES)
@pytest.mark.parametrize("sizes", [(3, None), ((1, 5), (3, 1))])
def test_equals_the_equations(peephole, output_peephole, sizes):
    options = {"output_peephole": output_peephole, "return_sequences": True, "return_state": True}
    layer = built(PeepholeConvLSTM2D(FILTERS, *sizes, peephole, **options), CLIP)
    assert_close(layer(X, initial_state=STATE), by_hand(layer, np.moveaxis(X, 1, 0), output_peephole))


@pytest.mark.parametrize("peephole, unroll", [("channel", False), ("spatial", True), (None, False)])
def test_unconditional_equals_the_equations(peephole, unroll):
    options = {"unroll": unroll, "return_sequences": True, "return_state": True}
    layer = built(PeepholeConvLSTM2D(FILTERS, 5, 3, peephole, unconditional=True, **options), [MAP, MAP])
    assert layer.cell.kernel is None
    expected = by_hand(layer, [None] * TIME)
    assert_close(layer(STATE, steps=TIME), expected)
    first, _ = layer.cell(None, STATE)
    assert_close(first, expected[0][:, 0])


@pytest.mark.parametrize(
    "peephole, options",
    [
        ("channel", {"return_sequences": True, "return_state": True}),
        ("spatial", {"return_sequences": True, "go_backwards": True, "unroll": True}),
        (None, {"use_bias": False, "activation": "relu", "recurrent_activation": "hard_sigmoid"}),
    ],
)
def test_without_peepholes_equals_keras(peephole, options):
    ours = built(PeepholeConvLSTM2D(FILTERS, 3, peephole=peephole, **options), CLIP)
    theirs = keras.layers.ConvLSTM2D(FILTERS, 3, padding="same", **options)
    theirs.build(CLIP)
    theirs.set_weights(ours.get_weights()[: len(theirs.weights)])
    if peephole is not None:
        ours.cell.peephole_kernel.assign(np.zeros(ours.cell.peephole_kernel.shape))
    assert_close(ours(X), theirs(X))


@pytest.mark.parametrize("peephole", PEEPHOLES)
def test_on_single_pixels_equals_peephole_lstm(peephole):
    maps = PeepholeConvLSTM2D(FILTERS, 3, 5, peephole, return_sequences=True)
    built(maps, (BATCH, TIME, 1, 1, CHANNELS))
    vectors = PeepholeLSTM(FILTERS, "diagonal" if peephole else None, return_sequences=True)
    vectors.build((BATCH, TIME, CHANNELS))
    kernel, recurrent, *others = maps.get_weights()
    if peephole:
        others[-1] = others[-1].reshape(3, FILTERS)
    vectors.set_weights([kernel[1, 1], recurrent[2, 2], *others])  # only the middle of the window meets the pixel
    x = random(BATCH, TIME, CHANNELS)
    assert_close(maps(x[:, :, None, None])[:, :, 0, 0], vectors(x))


def test_spatial_with_constant_maps_equals_channel():
    channel, spatial = (
        built(PeepholeConvLSTM2D(FILTERS, 3, peephole=peephole, return_sequences=True), CLIP) for peephole in PEEPHOLES[:2]
    )
    *weights, w = channel.get_weights()
    spatial.set_weights([*weights, np.broadcast_to(w[:, None, None], (3, HEIGHT, WIDTH, FILTERS))])
    assert_close(spatial(X), channel(X))


@tensorflow_only
def test_a_convolution_for_all_gates_and_one_for_the_inputs_of_all_steps():
    import tensorflow as tf

    layer = PeepholeConvLSTM2D(FILTERS, 3, unroll=True)
    function = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec(CLIP, tf.float32)])
    types = [op.type for op in function.get_concrete_function().graph.get_operations()]
    assert types.count("Conv2D") == TIME + 1


# === Weights ===


@pytest.mark.parametrize("peephole, shape", [("channel", (3, FILTERS)), ("spatial", (3, HEIGHT, WIDTH, FILTERS)), (None, None)])
def test_weight_shapes_and_initial_values(peephole, shape):
    layer = PeepholeConvLSTM2D(FILTERS, 5, (3, 1), peephole)
    layer.build(CLIP)
    cell = layer.cell
    assert cell.kernel.shape == (5, 5, CHANNELS, 4 * FILTERS)
    assert cell.recurrent_kernel.shape == (3, 1, FILTERS, 4 * FILTERS)
    np.testing.assert_array_equal(numpy(cell.bias), np.repeat([0, 1, 0, 0], FILTERS))
    assert (cell.peephole_kernel.shape if peephole else cell.peephole_kernel) == shape


# Encoder and forecaster layers of table 1 of Shi et al. 2015 on maps 16 x 16 x 16: (inputs, filters, windows), parameters.
PUBLISHED = [
    ((16, 256, 5, None), 6_964_992),
    ((None, 256, 5, None), 6_555_392),
    ((16, 128, 5, None), 1_844_096),
    ((128, 128, 5, None), 3_277_696),
    ((None, 128, 5, None), 1_639_296),
    ((128, 64, 5, None), 1_229_248),
    ((64, 64, 5, None), 819_648),
    ((16, 128, 9, 1), 729_984),
    ((128, 128, 9, 1), 5_374_848),
    ((None, 128, 9, 1), 66_432),
    ((128, 64, 9, 1), 2_671_040),
    ((64, 64, 9, 1), 1_343_936),
]


@pytest.mark.parametrize("layer, expected", PUBLISHED)
def test_parameters_of_the_published_networks(layer, expected):
    inputs, filters, window, recurrent_window = layer
    few_steps = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    layer = PeepholeConvLSTM2D(filters, window, recurrent_window, unconditional=inputs is None, **few_steps)
    layer.build([(None, 16, 16, filters)] * 2 if inputs is None else (None, None, 16, 16, inputs))
    assert layer.count_params() == expected


@pytest.mark.parametrize("peephole", ["channel", "spatial"])
def test_peepholes_train_from_zeros_and_keep_to_a_constraint(peephole):
    for constraint in (None, "non_neg"):
        options = {"peephole": peephole, "peephole_initializer": "zeros", "peephole_constraint": constraint}
        model = keras.Sequential([keras.Input(CLIP[1:]), PeepholeConvLSTM2D(FILTERS, 3, **options)])
        model.compile("sgd", "mse", run_eagerly=True)
        model.train_on_batch(X, random(*MAP))
        peepholes = model.get_weights()[-1]
        assert np.all(np.abs(peepholes).max(axis=-1) > 0) if constraint is None else peepholes.min() == 0


# === Encoder and forecasters ===


def test_forecaster_model_round_trip(tmp_path):
    """Encoder, forecaster without input, second forecaster on top: all of the layer's uses in one model."""
    inputs = keras.Input((None, *CLIP[2:]))
    encoder = PeepholeConvLSTM2D(FILTERS, 3, return_state=True)
    bottom = PeepholeConvLSTM2D(FILTERS, 3, 1, unconditional=True, return_sequences=True)
    top = PeepholeConvLSTM2D(FILTERS, 3, None, "spatial", output_peephole="old", return_sequences=True)
    _, h, c = encoder(inputs)
    model = keras.Model(inputs, top(bottom([h, c], steps=3), initial_state=[h, c]))
    assert model.output_shape == (None, 3, HEIGHT, WIDTH, FILTERS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for x in (X[:, :3], X[:1]):  # dynamic batch and time
        _, h, c = encoder(x)
        assert_close(loaded(x), top(bottom([h, c], steps=3), initial_state=[h, c]))


# === Dropout ===


def test_dropout_mask_is_the_same_at_all_steps():
    layer = PeepholeConvLSTM2D(FILTERS, 3, None, None, dropout=0.5, seed=1, return_sequences=True)
    layer.build(CLIP)
    # No memory: the recurrent weights are 0 and the forget gate is shut, so equal frames give equal outputs.
    kernel, recurrent, _ = (w.shape for w in layer.weights)
    layer.set_weights([random(*kernel), np.zeros(recurrent), np.repeat([0, -100, 0, 0], FILTERS)])
    x = np.ones(CLIP, "float32")
    outputs = numpy(layer(x, training=True))
    assert_close(outputs, np.repeat(outputs[:, :1], TIME, axis=1), atol=1e-6)
    assert np.abs(outputs - numpy(layer(x))).max() > 0.01
    assert np.abs(outputs - numpy(layer(x, training=True))).max() > 0.01  # drawn anew in every call


@pytest.mark.parametrize("unconditional", [False, True])
def test_recurrent_dropout_mask_is_the_same_at_all_steps(unconditional):
    options = {"return_sequences": True, "unconditional": unconditional}
    layer = PeepholeConvLSTM2D(FILTERS, 1, None, None, recurrent_dropout=0.5, seed=1, **options)
    state = [np.ones(MAP, "float32"), np.zeros(MAP, "float32")]
    layer.build([MAP, MAP] if unconditional else CLIP)
    # h_t = tanh(tanh(mask o h_{t-1})): a value dropped once is 0 for ever, so that new masks would show as new zeros.
    recurrent = np.zeros((1, 1, FILTERS, 4, FILTERS))
    recurrent[..., 2, :] = np.eye(FILTERS)
    layer.cell.recurrent_kernel.assign(recurrent.reshape(1, 1, FILTERS, 4 * FILTERS))
    layer.cell.bias.assign(np.repeat([100, -100, 0, 100], FILTERS))
    if unconditional:
        outputs = layer(state, steps=TIME, training=True)
    else:
        outputs = layer(np.zeros(CLIP, "float32"), initial_state=state, training=True)
    dropped = numpy(outputs) == 0
    assert 0 < dropped[:, 0].mean() < 1
    np.testing.assert_array_equal(dropped, np.repeat(dropped[:, :1], TIME, axis=1))


# === Arguments ===


@pytest.mark.parametrize(
    "options, message",
    [
        ({"peephole": "diagonal"}, "channel"),
        ({"filters": 0}, "filters"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size"),
        ({"recurrent_kernel_size": 0}, "recurrent_kernel_size"),
        ({"unconditional": True, "dropout": 0.5}, "needs an input"),
        ({"strides": 2}, "strides"),
    ],
)
def test_unknown_options(options, message):
    with pytest.raises(ValueError, match=message):
        PeepholeConvLSTM2D(**{"filters": FILTERS, "kernel_size": 3, **options})


def test_size_of_the_maps_must_be_known():
    with pytest.raises(ValueError, match="Height and width"):
        PeepholeConvLSTM2D(FILTERS, 3, peephole="spatial")(keras.Input((TIME, None, WIDTH, CHANNELS)))
    state = keras.Input((None, None, FILTERS))
    with pytest.raises(ValueError, match="Height and width"):
        PeepholeConvLSTM2D(FILTERS, 3, unconditional=True)([state, state], steps=2)
    layer = built(PeepholeConvLSTM2D(FILTERS, 3), CLIP)
    with pytest.raises(ValueError, match="incompatible"):
        layer(np.zeros((BATCH, TIME, HEIGHT + 1, WIDTH, CHANNELS)))
    with pytest.raises(ValueError, match="expected ndim=5"):
        PeepholeConvLSTM2D(FILTERS, 3)(keras.Input((TIME, CHANNELS)))
