"""TensorFlow beside JAX: who takes the GPU, and what the same seed gives."""

import os
import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from videorec.config import Train
from videorec.models import hosts
from videorec.runs import accelerators
from videorec.runs.run import Run
from videorec.storage import weights_files
from videorec.training import loop

STORED = Path(__file__).parents[1] / "data" / "old_runs" / "trained" / "clips"


@pytest.fixture(params=[True, False], ids=["jax", "tensorflow"])
def on_jax(request, monkeypatch):
    monkeypatch.setattr(accelerators.backend, "on_jax", lambda: request.param)
    monkeypatch.setattr(hosts, "share", lambda all_devices: None)  # it would ask JAX, which may not be there
    return request.param


@pytest.fixture
def calls(monkeypatch):
    """What TensorFlow is told."""
    told = []
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *given: told.append(given))
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: told.append("deterministic"))
    return told


def test_training_leaves_the_gpu_to_jax(on_jax, calls):
    loop.set_up(Train())
    assert calls == ([([], "GPU")] if on_jax else [])


def test_whoever_loads_a_model_leaves_the_gpu_to_jax_before(on_jax, calls, monkeypatch, tmp_path):
    load = weights_files.load_model
    monkeypatch.setattr(weights_files, "load_model", lambda *given: calls.append("load") or load(*given))
    Run(shutil.copytree(STORED, tmp_path / "x")).load_model()
    assert calls == ([([], "GPU"), "load"] if on_jax else ["load"])


def test_what_has_begun_is_left_as_it_is(monkeypatch):
    def refused(*given):
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr(accelerators.backend, "on_jax", lambda: True)
    monkeypatch.setattr(tf.config, "set_visible_devices", refused)
    accelerators.leave_to_jax()


@pytest.mark.parametrize("before", ["", "--xla_dump_to=here"])
def test_deterministic_is_said_to_xla_once_beside_other_flags(on_jax, calls, before, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", before)
    for _ in range(2):
        loop.set_up(Train(deterministic=True))
    assert calls.count("deterministic") == 2
    added = ["--xla_gpu_deterministic_ops=true"] if on_jax else []
    assert os.environ["XLA_FLAGS"].split() == before.split() + added
