"""Run folders, exports and prepared folders that were made to do harm: refused by name, and nothing outside them is touched."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from videorec import Predictor
from videorec.config import UserError
from videorec.data.prepared.index import FORMAT, Prepared
from videorec.inference import engines, saved_graph
from videorec.runs.mirror import Mirror
from videorec.runs.run import Run
from videorec.storage import files


@pytest.fixture
def folder(tmp_path, old_runs) -> Path:
    """A run folder to change."""
    return Path(shutil.copytree(old_runs / "trained" / "clips", tmp_path / "run"))


def change(path: Path, *keys, to) -> None:
    """Set a value of a JSON file."""
    tree = holder = json.loads(path.read_text())
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = to
    path.write_text(json.dumps(tree))


# === Runs ===


@pytest.mark.parametrize("name", ["os.system", "__import__", "../../lrcn", "videorec.models.lrcn", "", 5, None, ["lrcn"], {}])
def test_models_of_odd_names(name, folder):
    change(folder / "config.json", "model", "name", to=name)
    with pytest.raises(UserError, match=r"config\.json.*[Nn]o model is called"):
        Run(folder)


@pytest.mark.parametrize("weights", ["../../secret.h5", "/etc/passwd", "..", ""])
def test_checkpoints_that_lie_elsewhere(weights, folder):
    (folder / "state").mkdir()
    entry = {"epoch": 1, "weights": weights, "sha256": "0", "counters": {}}
    (folder / "state" / "state.json").write_text(json.dumps([entry]))
    with pytest.raises(UserError, match=r"state\.json cannot be read: weights of a checkpoint must be a file beside it"):
        Run(folder).last_state()


def test_a_recipe_of_other_classes(folder):
    recipe = Run(folder).recipe
    (folder / "recipe.json").write_text(json.dumps(recipe | {"classes": ["x", *recipe["classes"][1:]]}))
    with pytest.raises(UserError, match=r"mixed from two runs: recipe\.json and classes\.txt name other classes"):
        _ = Run(folder).recipe


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "s3://other/evil", "state/../../evil"])
def test_remote_runs_that_name_files_elsewhere(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(files, "read", lambda path: json.dumps({"config.json": "0", name: "0"}).encode())
    copied = []
    monkeypatch.setattr(files, "copy", lambda source, path: copied.append(path))
    with pytest.raises(UserError, match="names .*evil', which is no file of the run"):
        Mirror("s3://bucket/runs/x").pull()
    assert not copied


# === Prepared folders ===


@pytest.mark.parametrize("shard", ["/etc/passwd", "../secret", "s3://other/x", "a/b"])
def test_shards_that_lie_elsewhere(shard, tmp_path):
    settings = {"streams": ["rgb"], "short_side": 8, "quality": 90, "fps": None, "flow": None, "videos_per_shard": 1}
    video = {"name": "a.avi", "labels": ["a"], "start": None, "end": None, "split": None, "group": None, "shard": 0}
    video |= {"rgb": {"pictures": 1, "records": [[0, 8, 0]]}}
    index = {"format": FORMAT, "settings": settings, "shards": [{"file": shard}], "videos": [video]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"index\.json cannot be read: a shard must lie beside it"):
        Prepared(str(tmp_path))


# === Exports ===


class Program(tf.Module):
    """Doubles numbers, and does something more on the side."""

    def __init__(self, aside):
        super().__init__()
        self._aside = aside
        self.factor = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec((None,), name="frames")])
    def call(self, frames):
        """A signature."""
        with tf.control_dependencies(self._aside()):
            return {"probabilities": self.factor * frames}


def saved(folder: Path, aside) -> Path:
    program = Program(aside)
    tf.saved_model.save(program, str(folder), signatures={"serving_default": program.call})
    return folder


ASIDE = {
    "WriteFile": lambda marker: [tf.io.write_file(str(marker), "x")],
    "ReadFile": lambda marker: [tf.io.read_file("/etc/passwd")],
    "MatchingFiles": lambda marker: [tf.io.matching_files("/etc/*")],
    "EagerPyFunc": lambda marker: [tf.py_function(lambda: marker.touch() or 0.0, [], tf.float32)],
    "PrintV2": lambda marker: [tf.print("x", output_stream=f"file://{marker}")],
    "SaveV2": lambda marker: [
        tf.raw_ops.SaveV2(prefix=str(marker), tensor_names=["x"], shape_and_slices=[""], tensors=[[1.0]])
    ],
    "TextLineDataset": lambda marker: [tf.data.TextLineDataset("/etc/passwd").take(1).get_single_element()],
}


@pytest.mark.parametrize("operation", sorted(ASIDE))
def test_saved_models_that_reach_for_files(operation, tmp_path):
    folder = saved(tmp_path / "x", lambda: ASIDE[operation](tmp_path / "marker"))
    (folder / "assets" / "recipe.json").write_text("{}")
    with pytest.raises(UserError, match=f"x cannot be read: it holds the operation {operation}, .*Export the run anew"):
        engines.saved_model_engine(folder, {"rgb": "frames"})
    assert not list(tmp_path.glob("marker*"))


def test_saved_models_that_compute_alone_are_read(tmp_path):
    folder = saved(tmp_path / "x", lambda: [tf.constant(1.0)])
    assert saved_graph.load(folder).signatures["serving_default"](frames=tf.constant([3.0]))["probabilities"] == 6.0


def test_tflite_files_with_operations_of_tensorflow(tmp_path):
    """What TFLite does not have itself would run in TensorFlow, where files can be written."""
    folder = saved(tmp_path / "x", lambda: ASIDE["WriteFile"](tmp_path / "marker"))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    (tmp_path / "x.tflite").write_bytes(converter.convert())
    with pytest.raises(UserError, match=r"x\.tflite cannot be read: it holds FlexWriteFile"):
        engines.tflite_engine(tmp_path / "x.tflite", {"rgb": "frames"})({"rgb": np.ones((1,), np.float32)})
    assert not (tmp_path / "marker").exists()


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(UserError, match="is no run folder"):
        Predictor(tmp_path)
