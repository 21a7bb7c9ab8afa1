import keras
import numpy as np
import pytest

from videorec.layers.peephole_lstm import PeepholeLSTM, PeepholeLSTMCell

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 6
PEEPHOLES = ["diagonal", "full", None]
FEW_STEPS = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}  # orthogonal 2048 x 8192 takes seconds

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's own formats")


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def numpy(tensors):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


def with_random_weights(layer, shape=(BATCH, TIME, FEATURES)):
    layer.build(shape)
    layer.set_weights([random(*weight.shape, seed=10 + k) for k, weight in enumerate(layer.weights)])
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_by_hand(x, h, c, kernel, recurrent, bias, peepholes=None, output_peephole="new"):
    """Shi et al. 2015, equation 2, gate by gate; `peepholes` holds V of i, f, o as matrices. Returns all h, and c."""
    u = h.shape[-1]
    w = {gate: kernel[:, k * u : (k + 1) * u] for k, gate in enumerate("ifco")}
    r = {gate: recurrent[:, k * u : (k + 1) * u] for k, gate in enumerate("ifco")}
    b = {gate: bias[k * u : (k + 1) * u] for k, gate in enumerate("ifco")}
    v = dict(zip("ifo", np.zeros((3, u, u)) if peepholes is None else peepholes, strict=True))
    outputs = []
    for t in range(x.shape[1]):
        z = {gate: x[:, t] @ w[gate] + h @ r[gate] + b[gate] for gate in "ifco"}
        i, f = sigmoid(z["i"] + c @ v["i"]), sigmoid(z["f"] + c @ v["f"])
        old, c = c, f * c + i * np.tanh(z["c"])
        o = sigmoid(z["o"] + (c if output_peephole == "new" else old) @ v["o"])
        h = o * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1), c


def matrices(layer):
    """The peephole weights as three matrices."""
    weight = layer.cell.peephole_kernel
    return None if weight is None else [np.diag(v) if v.ndim == 1 else v for v in numpy(weight.value)]


@pytest.mark.parametrize("output_peephole", ["new", "old"])
@pytest.mark.parametrize("peephole", PEEPHOLES)
@pytest.mark.parametrize("unroll", [False, True])
def test_equals_the_equations(peephole, output_peephole, unroll):
    layer = PeepholeLSTM(UNITS, peephole, output_peephole, return_sequences=True, return_state=True, unroll=unroll)
    with_random_weights(layer)
    x, state = random(BATCH, TIME, FEATURES), [random(BATCH, UNITS, seed=1), random(BATCH, UNITS, seed=2)]
    outputs, h, c = layer(x, initial_state=state)
    weights = [numpy(w.value) for w in (layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias)]
    expected, expected_c = lstm_by_hand(x, *state, *weights, matrices(layer), output_peephole)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(h, expected[:, -1], atol=1e-5)
    np.testing.assert_allclose(c, expected_c, atol=1e-5)


@pytest.mark.parametrize("peephole", PEEPHOLES)
@pytest.mark.parametrize(
    "options",
    [
        {"return_sequences": True, "return_state": True},
        {"return_sequences": True, "go_backwards": True},
        {"use_bias": False},
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
        {"return_sequences": True, "return_state": True, "mask": [[1, 1, 1, 0, 0], [0, 0, 1, 1, 0], [1, 0, 1, 0, 1]]},
        {"return_sequences": True, "zero_output_for_mask": True, "mask": [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [1, 0, 1, 0, 1]]},
        {"unroll": True, "mask": [[1, 1, 1, 0, 0], [0, 0, 1, 1, 0], [1, 0, 1, 0, 1]]},
    ],
    ids=lambda options: "-".join(options),
)
def test_without_peepholes_equals_keras(peephole, options):
    mask = options.get("mask")
    options = {key: value for key, value in options.items() if key != "mask"}
    mask = None if mask is None else np.array(mask, bool)
    ours = with_random_weights(PeepholeLSTM(UNITS, peephole, **options))
    theirs = keras.layers.LSTM(UNITS, use_cudnn=False, **options)
    theirs.build((BATCH, TIME, FEATURES))
    weights = ours.get_weights()
    theirs.set_weights(weights[: len(theirs.weights)])
    if peephole is not None:
        ours.cell.peephole_kernel.assign(np.zeros(ours.cell.peephole_kernel.shape))
    x = random(BATCH, TIME, FEATURES)
    for got, expected in zip(*map(keras.tree.flatten, (ours(x, mask=mask), theirs(x, mask=mask))), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_initial_weights_of_keras():
    layer = PeepholeLSTM(UNITS)
    layer.build((BATCH, TIME, FEATURES))
    bias = numpy(layer.cell.bias.value)
    np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], UNITS))  # forget gate 1, as in keras.layers.LSTM
    peepholes = numpy(layer.cell.peephole_kernel.value)
    assert 0 < np.abs(peepholes).max() <= 0.05


def test_full_with_diagonal_matrices_equals_diagonal():
    diagonal = with_random_weights(PeepholeLSTM(UNITS, "diagonal", return_sequences=True))
    full = with_random_weights(PeepholeLSTM(UNITS, "full", return_sequences=True))
    *weights, v = diagonal.get_weights()
    full.set_weights([*weights, np.stack([np.diag(row) for row in v])])
    x = random(BATCH, TIME, FEATURES)
    np.testing.assert_allclose(full(x), diagonal(x), atol=1e-5)


def test_full_is_row_vector_times_matrix():
    layer = with_random_weights(PeepholeLSTM(2, "full", return_state=True), (1, 1, 1))
    layer.set_weights([np.zeros(w.shape) for w in layer.weights])
    v = np.zeros((3, 2, 2))
    v[1] = [[0, 4], [0, 0]]  # the forget gate of unit 1 sees the cell of unit 0
    layer.cell.peephole_kernel.assign(v)
    _, _, c = layer(np.zeros((1, 1, 1)), initial_state=[np.zeros((1, 2)), np.ones((1, 2))])
    np.testing.assert_allclose(c, [[0.5, sigmoid(4)]], atol=1e-6)


@pytest.mark.parametrize("peephole", ["diagonal", "full"])
def test_output_peephole_moves_the_first_h_but_not_c(peephole):
    layer = with_random_weights(PeepholeLSTM(UNITS, peephole, return_state=True))
    x = random(BATCH, 1, FEATURES)
    _, h, c = numpy(layer(x))
    weight = numpy(layer.cell.peephole_kernel.value).copy()
    weight[2] += 1
    layer.cell.peephole_kernel.assign(weight)
    _, new_h, new_c = numpy(layer(x))
    np.testing.assert_array_equal(new_c, c)
    assert np.abs(new_h - h).min() > 1e-5


def test_input_gate_sees_the_old_cell():
    # Without weights but W_ci, c_1 = c_0 / 2 + sigma(w o c_0) tanh(b_c): the bias of the candidate shows the gate.
    layer = with_random_weights(PeepholeLSTM(UNITS, return_state=True))
    layer.set_weights([np.zeros(w.shape) for w in layer.weights])
    w, c0 = random(UNITS), random(BATCH, UNITS, seed=1)
    layer.cell.peephole_kernel.assign(np.stack([w, 0 * w, 0 * w]))
    layer.cell.bias.assign(np.repeat([0, 0, 1, 0], UNITS))
    _, _, c1 = numpy(layer(np.zeros((BATCH, 1, FEATURES)), initial_state=[np.zeros((BATCH, UNITS)), c0]))
    np.testing.assert_allclose((c1 - c0 / 2) / np.tanh(1), sigmoid(w * c0), atol=1e-5)


@pytest.mark.parametrize("peephole, expected", [(None, 2_099_200), ("diagonal", 2_100_736), ("full", 2_885_632)])
def test_parameters_512_to_512(peephole, expected):
    layer = PeepholeLSTM(512, peephole, **FEW_STEPS)
    layer.build((None, None, 512))
    assert layer.count_params() == expected


def parameters(units, inputs):
    layer = PeepholeLSTM(units, unconditional=inputs is None, **FEW_STEPS)
    layer.build([(None, units)] * 2 if inputs is None else (None, None, inputs))
    return layer.count_params()


def test_parameters_of_the_published_networks():
    # FC-LSTM-2048-2048 on 64 x 64 frames (Shi et al. 2015): encoder, then forecaster, whose first layer has no input.
    second = parameters(2048, 2048)
    assert parameters(2048, 4096) + second == 83_914_752
    assert parameters(2048, None) + second == 50_360_320
    assert 83_914_752 + 50_360_320 + (2048 * 4096 + 4096) == 142_667_776  # with the output layer
    # Five layers of 512 on 1024 features (Ng et al. 2015).
    assert parameters(512, 1024) + 4 * parameters(512, 512) == 11_552_256


@pytest.mark.parametrize("peephole", PEEPHOLES)
def test_unconditional_equals_the_equations(peephole):
    layer = PeepholeLSTM(UNITS, peephole, unconditional=True, return_sequences=True, return_state=True)
    with_random_weights(layer, [(BATCH, UNITS)] * 2)
    assert layer.cell.kernel is None
    state = [random(BATCH, UNITS, seed=1), random(BATCH, UNITS, seed=2)]
    outputs, h, c = layer(state, steps=TIME)
    weights = [np.zeros((1, 4 * UNITS)), numpy(layer.cell.recurrent_kernel.value), numpy(layer.cell.bias.value)]
    expected, expected_c = lstm_by_hand(np.zeros((BATCH, TIME, 1)), *state, *weights, matrices(layer))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(h, expected[:, -1], atol=1e-5)
    np.testing.assert_allclose(c, expected_c, atol=1e-5)
    first, [_, second_c] = layer.cell(None, state)
    np.testing.assert_allclose(first, expected[:, 0], atol=1e-5)
    assert second_c.shape == (BATCH, UNITS)


def forecaster(batch_size=None, **options):
    """Encoder, forecaster without input, second forecaster on top: all of the layer's uses in one model."""
    inputs = keras.Input((None, FEATURES), batch_size=batch_size, name="x")
    _, h, c = PeepholeLSTM(UNITS, return_state=True, name="encoder", **options)(inputs)
    x = PeepholeLSTM(UNITS, unconditional=True, return_sequences=True, name="bottom", **options)([h, c], steps=4)
    x = PeepholeLSTM(UNITS, "full", "old", return_sequences=True, name="top", **options)(x, initial_state=[h, c])
    return keras.Model(inputs, x)


def test_forecaster_model_round_trip(tmp_path):
    model = forecaster()
    assert model.output_shape == (None, 4, UNITS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.count_params() == model.count_params()
    for shape in [(2, 3, FEATURES), (1, 7, FEATURES)]:  # dynamic batch and time
        x = random(*shape)
        expected = model.predict(x, verbose=0)
        assert expected.shape == (shape[0], 4, UNITS)
        np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, atol=1e-6)
        encoder, bottom, top = (model.get_layer(name) for name in ("encoder", "bottom", "top"))
        _, h, c = encoder(x)
        np.testing.assert_allclose(top(bottom([h, c], steps=4), initial_state=[h, c]), expected, atol=1e-5)


@tensorflow_only
def test_saved_model_and_tflite(tmp_path):
    import tensorflow as tf

    model = forecaster(batch_size=1)
    x = random(1, TIME, FEATURES)
    expected = model(x)
    spec = tf.TensorSpec((1, TIME, FEATURES), tf.float32)
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
def test_one_graph_for_all_shapes():
    import tensorflow as tf

    model = forecaster()
    function = tf.function(model, input_signature=[tf.TensorSpec((None, None, FEATURES), tf.float32)])
    for shape in [(2, 3, FEATURES), (3, 6, FEATURES)]:
        x = random(*shape)
        np.testing.assert_allclose(function(x), model(x), atol=1e-5)


def test_masked_step_keeps_the_state():
    layer = with_random_weights(PeepholeLSTM(UNITS, return_state=True))
    x, mask = random(1, TIME, FEATURES), np.array([[True, False, True, True, False]])
    for got, expected in zip(layer(x, mask=mask), layer(x[mask][None]), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_go_backwards_reads_the_reversed_sequence():
    forward = with_random_weights(PeepholeLSTM(UNITS, return_sequences=True))
    backward = with_random_weights(PeepholeLSTM(UNITS, return_sequences=True, go_backwards=True))
    x = random(BATCH, TIME, FEATURES)
    np.testing.assert_allclose(backward(x), forward(x[:, ::-1]), atol=1e-6)


def test_stateful_goes_on_where_it_stopped():
    layer = with_random_weights(PeepholeLSTM(UNITS, stateful=True))
    whole = with_random_weights(PeepholeLSTM(UNITS))
    x = random(BATCH, TIME, FEATURES)
    first = numpy(layer(x[:, :2]))
    np.testing.assert_allclose(layer(x[:, 2:]), whole(x), atol=1e-6)
    layer.reset_state()
    np.testing.assert_allclose(layer(x[:, :2]), first, atol=1e-6)


def test_dropout_mask_is_the_same_at_all_steps():
    layer = PeepholeLSTM(UNITS, None, dropout=0.5, return_sequences=True)
    layer.build((BATCH, TIME, FEATURES))
    # No memory: the recurrent weights are 0 and the forget gate is shut, so equal frames give equal outputs.
    layer.set_weights([random(FEATURES, 4 * UNITS), np.zeros((UNITS, 4 * UNITS)), np.repeat([0, -100, 0, 0], UNITS)])
    x = np.ones((BATCH, TIME, FEATURES), "float32")
    outputs = numpy(layer(x, training=True))
    np.testing.assert_allclose(outputs, np.repeat(outputs[:, :1], TIME, axis=1), atol=1e-6)
    assert np.abs(outputs - numpy(layer(x))).max() > 0.01
    assert np.abs(outputs - numpy(layer(x, training=True))).max() > 0.01  # drawn anew in every call


def test_dropout_equals_keras():
    ours = with_random_weights(PeepholeLSTM(UNITS, None, dropout=0.5, seed=1))
    theirs = keras.layers.LSTM(UNITS, dropout=0.5, seed=1, use_cudnn=False)
    theirs.build((BATCH, TIME, FEATURES))
    theirs.set_weights(ours.get_weights())
    x = random(BATCH, TIME, FEATURES)
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), atol=1e-5)


@pytest.mark.parametrize("unconditional", [False, True])
def test_recurrent_dropout_mask_is_the_same_at_all_steps(unconditional):
    units = 50
    layer = PeepholeLSTM(units, None, recurrent_dropout=0.5, return_sequences=True, unconditional=unconditional)
    state = [np.ones((1, units), "float32"), np.zeros((1, units), "float32")]
    layer.build([(1, units)] * 2 if unconditional else (1, 10, 1))
    # h_t = tanh(tanh(mask o h_{t-1})): a unit dropped once is 0 for ever, so that new masks would show as new zeros.
    recurrent = np.zeros((units, 4, units))
    recurrent[:, 2] = np.eye(units)
    layer.cell.recurrent_kernel.assign(recurrent.reshape(units, 4 * units))
    layer.cell.bias.assign(np.repeat([100, -100, 0, 100], units))
    if unconditional:
        outputs = layer(state, steps=10, training=True)
    else:
        outputs = layer(np.zeros((1, 10, 1), "float32"), initial_state=state, training=True)
    dropped = numpy(outputs)[0] == 0
    assert 0 < dropped[0].sum() < units
    np.testing.assert_array_equal(dropped, np.repeat(dropped[:1], 10, axis=0))


def test_regularizers_and_constraints():
    penalties = {f"{kind}_regularizer": keras.regularizers.L1(0.1) for kind in ("kernel", "recurrent", "bias", "peephole")}
    layer = with_random_weights(PeepholeLSTM(UNITS, **penalties, peephole_constraint="non_neg"))
    expected = 0.1 * sum(np.abs(w).sum() for w in layer.get_weights())
    np.testing.assert_allclose(sum(numpy(layer.losses)), expected, rtol=1e-5)
    model = keras.Sequential([keras.Input((TIME, FEATURES)), layer])
    model.compile("sgd", "mse")
    model.train_on_batch(random(BATCH, TIME, FEATURES), random(BATCH, UNITS))
    assert numpy(layer.cell.peephole_kernel.value).min() == 0


@pytest.mark.parametrize("peephole", ["diagonal", "full"])
def test_peepholes_train_from_zeros(peephole):
    model = keras.Sequential([keras.Input((TIME, FEATURES)), PeepholeLSTM(UNITS, peephole, peephole_initializer="zeros")])
    model.compile("sgd", "mse")
    model.train_on_batch(random(BATCH, TIME, FEATURES), random(BATCH, UNITS))
    assert np.all(np.abs(model.get_weights()[-1]).sum(axis=-1) > 0)


def test_config_round_trip():
    layer = PeepholeLSTM(
        UNITS, "full", "old", unconditional=True, return_sequences=True, return_state=True, unroll=True, use_bias=False,
        activation="relu", recurrent_activation="hard_sigmoid", recurrent_initializer=keras.initializers.RandomNormal(seed=3),
        peephole_initializer="zeros", peephole_regularizer=keras.regularizers.L2(0.1), recurrent_constraint="max_norm",
        recurrent_dropout=0.3, unit_forget_bias=False, seed=7, name="x", dtype="mixed_float16", trainable=False,
        activity_regularizer="l2",
    )  # fmt: skip
    again = PeepholeLSTM.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    cell = again.cell
    assert (cell.peephole, cell.output_peephole, cell.recurrent_dropout, cell.seed) == ("full", "old", 0.3, 7)
    assert (again.unroll, again.return_state, again.name, again.compute_dtype) == (True, True, "x", "float16")
    assert not again.trainable and cell.unconditional and not cell.use_bias and not cell.unit_forget_bias
    assert cell.activation is keras.activations.relu and cell.peephole_regularizer.l2 == pytest.approx(0.1)
    assert PeepholeLSTMCell.from_config(cell.get_config()).get_config() == cell.get_config()


@pytest.mark.parametrize("peephole", PEEPHOLES)
def test_mixed_float16(peephole):
    layer = PeepholeLSTM(UNITS, peephole, return_sequences=True, return_state=True, dtype="mixed_float16")
    exact = with_random_weights(PeepholeLSTM(UNITS, peephole, return_sequences=True, return_state=True))
    with_random_weights(layer)
    assert {w.dtype for w in layer.weights} == {"float32"}
    assert {t.dtype for t in layer(keras.Input((TIME, FEATURES)))} == {"float16"}
    x = random(BATCH, TIME, FEATURES)
    for got, expected in zip(layer(x), exact(x), strict=True):
        assert keras.backend.standardize_dtype(got.dtype) == "float16"
        np.testing.assert_allclose(numpy(got), expected, atol=0.02)


def test_mixed_float16_trains():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = forecaster(recurrent_dropout=0.2)
        model.compile("sgd", "mse")
        assert np.isfinite(model.train_on_batch(random(BATCH, TIME, FEATURES), random(BATCH, 4, UNITS)))
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("masked", [False, True])
def test_bidirectional(masked, tmp_path):
    inputs, mask = keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool")
    layer = keras.layers.Bidirectional(PeepholeLSTM(UNITS, "full", "old", return_sequences=True), name="both")
    model = keras.Model([inputs, mask], layer(inputs, mask=mask if masked else None))
    model.set_weights([random(*w.shape, seed=k) for k, w in enumerate(model.weights)])
    assert model.output_shape == (None, None, 2 * UNITS)
    x, steps = random(BATCH, TIME, FEATURES), np.ones((BATCH, TIME), bool)
    steps[1, 3:] = not masked
    got = model.predict([x, steps], verbose=0)
    for cell, direction, outputs in [
        (layer.forward_layer.cell, 1, got[..., :UNITS]),
        (layer.backward_layer.cell, -1, got[..., UNITS:]),
    ]:
        weights = [numpy(w.value) for w in (cell.kernel, cell.recurrent_kernel, cell.bias, cell.peephole_kernel)]
        for row in range(BATCH):
            valid = steps[row].sum()
            zeros = np.zeros((1, UNITS))
            expected, _ = lstm_by_hand(x[row : row + 1, :valid][:, ::direction], zeros, zeros, *weights, "old")
            np.testing.assert_allclose(outputs[row, :valid], expected[0, ::direction], atol=1e-5)
            np.testing.assert_array_equal(outputs[row, valid:], 0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict([x, steps], verbose=0), got, atol=1e-6)


def test_cell_as_a_step_model():
    layer = with_random_weights(PeepholeLSTM(UNITS, return_sequences=True))
    frame, *states = keras.Input((FEATURES,)), keras.Input((UNITS,)), keras.Input((UNITS,))
    step = keras.Model([frame, *states], layer.cell(frame, states))
    x = random(1, TIME, FEATURES)
    state = layer.cell.get_initial_state(1)
    for t, expected in enumerate(numpy(layer(x))[0]):
        output, state = step([keras.ops.convert_to_tensor(x[:, t]), *state])
        np.testing.assert_allclose(output[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"peephole": "channel"}, "diagonal"),
        ({"output_peephole": "c_t"}, "new"),
        ({"units": 0}, "units"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"recurrent_dropout": -0.1}, "recurrent_dropout must be"),
        ({"unconditional": True, "dropout": 0.5}, "needs an input"),
        ({"unconditional": True, "go_backwards": True}, "go_backwards"),
        ({"unconditional": True, "stateful": True}, "stateful"),
        ({"peepholes": "full"}, "peepholes"),
    ],
)
def test_unknown_options(options, message):
    with pytest.raises(ValueError, match=message):
        PeepholeLSTM(**{"units": UNITS, **options})


def test_wrong_calls():
    layer, free = PeepholeLSTM(UNITS), PeepholeLSTM(UNITS, unconditional=True)
    x, h = keras.Input((TIME, FEATURES)), keras.Input((UNITS,))
    with pytest.raises(ValueError, match="steps is for"):
        layer(x, steps=3)
    with pytest.raises(ValueError, match="expected ndim=3"):
        layer(h)
    with pytest.raises(ValueError, match="last axis"):
        PeepholeLSTM(UNITS)(keras.Input((TIME, None)))
    for inputs, kwargs, message in [
        (x, {"steps": 3}, r"called on \[h, c\]"),
        ([h, h], {}, "number of steps"),
        ([h, h], {"steps": 0}, "number of steps"),
        ([h, h], {"steps": 3, "initial_state": [h, h]}, "first argument"),
        ([h, h], {"steps": 3, "mask": keras.Input((3,), dtype="bool")}, "no mask"),
    ]:
        with pytest.raises(ValueError, match=message):
            free(inputs, **kwargs)
