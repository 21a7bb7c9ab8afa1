"""evaluate.py and its parts: averages, reports, fusion, and what is wrong."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from rich.console import Console
from tiny_runs import measured

import evaluate
from videorec import models
from videorec.config import Data, Evaluate, Experiment, Flow, UserError
from videorec.data import augment, manifest, sources
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.data.selection import Selection
from videorec.runs.run import Run
from videorec.tasks import fusion
from videorec.tasks.recognition import evaluation, report
from videorec.tasks.recognition.scores import Scores


@pytest.fixture
def go(quick_runs, monkeypatch, tmp_path):
    """Evaluate runs/a or runs/b into an empty folder: the results."""
    monkeypatch.chdir(quick_runs.parent)

    def go(args: str) -> dict:
        assert evaluate.main([*args.split(), "--out", str(tmp_path)]) == 0
        return json.loads((tmp_path / "results.json").read_text())

    return go


@pytest.fixture(scope="module")
def alone(quick_runs, tmp_path_factory) -> dict[str, Path]:
    """Folders with the results of the run a and of the run b."""
    folders = {name: tmp_path_factory.mktemp(name) for name in "ab"}
    for name, folder in folders.items():
        measured(Run(quick_runs / name), out=folder)
    return folders


def predictions(folder) -> dict[str, np.ndarray]:
    with open(folder / "predictions.csv", newline="") as file:
        rows = list(csv.reader(file))
    return {row[0]: np.array([float(x) for x in row[4:]]) for row in rows[1:]}


def test_results_files(alone):
    results = json.loads((alone["a"] / "results.json").read_text())
    assert {
        "accuracy",
        "mean_class_accuracy",
        "clip_accuracy",
        "top5",
        "hit_at",
        "per_class",
        "confusion",
        "protocol",
        "unreadable",
    } <= results.keys()
    assert results["videos"] == 16 and sum(map(sum, results["confusion"])) == 16
    assert results["accuracy"] == pytest.approx(np.trace(results["confusion"]) / 16)
    assert results["clips"] == 16 and results["clip_accuracy"] == results["accuracy"]  # one clip a video
    assert results["hit_at"] == {"1": results["accuracy"], "5": results["top5"]}
    assert results["protocol"]["figures"].keys() == {"accuracy", "clip_accuracy", "mean_class_accuracy", "top5", "hit_at"}
    recalls = [row["recall"] for row in results["per_class"].values()]
    assert results["mean_class_accuracy"] == pytest.approx(np.mean(recalls), abs=1e-6)
    assert results["protocol"]["split"] == "test" and results["protocol"]["versions"]["keras"] == keras.__version__
    assert (alone["a"] / "confusion.png").read_bytes().startswith(b"\x89PNG")
    rows = predictions(alone["a"])
    assert len(rows) == 16
    for row in rows.values():
        assert row.sum() == pytest.approx(1, abs=1e-4)


def softmax(logits) -> np.ndarray:
    powers = np.exp(keras.ops.convert_to_numpy(logits))
    return powers / powers.sum(-1, keepdims=True)


def hits(probabilities: np.ndarray, labels: list[int]) -> tuple[float, float]:
    """Accuracy by hand, and how far rounding may move it: the share of rows whose two highest are nearly equal."""
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    return (probabilities.argmax(axis=1) == labels).mean(), (first - second < 1e-5).mean() + 1e-6


def test_means_over_clips_and_crops(go, tmp_path):
    """3 crops of a clip, read in batches of 4: a clip lies in two batches. Clip accuracy scores each clip alone."""
    results = go("runs/a --evaluate.clips 5 --evaluate.crops 3 --evaluate.batch 4")
    run = Run("runs/a")
    data, model, videos = run.experiment.data, run.load_model(), sources.load(run.experiment.data).split("test")
    reader, means = ClipReader(data, Problems(1, 1.0)), []
    for video in videos:
        crops = [augment.crops(clip["rgb"], 3, data) for clip in reader.plain_clips(video, 5)]
        means.append([softmax(model({"rgb": views})["steps"]).mean((0, 1)) for views in crops])
    clips = np.array(means)  # (V, 5, C)
    labels = [run.classes.index(video.labels[0]) for video in videos]
    for video, row in zip(videos, clips.mean(axis=1), strict=True):
        np.testing.assert_allclose(predictions(tmp_path)[video.name], row, atol=1e-5)
    assert results["clips"] == 80
    accuracy, margin = hits(clips.reshape(80, -1), np.repeat(labels, 5))
    assert results["clip_accuracy"] == pytest.approx(accuracy, abs=margin)
    accuracy, margin = hits(clips.mean(axis=1), labels)
    assert results["accuracy"] == pytest.approx(accuracy, abs=margin)


def test_fusion_is_the_weighted_mean(go, alone, tmp_path):
    results = go("runs/a --fuse runs/b --weights 1 2")
    assert results["protocol"]["runs"] == {"runs/a": 1.0, "runs/b": 2.0}
    first, second = (predictions(folder) for folder in alone.values())
    for name, row in predictions(tmp_path).items():
        np.testing.assert_allclose(row, (first[name] + 2 * second[name]) / 3, atol=1e-5)


def test_a_run_is_not_fused_with_itself(go):
    with pytest.raises(UserError, match="must be named once each; --weights gives one of them more weight. Received: runs/a"):
        go("runs/a --fuse runs/b runs/../runs/b")
    with pytest.raises(UserError, match="must be named once each"):
        go("runs/a --fuse runs/a --weights 2 1")


def test_other_videos(go, synthetic):
    results = go(f"runs/a --data.path {synthetic.parent}")
    assert results["videos"] == 64  # a folder that names no splits: all of it
    protocol = results["protocol"]
    assert (protocol["split"], protocol["own_data"]) == ("all", False)
    assert (protocol["trained_on_videos"], protocol["validated_on_videos"]) == (32, 16)
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


SAMPLED = frozenset({"sampled"})


def scores(videos, clips=None, owner=None, sampled=SAMPLED, streams=None) -> Scores:
    """Scores by hand; one clip a video unless clips are given."""
    videos = np.array(videos)
    clips = videos if clips is None else np.array(clips)
    return Scores(videos, clips, np.arange(len(videos)) if owner is None else np.array(owner), sampled, streams or {})


def test_fuse_weights():
    p, q = scores([[1.0, 0.0]]), scores([[0.0, 1.0]])
    np.testing.assert_allclose(evaluation.fuse([p, q], [1, 3]).videos, [[0.25, 0.75]])
    np.testing.assert_allclose(evaluation.fuse([p, q], [1, 3]).clips, [[0.25, 0.75]])
    for weights in ([1], [1, -1], [0, 0]):
        with pytest.raises(UserError, match="--weights must be 2 numbers"):
            fusion.check_weights(weights, 2)


def test_clips_are_fused_where_they_are_the_same():
    nan = [np.nan, np.nan]
    p = scores([[0.5, 0.5], [0.9, 0.1]], [[0.8, 0.2], [0.2, 0.8], [0.9, 0.1]], [0, 0, 1])
    q = scores([[0.6, 0.4], nan], [[0.4, 0.6], [0.8, 0.2]], [0, 0])  # its second video cannot be read
    fused = evaluation.fuse([p, q], [1, 1])
    np.testing.assert_allclose(fused.videos, [[0.55, 0.45], nan])
    np.testing.assert_allclose(fused.clips, [[0.6, 0.4], [0.5, 0.5]])
    assert fused.owner.tolist() == [0, 0]
    more = scores([[0.5, 0.5], [0.9, 0.1]], [[0.8, 0.2], [0.9, 0.1]], [0, 1])  # one clip less
    other = scores(p.videos, p.clips, p.owner, sampled=frozenset({"other"}))
    for run in (more, other):
        assert evaluation.fuse([p, run], [1, 1]).clips is None


def test_runs_of_other_clips_have_no_clip_accuracy(go, capsys):
    """The same number of clips, of 4 and of 5 frames."""
    results = go("runs/a --fuse runs/b --data.frames 5 --evaluate.clips 2")
    assert "clip_accuracy" not in results and "clips" not in results
    assert "left out: the fused runs" in results["protocol"]["figures"]["clip_accuracy"]
    assert "clip accuracy left out: the fused runs" in capsys.readouterr().out
    assert go("runs/a --fuse runs/b --evaluate.clips 2")["clips"] == 32  # a fused run's views are those of --evaluate


def make_report(videos, classes, scores, problems=None, **options) -> dict:
    protocol = report.describe(Data(), Evaluate(), {"r": 1.0}, Experiment(), Selection([], "test"))
    return report.make(videos, classes, scores, protocol, problems or Problems(len(videos), 1.0), **options).results()


def test_report_against_hand_counts():
    videos = [Video(f"{i}", (label,)) for i, label in enumerate("aabbb")]
    probabilities = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [np.nan, np.nan], [0.7, 0.3]]
    problems = Problems(5, 1.0)
    problems.add_unreadable("3", "why")
    clips = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7], [0.7, 0.3], [0.8, 0.2]]  # a a a b b b b
    results = make_report(videos, ("a", "b"), scores(probabilities, clips, [0, 0, 1, 2, 2, 4, 4]), problems)
    assert results["accuracy"] == 0.5
    assert results["mean_class_accuracy"] == 0.5
    assert results["clip_accuracy"] == pytest.approx(4 / 7) and results["clips"] == 7
    assert results["confusion"] == [[1, 1], [1, 1]]
    assert results["per_class"]["b"] == {"videos": 2, "precision": 0.5, "recall": 0.5}
    assert results["unreadable"] == {"3": "why"}


def test_hit_at_k_of_several_labels():
    """At least one true label among the k highest: ranks of the best true label are 2, 6, 1 and 5."""
    videos = [Video("0", ("b", "g")), Video("1", ("f", "g")), Video("2", ("a",)), Video("3", ("e", "f"))]
    falling = [0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05]
    results = make_report(videos, tuple("abcdefg"), scores([falling] * 4))
    assert results["hit_at"] == {"1": 0.25, "5": 0.75}
    results = make_report(videos, tuple("abcdefg"), scores([falling] * 4), hit_at=(2, 6))
    assert results["hit_at"] == {"2": 0.5, "6": 1.0}
    assert results["top5"] == 0.75 and results["accuracy"] == 0.25


def test_what_each_stream_adds(synthetic, capsys):
    """A two-stream model on 2 clips x 3 crops: the answer's parts are averaged and counted as the answer is."""
    flow = Flow(frames=3, encoding="short_snippets")
    data = Data(path=str(synthetic), stream="both", flow=flow, frames=4, resize=(20, 20), crop=(16, 16), workers=2)
    part = models.CLASSES["lrcn"](backbone="tiny", tap="fc", weights=None, trainable_from="all", units=4)
    keras.utils.set_random_seed(0)
    shapes = {"rgb": (None, 16, 16, 3), "flow": (3, 16, 16, 3)}
    model = models.build("two_stream", shapes, 8, rgb=part, flow=part, fusion=(1.0, 2.0))
    videos = manifest.read(synthetic)[::7]
    classes = tuple(sorted({video.labels[0] for video in videos}))
    problems = Problems(len(videos), 0.0)
    answer = evaluation.predict(model, videos, data, Evaluate(clips=2, crops=3, batch=4), problems)
    for row, video in enumerate(videos):
        clips = list(ClipReader(data, problems).plain_clips(video, 2))
        views = {name: np.concatenate([augment.crops(clip[name], 3, data.of(name)) for clip in clips]) for name in shapes}
        out = model(views)
        for name in shapes:
            alone = softmax(out[f"{name}_steps"]).mean((0, 1))
            np.testing.assert_allclose(answer.streams[name][row], alone, atol=1e-6)
        both = (answer.streams["rgb"][row] + 2 * answer.streams["flow"][row]) / 3
        np.testing.assert_allclose(answer.videos[row], both, atol=1e-6)
    made = report.make(
        videos,
        classes,
        answer,
        report.describe(data, Evaluate(), {"r": 1.0}, Experiment(data=data), Selection([], "test")),
        problems,
    )
    right = [classes.index(video.labels[0]) for video in videos]
    for name, figures in made.results()["streams"].items():
        hits = answer.streams[name].argmax(1) == right
        assert figures["accuracy"] == pytest.approx(hits.mean())
        by_class = [hits[np.array(right) == k].mean() for k in sorted(set(right))]
        assert figures["mean_class_accuracy"] == pytest.approx(np.mean(by_class))
    assert made.results()["protocol"]["flow"]["encoding"] == "short_snippets"
    made.show(Console())
    assert "flow alone: accuracy" in capsys.readouterr().out


def test_inputs_that_the_model_does_not_take():
    model = models.build("lrcn", {"rgb": (4, 16, 16, 3)}, 3, backbone="tiny", tap="fc", weights=None, units=4)
    evaluation.check_inputs(model, Data(frames=4))
    with pytest.raises(UserError, match="takes rgb clips of 4 frames. Received: 8. Evaluate with --data.frames 4"):
        evaluation.check_inputs(model, Data(frames=8))
    with pytest.raises(UserError, match="takes the streams rgb. Received: --data.stream both. Evaluate with --data.stream rgb"):
        evaluation.check_inputs(model, Data(frames=4, stream="both"))
    model = models.build("lrcn", {"flow": (4, 16, 16, 3)}, 3, backbone="tiny", tap="fc", weights=None, units=4)
    with pytest.raises(UserError, match="takes flow clips of 4 frames. Received: 9. Evaluate with --data.flow.frames 4"):
        evaluation.check_inputs(model, Data(frames=4, stream="flow", flow=Flow(frames=9)))
