"""Training on everything: `--data.val 0` where the source names no validation videos."""

from collections import defaultdict
from pathlib import Path

import pytest
from moments import write_set
from tiny_runs import BACKBONE, curves, history, measured, trained

from videorec.config import UserError
from videorec.data import manifest

FROZEN = f"{BACKBONE} --model.trainable-from none --train.cache-dir cache --train.cache-views 1"


@pytest.fixture
def listed(synthetic, tmp_path) -> Path:
    """A manifest of few videos, to train on and to test."""
    of = defaultdict(list)
    for video in manifest.read(synthetic):
        of[video.split, video.labels].append(video)
    chosen = [video for (split, _), videos in of.items() if split != "val" for video in videos[: 4 if split == "train" else 1]]
    manifest.write(tmp_path / "few.csv", chosen)
    return tmp_path / "few.csv"


def test_recogniser(go, listed, caplog):
    counts = {split: sum(v.split == split for v in manifest.read(listed)) for split in manifest.SPLITS}
    run = go("--train.epochs 2 --data.val 0", path=listed)
    assert f"videos: {counts['train']} train, 0 val, {counts['test']} test" in caplog.text
    assert "no validation set: the model of the best accuracy in training is kept" in caplog.text
    figures = history(run)
    assert not any(name.startswith("val_") for epoch in figures for name in epoch)
    state = run.last_state()["counters"]
    assert state["best"] == max(epoch["accuracy"] for epoch in figures)
    assert {"loss", "accuracy"} <= curves(run, "train")
    assert measured(run)["videos"] == counts["test"]
    with pytest.raises(UserError, match="has no val videos. Choose --evaluate.split"):
        measured(run, "--evaluate.split val")
    with pytest.raises(UserError, match="--data.val is the run's, 0: its split stays what it was. Received: 0.2"):
        measured(run, "--data.val 0.2")


def test_stored_features_and_the_last_model(go, listed, caplog):
    run = go(f"--train.epochs 2 --data.val 0 --train.monitor last {FROZEN}", path=listed)
    assert "no validation set: the model of the last epoch is kept" in caplog.text
    assert run.last_state()["counters"]["best_epoch"] == 2


def test_dense_labels(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    write_set(tmp_path, {"train": 4, "test": 2})
    tiny = f"{BACKBONE} --data.resize 32 32 --data.crop 32 32 --data.fps 10 --data.frames 20 --data.val 0 --train.epochs 1"
    small = "--model.units 4 --model.window 3 --model.attention-units 4"
    run = trained("multi_lstm", f"{tiny} --data.path table.csv {small} {FROZEN}")
    assert "videos: 4 train, 0 val, 2 test" in caplog.text and "best map in training" in caplog.text
    assert "map" in history(run)[0] and "val_map" not in history(run)[0]


def test_share_out_of_range(go):
    with pytest.raises(UserError, match="--data.val must be 0 or more and below 0.85. Received: 1.0"):
        go("--data.val 1")
