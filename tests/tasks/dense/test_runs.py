"""train.py, evaluate.py and the exports on dense labels, as a user runs them; on generated videos."""

import json

import keras
import numpy as np
import pytest
from moments import RATE, write_moments, write_set
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from export import saved_model, tflite
from videorec import cli
from videorec.config import UserError
from videorec.data.moments import tables
from videorec.data.moments.windows import pieces
from videorec.data.problems import Problems
from videorec.runs.run import Run
from videorec.tasks.dense.whole_scores import Labeller

SIZES = "--data.resize 32 32 --data.crop 32 32 --data.fps 10 --data.frames 20 --data.no-augment".split()
TINY = "--model.backbone tiny --model.tap fc --model.weights None --model.trainable-from all --train.batch 4".split()
TINY += "--train.warmup-epochs 0 --train.schedule constant --train.learning-rate 0.005".split()
SMALL = {
    "multi_lstm": ["multi_lstm", "--model.units", "32", "--model.window", "3", "--model.attention-units", "8"],
    "lrcn": ["lrcn", "--model.target", "dense", "--model.units", "16"],
    "frame_average": ["frame_average", "--model.target", "dense"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Videos with moments of two classes, which overlap."""
    folder = tmp_path_factory.mktemp("moments")
    write_set(folder, {"train": 8, "val": 2, "test": 3})
    return folder


def start(folder, preset, name, *args) -> Run:
    keras.backend.clear_session()
    command = [*SMALL[preset], *TINY, *SIZES, "--data.path", str(folder / "table.csv"), "--runs", str(folder / "runs")]
    assert train.main([*command, "--train.cache-dir", str(folder / "cache"), "--name", name, *args]) == 0
    return Run(folder / "runs" / name)


@pytest.fixture(scope="module")
def run(folder) -> Run:
    """A trained MultiLSTM."""
    return start(folder, "multi_lstm", "multi", "--train.epochs", "40", "--model.dropout", "0")


def measured(run: Run, *args) -> dict:
    assert evaluate.main([run.place, *args]) == 0
    return json.loads((run.folder / "results.json").read_text())


def test_it_learns_several_labels_at_once(run):
    history = run.last_state()["counters"]["history"]
    assert history[-1]["loss"] < history[0]["loss"] / 3
    results = measured(run)
    assert results["map"] > 0.9 > 0.5 > results["chance"]
    assert set(results["per_class"]) == {"green", "red"}
    assert results["frames"] == 80 + 81 + 82
    assert results["protocol"]["rate"] == 10 and results["protocol"]["split"] == "test"
    assert (run.folder / "segments.csv").read_text().startswith("path,label,start,end,score")


def test_tensorboard_shows_curves_and_a_timeline(run):
    found = EventAccumulator(str(run.tensorboard / "val"))
    found.Reload()
    assert {"loss", "map", "accuracy"} <= set(found.Tags()["tensors"]) | set(found.Tags()["scalars"])
    assert "timeline" in set(found.Tags()["tensors"]) | set(found.Tags()["images"])


def test_probabilities_of_whole_videos_are_the_models_own(run, folder):
    """The state carried over pieces of 7 frames, against the whole video at once."""
    data = run.experiment.data
    model = run.load_model()
    labeller = Labeller(model, data, batch=7)
    assert labeller.whole is None
    for video in tables.read(folder / "table.csv")[-3:]:
        frames = np.concatenate(list(pieces(video, data, Problems(1, 1.0))))
        whole = model.predict_on_batch({"rgb": frames[None]})["probabilities"][0]
        np.testing.assert_allclose(labeller.probabilities(video, Problems(1, 1.0)), whole, atol=1e-5)


def test_windows_cut_apart_are_something_else(run, folder):
    """What evaluation does not do: at the start of each window the state is lost."""
    data, model = run.experiment.data, run.load_model()
    video = tables.read(folder / "table.csv")[-1]
    frames = np.concatenate(list(pieces(video, data, Problems(1, 1.0))))
    windows = [model.predict_on_batch({"rgb": part[None]})["probabilities"][0] for part in np.split(frames, [20, 40, 60])]
    whole = Labeller(model, data, 16).probabilities(video, Problems(1, 1.0))
    gap = np.abs(np.concatenate(windows) - whole).max(axis=1)
    assert gap[:18].max() < 1e-5  # until predictions of the second window would count: N - 1 frames before its start
    assert gap[18:].max() > 1e-3


def test_a_model_that_reads_both_ways_gets_whole_videos(folder, caplog):
    run = start(folder, "lrcn", "both", "--train.epochs", "2")  # the preset is bidirectional
    assert run.experiment.model.bidirectional
    results = measured(run)
    assert "whole videos at once" in results["protocol"]["videos"]
    model, video = run.load_model(), tables.read(folder / "table.csv")[-1]
    frames = np.concatenate(list(pieces(video, run.experiment.data, Problems(1, 1.0))))
    whole = model.predict_on_batch({"rgb": frames[None]})["probabilities"][0]
    found = Labeller(model, run.experiment.data, 16).probabilities(video, Problems(1, 1.0))
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_stored_features_train_the_head(folder, caplog):
    caplog.set_level("INFO")
    frozen = ["--model.trainable-from", "none", "--train.epochs", "3", "--data.augment"]
    run = start(folder, "frame_average", "stored", *frozen)
    assert "10 videos" not in caplog.text and "8 computed" in caplog.text
    history = run.last_state()["counters"]["history"]
    resumed = start(folder, "frame_average", "stored", *frozen, "--train.epochs", "4")
    assert "8 videos reused, 0 computed" in caplog.text
    assert resumed.last_state()["counters"]["history"][:3] == history
    assert 0 <= measured(run)["map"] <= 1


def test_resumed_as_if_uninterrupted(folder):
    options = ["--model.dropout", "0.3", "--data.augment"]
    whole = start(folder, "multi_lstm", "whole", *options, "--train.epochs", "3").last_state()["counters"]["history"]
    start(folder, "multi_lstm", "parts", *options, "--train.epochs", "1")
    parts = start(folder, "multi_lstm", "parts", *options, "--train.epochs", "3").last_state()["counters"]["history"]
    assert [entry["loss"] for entry in parts] == pytest.approx([entry["loss"] for entry in whole], rel=1e-4)


def test_timeline_of_a_video_of_the_table_and_of_another(run, folder, tmp_path):
    out = tmp_path / "out"
    assert evaluate.main([run.place, "--timeline", str(folder / "test0.avi"), "--out", str(out)]) == 0
    known = json.loads((out / "timelines" / "test0.json").read_text())
    assert known["truth"] and known["frames"] == 80 and known["rate"] == 10
    assert Image.open(out / "timelines" / "test0.png").width > 500
    other = write_moments(tmp_path / "other.avi", [("red", 2.0, 4.0)], 60)
    assert evaluate.main([run.place, "--timeline", str(other), "--out", str(out)]) == 0
    found = json.loads((out / "timelines" / "other.json").read_text())
    assert found["truth"] is None
    red = [segment for segment in found["segments"] if segment["label"] == "red"]
    longest = max(red, key=lambda segment: segment["end"] - segment["start"])
    assert abs(longest["start"] - 2) <= 3 / RATE and abs(longest["end"] - 4) <= 3 / RATE and 0.5 <= longest["score"] <= 1
    assert not (out / "results.json").exists()


def test_timeline_of_what_is_no_video(run, tmp_path):
    with pytest.raises(UserError, match="--timeline .* cannot be read: no such file"):
        evaluate.main([run.place, "--timeline", str(tmp_path / "missing.mp4")])


@pytest.mark.parametrize("script", [saved_model, tflite])
def test_exports_equal_keras(run, script, tmp_path):
    assert script.main([run.place, "--out", str(tmp_path / "exported")]) == 0  # 1 where they differ


def test_single_labels_are_measured_as_segments(tmp_path):
    write_set(tmp_path, {"train": 8, "val": 2, "test": 2}, overlap=False)
    run = start(tmp_path, "multi_lstm", "single", "--data.single", "--train.epochs", "40", "--model.dropout", "0")
    results = measured(run)
    assert results["accuracy"] > 0.9 and results["f1@10"] > 0.5 and 0 <= results["edit"] <= 1
    assert len(results["confusion"]) == 2


def test_overlapping_single_labels_are_an_error(folder):
    with pytest.raises(UserError, match="segments must not overlap"):
        start(folder, "multi_lstm", "overlap", "--data.single")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data.fps", "0"], "--data.fps must be above 0"),
        (["--data.table-fps", "0"], "--data.table-fps must be above 0"),
        (["--data.file", "video.mp4"], "--data.file must hold {}"),
        (["--evaluate.threshold", "1"], "--evaluate.threshold must be above 0 and below 1"),
        (["--data.frames", "0"], "--data.frames must be 1 or more"),
    ],
)
def test_settings_out_of_range(folder, options, message):
    with pytest.raises(UserError, match=message):
        start(folder, "multi_lstm", "x", *options)


def test_the_target_decides_which_settings_a_preset_has():
    plain = cli.parse_experiment(["lrcn", "--data.path", "a"], "")
    assert plain.task == "recognition"
    for args in (["--model.target", "dense"], ["--model.target=dense"]):
        dense = cli.parse_experiment(["lrcn", "--data.path", "a.csv", *args, "--data.single"], "")
        assert dense.task == "dense" and dense.data.single and dense.model.units == plain.model.units
        assert dense.train.learning_rate == plain.train.learning_rate


@pytest.mark.parametrize("preset", ["convlstm_forecaster", "lrcn"])
def test_a_target_that_a_model_has_not(preset):
    with pytest.raises(UserError, match="--model.target"):
        cli.parse_experiment([preset, "--model.target", "labels"], "")
