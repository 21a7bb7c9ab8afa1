"""Clips of any size, resized and cropped in the graph: SavedModel and TFLite give what Keras gives. That each model exports is
tested with the models."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from variants import FRAMES, build, streams

from export import tflite
from videorec.config import Data, Experiment, Flow
from videorec.inference import graphs
from videorec.tasks.recognition.serving import RecognitionServing

CLASSES = ("a", "b", "c")
KINDS = ["lrcn", "short_snippets_pooling-local", "two_stream-mixed", "two_stream-fixed"]  # streams of open and fixed length


@pytest.fixture(scope="module", params=KINDS)
def exported(request):
    """A run (what exports read of it), its model, real-sized clips, and what Keras says; flow is longer where it may be."""
    model = build(request.param)
    stream = "both" if len(streams(request.param)) == 2 else "rgb"
    length = model.input["flow"].shape[1] or FRAMES + 1 if stream == "both" else None
    data = Data(stream=stream, frames=FRAMES, flow=Flow(frames=length), resize=(36, 40), crop=(32, 32))
    rng = np.random.default_rng(0)
    clips = {name: rng.integers(0, 256, (2, data.of(name).frames, 36, 40, 3), np.uint8) for name in data.streams}
    middle = {name: clip[:, :, 2:34, 4:36] for name, clip in clips.items()}
    expected = {key: value.numpy() for key, value in model(middle, training=False).items()}
    named = {name if stream == "both" else "frames": clip for name, clip in clips.items()}
    return SimpleNamespace(experiment=Experiment(data=data), classes=CLASSES), model, named, expected


def assert_close(got, expected):
    assert expected.keys() <= got.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(got[key], values, atol=1e-5, rtol=1e-5)


def test_saved_model(exported, tmp_path):
    run, model, clips, expected = exported
    graph = RecognitionServing(run).signatures(model)["clips"]()
    graphs.save(model, {"clips": graph}, tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    got = loaded.signatures["clips"](**{name: tf.constant(clip) for name, clip in clips.items()})
    assert_close(got, expected)


def test_tflite(exported):
    run, model, clips, expected = exported
    interpreter = tf.lite.Interpreter(model_content=tflite.convert(RecognitionServing(run), model))
    operations = {op["op_name"] for op in interpreter._get_ops_details()}
    assert not [name for name in operations if name.startswith("Flex") or name == "CUSTOM"]
    runner = interpreter.get_signature_runner()
    rows = [runner(**{name: clip[i : i + 1] for name, clip in clips.items()}) for i in range(2)]
    assert_close({key: np.concatenate([row[key] for row in rows]) for key in rows[0]}, expected)
