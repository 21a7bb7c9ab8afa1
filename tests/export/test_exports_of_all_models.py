"""Every registered model exports: SavedModel and TFLite with built-in operations give what Keras gives."""

import numpy as np
import pytest
import tensorflow as tf
from variants import FRAMES, VARIANTS, build

from export import common, saved_model, tflite
from videorec.config import Data

DATA = Data(frames=FRAMES, resize=(36, 40), crop=(32, 32))
CLASSES = ("a", "b", "c")


@pytest.fixture(scope="module", params=VARIANTS)
def exported(request):
    """A model, real-sized clips, and what Keras says of them."""
    model = build(request.param)
    frames = np.random.default_rng(0).integers(0, 256, (2, FRAMES, *DATA.resize, 3), np.uint8)
    expected = {key: value.numpy() for key, value in common.predict_resized(model, tf.constant(frames), DATA).items()}
    return model, frames, expected


def assert_close(got, expected):
    assert expected.keys() <= got.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(got[key], values, atol=1e-5, rtol=1e-5)


def test_saved_model(exported, tmp_path):
    model, frames, expected = exported
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES))
    module = saved_model.serving_module(model, DATA, CLASSES, tmp_path / "classes.txt")
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": module.frames})
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    got = loaded.signatures["serving_default"](frames=tf.constant(frames))
    assert_close(got, expected)


def test_tflite(exported):
    model, frames, expected = exported
    interpreter = tf.lite.Interpreter(model_content=tflite.convert(model, DATA))
    operations = {op["op_name"] for op in interpreter._get_ops_details()}
    assert not [name for name in operations if name.startswith("Flex") or name == "CUSTOM"]
    runner = interpreter.get_signature_runner()
    rows = [runner(frames=clip[None]) for clip in frames]
    assert_close({key: np.concatenate([row[key] for row in rows]) for key in rows[0]}, expected)
