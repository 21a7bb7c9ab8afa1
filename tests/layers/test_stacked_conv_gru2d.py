import keras
import numpy as np
import pytest
from keras import ops

from videorec.layers.stacked_conv_gru2d import StackedConvGRU2D
from videorec.layers.stacked_conv_gru2d_cell import StackedConvGRU2DCell, pooling

needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow graphs and exports")

SIZES, CHANNELS, FILTERS, KERNELS = (8, 4, 1), (3, 5, 6), (4, 2, 3), (3, 3, 1)


def normal(*shape, seed=0, scale=1.0):
    return np.random.default_rng(seed).normal(scale=scale, size=shape).astype("float32")


def percepts(batch=2, time=5, sizes=SIZES):
    return [normal(batch, time, n, n, c, seed=c) for n, c in zip(sizes, CHANNELS, strict=True)]


def specs(time=None, sizes=SIZES):
    return [keras.Input((time, n, n, c), name=f"level{i}") for i, (n, c) in enumerate(zip(sizes, CHANNELS, strict=True))]


def randomize(layer, scale=0.5):
    layer.set_weights([normal(*w.shape, seed=20 + i, scale=scale) for i, w in enumerate(layer.get_weights())])


def built(sizes=SIZES, **kwargs):
    layer = StackedConvGRU2D(FILTERS, KERNELS, **kwargs)
    layer.build([(None, None, n, n, c) for n, c in zip(sizes, CHANNELS, strict=True)])
    randomize(layer)
    return layer


def values(x):
    return keras.tree.map_structure(ops.convert_to_numpy, x)


def assert_close(got, expected, atol=1e-5):
    got, expected = keras.tree.flatten(values(got)), keras.tree.flatten(expected)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


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


def max_pool(x, n):
    return np.stack([np.stack([w.max((1, 2)) for w in np.split(rows, n, 2)], 1) for rows in np.split(x, n, 1)], 1)


def by_hand(xs, layer, reset_after=False):
    """The paper's equations, all levels at each time step; the list of the levels' sequences of states."""
    states = [np.zeros((len(x), *x.shape[2:4], f)) for x, f in zip(xs, FILTERS, strict=True)]
    sequences = [[] for _ in xs]
    for t in range(xs[0].shape[1]):
        for level, cell in enumerate(layer.cells):
            x, h = xs[level][:, t], states[level]
            (w_z, w_r, w), (u_z, u_r, u) = (np.split(values(k), 3, -1) for k in (cell.kernel, cell.recurrent_kernel))
            bias = np.zeros((2, 3 * h.shape[-1]))
            if cell.bias is not None:
                bias[: 2 if reset_after else 1] = values(cell.bias)
            (b_z, b_r, b), (c_z, c_r, c) = np.split(bias[0], 3), np.split(bias[1], 3)
            lower_z = lower_r = 0
            if level:
                lower = max_pool(states[level - 1], h.shape[1])  # this step's: the level below has just been computed
                v_z, v_r = np.split(values(cell.lower_kernel), 2, -1)
                lower_z, lower_r = conv(lower, v_z), conv(lower, v_r)
            z = sigma(conv(x, w_z) + b_z + lower_z + conv(h, u_z) + c_z)
            r = sigma(conv(x, w_r) + b_r + lower_r + conv(h, u_r) + c_r)
            recurrent = r * (conv(h, u) + c) if reset_after else conv(r * h, u)
            states[level] = (1 - z) * h + z * np.tanh(conv(x, w) + b + recurrent)
            sequences[level].append(states[level])
    return [np.stack(sequence, 1) for sequence in sequences]


@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equals_the_equations(use_bias, reset_after):
    layer, xs = built(use_bias=use_bias, reset_after=reset_after, return_sequences=True), percepts()
    assert [cell.kernel.shape for cell in layer.cells] == [(3, 3, 3, 12), (3, 3, 5, 6), (1, 1, 6, 9)]
    assert [cell.recurrent_kernel.shape for cell in layer.cells] == [(3, 3, 4, 12), (3, 3, 2, 6), (1, 1, 3, 9)]
    assert layer.cells[0].lower_kernel is None
    assert [cell.lower_kernel.shape for cell in layer.cells[1:]] == [(3, 3, 4, 4), (1, 1, 2, 6)]
    assert_close(layer(xs), by_hand(xs, layer, reset_after))


@pytest.mark.parametrize("return_state", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_outputs(return_sequences, return_state):
    layer, xs = built(return_sequences=return_sequences, return_state=return_state), percepts()
    sequences = by_hand(xs, layer)
    last = [x[:, -1] for x in sequences]
    expected = sequences if return_sequences else last
    assert_close(layer(xs), (expected, last) if return_state else expected)
    symbolic = keras.tree.map_structure(lambda x: x.shape, layer(specs()))
    shapes = [(None, *([None] if return_sequences else []), n, n, f) for n, f in zip(SIZES, FILTERS, strict=True)]
    states = [(None, n, n, f) for n, f in zip(SIZES, FILTERS, strict=True)]
    assert symbolic == ((shapes, states) if return_state else shapes)


def test_numbers_of_weights_of_the_paper():
    shapes = [(None, None, n, n, c) for n, c in zip((16, 8, 4, 2, 1), (128, 256, 512, 512, 4096), strict=True)]
    options = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    layer = StackedConvGRU2D((64, 128, 256, 256, 512), (3, 3, 3, 3, 1), **options)
    layer.build(shapes)
    plain = [sum(int(np.prod(w.shape)) for w in (cell.kernel, cell.recurrent_kernel)) for cell in layer.cells]
    lower = [int(np.prod(cell.lower_kernel.shape)) for cell in layer.cells[1:]]
    assert plain == [331_776, 1_327_104, 5_308_416, 5_308_416, 7_077_888] and sum(plain) == 19_353_600
    assert lower == [147_456, 589_824, 1_179_648, 262_144] and sum(lower) == 2_179_072
    assert layer.count_params() == 21_532_672
    layer = StackedConvGRU2D((64, 128, 256, 256, 512), (3, 3, 3, 3, 1), use_bias=True, **options)
    layer.build(shapes)
    assert layer.count_params() == 21_532_672 + 3_648


@pytest.mark.parametrize("changed", range(5))
def test_sees_the_level_below_of_the_same_step(changed):
    layer, xs = built(return_sequences=True), percepts()
    before = values(layer(xs))
    xs[0][:, changed] += 1
    for old, new in zip(before, values(layer(xs)), strict=True):  # all levels, though only the bottom percept changed
        difference = np.abs(new - old).max((0, 2, 3, 4))
        assert np.all(difference[:changed] == 0)
        assert difference[changed] > 1e-4


@pytest.mark.parametrize("reset_after", [False, True])
def test_candidate_does_not_see_the_level_below(reset_after):
    layer, xs = built(use_bias=True, reset_after=reset_after, return_sequences=True), percepts()
    other = [xs[0] + 1, *xs[1:]]
    free = np.abs(values(layer(xs))[1] - values(layer(other))[1]).max()
    for cell in layer.cells[1:]:
        # z = r = 1 to float32's precision, whatever the other terms: h is the candidate.
        bias = np.zeros(cell.bias.shape)
        bias[..., : 2 * cell.filters] = 100
        cell.bias.assign(bias)
    below, *forced = values(layer(xs))
    below_other, *forced_other = values(layer(other))
    assert free > 1e-3 and np.abs(below - below_other).max() > 1e-3
    for one, two in zip(forced, forced_other, strict=True):
        np.testing.assert_array_equal(one, two)
    assert np.abs(forced[0][:, 1:] - forced[0][:, :1]).max() > 0.1


def test_cell_by_steps():
    layer, xs = built(), percepts()
    states = layer.cell.get_initial_state(2)
    assert [tuple(state.shape) for state in states] == [(2, n, n, f) for n, f in zip(SIZES, FILTERS, strict=True)]
    expected = by_hand(xs, layer)
    for t in range(5):
        outputs, states = layer.cell([x[:, t] for x in xs], states)
        assert_close(outputs, [x[:, t] for x in expected])
        assert_close(states, values(outputs), atol=0)


def test_cell_as_a_step_model():
    layer, xs = built(), percepts()
    steps = [keras.Input((n, n, c)) for n, c in zip(SIZES, CHANNELS, strict=True)]
    states = [keras.Input((n, n, f)) for n, f in zip(SIZES, FILTERS, strict=True)]
    model = keras.Model([steps, states], layer.cell(steps, states))
    h = [np.zeros((2, n, n, f), "float32") for n, f in zip(SIZES, FILTERS, strict=True)]
    for t in range(5):
        _, h = model([[ops.convert_to_tensor(x[:, t]) for x in xs], [ops.convert_to_tensor(x) for x in h]])
    assert_close(h, values(layer(xs)))


def test_initial_state_continues_a_clip():
    layer, xs = built(return_state=True), percepts()
    _, states = layer([x[:, :2] for x in xs])
    expected = [x[:, -1] for x in by_hand(xs, layer)]
    assert_close(layer([x[:, 2:] for x in xs], initial_state=states), (expected, expected))


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_masked_steps_keep_the_states(go_backwards, unroll):
    layer = built(return_sequences=True, return_state=True, go_backwards=go_backwards, unroll=unroll)
    xs, mask = percepts(batch=4), np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 1], [0, 0, 1, 1, 0], [0, 1, 0, 0, 0]], bool)
    sequences, states = values(layer(xs, mask=mask))
    order = slice(None, None, -1) if go_backwards else slice(None)
    for b in range(4):
        seen = by_hand([x[b : b + 1, mask[b]][:, order] for x in xs], layer)
        for level in range(3):
            np.testing.assert_allclose(states[level][b], seen[level][0, -1], atol=1e-5)
            ticks = np.cumsum(mask[b][order])
            for t in np.flatnonzero(ticks):
                np.testing.assert_allclose(sequences[level][b, t], seen[level][0, ticks[t] - 1], atol=1e-5)


def test_go_backwards_is_the_second_direction():
    xs = percepts()
    forward, backward = built(), built(go_backwards=True, return_sequences=True)
    expected = by_hand([x[:, ::-1] for x in xs], backward)
    assert_close(backward(xs), expected)
    inputs = specs()
    backward = built(go_backwards=True)
    both = [keras.layers.Concatenate()(states) for states in zip(forward(inputs), backward(inputs), strict=True)]
    first = by_hand(xs, forward)
    last = [np.concatenate([a[:, -1], b[:, -1]], -1) for a, b in zip(first, expected, strict=True)]
    assert_close(keras.Model(inputs, both)(xs), last)


BIAS = 50.0  # a gate with this bias is 1 to float32's precision


def gated(xs, filters, r, **kwargs):
    """A layer of 1 x 1 kernels with z = 1 and r fixed, and h~ = tanh(x + r o h) at all levels."""
    layer = StackedConvGRU2D([filters] * len(xs), 1, use_bias=True, return_sequences=True, **kwargs)
    layer.build([x.shape for x in xs])
    eye = np.concatenate([np.zeros((filters, 2 * filters)), np.eye(filters)], 1)[None, None]
    for cell in layer.cells:
        cell.kernel.assign(eye)
        cell.recurrent_kernel.assign(eye)
        cell.bias.assign(np.repeat([BIAS, BIAS if r else -BIAS, 0], filters))
    return layer


def test_dropout_drops_the_same_percepts_at_all_steps():
    xs = [np.ones((2, 5, 4, 4, 6), "float32")] * 2
    layer = gated(xs, 6, r=False, dropout=0.5, seed=1)
    assert_close(layer(xs), [np.tanh(x) for x in xs])
    levels = values(layer(xs, training=True))
    for y in levels:
        assert 0.3 < np.mean(y == 0) < 0.7
        np.testing.assert_allclose(y[y != 0], np.tanh(2), atol=1e-6)
        np.testing.assert_array_equal(y, np.repeat(y[:, :1], 5, axis=1))
    assert np.any(levels[0] != levels[1])  # each level has its own


def test_dropout_leaves_the_level_below():
    # z sees the level below alone, h~ is 1: what the level below says must arrive whole.
    xs = [np.ones((2, 1, 4, 4, 6), "float32"), np.zeros((2, 1, 4, 4, 6), "float32")]
    layer = gated(xs, 6, r=False, dropout=0.5)
    bottom, top = layer.cells
    bottom.kernel.assign(np.zeros(bottom.kernel.shape))
    bottom.bias.assign(np.repeat([BIAS, 0, 1], 6))  # h = tanh(1)
    top.bias.assign(np.repeat([0, 0, BIAS], 6))
    top.lower_kernel.assign(np.concatenate([np.eye(6), np.zeros((6, 6))], 1)[None, None])
    np.testing.assert_allclose(values(layer(xs, training=True))[1], sigma(np.tanh(1)), atol=1e-6)


def test_recurrent_dropout_drops_the_same_states_at_all_steps():
    xs, h = [np.zeros((2, 5, 4, 4, 6), "float32")] * 2, [np.ones((2, 4, 4, 6), "float32")] * 2
    layer = gated(xs, 6, r=True, recurrent_dropout=0.5)
    for y in values(layer(xs, initial_state=h, training=True)):
        assert 0.3 < np.mean(y[:, 0] == 0) < 0.7
        np.testing.assert_array_equal(y == 0, np.repeat(y[:, :1] == 0, 5, axis=1))


def test_regularizers():
    options = {f"{name}_regularizer": keras.regularizers.L2(rate) for name, rate in [("kernel", 1), ("recurrent", 10)]}
    layer = built(use_bias=True, bias_regularizer=keras.regularizers.L1(100), **options)
    layer(percepts())
    rates = {"kernel": 1, "lower_kernel": 1, "recurrent_kernel": 10}
    squares = sum(rates[w.name] * np.sum(values(w) ** 2) for w in layer.weights if w.name in rates)
    biases = sum(np.sum(np.abs(values(cell.bias))) for cell in layer.cells)
    np.testing.assert_allclose(float(sum(layer.losses)), squares + 100 * biases, rtol=1e-5)


def test_kernels_start_from_different_numbers():
    initializer = keras.initializers.RandomNormal()
    layer = StackedConvGRU2D((4, 4, 4), 3, kernel_initializer=initializer)
    layer.build([(None, None, 4, 4, 4)] * 3)
    starts = {float(values(w).flat[0]) for w in layer.weights if w.name in ("kernel", "lower_kernel")}
    assert len(starts) == 5


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
        "unroll": True,
        "dtype": "mixed_float16",
        "name": "stacked",
    }
    layer = StackedConvGRU2D([4, 2], [(3, 1), 1], **options)
    config = layer.get_config()
    assert set(options) <= set(config)
    again = StackedConvGRU2D.from_config(config)
    assert again.get_config() == config
    assert [(cell.filters, cell.kernel_size, cell.seed) for cell in again.cells] == [(4, (3, 1), 3), (2, (1, 1), 4)]
    assert all(cell.use_bias and cell.reset_after and cell.dropout == 0.1 for cell in again.cells)
    cell = StackedConvGRU2DCell.from_config(layer.cell.get_config())
    assert cell.get_config() == layer.cell.get_config()


def test_mixed_precision():
    layer, xs = built(dtype="mixed_float16", return_sequences=True, return_state=True), percepts()
    outputs = layer(xs)
    for tensor in keras.tree.flatten(outputs) + layer.cell.get_initial_state(2):
        assert keras.backend.standardize_dtype(tensor.dtype) == "float16"
    assert {w.dtype for w in layer.weights} == {"float32"}
    assert_close(outputs[0], by_hand(xs, layer), atol=0.02)
    step, _ = layer.cell([x[:, 0] for x in xs], layer.cell.get_initial_state(2))
    assert_close(step, values([x[:, 0] for x in outputs[0]]), atol=0.002)


def test_functional_model_saved_and_loaded(tmp_path):
    layer, xs = built(name="stacked"), percepts(batch=3)
    h = [normal(3, n, n, f) for n, f in zip(SIZES, FILTERS, strict=True)]
    mask = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 1, 1, 0]], bool)
    inputs = [specs(), [keras.Input(x.shape[1:]) for x in h], keras.Input((None,), dtype="bool")]
    model = keras.Model(inputs, layer(inputs[0], initial_state=inputs[1], mask=inputs[2]))
    expected = values(layer(xs, initial_state=h, mask=mask))
    assert np.abs(expected[2] - values(layer(xs))[2]).max() > 0.01
    model.save(tmp_path / "model.keras")
    for same in (model, keras.saving.load_model(tmp_path / "model.keras")):
        assert same.count_params() == layer.count_params()
        assert_close(same.predict([xs, h, mask], verbose=0), expected, atol=1e-6)


def test_training_moves_all_weights():
    layer = StackedConvGRU2D(FILTERS, KERNELS, use_bias=True, dropout=0.2, recurrent_dropout=0.2)
    inputs = specs()
    model = keras.Model(inputs, layer(inputs))
    before = layer.get_weights()
    model.compile("adam", ["mse"] * 3)
    targets = [np.ones((4, n, n, f)) for n, f in zip(SIZES, FILTERS, strict=True)]
    model.fit(percepts(batch=4), targets, batch_size=2, verbose=0)
    assert len(before) == 3 * 3 + 2
    assert all(np.any(a != b) for a, b in zip(before, layer.get_weights(), strict=True))


def same_pool(x, stride):
    """Max over windows of `stride` with the padding split evenly, the larger half behind; x: (H,)."""
    padding = -len(x) % stride
    padded = np.pad(x, (padding // 2, padding - padding // 2), constant_values=-np.inf)
    return padded.reshape(-1, stride).max(1)


@pytest.mark.parametrize(
    "below, size, expected",
    [(8, 8, (8, 1)), (8, 4, (8, 2)), (7, 1, (7, 7)), (7, 3, (7, 3)), (15, 8, (15, 2)), (15, 7, (14, 2))],
)
def test_pooling_between_sizes(below, size, expected):
    assert pooling(below, size) == expected
    # The level below has z = 1 and h = tanh(x); at the top h~ = 1, h_{-1} = 0, so that h = z = sigma(pooled state below).
    xs = [normal(1, 1, below, 6, 1), np.zeros((1, 1, size, 6, 1), "float32")]
    layer = gated(xs, 1, r=False)
    layer.cells[1].bias.assign([0, 0, BIAS])
    layer.cells[1].lower_kernel.assign([[[[1, 0]]]])
    rows, stride = expected
    columns = np.tanh(xs[0][0, 0, :rows, :, 0]).T
    np.testing.assert_allclose(
        values(layer(xs))[1][0, 0, :, :, 0].T, sigma(np.stack([same_pool(x, stride) for x in columns])), atol=1e-5
    )


@needs_tensorflow
def test_unknown_batch_and_time():
    import tensorflow as tf

    layer, inputs = built(return_sequences=True), specs()
    model = keras.Model(inputs, layer(inputs))
    signature = [tf.TensorSpec((None, None, n, n, c)) for n, c in zip(SIZES, CHANNELS, strict=True)]
    function = tf.function(model, input_signature=[signature])
    for batch, time in [(2, 4), (3, 6), (1, 1)]:
        xs = percepts(batch, time)
        assert_close(function([tf.constant(x) for x in xs]), by_hand(xs, layer))


@needs_tensorflow
@pytest.mark.parametrize("time, options", [(5, {}), (None, {}), (5, {"go_backwards": True}), (5, {"unroll": True})])
def test_saved_model_and_tflite_with_built_in_ops_only(time, options, tmp_path):
    import tensorflow as tf

    sizes = (7, 3, 1)
    layer, inputs = built(sizes, dropout=0.3, recurrent_dropout=0.3, return_state=True, **options), specs(time, sizes)
    outputs, states = layer(inputs)
    model = keras.Model(inputs, {f"out{i}": x for i, x in enumerate(outputs + states)})
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    signature = [tf.TensorSpec((1, time, *x.shape[2:]), name=x.name) for x in inputs]
    module.predict = tf.function(lambda *xs: model(list(xs)), input_signature=signature)
    tf.saved_model.save(module, tmp_path, signatures={"serving_default": module.predict})
    xs = percepts(batch=1, sizes=sizes)
    expected = values(model(xs))
    saved = tf.saved_model.load(tmp_path)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    runner = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    named = {x.name: value for x, value in zip(inputs, xs, strict=True)}
    lite = runner(**named)
    for key, value in saved.signatures["serving_default"](**{k: tf.constant(x) for k, x in named.items()}).items():
        np.testing.assert_allclose(value, expected[key], atol=1e-6)
        np.testing.assert_allclose(lite[key], expected[key], atol=1e-5)


@pytest.mark.parametrize(
    "shapes, match",
    [
        ([(4, 8, 8, 3)], "a list of 2 tensors, one a level"),
        ([(4, 8, 8, 3), (4, 4, 4, 3), (4, 2, 2, 3)], "a list of 2 tensors, one a level"),
        ([(4, 8, 8, 3), (5, 4, 4, 3)], "with the same time"),
        ([(4, 8, 8, 3), (4, 3)], "shape \\(batch, time, height, width, channels\\)"),
        ([(4, 8, 8, 3), (4, None, 4, 3)], "fixed height and width"),
        ([(4, 4, 4, 3), (4, 8, 8, 3)], "Received: 4 rows or columns below 8"),
        ([(4, 14, 14, 3), (4, 14, 9, 3)], "Received: 14 rows or columns below 9"),
    ],
)
def test_unusable_inputs(shapes, match):
    with pytest.raises(ValueError, match=match):
        StackedConvGRU2D((2, 3), 3)([keras.Input(shape) for shape in shapes])


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="filters must hold one number a level"):
        StackedConvGRU2D(4, 3)
    with pytest.raises(ValueError, match="one of them for each of the 2 levels"):
        StackedConvGRU2D((4, 4), (3, 3, 3))
    with pytest.raises(ValueError, match="a list of 2 tensors"):
        StackedConvGRU2D((4, 4), 3)(keras.Input((4, 8, 8, 3)))
