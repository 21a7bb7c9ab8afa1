"""The arithmetic that `videorec.tools.compare` counts, against hand-computed and published figures."""

import keras
import numpy as np
import pytest
from keras import layers

from videorec.layers import ConvGRU2D, DotProductAttention, PeepholeLSTM, TimeDistributed
from videorec.tools.compare_flops import flops_a_frame

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="graphs are TensorFlow's")

T, H, W = 3, 8, 10


def frames_model(*parts) -> keras.Model:
    """Layers one after the other on clips `(B, None, 8, 10, 3)`."""
    x = clip = keras.Input((None, H, W, 3), name="rgb", dtype="uint8")
    x = layers.Rescaling(1 / 255)(x)
    for part in parts:
        x = part(x)
    return keras.Model({"rgb": clip}, x)


def vectors() -> list:
    """The frame as a vector of 8 * 10 * 3 = 240."""
    return [TimeDistributed(layers.Flatten())]


def each(layer) -> list:
    return [TimeDistributed(layer)]


def attend(x):
    return DotProductAttention()(x, x)[0]


# Layers, and the multiplications of a frame.
CASES = {
    "conv": (each(layers.Conv2D(5, 3, padding="same")), 8 * 10 * 5 * 3 * 3 * 3),
    "valid conv of stride 2": (each(layers.Conv2D(5, (3, 4), 2)), 3 * 4 * 5 * 3 * 4 * 3),
    "grouped conv": (each(layers.Conv2D(6, 3, padding="same", groups=3)), 8 * 10 * 6 * 3 * 3 * 1),
    "depthwise conv": (each(layers.DepthwiseConv2D(3, depth_multiplier=2)), 6 * 8 * (3 * 2) * 3 * 3),
    "separable conv": (each(layers.SeparableConv2D(7, 3, padding="same")), 8 * 10 * (3 * 3 * 3 + 3 * 7)),
    "conv over time": ([layers.Conv3D(4, (2, 3, 3), padding="same")], 8 * 10 * 4 * 2 * 3 * 3 * 3),
    "dense": ([*vectors(), layers.Dense(11)], 240 * 11),
    "conv and dense": (
        [*each(layers.Conv2D(5, 3)), *vectors(), layers.Dense(11)],
        6 * 8 * 5 * 27 + 6 * 8 * 5 * 11,
    ),
    "lstm": ([*vectors(), layers.LSTM(6)], 4 * 6 * (240 + 6)),
    "gru": ([*vectors(), layers.GRU(6, return_sequences=True)], 3 * 6 * (240 + 6)),
    "two directions": ([*vectors(), layers.Bidirectional(layers.LSTM(6))], 2 * 4 * 6 * (240 + 6)),
    "two layers": ([*vectors(), layers.LSTM(6, return_sequences=True), layers.LSTM(5)], 24 * 246 + 4 * 5 * (6 + 5)),
    "full peepholes": ([*vectors(), PeepholeLSTM(6, peephole="full")], 4 * 6 * (240 + 6) + 3 * 6 * 6),
    "conv gru": ([ConvGRU2D(4, 3)], 8 * 10 * 9 * 3 * 4 * (3 + 4)),
    "conv lstm": ([layers.ConvLSTM2D(4, 3, padding="same")], 8 * 10 * 9 * 4 * 4 * (3 + 4)),
    "attention": ([*vectors(), attend], 2 * T * 240),  # T queries meet T keys, and weigh T values
    "once a clip": ([*vectors(), layers.GlobalAveragePooling1D(), layers.Dense(9)], 240 * 9 / T),
    "nothing": ([*each(layers.MaxPooling2D()), *vectors()], 0),
}


@pytest.mark.parametrize("name", CASES)
def test_flops_against_hand_counts(name):
    parts, multiplications = CASES[name]
    assert flops_a_frame(frames_model(*parts), {"rgb": (T, H, W, 3)}) == pytest.approx(2 * multiplications, rel=1e-12)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_a_loop_counts_once_a_frame(frames):
    model = frames_model(*vectors(), layers.LSTM(6, return_sequences=True), layers.GRU(5))
    wanted = 2 * (4 * 6 * (240 + 6) + 3 * 5 * (6 + 5))
    assert flops_a_frame(model, {"rgb": (frames, H, W, 3)}) == wanted


@pytest.mark.parametrize(
    "name, published",
    [
        ("MobileNet", 569e6),  # Howard et al. 2017, table 4
        ("MobileNetV2", 300e6),  # Sandler et al. 2018, table 4
    ],
)
def test_flops_against_published_multiply_adds(name, published):
    network = getattr(keras.applications, name)(weights=None)
    clip = keras.Input((None, 224, 224, 3), name="rgb", dtype="uint8")
    model = keras.Model({"rgb": clip}, TimeDistributed(network)(layers.Rescaling(1 / 255)(clip)))
    assert flops_a_frame(model, {"rgb": (2, 224, 224, 3)}) == pytest.approx(2 * published, rel=0.005)


def test_counting_leaves_the_model_as_it_was():
    loops = layers.GRU(5, return_sequences=True), layers.Bidirectional(layers.LSTM(6))
    model = frames_model(*vectors(), *loops)
    clip = {"rgb": np.random.default_rng(0).integers(0, 256, (2, T, H, W, 3), np.uint8)}
    before = model.predict_on_batch(clip)
    flops_a_frame(model, {"rgb": (T, H, W, 3)})
    assert not any(layer.unroll for layer in (loops[0], loops[1].forward_layer, loops[1].backward_layer))
    np.testing.assert_array_equal(model.predict_on_batch(clip), before)


def test_an_operation_that_hides_others_is_not_passed_over():
    class Loop(layers.Layer):
        def call(self, x):
            return keras.ops.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, 2 * y), (0, x))[1]

    with pytest.raises(RuntimeError, match="While.* hides a graph"):
        flops_a_frame(frames_model(Loop()), {"rgb": (T, H, W, 3)})
