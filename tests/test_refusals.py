"""What can be refused is refused before any model is loaded, any video read, or any run touched."""

import shutil
from pathlib import Path

import keras
import pytest

import evaluate
import train
from videorec.config import UserError
from videorec.data import decode

STORED = Path(__file__).parent / "data" / "old_runs"


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """The folder of small trained runs; loading a model or opening a video fails the test."""
    shutil.copytree(STORED, tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("a model was loaded"))
    monkeypatch.setattr(decode, "Reader", lambda *_, **__: pytest.fail("a video was opened"))
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("trained/clips --weights 1 2", "--weights must be 1 numbers"),
        ("trained/clips --fuse trained/clips --weights 1", "--weights must be 2 numbers"),
        ("trained/clips --fuse trained/clips --weights 1 -1", "--weights must be 0 or more"),
        ("trained/clips --fuse trained/nowhere", "nowhere is no run folder"),
        ("trained/clips --fuse trained/several_labels", "must learn the same"),
        ("trained/clips --fuse trained/forecasts", "must learn the same"),
        ("trained/clips --evaluate.clips 0", "--evaluate.clips must be 1 or more"),
        ("trained/clips --evaluate.batch 0", "--evaluate.batch must be 1 or more"),
        ("trained/moments --timeline nowhere.mp4", "--timeline must be a video. Received: nowhere.mp4"),
        ("trained/moments --evaluate.threshold 2", "--evaluate.threshold"),
        ("trained/anticipation --evaluate.batch 0", "--evaluate.batch must be 1 or more"),
        ("trained/forecasts --pictures -1", "--pictures must be 0 or more"),
        ("trained/forecasts --evaluate.metrics mze", "Did you mean mse"),
        ("trained/clips --out s3://bucket/x", "--out"),
        ("--evaluate.clips 0 trained/clips", "--evaluate.clips must be 1 or more"),
        ("--evaluate.clip 5 trained/clips", "Did you mean --evaluate.clips"),
    ],
)
def test_evaluation(runs, args, message):
    with pytest.raises(UserError, match=message):
        evaluate.main(args.split())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--train.init trained/nowhere", "--train.init must be a run folder or a local .keras file"),
        ("--train.init nowhere.keras", "which does not exist"),
        ("--train.epochs 0", "--train.epochs must be 1 or more"),
        ("--name a/b", "--name must be a plain folder name"),
        ("--model.target dense --model.bidirectional --data.fps 0", "--data.fps must be above 0"),
    ],
)
def test_training(runs, args, message):
    with pytest.raises(UserError, match=message):
        train.main(["lrcn", "--data.path", "data/nothing", *args.split()])
    assert not (runs / "runs").exists()
