"""`PeepholeLSTM` against the equations and Keras's LSTM, its weights, dropout and arguments."""

import keras
import numpy as np
import pytest
from equations import lstm, sigmoid
from layers import assert_close, built, numpy, random

from videorec.layers import PeepholeLSTM

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 6
SHAPE = (BATCH, TIME, FEATURES)
X, STATE = random(*SHAPE), [random(BATCH, UNITS, seed=1), random(BATCH, UNITS, seed=2)]
PEEPHOLES = ["diagonal", "full", None]
MASK = np.array([[1, 1, 1, 0, 0], [0, 0, 1, 1, 0], [1, 0, 1, 0, 1]], bool)


def by_hand(layer, frames, state=STATE, output_peephole="new"):
    """All h `(B, T, u)`, and the last h and c."""
    cell, (h, c) = layer.cell, state
    weights = [None if w is None else numpy(w) for w in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    peepholes = np.zeros(3) if cell.peephole_kernel is None else numpy(cell.peephole_kernel)
    outputs = []
    for x in frames:
        h, c = lstm(x, h, c, *weights, peepholes, output_peephole)
        outputs.append(h)
    return np.stack(outputs, axis=1), h, c


@pytest.mark.parametrize("output_peephole", ["new", "old"])
@pytest.mark.parametrize("peephole", PEEPHOLES)
def test_equals_the_equations(peephole, output_peephole):
    layer = built(PeepholeLSTM(UNITS, peephole, output_peephole, return_sequences=True, return_state=True), SHAPE, scale=1)
    assert_close(layer(X, initial_state=STATE), by_hand(layer, np.moveaxis(X, 1, 0), output_peephole=output_peephole))


@pytest.mark.parametrize("peephole", PEEPHOLES)
def test_unconditional_equals_the_equations(peephole):
    options = {"unconditional": True, "return_sequences": True, "return_state": True}
    layer = built(PeepholeLSTM(UNITS, peephole, **options), [(BATCH, UNITS)] * 2, scale=1)
    assert layer.cell.kernel is None
    expected = by_hand(layer, [None] * TIME)
    assert_close(layer(STATE, steps=TIME), expected)
    first, _ = layer.cell(None, STATE)
    assert_close(first, expected[0][:, 0])


@pytest.mark.parametrize(
    "peephole, options, mask",
    [
        (None, {"return_sequences": True, "return_state": True}, None),
        (None, {"return_sequences": True, "go_backwards": True}, None),
        (None, {"use_bias": False}, None),
        (None, {"activation": "relu", "recurrent_activation": "hard_sigmoid"}, None),
        (None, {"return_sequences": True, "return_state": True}, MASK),
        (None, {"return_sequences": True, "zero_output_for_mask": True}, MASK),
        (None, {"unroll": True}, MASK),
        ("diagonal", {"return_sequences": True}, None),
        ("full", {"return_sequences": True}, None),
    ],
)
def test_without_peepholes_equals_keras(peephole, options, mask):
    ours = built(PeepholeLSTM(UNITS, peephole, **options), SHAPE)
    theirs = keras.layers.LSTM(UNITS, use_cudnn=False, **options)
    theirs.build(SHAPE)
    theirs.set_weights(ours.get_weights()[: len(theirs.weights)])
    if peephole is not None:
        ours.cell.peephole_kernel.assign(np.zeros(ours.cell.peephole_kernel.shape))
    assert_close(ours(X, mask=mask), theirs(X, mask=mask))


# === Weights ===


def test_initial_weights_of_keras():
    layer = PeepholeLSTM(UNITS)
    layer.build(SHAPE)
    # The forget gate's is 1, as in keras.layers.LSTM.
    np.testing.assert_array_equal(numpy(layer.cell.bias), np.repeat([0, 1, 0, 0], UNITS))
    assert 0 < np.abs(numpy(layer.cell.peephole_kernel)).max() <= 0.05


def test_full_with_diagonal_matrices_equals_diagonal():
    diagonal, full = (built(PeepholeLSTM(UNITS, kind, return_sequences=True), SHAPE) for kind in ("diagonal", "full"))
    *weights, v = diagonal.get_weights()
    full.set_weights([*weights, np.stack([np.diag(row) for row in v])])
    assert_close(full(X), diagonal(X))


def zeros(**options):
    """A layer of two units and one feature whose weights are 0."""
    return built(PeepholeLSTM(2, return_state=True, **options), (1, 1, 1), scale=0)


def test_full_is_row_vector_times_matrix():
    layer, v = zeros(peephole="full"), np.zeros((3, 2, 2))
    v[1] = [[0, 4], [0, 0]]  # the forget gate of unit 1 sees the cell of unit 0
    layer.cell.peephole_kernel.assign(v)
    _, _, c = layer(np.zeros((1, 1, 1)), initial_state=[np.zeros((1, 2)), np.ones((1, 2))])
    assert_close(c, np.array([[0.5, sigmoid(4)]]), atol=1e-6)


def test_input_gate_sees_the_old_cell():
    # Without weights but W_ci, c_1 = c_0 / 2 + sigma(w o c_0) tanh(b_c): the bias of the candidate shows the gate.
    layer, w, c0 = zeros(), random(2), random(1, 2, seed=1)
    layer.cell.peephole_kernel.assign(np.stack([w, 0 * w, 0 * w]))
    layer.cell.bias.assign(np.repeat([0, 0, 1, 0], 2))
    _, _, c1 = numpy(layer(np.zeros((1, 1, 1)), initial_state=[np.zeros((1, 2)), c0]))
    assert_close((c1 - c0 / 2) / np.tanh(1), sigmoid(w * c0))


@pytest.mark.parametrize("peephole", ["diagonal", "full"])
def test_output_peephole_moves_the_first_h_but_not_c(peephole):
    layer = built(PeepholeLSTM(UNITS, peephole, return_state=True), SHAPE)
    _, h, c = numpy(layer(X[:, :1]))
    weight = numpy(layer.cell.peephole_kernel).copy()
    weight[2] += 1
    layer.cell.peephole_kernel.assign(weight)
    _, new_h, new_c = numpy(layer(X[:, :1]))
    np.testing.assert_array_equal(new_c, c)
    assert np.abs(new_h - h).min() > 1e-5


def parameters(units, inputs, peephole="diagonal"):
    start = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}  # orthogonal 2048 x 8192 takes seconds
    layer = PeepholeLSTM(units, peephole, unconditional=inputs is None, **start)
    layer.build([(None, units)] * 2 if inputs is None else (None, None, inputs))
    return layer.count_params()


@pytest.mark.parametrize("peephole, expected", [(None, 2_099_200), ("diagonal", 2_100_736), ("full", 2_885_632)])
def test_parameters_512_to_512(peephole, expected):
    assert parameters(512, 512, peephole) == expected


def test_parameters_of_the_published_networks():
    # FC-LSTM-2048-2048 on 64 x 64 frames (Shi et al. 2015): encoder, then forecaster, whose first layer has no input.
    second = parameters(2048, 2048)
    assert parameters(2048, 4096) + second == 83_914_752
    assert parameters(2048, None) + second == 50_360_320
    assert 83_914_752 + 50_360_320 + (2048 * 4096 + 4096) == 142_667_776  # with the output layer
    # Five layers of 512 on 1024 features (Ng et al. 2015).
    assert parameters(512, 1024) + 4 * parameters(512, 512) == 11_552_256
    assert parameters(512, 1024, None) + 4 * parameters(512, 512, None) == 11_544_576  # without peepholes


@pytest.mark.parametrize("peephole", ["diagonal", "full"])
def test_peepholes_train_from_zeros_and_keep_to_a_constraint(peephole):
    for constraint in (None, "non_neg"):
        options = {"peephole_initializer": "zeros", "peephole_constraint": constraint}
        model = keras.Sequential([keras.Input(SHAPE[1:]), PeepholeLSTM(UNITS, peephole, **options)])
        model.compile("sgd", "mse", run_eagerly=True)
        model.train_on_batch(X, random(BATCH, UNITS))
        peepholes = model.get_weights()[-1]
        assert np.all(np.abs(peepholes).sum(axis=-1) > 0) if constraint is None else peepholes.min() == 0


# === Encoder and forecasters ===


def test_forecaster_model_round_trip(tmp_path):
    """Encoder, forecaster without input, second forecaster on top: all of the layer's uses in one model."""
    inputs = keras.Input((None, FEATURES))
    encoder, bottom = PeepholeLSTM(UNITS, return_state=True), PeepholeLSTM(UNITS, unconditional=True, return_sequences=True)
    top = PeepholeLSTM(UNITS, "full", "old", return_sequences=True)
    _, h, c = encoder(inputs)
    model = keras.Model(inputs, top(bottom([h, c], steps=4), initial_state=[h, c]))
    assert model.output_shape == (None, 4, UNITS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for x in (X[:2, :3], X[:1]):  # dynamic batch and time
        _, h, c = encoder(x)
        expected = top(bottom([h, c], steps=4), initial_state=[h, c])
        assert_close(loaded(x), expected)


# === Dropout ===


def test_dropout_mask_is_the_same_at_all_steps():
    layer = built(PeepholeLSTM(UNITS, None, dropout=0.5, seed=1, return_sequences=True), SHAPE)
    # No memory: the recurrent weights are 0 and the forget gate is shut, so equal frames give equal outputs.
    layer.set_weights([random(FEATURES, 4 * UNITS), np.zeros((UNITS, 4 * UNITS)), np.repeat([0, -100, 0, 0], UNITS)])
    x = np.ones(SHAPE, "float32")
    outputs = numpy(layer(x, training=True))
    assert_close(outputs, np.repeat(outputs[:, :1], TIME, axis=1), atol=1e-6)
    assert np.abs(outputs - numpy(layer(x))).max() > 0.01
    assert np.abs(outputs - numpy(layer(x, training=True))).max() > 0.01  # drawn anew in every call


def test_dropout_equals_keras():
    ours = built(PeepholeLSTM(UNITS, None, dropout=0.5, seed=1), SHAPE)
    theirs = keras.layers.LSTM(UNITS, dropout=0.5, seed=1, use_cudnn=False)
    theirs.build(SHAPE)
    theirs.set_weights(ours.get_weights())
    assert_close(ours(X, training=True), theirs(X, training=True))


@pytest.mark.parametrize("unconditional", [False, True])
def test_recurrent_dropout_mask_is_the_same_at_all_steps(unconditional):
    units = 50
    options = {"return_sequences": True, "unconditional": unconditional}
    layer = PeepholeLSTM(units, None, recurrent_dropout=0.5, seed=1, **options)
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


# === Arguments ===


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
