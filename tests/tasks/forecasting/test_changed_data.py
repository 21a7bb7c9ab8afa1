"""The split of a forecaster is the run's: files that come and go, longer windows, other data."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import evaluate
from videorec import models
from videorec.config import Experiment, UserError
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.data.sequences import selected, windows
from videorec.models.convlstm_forecaster import ConvLSTMForecaster
from videorec.runs.run import Run

J, K, HEIGHT, WIDTH = 3, 2, 16, 20


def run_on(place: Path, path: Path, **data) -> Run:
    """A run with untrained weights, which keeps its split."""
    model = ConvLSTMForecaster(K, filters=(4,), kernel=3, patch=2)
    sequences = Sequences(path=str(path), frames=J, **data)
    experiment = Experiment("r", sequences, model, ForecastTrain(), ForecastEvaluate(metrics=("mse",), batch=2))
    run = Run.create(place, experiment, (), windows.open_sequences(sequences, K, 0).record())
    run.save_model(models.from_config(model, {"rgb": (None, HEIGHT, WIDTH, 1)}, classes=1))
    return run


@pytest.fixture
def recorded(tmp_path):
    """A run on a folder of 12 files, that kept which was in which split."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n in range(12):
        np.savez(folder / f"{n:02d}.npz", rng.integers(0, 256, (5 if n < 6 else 9, HEIGHT, WIDTH), np.uint8))
    return run_on(tmp_path / "r", folder), folder


def files_in(record, split) -> list[str]:
    return [entry.path for entry in record.entries if entry.split == split]


def test_files_that_come_and_go_move_no_other(recorded, caplog):
    run, folder = recorded
    drawn = windows.open_sequences(run.experiment.data, K, 0)
    for split in ("train", "val", "test"):
        assert files_in(run.record, split) == drawn.files[split]
    np.savez(folder / "new.npz", np.zeros((3 * (J + K), HEIGHT + 4, WIDTH), np.uint8))  # of another size, too
    gone = drawn.files["test"][0]
    (folder / gone).unlink()
    for source in (
        selected.choose(run.experiment.data, "test", run.experiment, run.record)[0],
        windows.open_sequences(run.experiment.data, K, 0, run.record),
    ):
        assert source.files == {**drawn.files, "test": drawn.files["test"][1:]}
        assert source.record() == run.record
    assert f"1 gone since the run was made: {gone} (test)" in caplog.text
    assert "1 new since the run was made, in none of its splits: new.npz" in caplog.text


def test_longer_windows_keep_the_split(recorded):
    run, _ = recorded
    data = dataclasses.replace(run.experiment.data, step=2)
    source, chosen = selected.choose(data, "test", run.experiment, run.record)
    assert set(source.files["test"]) <= set(files_in(run.record, "test")) and chosen.own
    with pytest.raises(UserError, match="--data.val and --data.test are the run's"):
        selected.choose(dataclasses.replace(data, test=0.6), "test", run.experiment, run.record)


def test_other_files_are_measured_whole(recorded, tmp_path):
    run, folder = recorded
    other = tmp_path / "other"
    other.mkdir()
    (seen, *_), (unseen, *_) = files_in(run.record, "train"), files_in(run.record, "test")
    for number, name in enumerate((seen, unseen)):
        (other / f"copy{number}.npz").write_bytes((folder / name).read_bytes())
    assert evaluate.main([run.place, "--data.path", str(other)]) == 0
    assert not (run.folder / "results.json").exists()
    results = json.loads((run.folder / "results/other/results.json").read_text())
    assert results["windows"] == 2 and results["protocol"]["split"] == "all"
    assert (results["protocol"]["own_data"], results["protocol"]["trained_on_videos"]) == (False, 1)


def test_the_sequences_of_one_file_are_split_by_their_numbers(tmp_path):
    np.save(tmp_path / "one.npy", np.random.default_rng(0).integers(0, 256, (7, J + K, HEIGHT, WIDTH), np.uint8))
    run = run_on(tmp_path / "r", tmp_path / "one.npy", axes="NTHW")
    drawn = windows.open_sequences(run.experiment.data, K, 3)
    kept = drawn.record()
    assert len(kept.entries) == 7 and {entry.path for entry in kept.entries} == {"one.npy"}
    assert windows.open_sequences(run.experiment.data, K, 4, kept).files == drawn.files
    source, chosen = selected.choose(run.experiment.data, "test", run.experiment, kept)
    assert source.files == drawn.files and chosen.own
