"""train.py, evaluate.py and the exports on labels to come: a signal that is seen tells what follows."""

import csv

import cv2
import numpy as np
import pytest
from tiny_runs import measured, trained

from export import saved_model, tflite
from videorec.config import UserError
from videorec.runs.run import Run

COLORS = {"left": (200, 0, 0), "right": (0, 0, 200)}  # BGR
OPTIONS = """--data.fps 10 --data.frames 6 --model.horizon 3 --data.resize 32 32 --data.crop 32 32 --data.no-augment
    --model.backbone None --model.filters 16 16 --model.units 16 --model.embedding 8 --model.trainable-from all --train.batch 8
    --model.differences --model.dropout 0 --model.output-dropout 0 --train.epochs 30 --train.learning-rate 0.005
    --train.ema None --train.label-smoothing 0 --train.warmup-epochs 0 --train.monitor accuracy"""


@pytest.fixture(scope="module")
def run(tmp_path_factory, training_seed) -> Run:
    """Videos in which red or blue in the first 3 of every 9 frames says which label the last 3 of them have.

    The frames in between, with the label `wait`, are alike: the last frame seen tells nothing.
    """
    folder, rng = tmp_path_factory.mktemp("signals"), np.random.default_rng(0)
    with open(folder / "table.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "start", "end", "split"])
        for split, count in (("train", 10), ("val", 2), ("test", 4)):
            for number in range(count):
                name = f"{split}{number}.avi"
                writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (32, 32))
                for window in range(6):
                    label = ("left", "right")[rng.integers(2)]
                    for k in range(9):
                        picture = rng.integers(0, 30, (32, 32, 3)).astype(np.uint8)
                        writer.write(picture + np.array(COLORS[label] if k < 3 else (0, 0, 0), np.uint8))
                    start = 0.9 * window
                    table.writerow([name, "wait", f"{start:.1f}", f"{start + 0.6:.1f}", split])
                    table.writerow([name, label, f"{start + 0.6:.1f}", f"{start + 0.9:.1f}", split])
                writer.release()
    args = f"{OPTIONS} --data.path {folder}/table.csv --train.seed {training_seed}"
    return trained("anticipation", args, runs=folder / "runs")


def test_what_follows_is_learnt_where_the_last_label_tells_nothing(run):
    results = measured(run)
    windows = 6 * 3 - 2  # of a video of 6 * 9 frames: every 3 frames one, the first after 6
    assert results["windows"] == 4 * windows and results["frames"] == 4 * windows * 3 and len(results["by_lead"]) == 3
    # The label changes in two of three windows: wait is over, or begins. The first video begins with the former, and ends so.
    assert results["guesses"]["current"]["accuracy"] == pytest.approx(5 / 16)
    assert results["accuracy"] > 1 - 6 / 16 * 0.35  # all waits, and 0.65 of 6 windows of left and right
    assert (run.folder / "leads.png").exists()


@pytest.mark.parametrize("script", [saved_model, tflite])
def test_exports_equal_keras(run, script, tmp_path):
    assert script.main([run.place, "--out", str(tmp_path / "exported")]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [("--train.monitor map", "accuracy, loss or last"), ("--data.no-single", "--data.single must be on")],
)
def test_settings_that_mean_nothing(options, message):
    with pytest.raises(UserError, match=message):
        trained("anticipation", options)
