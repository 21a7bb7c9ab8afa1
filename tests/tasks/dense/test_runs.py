"""train.py, evaluate.py and the exports on dense labels, as a user runs them; on generated videos."""

import json
from pathlib import Path

import numpy as np
import pytest
from moments import write_moments, write_set
from PIL import Image
from tiny_runs import BACKBONE, copied, curves, history, lose_last_epoch, measured, tags, trained

import evaluate
from export import saved_model, tflite
from videorec import cli
from videorec.config import UserError
from videorec.data.moments import tables
from videorec.data.moments.windows import pieces
from videorec.data.problems import Problems
from videorec.inference.labeller import Labeller
from videorec.reports.segments import predicted_segments
from videorec.runs.run import Run

TINY = f"{BACKBONE} --model.trainable-from all --train.batch 4 --train.warmup-epochs 0 --train.learning-rate 0.005"
TINY += " --data.resize 32 32 --data.crop 32 32 --data.fps 10 --data.frames 20"
MULTI = "--model.units 16 --model.window 3 --model.attention-units 8"
LEARNS = "--model.dropout 0 --train.epochs 8 --data.no-augment"
BOTH_WAYS = "--model.target dense --model.units 8 --model.dropout 0.3 --data.augment --train.epochs 2"  # as the preset is


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Videos with moments of two classes, which overlap."""
    folder = tmp_path_factory.mktemp("moments")
    write_set(folder, {"train": 8, "val": 2, "test": 3})
    return folder


@pytest.fixture(scope="module")
def start(folder, training_seed):
    """Train a preset on these videos: `start("multi_lstm", "name", args)`."""
    fixed = f"{TINY} --train.seed {training_seed} --train.cache-dir {folder}/cache"

    def start(preset: str, name: str, args: str, data: Path = folder) -> Run:
        return trained(preset, f"{fixed} --data.path {data}/table.csv {args}", name, folder / "runs")

    return start


@pytest.fixture(scope="module")
def run(start) -> Run:
    """A trained MultiLSTM."""
    return start("multi_lstm", "multi", f"{MULTI} {LEARNS}")


@pytest.fixture(scope="module")
def both_ways(start) -> Run:
    """An LRCN that reads videos in both directions."""
    return start("lrcn", "both", BOTH_WAYS)


def test_it_learns_several_labels_at_once(run):
    losses = [entry["loss"] for entry in history(run)]
    assert min(losses) < 0.6 * losses[0]
    results = measured(run)
    assert results["map"] > 0.75 > 0.5 > results["chance"]
    assert set(results["per_class"]) == {"green", "red"}
    assert results["frames"] == 80 + 81 + 82
    assert results["protocol"]["rate"] == 10 and results["protocol"]["split"] == "test"
    assert (run.folder / "segments.csv").read_text().startswith("path,label,start,end,score")


def test_tensorboard_shows_curves_and_a_timeline(run):
    assert {"loss", "map", "accuracy"} <= curves(run, "val") and "3 answers/timeline" in tags(run, "val")


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


def test_windows_one_by_one_are_something_else(run, folder):
    """What evaluation does not do: at the start of each window the state is lost."""
    data, model = run.experiment.data, run.load_model()
    video = tables.read(folder / "table.csv")[-1]
    frames = np.concatenate(list(pieces(video, data, Problems(1, 1.0))))
    windows = [model.predict_on_batch({"rgb": part[None]})["probabilities"][0] for part in np.split(frames, [20, 40, 60])]
    whole = Labeller(model, data, 16).probabilities(video, Problems(1, 1.0))
    gap = np.abs(np.concatenate(windows) - whole).max(axis=1)
    assert gap[:18].max() < 1e-5  # until predictions of the second window would count: N - 1 frames before its start
    assert gap[18:].max() > 1e-3


def test_a_model_that_reads_both_ways_gets_whole_videos(both_ways, folder):
    run = both_ways
    assert run.experiment.model.bidirectional
    results = measured(run)
    assert "whole videos at once" in results["protocol"]["videos"]
    model, video = run.load_model(), tables.read(folder / "table.csv")[-1]
    frames = np.concatenate(list(pieces(video, run.experiment.data, Problems(1, 1.0))))
    whole = model.predict_on_batch({"rgb": frames[None]})["probabilities"][0]
    probabilities = Labeller(model, run.experiment.data, 16).probabilities(video, Problems(1, 1.0))
    np.testing.assert_allclose(probabilities, whole, atol=1e-5)


def test_stored_features_train_the_head(start, caplog):
    caplog.set_level("INFO")
    args = "--model.target dense --model.trainable-from conv4 --data.augment --train.epochs"
    run = start("frame_average", "stored", f"{args} 1")
    assert "10 videos" not in caplog.text and "8 computed" in caplog.text
    first = history(run)
    start("frame_average", "stored", f"{args} 2")
    assert "8 videos reused, 0 computed" in caplog.text
    assert len(history(run)) == 2 and history(run)[:1] == first
    assert 0 <= measured(run)["map"] <= 1


def test_resumed_as_if_uninterrupted(both_ways, start, folder):
    run = copied(both_ways, folder / "runs" / "resumed")
    lose_last_epoch(run)
    start("lrcn", "resumed", BOTH_WAYS)
    losses, whole = ([entry["loss"] for entry in history(r)] for r in (run, both_ways))
    assert losses == pytest.approx(whole, rel=1e-3)


def test_timeline_of_a_video_of_the_table_and_of_another(run, folder, tmp_path):
    data, out = run.experiment.data, tmp_path / "out"
    assert evaluate.main([run.place, "--timeline", str(folder / "test0.avi"), "--out", str(out)]) == 0
    known = json.loads((out / "timelines" / "test0.json").read_text())
    assert known["truth"] and known["frames"] == 80 and known["rate"] == 10
    assert Image.open(out / "timelines" / "test0.png").width > 500
    other = write_moments(tmp_path / "other.avi", [("red", 2.0, 4.0)], 60)
    probabilities = Labeller(run.load_model(), data, 16).probabilities(tables.dense_video(str(other), []), Problems(1, 1.0))
    ranked = np.sort(probabilities, axis=None)
    k = np.diff(ranked).argmax()  # no probability is near this threshold
    threshold = float(ranked[k : k + 2].mean())
    args = ["--timeline", str(other), "--out", str(out), "--evaluate.threshold", str(threshold)]
    assert evaluate.main([run.place, *args]) == 0
    unknown = json.loads((out / "timelines" / "other.json").read_text())
    assert unknown["truth"] is None and unknown["frames"] == 60
    expected = predicted_segments(probabilities, run.classes, 10.0, threshold, single=False)
    assert len(expected) > 0
    for segment, wanted in zip(unknown["segments"], expected, strict=True):
        assert segment["label"] == wanted.label and segment["score"] == pytest.approx(wanted.score, abs=1e-4)
        assert (segment["start"], segment["end"]) == pytest.approx((wanted.start, wanted.end), abs=1e-3)
    assert not (out / "results.json").exists()


def test_timeline_of_what_is_no_video(run, tmp_path):
    with pytest.raises(UserError, match="--timeline .* does not exist"):
        evaluate.main([run.place, "--timeline", str(tmp_path / "missing.mp4")])


@pytest.mark.parametrize("script", [saved_model, tflite])
def test_exports_equal_keras(run, script, tmp_path):
    assert script.main([run.place, "--out", str(tmp_path / "exported")]) == 0  # 1 where they differ


def test_single_labels_are_measured_as_segments(start, tmp_path):
    write_set(tmp_path, {"train": 8, "val": 2, "test": 2}, overlap=False)
    args = f"--model.target dense --data.single {LEARNS}"
    results = measured(start("frame_average", "single", args, tmp_path))
    assert results["accuracy"] > 0.75 and 0 < results["f1@10"] <= 1 and 0 < results["edit"] <= 1
    assert len(results["confusion"]) == 2


def test_one_class_at_every_frame_is_learnt(start, tmp_path):
    """By a softmax over the classes; a frame's probabilities sum to 1."""
    write_set(tmp_path, {"train": 8, "val": 2, "test": 2}, overlap=False)
    args = f"--model.target dense --data.single --model.exclusive --train.label-smoothing 0.1 {LEARNS}"
    run = start("frame_average", "exclusive", args, tmp_path)
    assert measured(run)["accuracy"] > 0.9
    assert {"map", "accuracy"} <= curves(run, "val")
    video = tables.read(tmp_path / "table.csv")[-1]
    probabilities = Labeller(run.load_model(), run.experiment.data, 16).probabilities(video, Problems(1, 1.0))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_one_class_at_every_frame_needs_single_labels(start):
    with pytest.raises(UserError, match="--model.exclusive needs --data.single.* Received: False"):
        start("multi_lstm", "x", "--model.exclusive")
    with pytest.raises(UserError, match="--model.exclusive is for --model.target dense: .* Received: clip"):
        start("lrcn", "x", "--model.exclusive")


@pytest.mark.parametrize("trained_on", ["frames", "features"])
def test_the_scene_of_a_window_is_said(start, tmp_path, caplog, trained_on):
    """Where windows are read as frames, the scene is that of what a window holds."""
    write_set(tmp_path, {"train": 2, "val": 1, "test": 1}, overlap=False)
    args = "--model.backbone thumbnail --data.single --data.resize 64 64 --data.crop 64 64 --train.epochs 1"
    start("change_grid", trained_on, args + (" --train.no-cache" if trained_on == "frames" else ""), tmp_path)
    assert ("scene that is subtracted is that of each window in training" in caplog.text) == (trained_on == "frames")


def test_several_labels_a_frame_have_no_most_likely_sequence(run):
    with pytest.raises(UserError, match="--evaluate.change-cost decides between labels.* Received: 6"):
        evaluate.main([run.place, "--evaluate.change-cost", "6"])


def test_overlapping_single_labels_are_an_error(start):
    with pytest.raises(UserError, match="segments must not overlap"):
        start("multi_lstm", "overlap", "--data.single")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--data.fps 0", "--data.fps must be above 0"),
        ("--data.table-fps 0", "--data.table-fps must be above 0"),
        ("--data.file video.mp4", "--data.file must hold {}"),
        ("--evaluate.threshold 1", "--evaluate.threshold must be above 0 and below 1"),
        ("--data.frames 0", "--data.frames must be 1 or more"),
        ("--evaluate.change-cost 6", "--evaluate.change-cost decides between labels of which a frame has one.* Received: 6"),
        ("--train.class-balance 1", "--train.class-balance needs --model.exclusive.* Received: 1"),
    ],
)
def test_settings_out_of_range(start, options, message):
    with pytest.raises(UserError, match=message):
        start("multi_lstm", "x", options)


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
