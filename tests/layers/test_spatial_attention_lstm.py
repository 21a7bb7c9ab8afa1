"""Spatial attention LSTM against the equations in NumPy, the published parameter counts, streams and exports."""

import keras
import numpy as np
import pytest

from videorec.layers.spatial_attention_lstm import SpatialAttentionLSTM, SpatialAttentionLSTMCell

RNG = np.random.default_rng(0)
BATCH, TIME, SIZE, UNITS = 2, 5, 6, 4
MAPS = RNG.normal(size=(BATCH, TIME, 2, 3, SIZE)).astype("float32")  # (B, T, H, W, D)
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1]], bool)
SCORES = [
    {"score": "location"},
    {"score": "dot"},
    {"score": "additive"},
    {"score": "additive", "attention_units": 5, "attention_layers": 3},
]
NAMES = ["location", "dot", "additive", "additive-3"]
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and files")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def weights_of(layer):
    return [np.asarray(w) for w in layer.get_weights()]


def scores_by_hand(cell, regions, h):
    """The score of each of the K regions of one clip."""
    if cell.score == "location":
        return np.array([row @ h for row in np.asarray(cell.location_kernel).T])
    (w,) = weights_of(cell.query_projection)
    if cell.score == "dot":
        return np.array([x @ (w.T @ h) for x in regions])
    (u, c), affine = weights_of(cell.score_projection), [weights_of(p) for p in cell.feature_projections]
    scores = []
    for x in regions:
        p = x @ affine[0][0] + affine[0][1]
        for i, (kernel, bias) in enumerate(affine[1:], start=1):
            p = p @ kernel + bias
            if i < len(affine) - 1:
                p = np.tanh(p)
        scores.append(np.tanh(p + h @ w) @ u[:, 0] + c[0])
    return np.array(scores)


def initial_by_hand(cell, clip, mask, backwards=False):
    """h and c of every layer; `clip` `(T, K, D)`."""
    if cell.initial_state_from == "zeros":
        return [[np.zeros(cell.units), np.zeros(cell.units)] for _ in range(cell.layers)]
    seen = clip[mask][:: -1 if backwards else 1]
    mean = seen.mean(axis=(0, 1)) if cell.initial_state_from == "mean" else seen[0].mean(axis=0)
    pairs = [weights_of(p) for p in cell.state_projections]
    states = [np.tanh(mean @ kernel + bias) for kernel, bias in pairs]
    states = states * cell.layers if cell.shared_initial_state else states
    return [[states[2 * i], states[2 * i + 1]] for i in range(cell.layers)]


def by_hand(layer, x, mask=None, backwards=False, initial=None):
    """Outputs `(B, T, units)`, coefficients `(B, T, K)`, states, by a loop over clips, steps and layers."""
    cell = layer.cell
    x = x.reshape(*x.shape[:2], -1, x.shape[-1]).astype("float64")
    mask = np.ones(x.shape[:2], bool) if mask is None else mask
    outputs, coefficients, last = np.zeros((*x.shape[:2], cell.units)), np.zeros(x.shape[:3]), []
    for b in range(len(x)):
        states = initial_by_hand(cell, x[b], mask[b], backwards) if initial is None else [list(p) for p in initial[b]]
        y = np.zeros(cell.units)
        for position, t in enumerate(range(x.shape[1])[:: -1 if backwards else 1]):
            if mask[b, t]:
                e = np.exp(scores_by_hand(cell, x[b, t], states[cell.query_layer][0]))
                coefficients[b, position] = e / e.sum()
                y = sum(weight * region for weight, region in zip(coefficients[b, position], x[b, t], strict=True))
                for k, lstm in enumerate(cell.cells):
                    kernel, recurrent, bias = weights_of(lstm)
                    i, f, g, o = np.split(y @ kernel + states[k][0] @ recurrent + bias, 4)
                    c = sigmoid(f) * states[k][1] + sigmoid(i) * np.tanh(g)
                    y = sigmoid(o) * np.tanh(c)
                    states[k] = [y, c]
            outputs[b, position] = y
        last.append([s for pair in states for s in pair])
    return outputs, coefficients, [np.stack(s) for s in zip(*last, strict=True)]


def make(shape=(BATCH, TIME, 2, 3, SIZE), **options):
    """A built layer whose biases are not zero either."""
    layer = SpatialAttentionLSTM(UNITS, **options)
    layer.build(shape)
    for weight in layer.trainable_weights:
        weight.assign(RNG.normal(scale=0.7, size=weight.shape))
    return layer


def all_outputs(**options):
    return make(**options, return_sequences=True, return_coefficients=True, return_state=True)


def check(layer, got, expected, tolerance=1e-5):
    outputs, coefficients, *states = map(np.asarray, got)
    np.testing.assert_allclose(outputs, expected[0], atol=tolerance)
    np.testing.assert_allclose(coefficients, expected[1], atol=tolerance)
    for state, value in zip(states, expected[2], strict=True):
        np.testing.assert_allclose(state, value, atol=tolerance)


@pytest.mark.parametrize("start", ["mean", "first_frame", "zeros"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("score", SCORES, ids=NAMES)
def test_equals_numpy(score, layers, start):
    layer = all_outputs(**score, layers=layers, initial_state_from=start)
    check(layer, layer(MAPS), by_hand(layer, MAPS))


@pytest.mark.parametrize("query_layer", [0, 1, -1])
def test_query_layer_and_shared_initial_state(query_layer):
    layer = all_outputs(layers=3, query_layer=query_layer, shared_initial_state=True)
    check(layer, layer(MAPS), by_hand(layer, MAPS))


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("start", ["mean", "first_frame"])
@pytest.mark.parametrize("layers", [1, 2])
def test_mask(layers, start, backwards, unroll):
    layer = all_outputs(score="additive", layers=layers, initial_state_from=start, go_backwards=backwards, unroll=unroll)
    expected = by_hand(layer, MAPS, MASK, backwards)
    check(layer, layer(MAPS, mask=MASK), expected)
    last = SpatialAttentionLSTM.from_config({**layer.get_config(), "return_sequences": False})
    last.build(MAPS.shape)
    last.set_weights(layer.get_weights())
    counts = [np.flatnonzero(m)[-1] for m in (MASK[:, ::-1] if backwards else MASK)]
    outputs, coefficients, *states = last(MAPS, mask=MASK)
    np.testing.assert_allclose(outputs, expected[0][:, -1], atol=1e-5)
    np.testing.assert_allclose(coefficients, [c[t] for c, t in zip(expected[1], counts, strict=True)], atol=1e-5)
    np.testing.assert_allclose(states[0], expected[2][0], atol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
def test_mask_without_coefficients(layers):
    layer = make(layers=layers, return_sequences=True)
    np.testing.assert_allclose(layer(MAPS, mask=MASK), by_hand(layer, MAPS, MASK)[0], atol=1e-5)
    layer.zero_output_for_mask = True
    expected = by_hand(layer, MAPS, MASK)[0] * MASK[:, :, None]
    np.testing.assert_allclose(layer(MAPS, mask=MASK), expected, atol=1e-5)


def test_masked_steps_hold_anything():
    layer = all_outputs(score="dot", layers=2)
    other = np.where(MASK[:, :, None, None, None], MAPS, 1e3).astype("float32")
    for got, value in zip(layer(other, mask=MASK), layer(MAPS, mask=MASK), strict=True):
        np.testing.assert_allclose(got, value, atol=1e-6)


def test_nothing_left_by_the_mask():
    layer = all_outputs(layers=2)
    mask = np.array([[True] * TIME, [False] * TIME])
    outputs, coefficients, *states = map(np.asarray, layer(MAPS, mask=mask))
    assert np.all(outputs[1] == 0) and np.all(coefficients[1] == 0)
    biases = [weights_of(p)[1] for p in layer.cell.state_projections]
    np.testing.assert_allclose([s[1] for s in states], np.tanh(biases), atol=1e-6)


def test_initial_state_is_taken_instead_of_the_computed_one():
    layer = all_outputs(layers=2)
    states = [RNG.normal(size=(BATCH, UNITS)).astype("float32") for _ in range(4)]
    pairs = [[(states[0][b], states[1][b]), (states[2][b], states[3][b])] for b in range(BATCH)]
    expected = by_hand(layer, MAPS, initial=pairs)
    check(layer, layer(MAPS, initial_state=states), expected)
    inputs = [keras.Input((None, 2, 3, SIZE)), *[keras.Input((UNITS,)) for _ in states]]
    model = keras.Model(inputs, list(layer(inputs[0], initial_state=inputs[1:])))
    check(layer, model.predict([MAPS, *states], verbose=0), expected)


def test_regions_without_rows_are_the_same():
    layer = all_outputs(score="additive")
    regions = MAPS.reshape(BATCH, TIME, 6, SIZE)
    flat = SpatialAttentionLSTM.from_config(layer.get_config())
    flat.build(regions.shape)
    flat.set_weights(layer.get_weights())
    for got, value in zip(flat(regions), layer(MAPS), strict=True):
        np.testing.assert_allclose(got, value, atol=1e-6)


@pytest.mark.parametrize(("score", "at_once"), [("location", False), ("additive", True), ("dot", True)])
def test_what_the_coefficients_depend_on(score, at_once):
    layer = make(score=score, initial_state_from="zeros", return_sequences=True, return_coefficients=True)
    changed = MAPS.copy()
    changed[:, 2] += RNG.normal(size=changed[:, 2].shape)
    before, after = (np.asarray(layer(x)[1]) for x in (MAPS, changed))
    differs = [not np.allclose(before[:, t], after[:, t], atol=1e-5) for t in range(TIME)]
    assert differs == [False, False, at_once, True, True]


# === Parameters: D = 1024, K = 49 ===


def count(**options):
    layer = SpatialAttentionLSTM(**options, kernel_initializer="zeros", recurrent_initializer="zeros")
    layer.build((None, None, 7, 7, 1024))
    cell = layer.cell
    lstm = sum(c.count_params() for c in cell.cells)
    start = sum(p.count_params() for p in cell.state_projections)
    return lstm, layer.count_params() - lstm - start, start


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"units": 512, "score": "additive"}, (3_147_776, 1_574_913, 1_049_600)),
        ({"units": 512, "score": "location", "layers": 3}, (7_346_176, 25_088, 3_148_800)),
        ({"units": 512, "layers": 3, "shared_initial_state": True}, (7_346_176, 25_088, 1_049_600)),
        ({"units": 512, "score": "dot", "initial_state_from": "zeros"}, (3_147_776, 512 * 1024, 0)),
        ({"units": 1024, "layers": 3, "initial_state_from": "zeros"}, (25_178_112, 50_176, 0)),
    ],
    ids=["code", "paper", "paper-shared", "dot", "paper-hmdb51"],
)
def test_parameters(options, expected):
    assert count(**options) == expected


@pytest.mark.parametrize(
    ("units", "classes", "attention_layers", "published"),
    [(512, 11, 1, 6_040_588), (512, 12, 1, 6_041_101), (1024, 51, 1, 13_692_980), (1024, 51, 3, 15_792_180)],
    ids=["ucf11", "hollywood2", "hmdb51-1", "hmdb51"],
)
def test_totals_of_the_released_code(units, classes, attention_layers, published):
    head = units * units + units + units * classes + classes  # a tanh layer and the softmax
    layer = sum(count(units=units, score="additive", attention_layers=attention_layers))
    assert layer + head == published


def test_weights_have_the_documented_shapes_and_start_differently():
    layer = SpatialAttentionLSTM(UNITS, layers=3, kernel_initializer=keras.initializers.RandomUniform(-1, 1))
    layer.build((None, None, 2, 3, SIZE))
    assert layer.cell.location_kernel.shape == (UNITS, 6)
    shapes = [[tuple(w.shape) for w in cell.weights] for cell in layer.cell.cells]
    assert shapes == [[(n, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)] for n in (SIZE, UNITS, UNITS)]
    second, third = (np.asarray(cell.kernel) for cell in layer.cell.cells[1:])
    assert not np.allclose(second, third)
    first = [np.asarray(p.kernel) for p in layer.cell.state_projections[:2]]
    assert not np.allclose(*first)


def test_regularizers_reach_all_kernels():
    layer = make(score="additive", layers=2, kernel_regularizer="l2", recurrent_regularizer="l2", bias_regularizer="l2")
    layer(MAPS)
    expected = 0.01 * sum(np.sum(np.square(w)) for w in layer.get_weights())
    np.testing.assert_allclose(sum(float(x) for x in layer.losses), expected, rtol=1e-5)


# === Streams ===


@pytest.mark.parametrize("start", ["zeros", "first_frame"])
@pytest.mark.parametrize("score", SCORES, ids=NAMES)
def test_frame_by_frame(score, start):
    layer = all_outputs(**score, layers=2, initial_state_from=start)
    assert layer.causal
    frame = MAPS[:, 0] if start == "first_frame" else None
    states = layer.cell.get_initial_state(batch_size=BATCH, frame=frame)
    steps = []
    for t in range(TIME):
        step, states = layer.cell(MAPS[:, t], states)
        steps.append(step)
    outputs, coefficients = (np.stack([np.asarray(x) for x in s], 1) for s in zip(*steps, strict=True))
    check(layer, [outputs, coefficients, *states], by_hand(layer, MAPS))


def test_cell_in_a_functional_model():
    layer = make(layers=2, initial_state_from="zeros")
    frame = keras.Input((2, 3, SIZE), batch_size=1)
    states = [keras.Input((UNITS,), batch_size=1) for _ in range(4)]
    output, new_states = layer.cell(frame, states)
    assert output.shape == (1, UNITS) and [s.shape for s in new_states] == [(1, UNITS)] * 4
    step = keras.Model([frame, *states], [output, *new_states])
    values = [np.asarray(s) for s in layer.cell.get_initial_state(1)]
    for t in range(TIME):
        output, *values = map(np.asarray, step([MAPS[:1, t], *values]))
    np.testing.assert_allclose(output, by_hand(layer, MAPS)[0][:1, -1], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "causal"),
    [({}, False), ({"initial_state_from": "zeros"}, True), ({"initial_state_from": "zeros", "go_backwards": True}, False)],
)
def test_causal(options, causal):
    assert SpatialAttentionLSTM(UNITS, **options).causal is causal


@pytest.mark.parametrize("start", ["mean", "first_frame"])
def test_a_computed_initial_state_is_not_made_up(start):
    with pytest.raises(ValueError, match="computed from the clip"):
        SpatialAttentionLSTMCell(UNITS, initial_state_from=start).get_initial_state(2)


def test_stateful_goes_on():
    layer = make(initial_state_from="zeros", stateful=True, return_sequences=True)
    whole = make(initial_state_from="zeros", return_sequences=True)
    whole.set_weights([w for w in layer.get_weights() if w.shape != (BATCH, UNITS)])
    parts = [np.asarray(layer(MAPS[:, :2])), np.asarray(layer(MAPS[:, 2:]))]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole(MAPS), atol=1e-6)
    layer.reset_state()
    np.testing.assert_allclose(layer(MAPS[:, :2]), parts[0], atol=1e-6)


# === As a Keras layer ===


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("coefficients", [False, True])
@pytest.mark.parametrize("state", [False, True])
def test_outputs_and_their_shapes(sequences, coefficients, state):
    layer = make(layers=2, return_sequences=sequences, return_coefficients=coefficients, return_state=state)
    outputs, mine, states = by_hand(layer, MAPS)
    expected = [outputs, mine] if sequences else [outputs[:, -1], mine[:, -1]]
    expected = expected[: 1 + coefficients] + states * state
    got = layer(MAPS)
    for value, other in zip(got if len(expected) > 1 else [got], expected, strict=True):
        np.testing.assert_allclose(value, other, atol=1e-5)
    symbolic = layer(keras.Input((None, 2, 3, SIZE)))
    shapes = [tuple(x.shape) for x in (symbolic if len(expected) > 1 else [symbolic])]
    assert shapes == [(None, None, *x.shape[2:]) if x.ndim == 3 else (None, x.shape[1]) for x in expected]


@pytest.mark.parametrize("score", SCORES, ids=NAMES)
def test_any_batch_and_length_after_saving(score, tmp_path):
    inputs, mask = keras.Input((None, 2, 3, SIZE)), keras.Input((None,), dtype="bool")
    layer = all_outputs(**score, layers=2, dropout=0.2, recurrent_dropout=0.1, kernel_regularizer="l2")
    model = keras.Model([inputs, mask], list(layer(inputs, mask=mask)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    (again,) = [x for x in loaded.layers if isinstance(x, SpatialAttentionLSTM)]
    assert again.get_config() == layer.get_config()
    for batch, time in ((2, 5), (1, 3)):
        got = loaded.predict([MAPS[:batch, :time], MASK[:batch, :time]], verbose=0)
        check(layer, got, by_hand(layer, MAPS[:batch, :time], MASK[:batch, :time]))


def test_bidirectional():
    layer = keras.layers.Bidirectional(SpatialAttentionLSTM(UNITS, layers=2, return_sequences=True))
    y = np.asarray(layer(MAPS))
    assert y.shape == (BATCH, TIME, 2 * UNITS)
    np.testing.assert_allclose(y[..., :UNITS], by_hand(layer.forward_layer, MAPS)[0], atol=1e-5)
    backward = by_hand(layer.backward_layer, MAPS, backwards=True)[0][:, ::-1]
    np.testing.assert_allclose(y[..., UNITS:], backward, atol=1e-5)


@pytest.mark.parametrize("score", SCORES, ids=NAMES)
def test_half_precision(score):
    layer = all_outputs(**score, layers=2, dtype="mixed_float16")
    got = layer(MAPS, mask=MASK)
    assert {keras.backend.standardize_dtype(x.dtype) for x in got} == {"float16"}
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.trainable_weights} == {"float32"}
    check(layer, got, by_hand(layer, MAPS, MASK), tolerance=3e-2)


def test_dropout_is_between_the_layers_only():
    kept = make(layers=1, dropout=0.5)
    np.testing.assert_allclose(kept(MAPS, training=True), kept(MAPS), atol=1e-6)
    layer = make(layers=2, dropout=0.5)
    np.testing.assert_allclose(layer(MAPS, training=False), by_hand(layer, MAPS)[0][:, -1], atol=1e-5)
    first, second = (np.asarray(layer(MAPS, training=True)) for _ in range(2))
    assert not np.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("unroll", [False, True])
def test_trains(unroll):
    inputs = keras.Input((TIME, 2, 3, SIZE))
    layer = SpatialAttentionLSTM(
        UNITS, layers=2, score="additive", attention_layers=2, dropout=0.2, recurrent_dropout=0.2, unroll=unroll
    )
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    before = [np.array(w) for w in layer.trainable_weights]
    model.compile("sgd", "mse")
    history = model.fit(MAPS, np.ones((BATCH, 1)), epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))
    for weight, old in zip(layer.trainable_weights, before, strict=True):
        # A constant added to all scores changes no softmax: c of the additive score has no gradient.
        assert weight.path.endswith("score/bias") or not np.allclose(weight, old, rtol=0, atol=1e-7), weight.path


@tensorflow_only
@pytest.mark.parametrize("score", SCORES, ids=NAMES)
def test_tflite_built_in_operations(score, tmp_path):
    import tensorflow as tf

    layer = make(**score, layers=2, return_sequences=True, return_coefficients=True)
    inputs = keras.Input((None, 2, 3, SIZE))
    model = keras.Model(inputs, dict(zip(("outputs", "coefficients"), layer(inputs), strict=True)))
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.predict = tf.function(model, input_signature=[tf.TensorSpec((1, TIME, 2, 3, SIZE), tf.float32, name="maps")])
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.predict})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    got = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()(maps=MAPS[:1])
    outputs, coefficients, _ = by_hand(layer, MAPS[:1])
    np.testing.assert_allclose(got["outputs"], outputs, atol=1e-5)
    np.testing.assert_allclose(got["coefficients"], coefficients, atol=1e-5)


@tensorflow_only
def test_saved_model_with_dynamic_axes_and_mask(tmp_path):
    import tensorflow as tf

    layer = make(layers=2, score="additive", return_sequences=True)
    inputs, mask = keras.Input((None, 2, 3, SIZE), name="maps"), keras.Input((None,), dtype="bool", name="mask")
    model = keras.Model({"maps": inputs, "mask": mask}, layer(inputs, mask=mask))
    model.export(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    for batch, time in ((2, 5), (1, 3)):
        x, m = MAPS[:batch, :time], MASK[:batch, :time]
        got = loaded.serve({"maps": tf.constant(x), "mask": tf.constant(m)})
        np.testing.assert_allclose(got, by_hand(layer, x, m)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, "at least 1"),
        ({"layers": 0}, "at least 1"),
        ({"score": "product"}, "score must be"),
        ({"score": "dot", "attention_units": 3}, "belong to score='additive'"),
        ({"score": "location", "attention_layers": 2}, "belong to score='additive'"),
        ({"initial_state_from": "last_frame"}, "initial_state_from must be"),
        ({"layers": 2, "query_layer": 2}, "query_layer must be"),
        ({"stateful": True}, "needs initial_state_from='zeros'"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        SpatialAttentionLSTM(**{"units": 4, **options})


@pytest.mark.parametrize("shape", [(2, 5, 6), (2, 5, None, 3, 6), (2, 5, 2, 3, 4, 6)])
def test_shapes_are_checked(shape):
    with pytest.raises(ValueError, match="needs maps"):
        SpatialAttentionLSTM(4).build(shape)
