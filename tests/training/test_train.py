"""train.py from its command line: what a run holds, what it starts from, and what stops it."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_runs import curves, events, history, tags

from videorec.config import UserError
from videorec.runs.run import Run


def test_run_folder(quick_runs):
    run = Run(quick_runs / "a")
    assert run.classes == ("anticlockwise", "clockwise", "down", "grow", "left", "right", "shrink", "up")
    assert run.experiment.model.units == 8 and run.experiment.data.frames == 4
    assert run.load_model().count_params() > 0
    assert {"loss", "accuracy", "mean_class_accuracy", "top5", "val_loss", "val_accuracy"} <= history(run)[0].keys()
    assert len(history(run)) == 2


def test_tensorboard(quick_runs):
    run = Run(quick_runs / "a")
    assert {"loss", "accuracy"} <= curves(run, "train")
    assert {"6 model/learning_rate", "4 input/clips_per_second", "4 input/unreadable_videos", "4 input/clips"} <= tags(
        run, "train"
    )
    assert [event.step for event in events(run, "train").Tensors("1 curves by epoch/loss")] == [1, 2]
    assert {"loss", "accuracy", "mean_class_accuracy"} <= curves(run, "val") and "7 classes/confusion" in tags(run, "val")
    picture = events(run, "val").Tensors("7 classes/confusion")[-1].tensor_proto.string_val
    assert picture[2].startswith(b"\x89PNG")


def test_mixed_precision_and_other_optimizers(go, monkeypatch):
    step, traced = keras.Model.train_step, []
    monkeypatch.setattr(keras.Model, "train_step", lambda *args: (traced.append(1), step(*args))[1])
    run = go(
        "--train.epochs 1 --train.precision mixed_bfloat16 --train.optimizer sgd --train.schedule step --data.balance sample"
    )
    assert run.load_model().get_layer("lstm").compute_dtype == "bfloat16"
    assert run.load_model().output["probabilities"].dtype == "float32"
    assert len(traced) == 1  # tracing takes most of the time of a short training: once is enough


# === Starting ===


def test_start_from_another_run(go, quick_runs, caplog):
    second = go(f"--train.epochs 1 --train.init {quick_runs}/a --train.learning-rate 1e-9")
    assert f"{quick_runs}/a: 17 of 17 weights taken" in caplog.text
    first = Run(quick_runs / "a")
    for a, b in zip(first.load_model().get_weights(), second.load_model().get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    Path("damaged.keras").write_text("no model")
    rule = r"--train\.init must be a run folder or a local \.keras file"
    for path, said in (("nowhere.keras", f"{rule}.*nowhere"), ("damaged.keras", f"damaged.keras cannot be read: .*{rule}")):
        with pytest.raises(UserError, match=said):
            go(f"--train.epochs 1 --train.init {path}", name="third")


def test_a_run_folder_that_cannot_be_made(go, tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(UserError, match="runs/x cannot be written"):
        go("--train.epochs 1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_to_write(go, tmp_path):
    (tmp_path / "runs").mkdir(mode=0o500)
    with pytest.raises(UserError, match="cannot be written: .*Permission denied"):
        go("--train.epochs 1")


# === Stopping ===


def test_a_loss_that_is_no_number_stops_the_run(go, quick_runs):
    model = Run(quick_runs / "a").load_model()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    model.save("nan.keras")
    with pytest.raises(UserError, match=r"loss is nan at step 1 of epoch 1, learning rate .*No epoch was finished"):
        go("--train.epochs 1 --train.init nan.keras")


def test_unreadable_videos_stop_the_run_or_are_reported(go, synthetic, tmp_path, caplog):
    rows = synthetic.read_text().splitlines()
    (tmp_path / "m.csv").write_text("\n".join([*rows, "left/gone.mp4,left,train,"]) + "\n")
    args = f"--train.epochs 1 --data.videos {synthetic.parent}"
    with pytest.raises(UserError, match="1 of 65 videos cannot be read"):
        go(args, path=tmp_path / "m.csv")
    caplog.clear()
    # The failed start has finished no epoch: nothing of it is in the way of other settings.
    run = go(args + " --data.max-unreadable 0.05", path=tmp_path / "m.csv")
    assert caplog.text.count("gone.mp4: no such file") == 1
    assert any("unreadable videos" in tag for tag in tags(run))
