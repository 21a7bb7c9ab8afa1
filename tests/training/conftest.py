"""What the tests of train.py share."""

import keras
import pytest
from tiny_runs import QUICK, copied, trained

from videorec.runs.run import Run


@pytest.fixture
def go(tmp_path, monkeypatch, synthetic, training_seed, caplog):
    """Train the quick start's network in an empty folder: `go("--train.epochs 2")`."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    seed = f"--train.seed {training_seed}"
    yield lambda args, name="x", path=synthetic: trained("quickstart", f"--data.path {path} {QUICK} {seed} {args}", name)
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def done(go, quick_runs) -> Run:
    """A run of two epochs, runs/x, with which `go` goes on."""
    return copied(Run(quick_runs / "a"), "runs/x")
