"""Window attention LSTM against the equations in NumPy, the parameter counts, streams and exports."""

import keras
import numpy as np
import pytest

from videorec.layers.window_attention_lstm import WindowAttentionLSTM

RNG = np.random.default_rng(0)
BATCH, TIME, SIZE, UNITS, WINDOW, ATTENTION = 2, 6, 5, 4, 3, 7
FEATURES = RNG.normal(size=(BATCH, TIME, SIZE)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1]], bool)
# name: (options, size of the features)
SCORES = {
    "product": ({"score": "product", "attention_units": ATTENTION}, SIZE),
    "dot": ({"score": "dot"}, UNITS),
    "dot-projected": ({"score": "dot"}, SIZE),
    "uniform": ({"score": "uniform"}, SIZE),
}
scores = pytest.mark.parametrize("score", SCORES)
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and files")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def features(score):
    return FEATURES[..., : SCORES[score][1]]


def score_by_hand(cell, h, v):
    """Of one frame."""
    if cell.score == "uniform":
        return 0.0
    if cell.score == "dot":
        return h @ v if len(h) == len(v) else (np.asarray(cell.query_kernel).T @ h) @ v
    query, key = np.tanh(np.asarray(cell.query_kernel).T @ h), np.tanh(np.asarray(cell.key_kernel).T @ v)
    return np.asarray(cell.score_kernel) @ (query * key)


def by_hand(layer, x, mask=None, backwards=False):
    """Outputs `(B, T, units)`, coefficients `(B, T, N)`, last h and c, by a loop over clips, steps and frames."""
    cell = layer.cell
    kernel, recurrent, bias = (np.asarray(w) for w in (cell.kernel, cell.recurrent_kernel, cell.bias))
    mask = np.ones(x.shape[:2], bool) if mask is None else mask
    outputs, coefficients = np.zeros((*x.shape[:2], cell.units)), np.zeros((*x.shape[:2], cell.window))
    last = []
    for b in range(len(x)):
        h, c, seen = np.zeros(cell.units), np.zeros(cell.units), []
        for position, t in enumerate(range(x.shape[1])[:: -1 if backwards else 1]):
            if mask[b, t]:
                seen.append(x[b, t].astype("float64"))
                frames = seen[-cell.window :]
                e = np.exp([score_by_hand(cell, h, v) for v in frames])
                alpha = e / e.sum()
                coefficients[b, position, cell.window - len(frames) :] = alpha
                y = sum(weight * v for weight, v in zip(alpha, frames, strict=True))
                i, f, g, o = np.split(y @ kernel + h @ recurrent + bias, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            outputs[b, position] = h
        last.append((h, c))
    return outputs, coefficients, [np.stack(s) for s in zip(*last, strict=True)]


def make(score="product", **options):
    """A built layer whose biases are not zero either."""
    own, size = SCORES[score]
    layer = WindowAttentionLSTM(UNITS, WINDOW, **own | options)
    layer.build((BATCH, TIME, size))
    for weight in layer.trainable_weights:
        weight.assign(RNG.normal(scale=0.8, size=weight.shape))
    return layer


def all_outputs(score, **options):
    return make(score, return_sequences=True, return_coefficients=True, return_state=True, **options)


def check(got, expected, tolerance=1e-5):
    outputs, coefficients, h, c, *_ = map(np.asarray, got)
    np.testing.assert_allclose(outputs, expected[0], atol=tolerance)
    np.testing.assert_allclose(coefficients, expected[1], atol=tolerance)
    np.testing.assert_allclose(h, expected[2][0], atol=tolerance)
    np.testing.assert_allclose(c, expected[2][1], atol=tolerance)


@scores
@pytest.mark.parametrize("unroll", [False, True])
def test_equals_numpy(score, unroll):
    layer = all_outputs(score, unroll=unroll)
    check(layer(features(score)), by_hand(layer, features(score)))


@scores
def test_coefficients_are_over_the_frames_there_are(score):
    coefficients = np.asarray(all_outputs(score)(features(score))[1])
    for t in range(TIME):
        there = min(WINDOW, t + 1)
        assert np.all(coefficients[:, t, : WINDOW - there] == 0)
        assert np.all(coefficients[:, t, WINDOW - there :] > 0)
    np.testing.assert_allclose(coefficients.sum(-1), 1, atol=1e-6)


def test_a_frame_counts_as_long_as_it_is_in_the_window():
    # All states forgotten (forget gate shut, no recurrent weights), no query: an output depends on its window alone.
    layer = make("uniform", return_sequences=True)
    layer.cell.recurrent_kernel.assign(np.zeros((UNITS, 4 * UNITS)))
    bias = np.zeros(4 * UNITS)
    bias[UNITS : 2 * UNITS] = -100
    layer.cell.bias.assign(bias)
    changed = FEATURES.copy()
    changed[:, 1] += 1
    differs = np.abs(np.asarray(layer(FEATURES)) - np.asarray(layer(changed))).max(axis=(0, 2)) > 1e-6
    assert differs.tolist() == [False, True, True, True, False, False]


@scores
@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_mask(score, unroll, backwards):
    layer = all_outputs(score, go_backwards=backwards, unroll=unroll)
    x = np.where(MASK[:, :, None], features(score), 1e3).astype("float32")  # masked steps hold anything
    expected = by_hand(layer, x, MASK, backwards)
    check(layer(x, mask=MASK), expected)
    last = WindowAttentionLSTM.from_config({**layer.get_config(), "return_sequences": False})
    last.build(x.shape)
    last.set_weights(layer.get_weights())
    outputs, coefficients, *states = last(x, mask=MASK)
    counts = [np.flatnonzero(m)[-1] for m in (MASK[:, ::-1] if backwards else MASK)]
    np.testing.assert_allclose(outputs, expected[0][:, -1], atol=1e-5)
    np.testing.assert_allclose(coefficients, [c[t] for c, t in zip(expected[1], counts, strict=True)], atol=1e-5)
    np.testing.assert_allclose(states[1], expected[2][1], atol=1e-5)


def test_mask_without_coefficients():
    layer = make(return_sequences=True)
    np.testing.assert_allclose(layer(FEATURES, mask=MASK), by_hand(layer, FEATURES, MASK)[0], atol=1e-5)
    mask = np.array([[True] * TIME, [False] * TIME])
    assert np.all(np.asarray(layer(FEATURES, mask=mask))[1] == 0)


# === Parameters ===


@pytest.mark.parametrize(
    ("options", "attention"),
    [
        ({"attention_units": 100}, 460_900),
        ({"attention_units": 512}, 2_359_808),
        ({"score": "dot"}, 512 * 4096),
        ({"score": "uniform"}, 0),
    ],
)
def test_parameters_on_4096_features(options, attention):
    layer = WindowAttentionLSTM(512, 15, kernel_initializer="zeros", recurrent_initializer="zeros", **options)
    layer.build((None, None, 4096))
    assert layer.count_params() == 9_439_232 + attention


def test_weights_have_the_documented_shapes():
    cell = make().cell
    assert cell.kernel.shape == (SIZE, 4 * UNITS) and cell.recurrent_kernel.shape == (UNITS, 4 * UNITS)
    assert cell.bias.shape == (4 * UNITS,) and cell.query_kernel.shape == (UNITS, ATTENTION)
    assert cell.key_kernel.shape == (SIZE, ATTENTION) and cell.score_kernel.shape == (ATTENTION,)
    assert make("dot").cell.query_kernel is None
    assert make("dot-projected").cell.query_kernel.shape == (UNITS, SIZE)


# === Streams ===


@scores
def test_frame_by_frame(score):
    layer, x = all_outputs(score), features(score)
    assert layer.causal and not WindowAttentionLSTM(UNITS, go_backwards=True).causal
    states = layer.cell.get_initial_state(batch_size=BATCH)
    steps = []
    for t in range(TIME):
        step, states = layer.cell(x[:, t], states)
        steps.append(step)
    outputs, coefficients = (np.stack([np.asarray(x) for x in s], 1) for s in zip(*steps, strict=True))
    check([outputs, coefficients, *states], by_hand(layer, x))
    for state, whole in zip(states, layer(x)[2:], strict=True):
        np.testing.assert_allclose(state, whole, atol=1e-5)


def test_a_clip_in_two_parts():
    layer = all_outputs("product")
    *first, h, c, window, filled, keys = layer(FEATURES[:, :2])
    second = layer(FEATURES[:, 2:], initial_state=[h, c, window, filled, keys])
    for a, b, whole in zip(first, second, by_hand(layer, FEATURES), strict=False):
        np.testing.assert_allclose(np.concatenate([a, b], axis=1), whole, atol=1e-5)


def test_stateful_goes_on():
    layer = make(stateful=True, return_sequences=True)
    parts = [np.asarray(layer(FEATURES[:, :2])), np.asarray(layer(FEATURES[:, 2:]))]
    np.testing.assert_allclose(np.concatenate(parts, 1), by_hand(layer, FEATURES)[0], atol=1e-5)
    layer.reset_state()
    np.testing.assert_allclose(layer(FEATURES[:, :2]), parts[0], atol=1e-6)


# === As a Keras layer ===


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("coefficients", [False, True])
@pytest.mark.parametrize("state", [False, True])
def test_outputs_and_their_shapes(sequences, coefficients, state):
    layer = make(return_sequences=sequences, return_coefficients=coefficients, return_state=state)
    outputs, mine, (h, c) = by_hand(layer, FEATURES)
    expected = ([outputs, mine] if sequences else [outputs[:, -1], mine[:, -1]])[: 1 + coefficients] + [h, c] * state
    got = layer(FEATURES)
    got = list(got) if coefficients or state else [got]
    for value, other in zip(got, expected, strict=False):
        np.testing.assert_allclose(value, other, atol=1e-5)
    symbolic = layer(keras.Input((None, SIZE)))
    shapes = [tuple(x.shape) for x in (symbolic if len(got) > 1 else [symbolic])]
    assert shapes == [(None, None, *x.shape[2:]) if len(x.shape) == 3 else (None, x.shape[1]) for x in got]
    assert len(got) == 1 + coefficients + 5 * state


@scores
def test_any_batch_and_length_after_saving(score, tmp_path):
    inputs, mask = keras.Input((None, SCORES[score][1])), keras.Input((None,), dtype="bool")
    layer = all_outputs(score, dropout=0.2, recurrent_dropout=0.1, kernel_regularizer="l2")
    model = keras.Model([inputs, mask], list(layer(inputs, mask=mask))[:4])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    (again,) = [x for x in loaded.layers if isinstance(x, WindowAttentionLSTM)]
    assert again.get_config() == layer.get_config()
    for batch, time in ((2, 6), (1, 2)):
        got = loaded.predict([features(score)[:batch, :time], MASK[:batch, :time]], verbose=0)
        check(got, by_hand(layer, features(score)[:batch, :time], MASK[:batch, :time]))


def test_bidirectional():
    layer = keras.layers.Bidirectional(WindowAttentionLSTM(UNITS, WINDOW, return_sequences=True))
    y = np.asarray(layer(FEATURES))
    np.testing.assert_allclose(y[..., :UNITS], by_hand(layer.forward_layer, FEATURES)[0], atol=1e-5)
    backward = by_hand(layer.backward_layer, FEATURES, backwards=True)[0][:, ::-1]
    np.testing.assert_allclose(y[..., UNITS:], backward, atol=1e-5)


@scores
def test_half_precision(score):
    layer = all_outputs(score, dtype="mixed_float16")
    got = layer(features(score), mask=MASK)
    assert {keras.backend.standardize_dtype(x.dtype) for x in got} == {"float16"}
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.trainable_weights} == {"float32"}
    check(got, by_hand(layer, features(score), MASK), tolerance=3e-2)


def test_dropout_is_on_in_training_only():
    layer = make(dropout=0.5, recurrent_dropout=0.2)
    np.testing.assert_allclose(layer(FEATURES, training=False), by_hand(layer, FEATURES)[0][:, -1], atol=1e-5)
    first, second = (np.asarray(layer(FEATURES, training=True)) for _ in range(2))
    assert not np.allclose(first, second, atol=1e-4)


@scores
@pytest.mark.parametrize("options", [{}, {"unroll": True}, {"dropout": 0.2, "recurrent_dropout": 0.2}])
def test_trains(score, options):
    own, size = SCORES[score]
    inputs = keras.Input((TIME, size))
    layer = WindowAttentionLSTM(UNITS, WINDOW, **own | options)
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    before = [np.array(w) for w in layer.trainable_weights]
    model.compile("sgd", "mse")
    history = model.fit(features(score), np.ones((BATCH, 1)), epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))
    for weight, old in zip(layer.trainable_weights, before, strict=True):
        assert not np.allclose(weight, old, rtol=0, atol=1e-8), weight.path


def test_regularizers_reach_all_kernels():
    layer = make(kernel_regularizer="l2", recurrent_regularizer="l2", bias_regularizer="l2")
    layer(FEATURES)
    expected = 0.01 * sum(np.sum(np.square(w)) for w in layer.get_weights())
    np.testing.assert_allclose(sum(float(x) for x in layer.losses), expected, rtol=1e-5)


@tensorflow_only
@scores
def test_tflite_built_in_operations(score, tmp_path):
    import tensorflow as tf

    layer = make(score, return_sequences=True, return_coefficients=True)
    inputs = keras.Input((None, SCORES[score][1]))
    model = keras.Model(inputs, dict(zip(("outputs", "coefficients"), layer(inputs), strict=True)))
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    signature = [tf.TensorSpec((1, TIME, SCORES[score][1]), tf.float32, name="features")]
    module.predict = tf.function(model, input_signature=signature)
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.predict})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    x = features(score)[:1]
    got = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()(features=x)
    outputs, coefficients, _ = by_hand(layer, x)
    np.testing.assert_allclose(got["outputs"], outputs, atol=1e-5)
    np.testing.assert_allclose(got["coefficients"], coefficients, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, "at least 1"),
        ({"window": 0}, "at least 1"),
        ({"attention_units": 0}, "at least 1"),
        ({"score": "additive"}, "score must be"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        WindowAttentionLSTM(**{"units": 4, **options})


def test_features_of_unknown_size():
    with pytest.raises(ValueError, match="known D"):
        WindowAttentionLSTM(4).build((2, 5, None))
