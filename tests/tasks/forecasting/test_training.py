"""train.py on sequences: it learns, goes on where it stopped, and what scheduled sampling shows."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import train
from videorec import cli
from videorec.config import UserError
from videorec.data.sequences.windows import open_sequences
from videorec.runs.run import Run
from videorec.tasks.forecasting import training


@pytest.fixture
def sequences(tmp_path, monkeypatch):
    """Bright bars that move one column a frame: 24 sequences of 8 frames of 8 x 8."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bars").mkdir()
    for k in range(24):
        frames = np.zeros((8, 8, 8), np.uint8)
        for t in range(8):
            frames[t, :, (k + t) % 8] = 255
        np.savez(tmp_path / "bars" / f"{k:02d}.npz", frames=frames)
    return "bars"


SMALL = "--data.frames 4 --model.horizon 3 --model.patch 2 --train.batch 4 --train.warmup-epochs 0".split()
CONVLSTM = ["convlstm_forecaster", *SMALL, "--model.filters", "8", "--model.kernel", "3"]
STACK = ["convlstm_stack", *SMALL, "--model.filters", "8", "--model.kernel", "3", "--data.path", "bars"]


def start(preset, *args) -> list[dict]:
    """Train; the figures of each epoch."""
    keras.backend.clear_session()
    assert train.main([*preset, "--name", "x", "--data.path", "bars", *args]) == 0
    return Run("runs/x").last_state()["counters"]["history"]


def test_a_forecaster_learns_to_move_a_bar(sequences):
    history = start(CONVLSTM, "--train.epochs", "30", "--train.learning-rate", "0.01")
    still = 2 * 8  # the last frame repeated is wrong in two columns of 8 px, except where the bar comes round
    assert history[-1]["mse"] < still / 4 and history[-1]["val_mse"] < still / 2
    assert history[-1]["loss"] < history[0]["loss"] / 2
    model = Run("runs/x").load_model()
    assert model.output["frames"].shape == (None, 3, 8, 8, 1) and model.input["rgb"].shape == (None, None, 8, 8, 1)
    assert any(path.name.startswith("events") for path in (Run("runs/x").tensorboard / "val").iterdir())


FC = ["fclstm_forecaster", *SMALL[:4], *SMALL[6:], "--data.path", "bars", "--model.units", "16"]
SEQ2SEQ = ["seq2seq_attention", *SMALL[:4], *SMALL[6:], "--model.units", "16", "--model.filters", "4"]


@pytest.mark.parametrize("preset", [CONVLSTM, STACK, FC, SEQ2SEQ], ids=lambda preset: preset[0])
def test_resumed_as_if_uninterrupted(sequences, preset):
    whole = start(preset, "--train.epochs", "3", "--train.schedule", "constant")
    (Run("runs/x").folder).rename("runs/whole")
    start(preset, "--train.epochs", "1", "--train.schedule", "constant")
    resumed = start(preset, "--train.epochs", "3", "--train.schedule", "constant")
    assert [entry["loss"] for entry in resumed] == pytest.approx([entry["loss"] for entry in whole], rel=1e-5)


def test_what_the_next_frame_model_is_taught(sequences):
    """True frames at first, forecasts in the end; the loss is over every frame but the first."""
    experiment = cli.parse_experiment([*STACK, "--train.teacher-steps", "10", "--data.path", "bars"], "")
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


def test_settings_are_kept_and_checked(sequences):
    start(CONVLSTM, "--train.epochs", "1", "--train.loss", "mse+mae")
    saved = json.loads((Run("runs/x").folder / "config.json").read_text())
    assert saved["train"]["loss"] == "mse+mae" and saved["data"]["frames"] == 4 and saved["model"]["horizon"] == 3
    assert Run("runs/x").experiment.train.loss == "mse+mae"
    with pytest.raises(UserError, match=r"model\.horizon: 3 -> 2"):
        train.main([*CONVLSTM, "--name", "x", "--data.path", "bars", "--model.horizon", "2", "--train.loss", "mse+mae"])
    with pytest.raises(UserError, match="patch must divide"):
        train.main([*CONVLSTM, "--name", "y", "--data.path", "bars", "--model.patch", "3"])
