import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import UserError

TINY = {"backbone": "tiny", "tap": "fc", "weights": None}
PAPER = {"backbone": "caffenet_hybrid", "tap": "fc", "weights": None, "dropout": 0.9, "uniform_init": 0.01}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    "stream, units, total, lstm", [("rgb", 256, 65_421_285, 4_457_472), ("flow", 1024, 82_016_997, 20_975_616)]
)
def test_parameters_of_the_paper(stream, units, total, lstm):
    model = models.build("lrcn", {stream: (16, 227, 227, 3)}, classes=101, units=units, **PAPER)
    assert model.count_params() == total
    assert model.get_layer("lstm").count_params() == lstm
    assert model.get_layer(f"{stream}_backbone").count_params() == 60_937_856
    kernel, _, bias = model.get_layer("lstm").get_weights()
    assert 0.009 < np.abs(kernel).max() <= 0.01
    assert np.all(bias == 0)


def test_head_equals_numpy():
    model = models.build("lrcn", {"rgb": (3, 32, 32, 3)}, classes=4, units=5, **TINY)
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32, 3)).astype("uint8")
    got = model.predict({"rgb": x}, verbose=0)
    kernel, recurrent, bias = model.get_layer("lstm").get_weights()
    weight, offset = model.get_layer("steps").get_weights()
    cnn = model.get_layer("rgb_backbone").layer
    h = c = np.zeros((2, 5))
    steps = []
    for t in range(3):
        i, f, g, o = np.split(np.asarray(cnn(x[:, t])) @ kernel + h @ recurrent + bias, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h @ weight + offset)
    steps = np.stack(steps, axis=1)
    softmax = np.exp(steps) / np.exp(steps).sum(-1, keepdims=True)
    np.testing.assert_allclose(got["steps"], steps, atol=1e-5)
    np.testing.assert_allclose(got["probabilities"], softmax.mean(axis=1), atol=1e-5)


def test_map_is_flattened():
    model = models.build("lrcn", {"rgb": (None, 32, 48, 3)}, classes=4, **TINY | {"tap": "map"})
    assert model.get_layer("lstm").input.shape == (None, None, 4 * 6 * 64)


def test_bidirectional_sees_the_future():
    model = models.build("lrcn", {"flow": (3, 32, 32, 3)}, classes=4, units=8, bidirectional=True, **TINY)
    x = np.random.default_rng(0).integers(0, 256, (1, 3, 32, 32, 3)).astype("uint8")
    first = model.predict({"flow": x}, verbose=0)["steps"][:, 0]
    x[:, 2] = 255 - x[:, 2]
    assert np.abs(model.predict({"flow": x}, verbose=0)["steps"][:, 0] - first).max() > 1e-6


def test_backbone_from_the_file_of_a_trained_model(tmp_path):
    # The paper's LSTM network starts from the single-frame network.
    start = models.build("frame_average", {"rgb": (4, 32, 32, 3)}, classes=4, trainable_from="all", **TINY)
    start.save(tmp_path / "model.keras")
    settings = TINY | {"weights": str(tmp_path / "model.keras")}
    model = models.build("lrcn", {"rgb": (None, 32, 32, 3)}, classes=4, **settings)
    ours, theirs = (m.get_layer("rgb_backbone").get_weights() for m in (model, start))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_stream_only():
    shape = (4, 32, 32, 3)
    with pytest.raises(UserError, match="one stream"):
        models.build("lrcn", {"rgb": shape, "flow": shape}, **TINY)


def test_tflite_with_built_in_ops_only(tmp_path):
    import tensorflow as tf

    model = models.build("lrcn", {"rgb": (4, 32, 32, 3)}, classes=3, units=8, **TINY)
    spec = tf.TensorSpec((1, 4, 32, 32, 3), tf.uint8, name="rgb")
    model.export(tmp_path / "saved", input_signature=[{"rgb": spec}], verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    runner = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    x = np.random.default_rng(0).integers(0, 256, (1, 4, 32, 32, 3)).astype("uint8")
    expected = keras.tree.map_structure(np.asarray, model({"rgb": x}))
    for key, value in runner(rgb=x).items():
        np.testing.assert_allclose(value, expected[key], atol=1e-5)
