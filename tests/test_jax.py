"""Layers and models on Keras's JAX backend, in a process of its own: a backend is chosen once a process."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

TESTS = Path(__file__).parent
pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="JAX is not installed (it comes with Python 3.13's set)"
    ),
    pytest.mark.skipif(keras.backend.backend() == "jax", reason="these tests run on JAX already"),
]


@pytest.mark.parametrize(
    "paths, chosen",
    [(["layers"], ""), (["models/test_all_models.py"], "trains_and_reaches")],
    ids=["layers", "models"],
)
def test_on_jax(paths, chosen):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(str(TESTS / path) for path in paths),
        "-k",
        chosen,
    ]
    env = {**os.environ, "KERAS_BACKEND": "jax", "VIDEOREC_TEST_FORMS": "plain"}
    result = subprocess.run(command, cwd=TESTS.parent, env=env, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    assert " passed" in result.stdout or "100%" in result.stdout
