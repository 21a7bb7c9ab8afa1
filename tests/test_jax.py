"""Layers and models on Keras's JAX backend, in a process of its own: a backend is chosen once a process."""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_runs import QUICK, measured

from export import saved_model
from videorec.runs.run import Run

TESTS = Path(__file__).parent
pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="JAX is not installed (it comes with Python 3.13's set)"
    ),
    pytest.mark.skipif(keras.backend.backend() == "jax", reason="these tests run on JAX already"),
]


def on_jax(*words: str, timeout: int = 1200) -> subprocess.CompletedProcess:
    """A command of Python in a process whose Keras is on JAX."""
    env = {**os.environ, "KERAS_BACKEND": "jax", "VIDEOREC_TEST_FORMS": "plain"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=TESTS.parent, env=env, capture_output=True, text=True, timeout=timeout)


@pytest.mark.parametrize(
    "paths, chosen",
    [
        (["layers"], ""),
        (["models/test_all_models.py"], "trains_and_reaches"),
        (["models/test_backend.py"], ""),
        (["training/test_board.py"], "curves_of_every_task or every_other_kind"),  # all tasks train, and are measured
        (["training/test_resuming.py"], "equals_an_uninterrupted_one and conv4"),
        (["tasks/forecasting/test_training.py"], "as_if_uninterrupted"),
        (["training/test_answers.py"], ""),
    ],
    ids=["layers", "models", "backend", "tasks", "resuming", "sampling", "answers"],
)
def test_on_jax(paths, chosen):
    result = on_jax("-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(TESTS / path) for path in paths), "-k", chosen)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    assert " passed" in result.stdout or "100%" in result.stdout


def test_a_run_of_jax_is_measured_and_exported_by_tensorflow(tmp_path):
    """One that was killed and went on; the same figures on both backends."""
    train = ["train.py", "quickstart", "--name", "x", "--runs", str(tmp_path), *f"{QUICK} --train.epochs 3".split()]
    killed = subprocess.Popen([sys.executable, *train], cwd=TESTS.parent, env={**os.environ, "KERAS_BACKEND": "jax"})
    until = time.monotonic() + 300
    while not (tmp_path / "x" / "state" / "state.json").exists() and killed.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    trained = on_jax(*train)
    assert trained.returncode == 0 and ("going on after epoch" in trained.stderr or killed.returncode == 0), trained.stderr
    run = Run(tmp_path / "x")
    assert on_jax("evaluate.py", run.place, "--out", str(tmp_path / "jax")).returncode == 0
    results = measured(run, out=tmp_path / "tensorflow")
    theirs = json.loads((tmp_path / "jax" / "results.json").read_text())
    assert results["accuracy"] == theirs["accuracy"] and results["videos"] == theirs["videos"]
    ours, theirs = (probabilities(tmp_path / name / "predictions.csv") for name in ("tensorflow", "jax"))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert saved_model.main([run.place]) == 0  # equal to Keras, or the status is 1

    refused = on_jax("-m", "export.tflite", run.place)
    assert refused.returncode == 2 and "Put KERAS_BACKEND=tensorflow before the command" in refused.stderr


NOTED = """
import importlib, sys
import tensorflow as tf
from tensorflow.python.eager import context
told = []
tf.config.set_visible_devices = lambda *given: told.append((given, context.context()._context_handle is None))
status = importlib.import_module(sys.argv[1]).main(sys.argv[2:])
print("told:", told[0])
sys.exit(status)
"""  # runs a command; notes whether TensorFlow has begun to compute when it is told to leave the GPU to JAX


@pytest.mark.parametrize("command", ["predict RUN DATA/v0", "evaluate RUN --data.path DATA/videos.csv --out OUT"])
def test_tensorflow_leaves_the_gpu_to_jax_before_it_computes(command, tmp_path):
    stored = TESTS / "data" / "old_runs"
    shutil.copytree(stored / "trained" / "clips", tmp_path / "run")
    (tmp_path / "videos.csv").write_text(f"path,label,split\n{stored}/data/v0,left,test\n{stored}/data/v1,right,test\n")
    places = {"RUN": tmp_path / "run", "DATA/videos.csv": tmp_path / "videos.csv", "DATA": stored / "data", "OUT": tmp_path}
    for name, place in places.items():
        command = command.replace(name, str(place))
    result = on_jax("-c", NOTED, *command.split())
    assert result.returncode == 0, result.stderr
    assert "told: (([], 'GPU'), True)" in result.stdout


def probabilities(table: Path) -> np.ndarray:
    """The numbers of a table of predictions, `(N, ...)`."""
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name.startswith("p(")]
    assert names and len(rows) > 10
    return np.array([[float(row[name]) for name in names] for row in rows])
