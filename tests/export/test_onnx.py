"""ONNX files: what onnxruntime alone says, the recipe in them, and what is refused."""

import importlib.util
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from export import onnx as onnx_export
from export import verify
from videorec.config import UserError
from videorec.inference import engines
from videorec.runs.run import Run
from videorec.tasks.recognition.serving import RecognitionServing

ALONE = """
import json, sys
for name in ("tensorflow", "keras", "videorec"):
    sys.modules[name] = None  # importing it fails
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
recipe = json.loads(session.get_modelmeta().custom_metadata_map["recipe"])
(stream,) = recipe["streams"].values()
clips = np.load(sys.argv[2])
assert clips.shape[1:3] == (stream["frames"], recipe["pictures"]["resize"][0])
(probabilities,) = session.run(["probabilities"], {stream["input"]: clips})
print(json.dumps({"probabilities": probabilities.tolist(), "classes": recipe["classes"], "export": recipe["export"]}))
"""


@pytest.fixture(scope="module")
def run(untrained, tmp_path_factory) -> Run:
    """A copy, to which an export is added."""
    return Run(shutil.copytree(untrained.folder, tmp_path_factory.mktemp("onnx") / "x"))


@pytest.fixture(scope="module")
def path(run):
    """The run's ONNX file; skips where the packages are not installed."""
    for package in onnx_export.PACKAGES:
        pytest.importorskip(package, reason=f"{package} is not installed")
    assert onnx_export.main([str(run.folder)]) == 0
    return run.folder / "model.onnx"


def test_the_file_needs_onnxruntime_alone(run, path, tmp_path):
    clips = np.stack([clip["rgb"] for clip in RecognitionServing(run).examples(3)])
    np.save(tmp_path / "clips.npy", clips)
    line = [sys.executable, "-P", "-c", ALONE, str(path), str(tmp_path / "clips.npy")]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    expected = run.load_model().predict_on_batch({"rgb": clips[:, :, 2:22, 4:28]})["probabilities"]
    assert expected.std(axis=0).max() > 0.02
    np.testing.assert_allclose(got["probabilities"], expected, atol=1e-5)
    assert got["classes"] == list(run.classes)
    assert got["export"] == {"form": "onnx", "quantize": "none", "streaming": False}


def test_the_table_has_a_row_of_it(run, path, capsys):
    assert verify.main([str(run.folder), "--videos", "0"]) == 0
    assert "ONNX: probabilities differ by" in capsys.readouterr().out


def test_a_damaged_file(path, tmp_path):
    (tmp_path / "cut.onnx").write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"cut\.onnx cannot be read: .* It must be an ONNX file of export\.onnx, whole"):
        engines.onnx_engine(tmp_path / "cut.onnx", {"rgb": "frames"})


def test_a_model_that_does_not_convert_is_refused_by_name(run, path, monkeypatch):
    def broken(*args, **kwargs):
        raise ValueError("Tensorflow op [x: Split] is not supported\nmore")

    monkeypatch.setattr(keras.Model, "export", broken)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"^lrcn does not convert to ONNX: Tensorflow op \[x: Split\] is not supported$"):
        onnx_export.main([str(run.folder)])
    assert path.read_bytes() == before


def test_missing_packages_are_named(run, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "tf2onnx" else real(name, *rest))
    with pytest.raises(UserError, match=r"Missing: tf2onnx\. Install them with pip install -r requirements-onnx\.txt"):
        onnx_export.main([str(run.folder)])
