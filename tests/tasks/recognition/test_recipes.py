"""From the command lines: the recognisers whose data or model takes a path of its own."""

import json

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from export import saved_model, tflite
from videorec.config import UserError
from videorec.features.store import FeatureStore
from videorec.runs.run import Run

SMALL = (
    "--data.frames 4 --data.resize 16 16 --data.crop 16 16 --data.workers 2 --train.batch 8 --train.epochs 1 "
    "--train.cache-dir cache --train.warmup-epochs 0 --model.backbone tiny --model.weights None"
)


@pytest.fixture
def go(tmp_path, monkeypatch, synthetic):
    """Train a preset and evaluate it, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(preset, args):
        keras.backend.clear_session()
        assert train.main(f"{preset} --data.path {synthetic} {SMALL} {args}".split()) == 0
        assert evaluate.main([f"runs/{preset}"]) == 0
        return Run(f"runs/{preset}")

    return run


def test_several_cached_maps(go):
    run = go("gru_rcn", "--model.levels conv1 conv4 --model.filters 3 3 4 --model.form stacked")
    assert len(run.load_model().get_layer("rgb_backbone").output) == 3
    (first, *_) = run.folder.parent.parent.glob("cache/*/*/*.zip")
    assert {name: array.shape for name, array in FeatureStore.read(first).items()} == {
        "rgb_0": (4, 8, 8, 16),
        "rgb_1": (4, 2, 2, 64),
        "rgb_2": (4, 64),
    }


def test_attention_is_trained_evaluated_and_exported(go):
    run = go("visual_attention", "--model.units 8 --model.coverage 1 --data.frames 6")
    history = run.last_state()["counters"]["history"][0]
    assert {"loss", "val_loss", "accuracy", "val_accuracy"} <= history.keys()
    assert history["loss"] > np.log(8) + 0.7  # the least penalty of 4 places in 6 frames, 4 (1 - 6 / 4)^2 = 1, comes on top
    assert json.loads((run.folder / "results.json").read_text())["accuracy"] >= 0
    events = EventAccumulator(str(run.tensorboard / "train"))
    events.Reload()
    assert events.Tensors("attention")[-1].tensor_proto.string_val[2].startswith(b"\x89PNG")
    assert saved_model.main([str(run.folder)]) == 0
    assert tflite.main([str(run.folder)]) == 0


def test_a_fixed_number_of_frames(go):
    run = go("short_snippets_pooling", "--model.variant local --model.window 2 --model.stride 1 --model.hidden 8")
    assert run.load_model().inputs[0].shape == (None, 4, 16, 16, 3)
    assert saved_model.main([str(run.folder)]) == 0
    assert tflite.main([str(run.folder)]) == 0
    with pytest.raises(UserError, match=r"takes rgb clips of 4 frames.*--data\.frames 4"):
        evaluate.main([str(run.folder), "--data.frames", "6"])


def test_a_clip_shorter_than_the_kernel_is_refused(go):
    with pytest.raises(UserError, match=r"--data\.frames must be 10 or more"):
        go("short_snippets_pooling", "--model.variant time_domain")
