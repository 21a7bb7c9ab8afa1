"""evaluate.py and its parts: averages, reports, fusion, and what is wrong."""

import csv
import json

import keras
import numpy as np
import pytest

import evaluate as script
import train
from videorec import evaluation
from videorec.config import Data, Evaluate, UserError
from videorec.data.manifest import Video
from videorec.data.problems import Problems

SMALL = (
    "--data.frames 4 --data.resize 20 20 --data.crop 16 16 --data.workers 2 --model.units 8 --train.batch 8 --train.epochs 1"
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, synthetic):
    """A folder with two runs, runs/a and runs/b, on the same videos."""
    folder = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, seed in (("a", 0), ("b", 1)):
            args = f"quickstart --name {name} --data.path {synthetic} {SMALL} --train.seed {seed}"
            assert train.main(args.split()) == 0
    return folder


@pytest.fixture
def go(runs, monkeypatch, tmp_path):
    """Run evaluate.py into an empty folder: the results."""
    monkeypatch.chdir(runs)

    def run(args: str) -> dict:
        assert script.main([*args.split(), "--out", str(tmp_path)]) == 0
        return json.loads((tmp_path / "results.json").read_text())

    return run


def predictions(folder) -> dict[str, np.ndarray]:
    with open(folder / "predictions.csv", newline="") as file:
        rows = list(csv.reader(file))
    return {row[0]: np.array([float(x) for x in row[4:]]) for row in rows[1:]}


def test_results_files(go, tmp_path):
    results = go("runs/a")
    assert {
        "accuracy",
        "mean_class_accuracy",
        "top5",
        "per_class",
        "confusion",
        "protocol",
        "unreadable",
    } <= results.keys()
    assert results["videos"] == 16 and sum(map(sum, results["confusion"])) == 16
    assert results["accuracy"] == pytest.approx(np.trace(results["confusion"]) / 16)
    recalls = [row["recall"] for row in results["per_class"].values()]
    assert results["mean_class_accuracy"] == pytest.approx(np.mean(recalls), abs=1e-6)
    assert results["protocol"]["split"] == "test" and results["protocol"]["versions"]["keras"] == keras.__version__
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    rows = predictions(tmp_path)
    assert len(rows) == 16
    for row in rows.values():
        assert row.sum() == pytest.approx(1, abs=1e-4)


def test_probabilities_are_means_over_clips_and_crops(go, tmp_path, runs):
    from videorec.data import augment, sources
    from videorec.data.clips import ClipReader
    from videorec.run import Run

    go("runs/a --evaluate.clips 2 --evaluate.crops 10")
    run = Run("runs/a")
    video = sources.load(run.experiment.data).split("test")[3]
    clips = ClipReader(run.experiment.data, Problems(1, 1.0)).plain_clips(video, 2)
    views = np.concatenate([augment.crops(clip, (16, 16), 10) for clip in clips])
    steps = keras.ops.convert_to_numpy(run.load_model()({"rgb": views})["steps"])
    softmax = np.exp(steps) / np.exp(steps).sum(-1, keepdims=True)
    np.testing.assert_allclose(predictions(tmp_path)[video.name], softmax.mean((0, 1)), atol=2e-6)


def test_fusion_is_the_weighted_mean(go, tmp_path):
    single = []
    for name in ("a", "b"):
        go(f"runs/{name}")
        single.append(predictions(tmp_path))
    results = go("runs/a --fuse runs/b --weights 1 2")
    assert results["protocol"]["runs"] == {"runs/a": 1.0, "runs/b": 2.0}
    for name, row in predictions(tmp_path).items():
        np.testing.assert_allclose(row, (single[0][name] + 2 * single[1][name]) / 3, atol=2e-6)


def test_other_videos(go, synthetic):
    results = go(f"runs/a --data.path {synthetic.parent}")
    assert results["videos"] == 64  # a folder that names no splits: all of it
    results = go("runs/a --evaluate.split val")
    assert results["videos"] == 16


def test_unknown_label(go, synthetic, tmp_path):
    (tmp_path / "m.csv").write_text(f"path,label\n{synthetic.parent}/left/x.mp4,lift\n")
    with pytest.raises(UserError, match="has the label 'lift', which the run was not trained on. Did you mean left"):
        go(f"runs/a --data.path {tmp_path}/m.csv")


def test_unknown_run(go):
    with pytest.raises(UserError, match="runs/c is no run folder: .*Runs in runs: a, b"):
        go("runs/c")


def test_nothing_readable(go, tmp_path):
    (tmp_path / "m.csv").write_text("path,label\ngone.mp4,left\n")
    with pytest.raises(UserError, match="1 of 1 videos cannot be read"):
        go(f"runs/a --data.path {tmp_path}/m.csv")
    with pytest.raises(UserError, match="None of the videos can be read"):
        go(f"runs/a --data.path {tmp_path}/m.csv --data.max-unreadable 1")


def test_unreadable_videos_stand_in_the_results(go, synthetic, tmp_path):
    rows = [line for line in synthetic.read_text().splitlines()[1:] if ",test," in line]
    lines = [f"{synthetic.parent}/{row}" for row in rows] + ["gone.mp4,left,test,"]
    (tmp_path / "m.csv").write_text("\n".join(["path,label,split,group", *lines]) + "\n")
    results = go(f"runs/a --data.path {tmp_path}/m.csv --data.max-unreadable 0.1")
    assert results["videos"] == 16
    assert results["unreadable"] == {str(tmp_path / "gone.mp4"): "no such file"}


def test_fuse_weights():
    p, q = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    np.testing.assert_allclose(evaluation.fuse([p, q], [1, 3]), [[0.25, 0.75]])
    for weights in ([1], [1, -1], [0, 0]):
        with pytest.raises(UserError, match="--weights must be 2 numbers"):
            evaluation.fuse([p, q], weights)


def test_report_against_hand_counts():
    videos = [Video(f"{i}", (label,)) for i, label in enumerate("aabbb")]
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [np.nan, np.nan], [0.7, 0.3]])
    problems = Problems(5, 1.0)
    problems.add_unreadable("3", "why")
    protocol = evaluation.describe_protocol(Data(), Evaluate(), {"r": 1.0}, 0)
    results = evaluation.make_report(videos, ("a", "b"), probabilities, protocol, problems).results()
    assert results["accuracy"] == 0.5
    assert results["mean_class_accuracy"] == 0.5
    assert results["confusion"] == [[1, 1], [1, 1]]
    assert results["per_class"]["b"] == {"videos": 2, "precision": 0.5, "recall": 0.5}
    assert results["unreadable"] == {"3": "why"}
