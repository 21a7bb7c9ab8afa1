"""Exports by the command lines: they equal Keras, take raw frames, and run where videorec was never imported."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from untrained_runs import untrained_run

from export import common, saved_model, tflite, verify
from videorec import cli
from videorec.config import Data, UserError
from videorec.data.synthetic import CLASSES
from videorec.runs.run import Run
from videorec.tasks.recognition.serving import RecognitionServing

SMALL = (
    "--data.frames 4 --data.resize 24 32 --data.crop 24 24 --data.workers 2 --model.units 8 --train.batch 8 --train.epochs 1"
)


def made(words: str) -> Run:
    """The run runs/x of a command line of train.py, but for its weights."""
    experiment = cli.parse_experiment([*words.split(), "--name", "x"], "")
    return untrained_run(Path("runs/x"), experiment, CLASSES, 0.3)


@pytest.fixture(scope="module")
def run(tmp_path_factory, synthetic) -> Run:
    """A run with both exports, made by the command lines."""
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made(f"quickstart --data.path {synthetic} {SMALL}")
        assert saved_model.main(["runs/x", "--no-verify"]) == 0
        assert tflite.main(["runs/x", "--no-verify"]) == 0
        assert verify.main(["runs/x", "--videos", "0"]) == 0
    return Run(folder / "runs" / "x")


def test_class_names_lie_in_the_tflite_file(run):
    with zipfile.ZipFile(run.folder / "model.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == list(run.classes)


def test_any_batch_length_and_size(run):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(run.folder / "saved_model"))
    for shape in [(3, 4, 24, 32), (2, 9, 24, 32), (1, 1, 100, 70), (1, 4, 10, 200)]:
        frames = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
        out = loaded.signatures["serving_default"](frames=tf.constant(frames))
        assert out["probabilities"].shape == (shape[0], 8) and out["steps"].shape == (shape[0], 4, 8)
        np.testing.assert_allclose(out["probabilities"].numpy().sum(1), 1, atol=1e-5)
        assert loaded.signatures["clips"](frames=tf.constant(frames))["steps"].shape == (*shape[:2], 8)


def test_verify_fails_where_the_export_differs(run, capsys, monkeypatch):
    monkeypatch.setattr(RecognitionServing, "tolerance", lambda self: -1.0)
    assert verify.main([str(run.folder), "--videos", "0"]) == 1
    assert "passes the limit" in capsys.readouterr().out


def test_errors(run, tmp_path):
    with pytest.raises(UserError, match="is no run folder"):
        saved_model.main([str(tmp_path)])
    (tmp_path / "file").write_text("")
    for script in (saved_model, tflite):
        with pytest.raises(UserError, match="--out"):
            script.main([str(run.folder), "--out", str(tmp_path / "file" / "x")])


def test_mixed_precision_is_exported_in_float32(tmp_path, synthetic, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        run = made(f"quickstart --data.path {synthetic} {SMALL} --train.precision mixed_float16")
        assert run.load_model().get_layer("lstm").compute_dtype == "float16"
        assert common.float32_model(RecognitionServing(run)).get_layer("lstm").compute_dtype == "float32"
        assert tflite.main(["runs/x"]) == 0
    finally:
        keras.config.set_dtype_policy("float32")


# === Two streams ===

TINY = " ".join(
    f"--model.{stream}.backbone tiny --model.{stream}.tap fc --model.{stream}.weights None --model.{stream}.units 4"
    for stream in ("rgb", "flow")
)
TWO = f"{TINY} {SMALL.replace('--model.units 8 ', '')} --data.flow.frames 3 --data.flow.short-side 32"


@pytest.fixture(scope="module")
def two(tmp_path_factory, synthetic) -> Run:
    """A run of frames and flow with both exports, made and compared by the command lines."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made(f"two_stream --data.path {synthetic} {TWO}")
        assert saved_model.main(["runs/x", "--no-verify"]) == 0
        assert tflite.main(["runs/x", "--no-verify"]) == 0
        assert verify.main(["runs/x", "--videos", "0"]) == 0
    return Run(folder / "runs" / "x")


OUTSIDE_TWO = """
import json, sys
import numpy as np, tensorflow as tf
clips, folder, lite = dict(np.load(sys.argv[1])), sys.argv[2], sys.argv[3]
loaded = tf.saved_model.load(folder)
out = loaded.signatures["serving_default"](**{k: tf.constant(v) for k, v in clips.items()})
png = {k: tf.constant([[tf.io.encode_png(f).numpy() for f in clip] for clip in v]) for k, v in clips.items()}
encoded = loaded.signatures["serve_jpeg"](**png)
runner = tf.lite.Interpreter(lite).get_signature_runner()
rows = [runner(**{k: v[i : i + 1] for k, v in clips.items()}) for i in range(len(clips["rgb"]))]
assert "videorec" not in sys.modules
keys = ("probabilities", "rgb_probabilities", "flow_probabilities")
print(json.dumps({"saved": {k: out[k].numpy().tolist() for k in keys}, "png": encoded["probabilities"].numpy().tolist(),
    "lite": {k: [row[k][0].tolist() for row in rows] for k in keys}, "inputs": {k: list(v["shape"]) for k, v in
    runner.get_input_details().items()}}, default=int))
"""


def test_two_streams_in_a_process_without_videorec(two, tmp_path):
    clips = RecognitionServing(two).examples(4)
    clips = {stream: np.stack([clip[stream] for clip in clips]) for stream in ("rgb", "flow")}
    assert (clips["rgb"].shape, clips["flow"].shape) == ((4, 4, 24, 32, 3), (4, 3, 24, 32, 3))
    np.savez(tmp_path / "clips.npz", **clips)
    line = [sys.executable, "-c", OUTSIDE_TWO, "clips.npz", two.folder / "saved_model", two.folder / "model.tflite"]
    result = subprocess.run(list(map(str, line)), cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    got = json.loads(result.stdout.splitlines()[-1])
    expected = two.load_model()({stream: clip[:, :, :, 4:28] for stream, clip in clips.items()})
    for key in ("probabilities", "rgb_probabilities", "flow_probabilities"):
        for rows in (got["saved"], got["lite"]):
            np.testing.assert_allclose(rows[key], keras.ops.convert_to_numpy(expected[key]), atol=1e-5)
    np.testing.assert_allclose(got["png"], got["saved"]["probabilities"], atol=1e-6)  # PNG loses nothing
    assert got["inputs"] == {"rgb": [1, 4, 24, 32, 3], "flow": [1, 3, 24, 32, 3]}


def test_each_stream_has_its_own_length_and_size(two):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    clips = {
        "rgb": rng.integers(0, 256, (2, 5, 50, 70, 3), np.uint8),
        "flow": rng.integers(0, 256, (2, 9, 30, 20, 3), np.uint8),
    }
    loaded = tf.saved_model.load(str(two.folder / "saved_model"))
    out = loaded.signatures["clips"](**{stream: tf.constant(clip) for stream, clip in clips.items()})
    assert out["rgb_steps"].shape[:2] == (2, 5) and out["flow_steps"].shape[:2] == (2, 9)
    assert out["probabilities"].shape == (2, 8)


def test_clips_of_prepared_pictures(synthetic, tmp_path):
    """Prepared JPEGs at a short side above that of the run are decoded and resized."""
    from types import SimpleNamespace

    from videorec.config import Experiment
    from videorec.tools import prepare

    assert prepare.main([str(synthetic), str(tmp_path / "p"), "--short-side", "40", "--quality", "95"]) == 0
    video = Experiment("x", Data(path=str(synthetic), frames=4, resize=(24, 32), crop=(24, 24)))
    stored = Experiment("x", Data(path=str(tmp_path / "p"), frames=4, resize=(24, 32), crop=(24, 24)))
    expected, got = (RecognitionServing(SimpleNamespace(experiment=x, record=None)).examples(3) for x in (video, stored))
    for a, b in zip(expected, got, strict=True):
        assert b["rgb"].shape == (4, 24, 32, 3)
        assert np.abs(a["rgb"].astype(int) - b["rgb"]).mean() < 4
