"""Exports equal Keras, take raw frames, and run where videorec was never imported."""

import json
import subprocess
import sys
import zipfile

import cv2
import keras
import numpy as np
import pytest

import train
from export import common, saved_model, tflite, verify
from videorec.config import Data, UserError
from videorec.run import Run

SMALL = (
    "--data.frames 4 --data.resize 24 32 --data.crop 24 24 --data.workers 2 --model.units 8 --train.batch 8 --train.epochs 1"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory, synthetic) -> Run:
    """A trained run with both exports, made by the command lines."""
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert train.main(f"quickstart --name x --data.path {synthetic} {SMALL}".split()) == 0
        assert saved_model.main(["runs/x"]) == 0
        assert tflite.main(["runs/x"]) == 0
        assert verify.main(["runs/x"]) == 0
    return Run(folder / "runs" / "x")


OUTSIDE = """
import json, sys
import numpy as np, tensorflow as tf
frames, folder, lite = np.load(sys.argv[1]), sys.argv[2], sys.argv[3]
loaded = tf.saved_model.load(folder)
out = loaded.signatures["serving_default"](frames=tf.constant(frames))
jpeg = [[tf.io.encode_jpeg(f, quality=100, chroma_downsampling=False).numpy() for f in clip] for clip in frames]
encoded = loaded.signatures["serve_jpeg"](images=tf.constant(jpeg))
runner = tf.lite.Interpreter(lite).get_signature_runner()
lite_out = [runner(frames=clip[None])["probabilities"][0].tolist() for clip in frames]
assert "videorec" not in sys.modules and "keras" not in str(loaded.__class__)
print(json.dumps({"p": out["probabilities"].numpy().tolist(), "jpeg": encoded["probabilities"].numpy().tolist(),
    "classes": [c.decode() for c in out["classes"].numpy()], "lite": lite_out, "ops": [
    op["op_name"] for op in tf.lite.Interpreter(lite)._get_ops_details()]}))
"""


def test_exports_equal_keras_in_a_process_without_videorec(run, tmp_path):
    clips = np.stack(common.clips(run))
    assert clips.shape == (4, 4, 24, 32, 3)
    np.save(tmp_path / "clips.npy", clips)
    line = [sys.executable, "-c", OUTSIDE, "clips.npy", run.folder / "saved_model", run.folder / "model.tflite"]
    result = subprocess.run(list(map(str, line)), cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    got = json.loads(result.stdout.splitlines()[-1])
    expected = keras.ops.convert_to_numpy(run.load_model()({"rgb": clips[:, :, :, 4:28]})["probabilities"])
    np.testing.assert_allclose(got["p"], expected, atol=1e-5)
    np.testing.assert_allclose(got["lite"], expected, atol=1e-5)
    assert np.abs(np.array(got["jpeg"]) - expected).max() < 0.02  # JPEG loses a little
    assert got["classes"] == list(run.classes)
    assert not [op for op in got["ops"] if op.startswith("Flex") or op == "CUSTOM"]


def test_class_names_lie_in_the_tflite_file(run):
    with zipfile.ZipFile(run.folder / "model.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == list(run.classes)


@pytest.mark.parametrize("shape", [(1, 4, 24, 32), (3, 4, 24, 32), (2, 9, 24, 32), (1, 1, 100, 70), (1, 4, 10, 200)])
def test_any_batch_length_and_size(run, shape):
    import tensorflow as tf

    frames = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    loaded = tf.saved_model.load(str(run.folder / "saved_model"))
    out = loaded.signatures["serving_default"](frames=tf.constant(frames))
    assert out["probabilities"].shape == (shape[0], 8) and out["steps"].shape == (*shape[:2], 8)
    np.testing.assert_allclose(out["probabilities"].numpy().sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("fit", ["stretch", "crop"])
@pytest.mark.parametrize("size", [(24, 32), (48, 64), (97, 141), (200, 90), (12, 16), (20, 300)])
def test_resizing_in_the_graph_is_that_of_the_pipeline(fit, size):
    from videorec.data.decode import fit_frame

    rng = np.random.default_rng(0)
    frame = cv2.GaussianBlur(rng.integers(0, 256, (*size, 3), np.uint8), (5, 5), 1)
    got = saved_model.fit_frames(frame[None], Data(resize=(24, 32), fit=fit))[0].numpy().astype(int)
    expected = fit_frame(frame, 24, 32, fit).astype(int)
    assert np.abs(got - expected).max() <= 2
    assert np.abs(got - expected).mean() < 0.3


def test_verify_fails_where_the_export_differs(run, capsys, monkeypatch):
    monkeypatch.setattr(common, "tolerance", lambda run: -1.0)
    assert verify.main([str(run.folder)]) == 1
    assert "passes the limit" in capsys.readouterr().out


def test_errors(run, tmp_path):
    with pytest.raises(UserError, match="is no run folder"):
        saved_model.main([str(tmp_path)])
    (tmp_path / "file").write_text("")
    for export in (saved_model.export, tflite.export):
        with pytest.raises(UserError, match="--out"):
            export(run, tmp_path / "file" / "x")


def test_mixed_precision_is_exported_in_float32(tmp_path, synthetic, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = f"quickstart --name half --data.path {synthetic} {SMALL} --train.precision mixed_float16"
    try:
        assert train.main(args.split()) == 0
        run = Run("runs/half")
        assert common.float32_model(run).get_layer("lstm").compute_dtype == "float32"
        assert tflite.main(["runs/half"]) == 0
    finally:
        keras.config.set_dtype_policy("float32")
