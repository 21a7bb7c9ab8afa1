import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import UserError
from videorec.layers import TimeDistributed
from videorec.models import backbones
from videorec.models.split import cut, has_frozen_part, split

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
    assert has_frozen_part(model)
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
    assert has_frozen_part(loaded) and not loaded.get_layer("rgb_backbone").trainable_weights
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


def test_a_backbone_trained_whole_is_refused():
    model = models.build("lrcn", {"rgb": (3, 32, 32, 3)}, classes=4, trainable_from="all", tap="fc", **TINY)
    assert not has_frozen_part(model)
    with pytest.raises(UserError, match="begins with frozen layers.*trained from its first layer on.*trainable_from"):
        split(model)
    features, head = cut(model)
    assert_equal(predict(head, predict(features, CLIPS)), predict(model, CLIPS))


# === Trained from a layer on ===

MOBILENET = {"backbone": "mobilenet_v2_035", "weights": None}
SHAPES = {  # maps of 32 x 32 frames that enter the first trained layer, those that lead past it, and percepts below it
    "lrcn block_13_expand": {"rgb": (2, 2, 32)},
    "lrcn block_14_project": {"rgb_0": (1, 1, 336), "rgb_1": (1, 1, 56)},
    "conv_lstm block_15_expand": {"rgb": (1, 1, 56)},
    "gru_rcn block_13_expand": {"rgb_0": (2, 2, 32), "rgb_1": (8, 8, 8), "rgb_2": (4, 4, 16)},
}


@pytest.mark.parametrize("case", SHAPES)
def test_cut_where_training_begins(case):
    name, layer = case.split()
    extra = {"filters": (2, 2, 2, 2, 2)} if name == "gru_rcn" else {}
    model = models.build(name, {"rgb": (None, 32, 32, 3)}, classes=4, trainable_from=layer, **extra, **MOBILENET)
    features, head = split(model)
    cached = predict(features, CLIPS)
    assert {key: x.shape[2:] for key, x in cached.items()} == SHAPES[case]
    assert not features.trainable_weights and len(head.trainable_weights) == len(model.trainable_weights)
    assert_equal(predict(head, cached), predict(model, CLIPS))
    assert head.output_names == model.output_names


def test_a_step_on_stored_maps_is_a_step_of_the_whole_model():
    """One of the two streams is frozen, the other trained from a layer on; the largest change is well above the rounding."""
    part = {"backbone": "tiny", "weights": None, "tap": "fc", "units": 4, "dropout": 0.0, "output_dropout": 0.0}
    lrcn = models.CLASSES["lrcn"]
    parts = {"rgb": lrcn(**part, trainable_from="conv3"), "flow": lrcn(**part, trainable_from="none")}
    whole = models.build("two_stream", dict.fromkeys(("rgb", "flow"), (3, 16, 16, 3)), classes=4, **parts)
    again = models.build("two_stream", dict.fromkeys(("rgb", "flow"), (3, 16, 16, 3)), classes=4, **parts)
    again.set_weights(whole.get_weights())
    features, head = split(again)
    clips = {name: CLIPS["rgb"][:, :, k : k + 16, :16] for k, name in enumerate(("rgb", "flow"))}
    cached = predict(features, clips)
    assert cached["rgb"].shape == (4, 3, 4, 4, 32) and cached["flow"].shape == (4, 3, 64)
    before = whole.get_weights()
    for model, x in ((whole, clips), (head, cached)):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), {"rgb_steps": loss, "flow_steps": loss})
        model.train_on_batch(x, {name: np.ones((4, 3)) for name in ("rgb_steps", "flow_steps")})
    changes = {}
    for weight, start, ours, theirs in zip(whole.weights, before, whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6, err_msg=weight.path)
        changes.setdefault(weight.path.split("/")[0], []).append(np.abs(ours - start).max())
    assert max(changes["conv3"]) > 1e-4 and max(changes["conv2"]) == 0  # of both streams


def test_a_model_without_backbone_cannot_be_cut():
    x = keras.Input((3, 32, 32, 3), name="rgb")
    with pytest.raises(ValueError, match="_backbone"):
        cut(keras.Model({"rgb": x}, {"steps": keras.layers.GlobalAveragePooling3D()(x)}))
