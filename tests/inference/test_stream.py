"""Streams against the model on the whole sequence: pieces of any length, and their end."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("streams run on TensorFlow", allow_module_level=True)

import variants

from videorec import models
from videorec.inference.stream import Stream
from videorec.layers import TimeDistributed
from videorec.models.backbones.tiny import TINY
from videorec.models.split import cut

TIME = 12
PIECES = {"one at a time": (1,) * TIME, "3 + 7 + 2": (3, 7, 2), "at once": (TIME,)}
SYSTEMS = {
    "LSTM": {"inputs": "single", "outputs": "single"},
    "LSTM+i": {"inputs": "window", "outputs": "single"},
    "LSTM+i+a": {"inputs": "attention", "outputs": "single"},
    "MultiLSTM": {},
    "MultiLSTM-distance": {"score": "dot", "output_weights": "distance", "differences": ("previous",)},
}


def multi_lstm(system="MultiLSTM", **options):
    settings = {**TINY, "units": 6, "window": 4, **SYSTEMS[system], **options}
    return variants.shaken(models.build("multi_lstm", {"rgb": (None, 32, 32, 3)}, 4, **settings))


def clips(batch=2, time=TIME, seed=0):
    return {"rgb": np.random.default_rng(seed).integers(0, 256, (batch, time, 32, 32, 3)).astype("uint8")}


def in_pieces(stream, inputs, sizes):
    """Everything that the stream gives, one after the other in time."""
    ends = np.cumsum(sizes)
    assert ends[-1] == next(iter(inputs.values())).shape[1]
    parts = [
        stream.push({name: x[:, end - size : end] for name, x in inputs.items()}) for end, size in zip(ends, sizes, strict=True)
    ]
    parts.append(stream.end())
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}


def assert_equals(got, expected):
    for name, value in got.items():
        if len(value.shape) > len(expected[name].shape):  # of the clip so far
            value = value[:, -1]
        assert value.shape == expected[name].shape and value.dtype == np.float32
        np.testing.assert_allclose(value, expected[name], atol=1e-5, err_msg=name)
        assert np.ptp(got[name], axis=1).max() > 1e-4, f"{name}: its steps are alike"


@pytest.mark.parametrize("system", SYSTEMS)
def test_pieces_of_any_length(system):
    model = multi_lstm(system)
    stream, inputs = Stream(model), clips()
    expected = model(inputs)
    for sizes in PIECES.values():
        got = in_pieces(stream, inputs, sizes)
        assert set(got) == set(model.output)
        assert_equals(got, expected)


@pytest.mark.parametrize("sizes", [(1,), (2,), (3,), (1, 1, 1), (4,), (1, 3)])
def test_sequences_as_short_as_the_delay(sizes):
    model, inputs = multi_lstm(), clips(time=sum(sizes))
    got, expected = in_pieces(Stream(model), inputs, sizes), model(inputs)
    assert set(got) == set(expected)
    for name, value in got.items():
        assert value.shape == expected[name].shape
        np.testing.assert_allclose(value, expected[name], atol=1e-5, err_msg=name)


def test_outputs_come_as_soon_as_they_are_complete():
    stream = Stream(multi_lstm())
    assert stream.delays == {"attention": 0, "steps": 3, "partial_steps": 0, "probabilities": 3}
    inputs = clips()["rgb"]
    lengths = []
    for start, stop in [(0, 2), (2, 2), (2, 5), (5, 12)]:
        got = stream.push({"rgb": inputs[:, start:stop]})
        lengths.append((got["partial_steps"].shape[1], got["steps"].shape[1]))
    end = stream.end()
    assert [*lengths, (end["partial_steps"].shape[1], end["steps"].shape[1])] == [(2, 0), (0, 0), (3, 2), (7, 7), (0, 3)]
    assert end["partial_steps"].shape == (2, 0, 4)


@pytest.mark.parametrize("build", [multi_lstm, lambda: variants.shaken(variants.build("visual_attention-dot"))])
def test_nothing_is_carried_from_one_video_to_the_next(build):
    model = build()
    stream, first, second = Stream(model), clips(), clips(batch=1, seed=1)
    in_pieces(stream, first, (5, 7))
    assert_equals(in_pieces(stream, second, (5, 7)), model(second))
    stream.push(first)  # without the end, memory is carried on
    continued = stream.push(first)
    assert np.abs(continued["attention"][:, 0] - model(first)["attention"].numpy()[:, 0]).max() > 1e-4


def test_a_head_on_features():
    """What is computed once and stored can be read in place of the frames."""
    model = multi_lstm()
    features, head = cut(model)
    inputs = clips()
    stored = {name: np.asarray(x) for name, x in features(inputs).items()}
    assert_equals(in_pieces(Stream(head), stored, (3, 7, 2)), model(inputs))
    half = {name: x.astype("float64") for name, x in stored.items()}
    assert_equals(in_pieces(Stream(head), half, (12,)), model(inputs))


def test_a_fixed_number_of_frames_in_the_model_does_not_bind_the_stream():
    model = variants.shaken(variants.build("lrcn", time=5))
    any_length = variants.build("lrcn")
    any_length.set_weights(model.get_weights())
    assert_equals(in_pieces(Stream(model), clips(), (3, 7, 2)), any_length(clips()))


def counting():
    """A model that counts its frames: those of each trace of its CNN (None: any number), and of each run."""
    import tensorflow as tf

    seen = {"traces": [], "runs": []}

    class Counted(keras.layers.Layer):
        def call(self, x):
            if not tf.executing_eagerly():
                seen["traces"].append(x.shape[0])
                tf.py_function(lambda n: seen["runs"].append(int(n)), [tf.shape(x)[0]], [])
            return keras.ops.mean(keras.ops.cast(x, "float32"), axis=(1, 2)) / 5 - 25.5

    frames = keras.Input((None, 32, 32, 3), dtype="uint8", name="rgb")
    features = TimeDistributed(Counted(), name="rgb_backbone")(frames)
    steps = keras.layers.GRU(3, return_sequences=True)(features)
    model = keras.Model({"rgb": frames}, {"steps": steps})
    return model, seen


def test_few_graphs_are_traced():
    model, seen = counting()
    stream = Stream(model)
    seen["traces"].clear()
    for batch, sizes in [(2, (3, 7, 2)), (1, (1, 2, 1)), (3, (5, 4)), (2, (12,))]:
        in_pieces(stream, clips(batch, sum(sizes)), sizes)
    assert len(seen["traces"]) == 2  # one frame, and any number


def test_the_frames_of_a_piece_go_through_the_cnn_together():
    model, seen = counting()
    stream, inputs = Stream(model, at_once=10), clips()
    seen["runs"].clear()
    got = in_pieces(stream, inputs, (4, 1, 7))  # of 2 clips each: 5 frames of each at most
    assert seen["runs"] == [8, 2, 10, 4]
    assert_equals(got, model(inputs))


def test_constant_weights():
    """The numbers are the same; a CNN that is trained further is seen only where they are not constant."""
    model, inputs = variants.shaken(variants.build("lrcn")), clips(time=4)
    before = model(inputs)
    plain, constant = Stream(model), Stream(model, constant=True)
    for stream in (plain, constant):
        assert_equals(in_pieces(stream, inputs, (1, 3)), before)
    cnn = model.get_layer("rgb_backbone")
    cnn.set_weights([weight * 1.5 for weight in cnn.get_weights()])
    assert np.abs(model(inputs)["steps"] - before["steps"]).max() > 1e-3
    assert_equals(in_pieces(plain, inputs, (1, 3)), model(inputs))
    assert_equals(in_pieces(constant, inputs, (1, 3)), before)


def test_memory_does_not_grow():
    stream, inputs, sizes = Stream(multi_lstm()), clips(), set()
    for _ in range(3):
        stream.push(inputs)
        sizes.add(sum(value.numpy().nbytes for value in stream._states.values()))
    h_and_c, window, keys, averages = 2 * 6, 4 * 64, 4 * 100, 2 * 4 * 4
    assert sizes == {2 * 4 * (h_and_c + window + 4 + keys + averages)}  # 2 clips, 4 bytes


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"flow": clips()["rgb"]}, "reads rgb. Received: flow"),
        ({"rgb": clips()["rgb"].astype("float32")}, r"rgb must be \(B, t, 32, 32, 3\) uint8. Received: .*float32"),
        ({"rgb": clips()["rgb"][:, :, :16]}, r"Received: \(2, 12, 16, 32, 3\)"),
        ({"rgb": clips()["rgb"][0]}, r"Received: \(12, 32, 32, 3\)"),
    ],
)
def test_inputs_are_checked(inputs, message):
    stream, model_input = Stream(variants.build("lrcn")), clips()
    before = stream.push(model_input)
    with pytest.raises(ValueError, match=message):
        stream.push(inputs)
    with pytest.raises(ValueError, match="same batch size, 2 here. Received: 1"):
        stream.push(clips(batch=1))
    stream.end()
    np.testing.assert_array_equal(stream.push(model_input)["steps"], before["steps"])


def test_streams_of_a_piece_are_of_one_length():
    parts = {stream: models.CLASSES["lrcn"](**TINY, units=4) for stream in ("rgb", "flow")}
    model = models.build("two_stream", dict.fromkeys(parts, (None, 32, 32, 3)), 3, **parts)
    stream, frames = Stream(variants.shaken(model)), clips()["rgb"]
    with pytest.raises(ValueError, match="same batch size and length"):
        stream.push({"rgb": frames, "flow": frames[:, :5]})
    inputs = {"rgb": frames, "flow": 255 - frames}
    assert_equals(in_pieces(stream, inputs, (3, 7, 2)), model(inputs))


def test_an_end_without_a_beginning():
    stream = Stream(variants.build("lrcn"))
    with pytest.raises(ValueError, match="at least one piece"):
        stream.end()
    with pytest.raises(ValueError, match="at_once must be 1 or more. Received: 0"):
        Stream(variants.build("lrcn"), at_once=0)
