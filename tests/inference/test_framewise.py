"""Frames in parts through the CNN give what the whole model gives."""

import keras
import numpy as np
import pytest

from videorec import models
from videorec.inference.framewise import Framewise
from videorec.layers import TimeDistributed
from videorec.models.split import backbone_layers, split

TINY = {"backbone": "tiny", "weights": None}


def clips(batch, frames, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, frames, 32, 32, 3), np.uint8)


def lrcn(frames=None, **settings):
    return models.build("lrcn", {"rgb": (frames, 32, 32, 3)}, classes=4, units=8, **TINY | settings)


def assert_equal(got, expected):
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        assert isinstance(got[key], np.ndarray) and got[key].dtype == value.dtype
        np.testing.assert_allclose(got[key], value, atol=1e-5)


def count_frames(framewise):
    """The numbers of frames of each call of a CNN, by stream."""
    seen = {}
    for stream, cnn in framewise._cnns.items():
        seen[stream] = []

        def counted(frames, call=cnn.predict_on_batch, numbers=seen[stream]):
            numbers.append(len(frames))
            return call(frames)

        cnn.predict_on_batch = counted
    return seen


@pytest.mark.parametrize("settings", [{"tap": "fc"}, {"tap": "map"}, {"trainable_from": "all"}, {"frames": 7}])
@pytest.mark.parametrize("at_once", [1, 5, 20, 21])
def test_equal_to_the_whole_model(settings, at_once):
    model, inputs = lrcn(**settings), {"rgb": clips(3, 7)}
    framewise = Framewise(model, at_once)
    seen = count_frames(framewise)
    assert_equal(framewise.predict(inputs), model.predict_on_batch(inputs))
    assert seen["rgb"] == {1: [1] * 21, 5: [5, 4, 4, 4, 4], 20: [11, 10], 21: []}[at_once]  # 21 frames: as it is


def test_batches_of_any_size():
    model = lrcn()
    framewise = Framewise(model, 4)
    for batch, frames in [(2, 9), (1, 3), (1, 9), (5, 1)]:
        inputs = {"rgb": clips(batch, frames)}
        assert_equal(framewise.predict(inputs), model.predict_on_batch(inputs))


def test_tensors_are_taken_too():
    model, inputs = lrcn(), clips(2, 6)
    tensors = {"rgb": keras.ops.convert_to_tensor(inputs)}
    assert_equal(Framewise(model, 4).predict(tensors), model.predict_on_batch({"rgb": inputs}))


def test_two_streams_of_other_lengths():
    model = models.build(
        "two_stream", {"rgb": (None, 32, 32, 3), "flow": (None, 32, 32, 3)}, 4, rgb=tiny("lrcn"), flow=tiny("fc_lstm")
    )
    inputs = {"rgb": clips(2, 4), "flow": clips(2, 9, seed=1)}
    framewise = Framewise(model, 10)
    seen = count_frames(framewise)
    assert_equal(framewise.predict(inputs), model.predict_on_batch(inputs))
    assert seen == {"rgb": [8], "flow": [9, 9]}


def tiny(name):
    return models.CLASSES[name](**TINY)


def test_backbones_with_several_outputs():
    model = models.build("gru_rcn", {"rgb": (5, 32, 32, 3)}, classes=4, filters=(4, 4, 4, 4), **TINY)
    inputs = {"rgb": clips(2, 5)}
    framewise = Framewise(model, 3)
    assert_equal(framewise.predict(inputs), model.predict_on_batch(inputs))
    features = split(model)[0]
    assert len(features.output) > 1
    assert_equal(framewise.features(inputs), features.predict_on_batch(inputs))


def test_features_of_a_model_that_ends_in_them():
    """What the feature cache fills from: a model without a head."""
    features, _ = split(lrcn(tap="map"))
    inputs = {"rgb": clips(2, 5)}
    expected = features.predict_on_batch(inputs)
    assert list(expected) == ["rgb"] and expected["rgb"].shape[:2] == (2, 5)
    for at_once in (3, 100):
        assert_equal(Framewise(features, at_once).features(inputs), expected)


def test_a_model_without_backbones_gets_its_inputs_as_they_are():
    frames = keras.Input((None, 8, 8, 3), name="rgb")
    model = keras.Model({"rgb": frames}, {"steps": keras.layers.GlobalAveragePooling3D()(frames)})
    inputs = {"rgb": np.random.default_rng(0).random((3, 5, 8, 8, 3), np.float32)}
    np.testing.assert_allclose(Framewise(model, 2).predict(inputs)["steps"], inputs["rgb"].mean((1, 2, 3)), atol=1e-6)


def test_batch_normalisation_predicts():
    """Parts of a batch must not be normalised by their own statistics."""
    model = lrcn(backbone="mobilenet_v2", trainable_from="all", tap="pooled")
    inputs = {"rgb": clips(1, 5)}
    assert_equal(Framewise(model, 2).predict(inputs), model.predict_on_batch(inputs))


def test_the_model_is_left_as_it_was(tmp_path):
    model = lrcn()
    before = [weight.path for weight in model.weights], model.get_config()
    Framewise(model, 2).predict({"rgb": clips(1, 5)})
    assert ([weight.path for weight in model.weights], model.get_config()) == before
    model.save(tmp_path / "model.keras")
    assert list(backbone_layers(keras.saving.load_model(tmp_path / "model.keras"))) == ["rgb"]


def test_few_graphs_are_traced():
    """A retrace for each batch would take longer than the batch."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("counts TensorFlow's traces")
    traces = 0

    class Counted(keras.layers.Layer):
        def call(self, x):
            nonlocal traces
            traces += 1
            return keras.ops.cast(x, "float32")

    frame = keras.Input((32, 32, 3), dtype="uint8")
    cnn = keras.Model(frame, keras.layers.GlobalAveragePooling2D()(Counted()(frame)))
    stream = keras.Input((None, 32, 32, 3), dtype="uint8", name="rgb")
    steps = keras.layers.Dense(2)(TimeDistributed(cnn, name="rgb_backbone")(stream))
    framewise = Framewise(keras.Model({"rgb": stream}, {"steps": steps}), 4)
    traces = 0
    for batch, frames in [(2, 9), (2, 9), (1, 9), (3, 10), (2, 7), (2, 9)]:
        framewise.predict({"rgb": clips(batch, frames)})
    assert 1 <= traces <= 4


def test_at_once_is_positive():
    with pytest.raises(ValueError, match="at_once must be 1 or more. Received: 0"):
        Framewise(lrcn(), 0)
