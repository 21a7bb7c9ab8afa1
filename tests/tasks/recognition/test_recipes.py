"""From the command lines: the recognisers whose data or model takes a path of its own."""

import pytest
from tiny_runs import BACKBONE, TINY, events, history, measured, trained

from export import saved_model, tflite
from videorec.config import UserError
from videorec.features.store import FeatureStore


@pytest.fixture
def go(tmp_path, synthetic, training_seed):
    """Train a preset: its run."""
    fixed = f"{TINY} {BACKBONE} --data.path {synthetic} --train.cache-dir {tmp_path}/cache --train.epochs 1"
    return lambda preset, args: trained(preset, f"{fixed} --train.seed {training_seed} {args}", runs=tmp_path)


def test_several_cached_maps(go):
    run = go("gru_rcn", "--model.levels conv4 --model.filters 3 4")
    assert len(run.load_model().get_layer("rgb_backbone").output) == 2
    (first, *_) = run.folder.parent.glob("cache/*/*/*.zip")
    assert {name: array.shape for name, array in FeatureStore.read(first).items()} == {
        "rgb_0": (4, 2, 2, 64),
        "rgb_1": (4, 64),
    }


def test_attention_is_trained_evaluated_and_exported(go):
    run = go("visual_attention", "--model.units 8 --model.coverage 8 --data.frames 6")
    (first,) = history(run)
    assert {"loss", "val_loss", "accuracy", "val_accuracy"} <= first.keys()
    # The least penalty of 4 places in 6 frames is 4 (1 - 6 / 4)^2 = 1 times 8; the other loss is about log 8 = 2.1.
    assert first["loss"] > 8 and first["val_loss"] > 8
    assert 0 <= measured(run)["accuracy"] <= 1
    assert events(run, "val").Tensors("6 model/attention")[-1].tensor_proto.string_val[2].startswith(b"\x89PNG")
    assert saved_model.main([str(run.folder)]) == 0
    assert tflite.main([str(run.folder)]) == 0


def test_a_fixed_number_of_frames(go):
    run = go("short_snippets_pooling", "--model.variant local --model.window 2 --model.stride 1 --model.hidden 8")
    assert run.load_model().inputs[0].shape == (None, 4, 16, 16, 3)
    assert saved_model.main([str(run.folder)]) == 0
    assert tflite.main([str(run.folder)]) == 0
    with pytest.raises(UserError, match=r"takes rgb clips of 4 frames.*--data\.frames 4"):
        measured(run, "--data.frames 6")


def test_a_clip_shorter_than_the_kernel_is_refused(go):
    with pytest.raises(UserError, match=r"--data\.frames must be 10 or more"):
        go("short_snippets_pooling", "--model.variant time_domain")
