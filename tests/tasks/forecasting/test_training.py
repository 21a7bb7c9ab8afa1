"""train.py on sequences: it learns, goes on where it stopped, and what scheduled sampling shows."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import curves, history, lose_last_epoch, trained

from videorec import cli
from videorec.config import UserError
from videorec.data.sequences.windows import open_sequences
from videorec.runs.run import Run
from videorec.tasks.forecasting import training

CONVLSTM = "--data.frames 4 --model.horizon 3 --model.patch 2 --model.filters 8 --model.kernel 3 --train.batch 4"
CONVLSTM += " --train.warmup-epochs 0"
LEARNS = f"{CONVLSTM} --train.epochs 30 --train.learning-rate 0.01"


@pytest.fixture(scope="module")
def bars(tmp_path_factory) -> Path:
    """Bright bars that move one column a frame: 24 sequences of 8 frames of 8 x 8."""
    folder = tmp_path_factory.mktemp("bars")
    for k in range(24):
        frames = np.zeros((8, 8, 8), np.uint8)
        for t in range(8):
            frames[t, :, (k + t) % 8] = 255
        np.savez(folder / f"{k:02d}.npz", frames=frames)
    return folder


@pytest.fixture(scope="module")
def start(bars, tmp_path_factory, training_seed):
    """Train a preset on the bars: `start("convlstm_forecaster", args)`."""
    runs = tmp_path_factory.mktemp("runs")
    fixed = f"--data.path {bars} --train.seed {training_seed}"
    return lambda preset, args: trained(preset, f"{fixed} {args}", preset, runs)


@pytest.fixture(scope="module")
def run(start) -> Run:
    """A forecaster of bars."""
    return start("convlstm_forecaster", LEARNS)


def test_a_forecaster_learns_to_move_a_bar(run):
    still = 2 * 8  # the last frame repeated is wrong in two columns of 8 px, except where the bar comes round
    figures = history(run)
    assert min(entry["mse"] for entry in figures) < 0.6 * still and min(entry["val_mse"] for entry in figures) < 0.8 * still
    assert min(entry["loss"] for entry in figures) < 0.7 * figures[0]["loss"]
    model = run.load_model()
    assert model.output["frames"].shape == (None, 3, 8, 8, 1) and model.input["rgb"].shape == (None, None, 8, 8, 1)
    assert {"loss", "mse"} <= curves(run, "val")


def test_resumed_as_if_uninterrupted(start):
    """With scheduled sampling, whose share of true frames follows from the step."""
    args = f"{CONVLSTM} --train.epochs 2 --train.loss mse+mae --train.teacher-steps 10"
    run = start("convlstm_stack", args)
    whole = history(run)
    lose_last_epoch(run)
    start("convlstm_stack", args)
    assert [entry["loss"] for entry in history(run)] == pytest.approx([entry["loss"] for entry in whole], rel=1e-3)
    assert run.experiment.train.loss == "mse+mae"


def test_what_the_next_frame_model_is_taught(bars):
    """True frames at first, forecasts in the end; the loss is over every frame but the first."""
    experiment = cli.parse_experiment(f"convlstm_stack {CONVLSTM} --train.teacher-steps 10 --data.path {bars}".split(), "")
    source = open_sequences(experiment.data, experiment.model.horizon, 0)
    model = experiment.model.build({"rgb": (None, *source.shape)})
    batches = list(training.feed(experiment, source, model).train(range(0, 5)))
    shares = [float(tf.reduce_mean(inputs["teacher"])) for inputs, _ in batches]
    assert len(batches) == 5 * 8 and np.mean(shares[:3]) > 0.5 and max(shares[9:]) == 0
    inputs, targets = batches[0]
    everything = np.concatenate([inputs["rgb"], inputs["future"]], axis=1)
    assert everything.dtype == np.uint8 and everything.shape == (4, 7, 8, 8, 1)
    np.testing.assert_allclose(targets["all_frames"], everything[:, 1:] / 255, atol=1e-6)
    np.testing.assert_allclose(targets["frames"], everything[:, 4:] / 255, atol=1e-6)


def test_masked_pixels_of_the_future_are_shown_as_black_and_not_learnt():
    future = np.full((1, 2, 2, 2, 1), 0.5, np.float32)
    future[0, 0, 0, 0] = np.nan
    inputs, targets = training.taught(
        {"rgb": tf.ones((1, 2, 2, 2, 1))}, {"frames": tf.constant(future)}, "float32", tf.zeros((1, 1))
    )
    assert inputs["future"].numpy()[0, 0, 0, 0, 0] == 0 and np.isnan(targets["all_frames"].numpy()[0, 1, 0, 0, 0])


def test_settings_are_kept_and_checked(run, start):
    saved = json.loads((run.folder / "config.json").read_text())
    assert saved["train"]["loss"] == "crossentropy" and saved["data"]["frames"] == 4 and saved["model"]["horizon"] == 3
    assert run.experiment.train.learning_rate == 0.01
    with pytest.raises(UserError, match=r"model\.horizon: 3 -> 2"):
        start("convlstm_forecaster", f"{LEARNS} --model.horizon 2")
    with pytest.raises(UserError, match="patch must divide"):
        start("convlstm_stack", f"{CONVLSTM} --model.patch 3 --train.no-resume")
