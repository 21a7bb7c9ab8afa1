import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import UserError
from videorec.layers import TimeDistributed
from videorec.models import backbones
from videorec.models.split import cut, is_frozen, split

TINY = {"backbone": "tiny", "weights": None}
CLIPS = {"rgb": np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32, 3)).astype("uint8")}


def predict(model, x):
    return {key: keras.ops.convert_to_numpy(value) for key, value in model(x, training=False).items()}


def assert_equal(a, b):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_allclose(a[key], b[key], atol=1e-6)


@pytest.mark.parametrize("tap", ["fc", "map"])
def test_training_the_head_trains_the_model(tmp_path, tap):
    model = models.build("lrcn", {"rgb": (None, 32, 32, 3)}, classes=4, units=8, tap=tap, **TINY)
    assert is_frozen(model)
    features, head = split(model)
    before = predict(model, CLIPS)
    cached = predict(features, CLIPS)
    assert list(cached) == ["rgb"] and list(head.input) == ["rgb"]
    assert head.output_names == model.output_names == ["probabilities", "steps"]
    assert_equal(predict(head, cached), before)

    loss = {"steps": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    head.compile("adam", loss=loss, metrics={"probabilities": ["sparse_categorical_accuracy"]}, run_eagerly=True)
    head.fit(cached, {"steps": np.ones((4, 3)), "probabilities": np.ones(4)}, epochs=2, verbose=0)
    after = predict(head, cached)
    assert np.abs(after["steps"] - before["steps"]).max() > 1e-4
    assert_equal(predict(model, CLIPS), after)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_equal(predict(loaded, CLIPS), after)
    assert is_frozen(loaded)
    features, head = split(loaded)
    assert_equal(predict(head, predict(features, CLIPS)), after)


def test_two_streams_with_several_taps():
    inputs, outputs = {}, []
    for stream in ("flow", "rgb"):
        taps = ["conv2", "conv4"] if stream == "rgb" else ["conv4"]
        inputs[stream] = keras.Input((None, 32, 32, 3), dtype="uint8", name=stream)
        backbone = backbones.build("tiny", (32, 32, 3), outputs=taps)
        x = TimeDistributed(backbone, name=f"{stream}_backbone")(inputs[stream])
        outputs += [keras.layers.GlobalAveragePooling3D()(y) for y in keras.tree.flatten(x)]
    model = keras.Model(inputs, {"steps": keras.layers.Dense(3, name="steps")(keras.layers.Concatenate()(outputs))})
    features, head = split(model)
    x = {"rgb": CLIPS["rgb"], "flow": 255 - CLIPS["rgb"]}
    cached = predict(features, x)
    assert sorted(cached) == ["flow", "rgb_0", "rgb_1"]
    assert_equal(predict(head, cached), predict(model, x))


def test_a_trained_backbone_is_refused():
    model = models.build("lrcn", {"rgb": (3, 32, 32, 3)}, classes=4, trainable_from="conv4", tap="fc", **TINY)
    assert not is_frozen(model)
    with pytest.raises(UserError, match="trainable_from"):
        split(model)


def test_a_trained_backbone_can_be_cut():
    model = models.build("lrcn", {"rgb": (3, 32, 32, 3)}, classes=4, trainable_from="conv4", tap="fc", **TINY)
    features, head = cut(model)
    assert_equal(predict(head, predict(features, CLIPS)), predict(model, CLIPS))


def test_a_model_without_backbone_cannot_be_cut():
    x = keras.Input((3, 32, 32, 3), name="rgb")
    with pytest.raises(ValueError, match="_backbone"):
        cut(keras.Model({"rgb": x}, {"steps": keras.layers.GlobalAveragePooling3D()(x)}))
