import keras
import numpy as np
import pytest

from videorec.layers.peephole_conv_lstm2d import PeepholeConvLSTM2D, PeepholeConvLSTM2DCell
from videorec.layers.peephole_lstm import PeepholeLSTM

BATCH, TIME, HEIGHT, WIDTH, CHANNELS, FILTERS = 2, 4, 5, 6, 2, 3
CLIP, MAP = (BATCH, TIME, HEIGHT, WIDTH, CHANNELS), (BATCH, HEIGHT, WIDTH, FILTERS)
PEEPHOLES = ["channel", "spatial", None]

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's own formats")


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def numpy(tensors):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


def with_random_weights(layer, shape=CLIP):
    layer.build(shape)
    layer.set_weights([0.5 * random(*weight.shape, seed=10 + k) for k, weight in enumerate(layer.weights)])
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolve(x, kernel):
    """Correlation with odd windows, zeros around the map."""
    high, wide = kernel.shape[:2]
    height, width = x.shape[1:3]
    x = np.pad(x, [(0, 0), (high // 2,) * 2, (wide // 2,) * 2, (0, 0)])
    return sum(x[:, a : a + height, b : b + width] @ kernel[a, b] for a in range(high) for b in range(wide))


def conv_lstm_by_hand(x, h, c, kernel, recurrent, bias, peepholes, output_peephole="new"):
    """Shi et al. 2015, equation 3, gate by gate; x = None has no input term: (h, c) of one step."""
    f = h.shape[-1]
    gates = {gate: slice(k * f, (k + 1) * f) for k, gate in enumerate("ifco")}
    z = {gate: convolve(h, recurrent[..., part]) + bias[part] for gate, part in gates.items()}
    if x is not None:
        z = {gate: z[gate] + convolve(x, kernel[..., part]) for gate, part in gates.items()}
    w_i, w_f, w_o = peepholes
    i, f = sigmoid(z["i"] + w_i * c), sigmoid(z["f"] + w_f * c)
    old, c = c, f * c + i * np.tanh(z["c"])
    o = sigmoid(z["o"] + w_o * (c if output_peephole == "new" else old))
    return o * np.tanh(c), c


def weights_of(layer):
    """Arguments of `conv_lstm_by_hand` from the cell's attributes."""
    cell = layer.cell
    weights = [cell.kernel, cell.recurrent_kernel, cell.bias, cell.peephole_kernel]
    kernel, recurrent, bias, peepholes = [None if w is None else numpy(w.value) for w in weights]
    return kernel, recurrent, bias, np.zeros(3) if peepholes is None else peepholes


def run_by_hand(frames, h, c, layer, output_peephole="new"):
    outputs = []
    for frame in frames:
        h, c = conv_lstm_by_hand(frame, h, c, *weights_of(layer), output_peephole)
        outputs.append(h)
    return np.stack(outputs, axis=1), c


@pytest.mark.parametrize("output_peephole", ["new", "old"])
@pytest.mark.parametrize("peephole", PEEPHOLES)
@pytest.mark.parametrize("sizes", [(3, None), ((1, 5), (3, 1))])
def test_equals_the_equations(peephole, output_peephole, sizes):
    options = {"output_peephole": output_peephole, "return_sequences": True, "return_state": True}
    layer = with_random_weights(PeepholeConvLSTM2D(FILTERS, *sizes, peephole, **options))
    x, state = random(*CLIP), [random(*MAP, seed=1), random(*MAP, seed=2)]
    outputs, h, c = layer(x, initial_state=state)
    expected, expected_c = run_by_hand(np.moveaxis(x, 1, 0), *state, layer, output_peephole)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(h, expected[:, -1], atol=1e-5)
    np.testing.assert_allclose(c, expected_c, atol=1e-5)


@pytest.mark.parametrize("peephole, shape", [("channel", (3, FILTERS)), ("spatial", (3, HEIGHT, WIDTH, FILTERS)), (None, None)])
def test_weight_shapes_and_initial_values(peephole, shape):
    layer = PeepholeConvLSTM2D(FILTERS, 5, (3, 1), peephole)
    layer.build(CLIP)
    cell = layer.cell
    assert cell.kernel.shape == (5, 5, CHANNELS, 4 * FILTERS)
    assert cell.recurrent_kernel.shape == (3, 1, FILTERS, 4 * FILTERS)
    np.testing.assert_array_equal(numpy(cell.bias.value), np.repeat([0, 1, 0, 0], FILTERS))
    assert (cell.peephole_kernel.shape if peephole else cell.peephole_kernel) == shape


@pytest.mark.parametrize("peephole", PEEPHOLES)
@pytest.mark.parametrize(
    "options",
    [
        {"return_sequences": True, "return_state": True},
        {"return_sequences": True, "go_backwards": True, "unroll": True},
        {"use_bias": False, "activation": "relu", "recurrent_activation": "hard_sigmoid"},
    ],
    ids=lambda options: "-".join(options),
)
def test_without_peepholes_equals_keras(peephole, options):
    ours = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, peephole=peephole, **options))
    theirs = keras.layers.ConvLSTM2D(FILTERS, 3, padding="same", **options)
    theirs.build(CLIP)
    theirs.set_weights(ours.get_weights()[: len(theirs.weights)])
    if peephole is not None:
        ours.cell.peephole_kernel.assign(np.zeros(ours.cell.peephole_kernel.shape))
    x = random(*CLIP)
    for got, expected in zip(keras.tree.flatten(ours(x)), keras.tree.flatten(theirs(x)), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("peephole", PEEPHOLES)
def test_on_single_pixels_equals_peephole_lstm(peephole):
    maps = with_random_weights(
        PeepholeConvLSTM2D(FILTERS, 3, 5, peephole, return_sequences=True), (BATCH, TIME, 1, 1, CHANNELS)
    )
    vectors = PeepholeLSTM(FILTERS, "diagonal" if peephole else None, return_sequences=True)
    vectors.build((BATCH, TIME, CHANNELS))
    kernel, recurrent, *others = maps.get_weights()
    if peephole:
        others[-1] = others[-1].reshape(3, FILTERS)
    vectors.set_weights([kernel[1, 1], recurrent[2, 2], *others])  # only the middle of the window meets the pixel
    x = random(BATCH, TIME, CHANNELS)
    np.testing.assert_allclose(maps(x[:, :, None, None])[:, :, 0, 0], vectors(x), atol=1e-5)


def test_spatial_with_constant_maps_equals_channel():
    channel = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, return_sequences=True))
    spatial = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, peephole="spatial", return_sequences=True))
    *weights, w = channel.get_weights()
    spatial.set_weights([*weights, np.broadcast_to(w[:, None, None], (3, HEIGHT, WIDTH, FILTERS))])
    x = random(*CLIP)
    np.testing.assert_allclose(spatial(x), channel(x), atol=1e-5)


@pytest.mark.parametrize("peephole", ["channel", "spatial"])
def test_output_peephole_moves_the_first_h_but_not_c(peephole):
    layer = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, peephole=peephole, return_state=True))
    x = random(*CLIP)[:, :1]
    _, h, c = numpy(layer(x))
    weight = numpy(layer.cell.peephole_kernel.value).copy()
    weight[2] += 1
    layer.cell.peephole_kernel.assign(weight)
    _, new_h, new_c = numpy(layer(x))
    np.testing.assert_array_equal(new_c, c)
    assert np.abs(new_h - h).max() > 0.01


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


def forecaster(batch_size=None, **options):
    """Encoder, forecaster without input, second forecaster on top: all of the layer's uses in one model."""
    inputs = keras.Input((None, HEIGHT, WIDTH, CHANNELS), batch_size=batch_size, name="x")
    _, h, c = PeepholeConvLSTM2D(FILTERS, 3, return_state=True, name="encoder", **options)(inputs)
    bottom = PeepholeConvLSTM2D(FILTERS, 3, 1, unconditional=True, return_sequences=True, name="bottom", **options)
    top = PeepholeConvLSTM2D(FILTERS, 3, None, "spatial", output_peephole="old", return_sequences=True, name="top", **options)
    return keras.Model(inputs, top(bottom([h, c], steps=3), initial_state=[h, c]))


@pytest.mark.parametrize("peephole", PEEPHOLES)
@pytest.mark.parametrize("unroll", [False, True])
def test_unconditional_equals_the_equations(peephole, unroll):
    options = {"unroll": unroll, "return_sequences": True, "return_state": True}
    layer = PeepholeConvLSTM2D(FILTERS, 5, 3, peephole, unconditional=True, **options)
    with_random_weights(layer, [MAP, MAP])
    assert layer.cell.kernel is None
    state = [random(*MAP, seed=1), random(*MAP, seed=2)]
    outputs, h, c = layer(state, steps=TIME)
    expected, expected_c = run_by_hand([None] * TIME, *state, layer)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(h, expected[:, -1], atol=1e-5)
    np.testing.assert_allclose(c, expected_c, atol=1e-5)
    first, _ = layer.cell(None, state)
    np.testing.assert_allclose(first, expected[:, 0], atol=1e-5)


def test_forecaster_model_round_trip(tmp_path):
    model = forecaster()
    assert model.output_shape == (None, 3, HEIGHT, WIDTH, FILTERS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.count_params() == model.count_params()
    for batch, time in [(2, 3), (1, 5)]:  # dynamic batch and time
        x = random(batch, time, *CLIP[2:])
        expected = model.predict(x, verbose=0)
        assert expected.shape == (batch, 3, HEIGHT, WIDTH, FILTERS)
        np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, atol=1e-6)
        encoder, bottom, top = (model.get_layer(name) for name in ("encoder", "bottom", "top"))
        _, h, c = encoder(x)
        np.testing.assert_allclose(top(bottom([h, c], steps=3), initial_state=[h, c]), expected, atol=1e-5)


@tensorflow_only
def test_saved_model_and_tflite(tmp_path):
    import tensorflow as tf

    model = forecaster(batch_size=1)
    x = random(1, *CLIP[1:])
    expected = model(x)
    spec = tf.TensorSpec(x.shape, tf.float32)
    model.export(tmp_path / "saved", input_signature=[spec], verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(loaded.serve(x), expected, atol=1e-6)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    runner = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    [name] = runner.get_input_details()
    [output] = runner(**{name: x}).values()
    np.testing.assert_allclose(output, expected, atol=1e-5)


@tensorflow_only
def test_two_convolutions_a_step():
    import tensorflow as tf

    layer = PeepholeConvLSTM2D(FILTERS, 3, unroll=True)
    function = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec(CLIP, tf.float32)])
    types = [op.type for op in function.get_concrete_function().graph.get_operations()]
    assert types.count("Conv2D") == 2 * TIME


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("peephole", PEEPHOLES)
def test_masked_step_keeps_the_state(peephole, unroll):
    # Batch size = height: a mask that is broadcast along the wrong axis would go unnoticed by shapes alone.
    shape = (HEIGHT, *CLIP[1:])
    layer = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, peephole=peephole, return_state=True, unroll=unroll), shape)
    x, mask = random(*shape), np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 1]], bool)
    outputs = numpy(layer(x, mask=mask))
    for row in range(HEIGHT):
        zeros = np.zeros((1, *MAP[1:]))
        expected, expected_c = run_by_hand(x[row, mask[row]][:, None], zeros, zeros, layer)
        for got, want in zip(outputs, [expected[:, -1], expected[:, -1], expected_c], strict=True):
            np.testing.assert_allclose(got[row], want[0], atol=1e-5)


def test_masked_output_repeats_or_is_zero():
    mask = np.array([[True, False, True, False]] * BATCH)
    repeat = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, return_sequences=True))
    zero = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, return_sequences=True, zero_output_for_mask=True))
    x = random(*CLIP)
    repeated, zeroed = numpy(repeat(x, mask=mask)), numpy(zero(x, mask=mask))
    np.testing.assert_array_equal(repeated[:, 1::2], repeated[:, ::2])
    np.testing.assert_array_equal(zeroed[:, 1::2], 0)
    np.testing.assert_allclose(zeroed[:, ::2], repeated[:, ::2], atol=1e-6)


def test_stateful_goes_on_where_it_stopped():
    layer, whole = (with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, stateful=stateful)) for stateful in (True, False))
    x = random(*CLIP)
    first = numpy(layer(x[:, :2]))
    np.testing.assert_allclose(layer(x[:, 2:]), whole(x), atol=1e-6)
    layer.reset_state()
    np.testing.assert_allclose(layer(x[:, :2]), first, atol=1e-6)


def test_dropout_mask_is_the_same_at_all_steps():
    layer = PeepholeConvLSTM2D(FILTERS, 3, None, None, dropout=0.5, return_sequences=True)
    layer.build(CLIP)
    # No memory: the recurrent weights are 0 and the forget gate is shut, so equal frames give equal outputs.
    kernel, recurrent, _ = (w.shape for w in layer.weights)
    layer.set_weights([random(*kernel), np.zeros(recurrent), np.repeat([0, -100, 0, 0], FILTERS)])
    x = np.ones(CLIP, "float32")
    outputs = numpy(layer(x, training=True))
    np.testing.assert_allclose(outputs, np.repeat(outputs[:, :1], TIME, axis=1), atol=1e-6)
    assert np.abs(outputs - numpy(layer(x))).max() > 0.01
    assert np.abs(outputs - numpy(layer(x, training=True))).max() > 0.01  # drawn anew in every call


@pytest.mark.parametrize("unconditional", [False, True])
def test_recurrent_dropout_mask_is_the_same_at_all_steps(unconditional):
    layer = PeepholeConvLSTM2D(
        FILTERS, 1, None, None, recurrent_dropout=0.5, return_sequences=True, unconditional=unconditional
    )
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


@pytest.mark.parametrize("peephole", ["channel", "spatial"])
def test_trains_with_regularizers_and_constraints(peephole):
    options = {f"{kind}_regularizer": keras.regularizers.L1(0.1) for kind in ("kernel", "recurrent", "bias", "peephole")}
    layer = PeepholeConvLSTM2D(FILTERS, 3, peephole=peephole, peephole_initializer="zeros", dropout=0.2, **options)
    model = keras.Sequential([keras.Input(CLIP[1:]), layer])
    np.testing.assert_allclose(sum(numpy(layer.losses)), 0.1 * sum(np.abs(w).sum() for w in model.get_weights()), rtol=1e-5)
    model.compile("sgd", "mse")
    model.fit(random(3, *CLIP[1:]), random(3, *MAP[1:]), batch_size=2, verbose=0)  # the last batch is a partial one
    assert np.all(np.abs(model.get_weights()[-1]).max(axis=-1) > 0)
    kept = PeepholeConvLSTM2D(FILTERS, 3, peephole=peephole, peephole_constraint="non_neg")
    model = keras.Sequential([keras.Input(CLIP[1:]), kept])
    model.compile("sgd", "mse")
    model.train_on_batch(random(*CLIP), random(*MAP))
    assert model.get_weights()[-1].min() == 0


def test_config_round_trip():
    layer = PeepholeConvLSTM2D(
        FILTERS, (3, 5), 1, "spatial", output_peephole="old", unconditional=True, return_sequences=True, return_state=True,
        unroll=True, use_bias=False, activation="relu", recurrent_initializer=keras.initializers.RandomNormal(seed=3),
        peephole_regularizer=keras.regularizers.L2(0.1), recurrent_constraint="max_norm", recurrent_dropout=0.3,
        seed=7, name="x", dtype="mixed_float16", trainable=False, activity_regularizer="l2",
    )  # fmt: skip
    config = layer.get_config()
    assert "units" not in config
    again = PeepholeConvLSTM2D.from_config(config)
    assert again.get_config() == config
    cell = again.cell
    assert (cell.filters, cell.kernel_size, cell.recurrent_kernel_size) == (FILTERS, (3, 5), (1, 1))
    assert (cell.peephole, cell.output_peephole, cell.recurrent_dropout, cell.seed) == ("spatial", "old", 0.3, 7)
    assert (again.unroll, again.return_state, again.name, again.compute_dtype) == (True, True, "x", "float16")
    assert PeepholeConvLSTM2DCell.from_config(cell.get_config()).get_config() == cell.get_config()


@pytest.mark.parametrize("peephole", PEEPHOLES)
def test_mixed_float16(peephole):
    options = {"peephole": peephole, "return_sequences": True, "return_state": True}
    layer = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, dtype="mixed_float16", **options))
    exact = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, **options))
    assert {w.dtype for w in layer.weights} == {"float32"}
    assert {t.dtype for t in layer(keras.Input(CLIP[1:]))} == {"float16"}
    x = random(*CLIP)
    for got, expected in zip(layer(x), exact(x), strict=True):
        assert keras.backend.standardize_dtype(got.dtype) == "float16"
        np.testing.assert_allclose(numpy(got), expected, atol=0.02)


def test_mixed_float16_trains():
    model = forecaster(recurrent_dropout=0.2, dtype="mixed_float16")
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(random(*CLIP), random(BATCH, 3, *MAP[1:])))


@pytest.mark.parametrize("masked", [False, True])
def test_bidirectional(masked, tmp_path):
    inputs, mask = keras.Input((None, *CLIP[2:])), keras.Input((None,), dtype="bool")
    layer = keras.layers.Bidirectional(PeepholeConvLSTM2D(FILTERS, 3, 1, "spatial", return_sequences=True), name="both")
    model = keras.Model([inputs, mask], layer(inputs, mask=mask if masked else None))
    model.set_weights([0.5 * random(*w.shape, seed=k) for k, w in enumerate(model.weights)])
    assert model.output_shape == (None, None, HEIGHT, WIDTH, 2 * FILTERS)
    x, steps = random(*CLIP), np.ones((BATCH, TIME), bool)
    steps[1, 2:] = not masked
    got = model.predict([x, steps], verbose=0)
    for inner, direction, outputs in [
        (layer.forward_layer, 1, got[..., :FILTERS]),
        (layer.backward_layer, -1, got[..., FILTERS:]),
    ]:
        for row in range(BATCH):
            valid = steps[row].sum()
            zeros = np.zeros((1, *MAP[1:]))
            expected, _ = run_by_hand(x[row, :valid][::direction, None], zeros, zeros, inner)
            np.testing.assert_allclose(outputs[row, :valid], expected[0, ::direction], atol=1e-5)
            np.testing.assert_array_equal(outputs[row, valid:], 0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict([x, steps], verbose=0), got, atol=1e-6)


def test_cell_as_a_step_model():
    layer = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3, return_sequences=True))
    frame, *states = (keras.Input(shape[-3:]) for shape in (CLIP, MAP, MAP))
    step = keras.Model([frame, *states], layer.cell(frame, states))
    x = random(1, *CLIP[1:])
    state = layer.cell.get_initial_state(1)
    for t, expected in enumerate(numpy(layer(x))[0]):
        output, state = step([keras.ops.convert_to_tensor(x[:, t]), *state])
        np.testing.assert_allclose(output[0], expected, atol=1e-6)


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
    layer = with_random_weights(PeepholeConvLSTM2D(FILTERS, 3))
    with pytest.raises(ValueError, match="incompatible"):
        layer(np.zeros((BATCH, TIME, HEIGHT + 1, WIDTH, CHANNELS)))
    with pytest.raises(ValueError, match="expected ndim=5"):
        PeepholeConvLSTM2D(FILTERS, 3)(keras.Input((TIME, CHANNELS)))
