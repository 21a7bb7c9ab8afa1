import keras
import numpy as np
import pytest
from keras import ops

from videorec.layers.conv_gru2d import ConvGRU2D, ConvGRU2DCell

needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow graphs and exports")


def normal(*shape, seed=0, scale=1.0):
    return np.random.default_rng(seed).normal(scale=scale, size=shape).astype("float32")


def sigma(x):
    return 1 / (1 + np.exp(-x))


def conv(x, kernel):
    """Zero-padded convolution of maps (B, H, W, c) with a kernel of odd size (k, l, c, f), a point at a time."""
    rows, columns = kernel.shape[:2]
    padded = np.pad(x, ((0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)))
    out = np.zeros((*x.shape[:3], kernel.shape[-1]))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            out[:, i, j] = np.tensordot(padded[:, i : i + rows, j : j + columns], kernel, 3)
    return out


def by_hand(x, kernel, recurrent_kernel, bias=None, reset_after=False):
    """The paper's equations, a step at a time; bias: none, (3f,), or (2, 3f) of the input's and the state's term."""
    (w_z, w_r, w), (u_z, u_r, u) = np.split(kernel, 3, -1), np.split(recurrent_kernel, 3, -1)
    bias = np.zeros(kernel.shape[-1]) if bias is None else bias
    (b_z, b_r, b), (c_z, c_r, c) = np.split(np.atleast_2d(bias)[0], 3), 3 * [0]
    if bias.ndim == 2:
        c_z, c_r, c = np.split(bias[1], 3)
    h, states = np.zeros((len(x), *x.shape[2:4], u.shape[-1])), []
    for t in range(x.shape[1]):
        z = sigma(conv(x[:, t], w_z) + b_z + conv(h, u_z) + c_z)
        r = sigma(conv(x[:, t], w_r) + b_r + conv(h, u_r) + c_r)
        recurrent = r * (conv(h, u) + c) if reset_after else conv(r * h, u)
        candidate = np.tanh(conv(x[:, t], w) + b + recurrent)
        h = (1 - z) * h + z * candidate
        states.append(h)
    return np.stack(states, 1)


def randomize(layer, seed=10, scale=0.5):
    layer.set_weights([normal(*w.shape, seed=seed + i, scale=scale) for i, w in enumerate(layer.get_weights())])


def built(x, *args, **kwargs):
    layer = ConvGRU2D(*args, **kwargs)
    layer.build(x.shape)
    randomize(layer)
    return layer


def values(x):
    return keras.tree.map_structure(ops.convert_to_numpy, x)


@pytest.mark.parametrize("kernel_size", [3, (1, 3), (5, 1)])
@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equals_the_equations(use_bias, reset_after, kernel_size):
    x = normal(2, 4, 5, 6, 3)
    layer = built(x, 4, kernel_size, use_bias=use_bias, reset_after=reset_after, return_sequences=True)
    cell, pair = layer.cell, (kernel_size, kernel_size) if kernel_size == 3 else kernel_size
    assert cell.kernel.shape == (*pair, 3, 12)
    assert cell.recurrent_kernel.shape == (*pair, 4, 12)
    assert not use_bias or cell.bias.shape == ((2, 12) if reset_after else (12,))
    expected = by_hand(x, *layer.get_weights(), reset_after=reset_after)
    np.testing.assert_allclose(values(layer(x)), expected, atol=1e-5)


@pytest.mark.parametrize("reset_after", [False, True])
def test_keras_gru_with_negated_z_weights(reset_after):
    x = normal(3, 6, 5)
    theirs = keras.layers.GRU(4, reset_after=reset_after, return_sequences=True)
    theirs.build(x.shape)
    randomize(theirs)
    ours = ConvGRU2D(4, 1, use_bias=True, reset_after=reset_after, return_sequences=True)
    ours.build((3, 6, 1, 1, 5))
    negate_z = np.repeat([-1, 1, 1], 4)
    kernel, recurrent_kernel, bias = (w * negate_z for w in theirs.get_weights())
    ours.set_weights([kernel[None, None], recurrent_kernel[None, None], bias])
    np.testing.assert_allclose(values(ours(x[:, :, None, None]))[:, :, 0, 0], values(theirs(x)), atol=1e-5)


@pytest.mark.parametrize(
    "channels, filters, kernel_size, count",
    [(128, 64, 3, 331_776), (256, 128, 3, 1_327_104), (512, 256, 3, 5_308_416), (4096, 512, 1, 7_077_888)],
)
def test_number_of_weights_of_the_paper_s_levels(channels, filters, kernel_size, count):
    options = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    layer = ConvGRU2D(filters, kernel_size, **options)
    layer.build((None, None, 4, 4, channels))
    assert layer.count_params() == count
    layer = ConvGRU2D(filters, kernel_size, use_bias=True, **options)
    layer.build((None, None, 4, 4, channels))
    assert layer.count_params() == count + 3 * filters


def test_shapes_of_layer_and_spec():
    x = normal(2, 3, 4, 5, 6)
    spec = keras.Input((None, 4, 5, 6))
    for sequences, shape in [(False, (4, 5, 7)), (True, (3, 4, 5, 7))]:
        layer = ConvGRU2D(7, 3, return_sequences=sequences, return_state=True)
        output, state = layer(spec)
        assert output.shape == ((None, None, 4, 5, 7) if sequences else (None, 4, 5, 7))
        assert state.shape == (None, 4, 5, 7)
        output, state = values(layer(x))
        assert output.shape == (2, *shape)
        np.testing.assert_array_equal(output[:, -1] if sequences else output, state)
        assert values(ConvGRU2D(7, 3, return_sequences=sequences)(x)).shape == (2, *shape)


@pytest.mark.parametrize("unroll", [False, True])
def test_initial_state_continues_a_clip(unroll):
    x = normal(2, 7, 4, 5, 3)
    layer = built(x, 4, 3, return_state=True, unroll=unroll)
    expected = by_hand(x, *layer.get_weights())[:, -1]
    _, state = layer(x[:, :3])
    np.testing.assert_allclose(values(layer(x[:, 3:], initial_state=state)[0]), expected, atol=1e-5)
    np.testing.assert_allclose(values(layer(x[:, 3:], initial_state=[state])[1]), expected, atol=1e-5)


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("batch, height, width", [(3, 4, 5), (4, 4, 4)])  # equal sizes hide a wrong broadcast
def test_masked_steps_keep_the_state(batch, height, width, unroll):
    x = normal(batch, 6, height, width, 3)
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 0], [0, 0, 1, 0, 1, 1], [1, 1, 0, 0, 0, 0]], bool)[:batch]
    layer = built(x, 4, 3, return_sequences=True, return_state=True, unroll=unroll)
    sequence, state = values(layer(x, mask=mask))
    for b in range(batch):
        seen = by_hand(x[b : b + 1, mask[b]], *layer.get_weights())[0]
        np.testing.assert_allclose(state[b], seen[-1], atol=1e-5)
        for t in range(6):
            if mask[b, : t + 1].any():
                np.testing.assert_allclose(sequence[b, t], seen[mask[b, : t + 1].sum() - 1], atol=1e-5)


def test_go_backwards():
    x = normal(2, 5, 4, 4, 3)
    layer = built(x, 4, 3, go_backwards=True, return_sequences=True)
    np.testing.assert_allclose(values(layer(x)), by_hand(x[:, ::-1], *layer.get_weights()), atol=1e-5)


def test_stateful():
    x = normal(2, 6, 4, 4, 3)
    layer = built(x[:, :3], 4, 3, stateful=True)
    expected = by_hand(x, *layer.get_weights())
    for _ in range(2):
        np.testing.assert_allclose(values(layer(x[:, :3])), expected[:, 2], atol=1e-5)
        np.testing.assert_allclose(values(layer(x[:, 3:])), expected[:, 5], atol=1e-5)
        layer.reset_state()


def test_cell_by_steps():
    x = normal(2, 4, 5, 6, 3)
    cell = built(x, 4, 3).cell
    states = cell.get_initial_state(2)
    assert [tuple(state.shape) for state in states] == [(2, 5, 6, 4)]
    for t, expected in enumerate(np.moveaxis(by_hand(x, *cell.get_weights()), 1, 0)):
        output, states = cell(x[:, t], states)
        np.testing.assert_allclose(values(output), expected, atol=1e-5)
        np.testing.assert_array_equal(output, states[0])


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
    np.testing.assert_allclose(values(layer(x)), np.tanh(x), atol=1e-6)  # inference drops nothing
    y, other = values(layer(x, training=True)), values(layer(x, training=True))
    assert 0.3 < np.mean(y == 0) < 0.7
    np.testing.assert_allclose(y[y != 0], np.tanh(2), atol=1e-6)  # what stays is scaled by 1 / (1 - 0.5)
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 5, axis=1))
    assert np.any(y != other) and np.any(y[0] != y[1])


@pytest.mark.parametrize("unroll", [False, True])
def test_recurrent_dropout_drops_the_same_states_at_all_steps(unroll):
    x, h = np.zeros((2, 5, 4, 4, 6), "float32"), np.ones((2, 4, 4, 6), "float32")
    layer = gated(x, z=True, r=True, recurrent_dropout=0.5, unroll=unroll)
    y = values(layer(x, initial_state=h, training=True))
    assert 0.3 < np.mean(y[:, 0] == 0) < 0.7
    # Other masks at later steps would bring further zeros.
    np.testing.assert_array_equal(y == 0, np.repeat(y[:, :1] == 0, 5, axis=1))
    np.testing.assert_allclose(values(layer(x, initial_state=h))[:, 0], np.tanh(h), atol=1e-6)
    keeps = gated(x, z=False, r=True, recurrent_dropout=0.5)  # z = 0: h stays, all of it
    np.testing.assert_allclose(values(keeps(x, initial_state=h, training=True))[:, -1], h, atol=1e-6)


def test_regularizers():
    regularizers = {f"{name}_regularizer": keras.regularizers.L2(rate) for name, rate in [("kernel", 1), ("recurrent", 10)]}
    x = normal(2, 3, 4, 4, 3)
    layer = built(x, 4, 3, use_bias=True, bias_regularizer=keras.regularizers.L1(100), **regularizers)
    kernel, recurrent_kernel, bias = layer.get_weights()
    expected = np.sum(kernel**2) + 10 * np.sum(recurrent_kernel**2) + 100 * np.sum(np.abs(bias))
    np.testing.assert_allclose(float(sum(layer.losses)), expected, rtol=1e-5)
    assert not built(x, 4, 3).losses


def test_config_round_trip():
    options = {
        "use_bias": True,
        "reset_after": True,
        "activation": "relu",
        "recurrent_activation": "hard_sigmoid",
        "kernel_initializer": keras.initializers.RandomUniform(-0.1, 0.2),
        "recurrent_initializer": "he_normal",
        "bias_initializer": "ones",
        "kernel_regularizer": keras.regularizers.L2(0.1),
        "recurrent_regularizer": keras.regularizers.L1(0.2),
        "bias_regularizer": keras.regularizers.L2(0.3),
        "activity_regularizer": keras.regularizers.L2(0.4),
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "seed": 3,
        "return_sequences": True,
        "return_state": True,
        "go_backwards": True,
        "stateful": True,
        "unroll": True,
        "zero_output_for_mask": True,
        "dtype": "mixed_float16",
        "name": "gru_rcn",
    }
    layer = ConvGRU2D(5, (3, 1), **options)
    config = layer.get_config()
    assert set(options) <= set(config)
    again = ConvGRU2D.from_config(config)
    assert again.get_config() == config
    assert (again.cell.filters, again.cell.kernel_size, again.name) == (5, (3, 1), "gru_rcn")
    assert again.cell.activation is keras.activations.relu and again.cell.compute_dtype == "float16"
    cell = ConvGRU2DCell.from_config(layer.cell.get_config())
    assert cell.get_config() == layer.cell.get_config()


def test_mixed_precision():
    x = normal(2, 4, 5, 5, 3)
    layer = built(x, 4, 3, use_bias=True, dtype="mixed_float16", return_sequences=True, return_state=True)
    sequence, state = layer(x, initial_state=np.zeros((2, 5, 5, 4), "float32"))
    for tensor in (sequence, state, *layer.cell.get_initial_state(2)):
        assert keras.backend.standardize_dtype(tensor.dtype) == "float16"
    assert {w.dtype for w in layer.weights} == {"float32"}
    np.testing.assert_allclose(values(sequence), by_hand(x, *layer.get_weights()), atol=0.02)
    assert layer(keras.Input((None, 5, 5, 3)))[0].dtype == "float16"


@pytest.mark.parametrize("merge_mode", ["concat", None])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_bidirectional_saved_and_loaded(return_sequences, merge_mode, tmp_path):
    x = normal(2, 5, 4, 4, 3)
    layer = keras.layers.Bidirectional(ConvGRU2D(2, 3, return_sequences=return_sequences), merge_mode=merge_mode)
    inputs = keras.Input((None, 4, 4, 3))
    model = keras.Model(inputs, layer(inputs))
    randomize(layer)
    forward = by_hand(x, *layer.forward_layer.get_weights())
    backward = by_hand(x[:, ::-1], *layer.backward_layer.get_weights())
    expected = (forward, backward[:, ::-1]) if return_sequences else (forward[:, -1], backward[:, -1])
    model.save(tmp_path / "model.keras")
    for same in (model, keras.saving.load_model(tmp_path / "model.keras")):
        y = values(same(x))
        np.testing.assert_allclose(
            np.concatenate(y if merge_mode is None else [y], -1), np.concatenate(expected, -1), atol=1e-5
        )


def test_number_of_weights_of_both_directions():
    layer = keras.layers.Bidirectional(ConvGRU2D(64, 3))
    layer.build((None, None, 4, 4, 128))
    assert layer.count_params() == 2 * 331_776


def test_functional_model_with_mask_and_state(tmp_path):
    x, h, mask = normal(2, 4, 5, 5, 3), normal(2, 5, 5, 4), np.array([[True, True, False, True], [True, False, False, False]])
    inputs = [keras.Input((None, 5, 5, 3)), keras.Input((5, 5, 4)), keras.Input((None,), dtype="bool")]
    layer = ConvGRU2D(4, 3, name="gru")
    model = keras.Model(inputs, layer(inputs[0], initial_state=inputs[1], mask=inputs[2]))
    expected = values(layer(x, initial_state=h, mask=mask))
    assert np.abs(expected - values(layer(x, mask=mask))).max() > 0.01
    assert np.abs(expected - values(layer(x, initial_state=h))).max() > 0.01
    model.save(tmp_path / "model.keras")
    for same in (model, keras.saving.load_model(tmp_path / "model.keras")):
        np.testing.assert_allclose(same.predict([x, h, mask], verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"reset_after": True, "use_bias": True}])
def test_training_moves_all_weights(options):
    x = normal(4, 3, 4, 4, 3)
    layer = ConvGRU2D(2, 3, dropout=0.2, recurrent_dropout=0.2, **options)
    model = keras.Sequential([keras.Input((None, 4, 4, 3)), layer])
    before = layer.get_weights()
    model.compile("adam", "mse")
    model.fit(x, np.ones((4, 4, 4, 2)), batch_size=3, epochs=2, verbose=0)  # the last batch is a partial one
    assert all(np.any(a != b) for a, b in zip(before, layer.get_weights(), strict=True))
    np.testing.assert_allclose(model.predict(x, verbose=0), values(layer(x)), atol=1e-6)


@needs_tensorflow
def test_unknown_batch_and_time():
    import tensorflow as tf

    layer = ConvGRU2D(4, 3, return_sequences=True)
    inputs = keras.Input((None, 5, 6, 3))
    model = keras.Model(inputs, layer(inputs))
    function = tf.function(model, input_signature=[tf.TensorSpec((None, None, 5, 6, 3), tf.float32)])
    for shape in [(2, 5), (3, 7), (1, 1)]:
        x = normal(*shape, 5, 6, 3)
        np.testing.assert_allclose(function(x), by_hand(x, *layer.get_weights()), atol=1e-5)


@needs_tensorflow
@pytest.mark.parametrize(
    "time, options",
    [
        (5, {}),
        (None, {}),
        (5, {"reset_after": True, "use_bias": True}),
        (5, {"go_backwards": True}),
        (5, {"unroll": True}),
    ],
)
def test_saved_model_and_tflite_with_built_in_ops_only(time, options, tmp_path):
    import tensorflow as tf

    layer = ConvGRU2D(4, 3, dropout=0.3, recurrent_dropout=0.3, return_sequences=True, return_state=True, **options)
    inputs = keras.Input((time, 6, 6, 3))
    sequence, state = layer(inputs)
    model = keras.Model(inputs, {"sequence": sequence, "state": state})
    randomize(layer)
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.predict = tf.function(model, input_signature=[tf.TensorSpec((1, time, 6, 6, 3), name="x")])
    tf.saved_model.save(module, tmp_path, signatures={"serving_default": module.predict})
    x = normal(1, 5, 6, 6, 3)
    expected = values(model(x))
    saved = tf.saved_model.load(tmp_path)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    lite = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()(x=x)
    for key, value in saved.signatures["serving_default"](x=tf.constant(x)).items():
        np.testing.assert_allclose(value, expected[key], atol=1e-6)
        np.testing.assert_allclose(lite[key], expected[key], atol=1e-5)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"filters": 0}, "filters must be a positive int"),
        ({"kernel_size": 0}, "kernel_size must be an int above 0 or a pair"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size must be an int above 0 or a pair"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"recurrent_dropout": -0.1}, "recurrent_dropout must be at least 0 and below 1"),
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
