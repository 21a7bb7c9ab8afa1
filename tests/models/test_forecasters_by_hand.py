"""The forecasting models against NumPy, and their published numbers of weights."""

import keras
import numpy as np
import pytest
from equations import conv_gru, lstm, patches, pixels, sigmoid
from variants import CLASSES, build, clips, shared, weightless

from videorec.layers import MovedFrames
from videorec.models.convlstm_forecaster import ConvLSTMForecaster
from videorec.models.convlstm_stack import ConvLSTMStack
from videorec.models.fclstm_forecaster import FCLSTMForecaster
from videorec.models.seq2seq_attention import Seq2SeqAttention

HORIZON = 3  # of the models' small forms

# Shi et al. 2015, table 1, and the benchmark's networks without what their code never calls.
SHI = (None, 64, 64, 1)
PUBLISHED = [
    (ConvLSTMForecaster(filters=(256,)), SHI, 13_524_496),
    (ConvLSTMForecaster(filters=(128, 128)), SHI, 10_042_896),
    (ConvLSTMForecaster(), SHI, 7_585_296),
    (ConvLSTMForecaster(filters=(128, 128), kernel=9, recurrent_kernel=1), SHI, 11_550_224),
    (ConvLSTMForecaster(filters=(128, 64, 64), kernel=9, recurrent_kernel=1), SHI, 8_830_480),
    (ConvLSTMForecaster(peephole=None), SHI, 7_583_760),
    (ConvLSTMForecaster(peephole="spatial"), SHI, 7_976_976),
    (ConvLSTMForecaster(filters=(64, 64), kernel=3, patch=2, horizon=15), (5, 100, 100, 1), 896_260),
    (FCLSTMForecaster(), SHI, 142_667_776),
    (FCLSTMForecaster(peephole="full"), SHI, 192_974_848),
    (ConvLSTMStack(), SHI, 11_675_648),
    (ConvLSTMStack(filters=(192, 192, 192, 192)), SHI, 26_115_072),
]


@pytest.mark.parametrize("model, shape, expected", PUBLISHED)
def test_numbers_of_weights(model, shape, expected):
    with weightless():
        assert model.build({"rgb": shape}).count_params() == expected


def frames(case):
    return clips(case, 2, 4)["rgb"]


def with_random_weights(model, seed=3):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(scale=0.4, size=w.shape) for w in model.weights])
    return model


def weights(model, name):
    """The weights of a recurrent layer, by what they are."""
    cell = model.get_layer(name).cell
    names = ["kernel", "recurrent_kernel", "bias", "peephole_kernel"]
    values = {key: getattr(cell, key, None) for key in names}
    return [None if value is None else keras.ops.convert_to_numpy(value).astype("float64") for value in values.values()]


def step_of(model, name, gru):
    kernel, recurrent, bias, peepholes = weights(model, name)
    if gru:
        return lambda x, state: (conv_gru(x, state[0], kernel, recurrent, bias),)
    return lambda x, state: lstm(x, *state, kernel, recurrent, bias, np.zeros(3) if peepholes is None else peepholes)


def encode_and_forecast(model, x, sizes, gru=False):
    """Hidden states of all forecaster layers, a list of K lists, from `(B, J, ...)`."""
    zeros = [(np.zeros((*x.shape[:1], *x.shape[2:-1], size)),) * (1 if gru else 2) for size in sizes]
    numbers = range(1, len(sizes) + 1)
    encoder, forecaster = ([step_of(model, f"{part}{k}", gru) for k in numbers] for part in ("encoder", "forecaster"))

    def up(steps, states, below):
        states = list(states)
        for level, step in enumerate(steps):
            states[level] = step(below, states[level])
            below = states[level][0]
        return states

    states = zeros
    for t in range(x.shape[1]):
        states = up(encoder, states, x[:, t])
    hidden = []
    for _ in range(HORIZON):
        states = up(forecaster, states, None)
        hidden.append([state[0] for state in states])
    return hidden


@pytest.mark.parametrize(
    "case, sizes, patch",
    [
        ("convlstm_forecaster", (3, 4), 2),
        ("convlstm_forecaster-one", (3,), 1),
        ("convlstm_forecaster-spatial", (3, 2), 4),
        ("convlstm_forecaster-gru", (3, 4), 2),
    ],
)
def test_convlstm_forecaster_equals_the_equations(case, sizes, patch):
    model, x = with_random_weights(build(case)), frames(case)
    hidden = encode_and_forecast(model, patches(x / 255, patch), sizes, gru=case == "convlstm_forecaster-gru")
    kernel, bias = model.get_layer("forecast_patches").get_weights()
    maps = [sigmoid(np.concatenate(states, axis=-1) @ kernel[0, 0] + bias) for states in hidden]
    expected = pixels(np.stack(maps, axis=1), patch)
    np.testing.assert_allclose(model({"rgb": x})["frames"], expected, atol=1e-5)


def test_motion_comes_from_the_hidden_states_and_the_last_frame():
    """What `MovedFrames` does with moves and mix is tested with that layer."""
    model, x = with_random_weights(build("convlstm_forecaster-motion")), frames("convlstm_forecaster-motion")
    hidden = encode_and_forecast(model, patches(x / 255, 2), (3, 4))
    states = np.stack([np.concatenate(maps, axis=-1) for maps in hidden], axis=1)
    (moves, moves_bias), (mix, mix_bias) = (model.get_layer(name).get_weights() for name in ("moves", "mix"))
    arguments = [x[:, -1] / 255, states @ moves[0, 0] + moves_bias, pixels(states @ mix[0, 0] + mix_bias, 2)]
    expected = MovedFrames(1)([argument.astype("float32") for argument in arguments])
    np.testing.assert_allclose(model({"rgb": x})["frames"], expected, atol=1e-5)


def test_fclstm_forecaster_equals_the_equations():
    model, x = with_random_weights(build("fclstm_forecaster")), frames("fclstm_forecaster")
    hidden = encode_and_forecast(model, (x / 255).reshape(*x.shape[:2], -1), (5, 4))
    kernel, bias = model.get_layer("output").get_weights()
    expected = np.stack([sigmoid(states[-1] @ kernel + bias) for states in hidden], axis=1)  # the top layer alone
    np.testing.assert_allclose(model({"rgb": x})["frames"], expected.reshape(2, HORIZON, *x.shape[2:]), atol=1e-5)


@pytest.mark.parametrize("sizes", [(3,), (3, 4)])
def test_convlstm_on_maps_of_one_place_is_the_fc_equations(sizes):
    """A frame is one patch; only the middle of each window meets it."""
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 2, 2, 3)).astype("uint8")
    maps = ConvLSTMForecaster(HORIZON, filters=sizes, kernel=3, recurrent_kernel=5, patch=2)
    maps = with_random_weights(maps.build({"rgb": (None, 2, 2, 3)}))
    vectors = FCLSTMForecaster(HORIZON, units=sizes).build({"rgb": (None, 2, 2, 3)})
    for name in [f"{part}{k}" for part in ("encoder", "forecaster") for k in range(1, len(sizes) + 1)]:
        *kernels, bias, peepholes = maps.get_layer(name).get_weights()
        middle = [kernel[kernel.shape[0] // 2, kernel.shape[0] // 2] for kernel in kernels]
        vectors.get_layer(name).set_weights([*middle, bias, peepholes])
    hidden = encode_and_forecast(vectors, (x / 255).reshape(2, 4, -1), sizes)
    kernel, bias = maps.get_layer("forecast_patches").get_weights()
    expected = np.stack([sigmoid(np.concatenate(states, -1) @ kernel[0, 0] + bias) for states in hidden], axis=1)
    got = maps({"rgb": x})["frames"]
    np.testing.assert_allclose(got, expected.reshape(2, HORIZON, 2, 2, 3), atol=1e-5)
    if len(sizes) == 1:  # all hidden states are then those of the top layer: the FC model itself
        vectors.get_layer("output").set_weights([kernel[0, 0], bias])
        np.testing.assert_allclose(vectors({"rgb": x})["frames"], got, atol=1e-5)


def test_convlstm_stack_equals_the_equations():
    model, x = with_random_weights(build("convlstm_stack")), frames("convlstm_stack")
    cell = model.get_layer("next_frames").cell
    kernels = [(keras.ops.convert_to_numpy(c.kernel), keras.ops.convert_to_numpy(c.recurrent_kernel)) for c in cell.cells]
    output = keras.ops.convert_to_numpy(cell.output_kernel)[0, 0]
    seen, forecast, forecasts = patches(x / 255, 2), None, []
    states = [(np.zeros((2, 4, 6, size)),) * 2 for size in (3, 4)]
    for t in range(4 + HORIZON - 1):
        below = seen[:, t] if t < 4 else forecast
        for level, pair in enumerate(kernels):
            states[level] = lstm(below, *states[level], *pair)
            below = states[level][0]
        forecast = below @ output
        forecasts.append(forecast)
    expected = pixels(np.stack(forecasts[-HORIZON:], axis=1), 2)
    np.testing.assert_allclose(model({"rgb": x})["frames"], expected, atol=1e-5)


def test_seq2seq_equals_the_equations():
    model, x = with_random_weights(build("seq2seq_attention")), frames("seq2seq_attention")
    features = keras.ops.convert_to_numpy(model.get_layer("cnn")((x / 255).astype("float32")))
    kernel, bias = model.get_layer("embed").get_weights()
    embedded = features @ kernel + bias
    h, c, states = np.zeros((2, 6)), np.zeros((2, 6)), []
    for t in range(4):
        h, c = lstm(embedded[:, t], h, c, *model.get_layer("encoder").get_weights())
        states.append(h)
    states, y, outputs, attention = np.stack(states, axis=1), embedded[:, -1], [], []
    decoder = model.get_layer("decoder")
    cell, [combine], (kernel, bias) = (x.get_weights() for x in (decoder.cell, decoder.attentional, decoder.output_layer))
    for _ in range(HORIZON):
        h, c = lstm(y, h, c, *cell)
        scores = np.exp(np.einsum("bu,bju->bj", h, states))
        attention.append(scores / scores.sum(axis=1, keepdims=True))
        context = np.einsum("bj,bju->bu", attention[-1], states)
        y = np.tanh(np.concatenate([context, h], axis=-1) @ combine) @ kernel + bias
        outputs.append(y)
    got = model({"rgb": x})
    np.testing.assert_allclose(got["attention"], np.stack(attention, axis=1), atol=1e-5)
    pictures = model.get_layer("frames")(np.stack(outputs, axis=1).astype("float32"))
    np.testing.assert_allclose(got["frames"], pictures, atol=1e-5)


def test_seq2seq_labels_are_the_mean_of_the_steps():
    out = shared("seq2seq_attention-labels")({"rgb": frames("seq2seq_attention-labels")})
    steps = keras.ops.convert_to_numpy(out["steps"])
    assert steps.shape == (2, HORIZON, CLASSES)
    softmax = np.exp(steps) / np.exp(steps).sum(-1, keepdims=True)
    np.testing.assert_allclose(out["probabilities"], softmax.mean(axis=1), atol=1e-5)


def test_seq2seq_reads_the_differences_of_frames():
    """The encoder gets the CNN's features, and what they are less those of the frame before; 0 at the first."""
    model, x = with_random_weights(build("seq2seq_attention-differences")), frames("seq2seq_attention-differences")
    features = keras.ops.convert_to_numpy(model.get_layer("rgb_backbone")(x))
    before = np.concatenate([features[:, :1], features[:, :-1]], axis=1)
    kernel, bias = model.get_layer("embed").get_weights()
    embedded = np.concatenate([features, features - before], axis=-1) @ kernel + bias
    h = c = np.zeros((2, 6))
    for t in range(4):
        h, c = lstm(embedded[:, t], h, c, *model.get_layer("encoder").get_weights())
    encoder = keras.Model(model.input, model.get_layer("encoder").output)
    np.testing.assert_allclose(encoder({"rgb": x})[1], h, atol=1e-5)


def test_seq2seq_frames_of_any_size():
    model = Seq2SeqAttention(horizon=2, units=4, embedding=3, filters=(2, 2, 2)).build({"rgb": (None, 30, 37, 1)})
    assert model.output["frames"].shape == (None, 2, 30, 37, 1)
    out = model(dict(rgb=np.zeros((1, 3, 30, 37, 1), "uint8")))["frames"]
    assert out.shape == (1, 2, 30, 37, 1)
