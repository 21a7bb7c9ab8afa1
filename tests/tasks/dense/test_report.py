"""The report of dense labels: numbers by hand and by scikit-learn, files, and the terminal."""

import csv
import io
import json

import cv2
import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import average_precision_score

from videorec.config import UserError
from videorec.config.dense import DenseEvaluate
from videorec.data.moments.tables import dense_video
from videorec.reports import pictures
from videorec.reports.files import write_files
from videorec.tasks.dense import report
from videorec.tasks.dense.scores import VideoScores

PROTOCOL = {"split": "test", "data": "segments.csv", "seed": 0}
PROBLEMS = {"unreadable": {"broken.mp4": "no frames"}}


def video(name, probabilities, targets, mask=None, rate=1.0) -> VideoScores:
    probabilities, targets = np.array(probabilities, np.float32), np.array(targets, np.uint8)
    mask = np.ones(len(targets), bool) if mask is None else np.array(mask, bool)
    return VideoScores(dense_video(name, []), rate, probabilities, targets, mask)


def one_hot(labels, classes=3):
    """`(T, C)`; -1 is no label."""
    return np.array([np.arange(classes) == label for label in labels], np.uint8)


@pytest.fixture
def several() -> report.Report:
    """Two videos, of which the second has no label; class `never` occurs nowhere, `b` in the first alone."""
    first = video(
        "one.mp4",
        [[0.9, 0.2, 0.1], [0.8, 0.6, 0.1], [0.2, 0.7, 0.9], [0.9, 0.9, 0.9]],
        [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]],
        mask=[1, 1, 1, 0],
        rate=2.0,
    )
    second = video("two.mp4", [[0.85, 0.1, 0.2], [0.1, 0.1, 0.2]], [[0, 0, 0]] * 2, rate=2.0)
    return report.make([first, second], ("a", "b", "never"), False, PROTOCOL, DenseEvaluate(), PROBLEMS)


@pytest.fixture
def single() -> report.Report:
    """Ten frames of three classes: 7 with a label that count, of which 5 are right; 2 unlabelled, 1 ambiguous."""
    truth = [0, 0, 0, 0, 1, 1, 2, -1, -1, 2]
    highest = [0, 0, 1, 0, 1, 0, 2, 2, 2, 1]
    probabilities = 0.2 + 0.5 * one_hot(highest)
    probabilities[8] = [0.2, 0.2, 0.3]  # below the threshold
    ambiguous = [1] * 9 + [0]
    scores = [video("one.mp4", probabilities, one_hot(truth), ambiguous)]
    return report.make(scores, ("a", "b", "c"), True, PROTOCOL, DenseEvaluate(smooth=0.0), PROBLEMS)


# === Numbers ===


def test_average_precision_and_chance(several):
    results = several.results()
    # Ranked for a: 0.9 yes, 0.85 no, 0.8 yes; for b: 0.7 no, 0.6 yes. The ambiguous frame counts nowhere.
    assert results["per_class"] == {
        "a": {"ap": pytest.approx((1 + 2 / 3) / 2), "chance": 2 / 5, "positive_frames": 2},
        "b": {"ap": pytest.approx(1 / 2), "chance": 1 / 5, "positive_frames": 1},
    }
    assert results["map"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert results["chance"] == pytest.approx(0.3)
    assert results["left_out"] == ["never"]
    assert (results["videos"], results["frames"], results["ambiguous_frames"]) == (2, 5, 1)
    assert results["protocol"] == PROTOCOL | {"threshold": 0.5, "smooth": 0.0, "change_cost": 0.0}
    assert results | PROBLEMS == results
    assert "accuracy" not in results


def test_average_precision_is_scikit_learns():
    rng = np.random.default_rng(0)
    scores = [video(f"{k}.mp4", rng.random((50 + k, 4)), rng.random((50 + k, 4)) < 0.3) for k in range(3)]
    results = report.make(scores, tuple("abcd"), False, PROTOCOL, DenseEvaluate(), {}).results()
    target, score = (np.concatenate([getattr(s, name) for s in scores]) for name in ("targets", "probabilities"))
    assert results["map"] == pytest.approx(average_precision_score(target, score, average="macro"))
    assert results["chance"] == pytest.approx(target.mean())


def test_chance_is_what_a_random_ranking_gets():
    rng = np.random.default_rng(0)
    scores = [video("one.mp4", rng.random((20000, 2)), rng.random((20000, 2)) < [0.1, 0.3])]
    results = report.make(scores, ("a", "b"), False, PROTOCOL, DenseEvaluate(), {}).results()
    assert results["map"] == pytest.approx(results["chance"], abs=0.01)
    assert results["chance"] == pytest.approx(0.2, abs=0.01)


def test_accuracy_of_labelled_frames(single):
    results = single.results()
    assert results["confusion"] == [[3, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert results["accuracy"] == pytest.approx(5 / 7)
    assert results["majority_accuracy"] == pytest.approx(4 / 7)
    assert results["mean_class_accuracy"] == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert [row["recall"] for row in results["per_class"].values()] == [0.75, 0.5, 1.0]
    assert (results["frames"], results["unlabelled_frames"], results["ambiguous_frames"]) == (9, 2, 1)


def test_segments_of_single_labels(single):
    results = single.results()
    # Truth: a 0-4, b 4-6, c 6-7. Predicted: a 0-2, b 2-3, a 3-4, b 4-5, a 5-6, c 6-8; the ambiguous frame has none.
    # IoU: a 1/2, then taken; b at 4-5 1/2; c 1/2: three right of six predicted and three true.
    for overlap in (10, 25, 50):
        assert results[f"f1@{overlap}"] == pytest.approx(2 * 3 / (6 + 3))
    assert results["edit"] == pytest.approx(1 - 3 / 6)  # three insertions make a b c of a b a b a c
    assert [(s.label, s.start, s.end) for _, s in single.segments][-2:] == [("c", 6.0, 8.0), ("b", 9.0, 10.0)]


def test_smoothing_makes_one_segment_of_three():
    probabilities = 0.1 + 0.8 * one_hot([0, 0, 1, 0, 0, 0, 1, 1, 1, 1])
    scores = [video("one.mp4", probabilities, one_hot([0] * 6 + [1] * 4), rate=3.0)]
    rough, smooth = (
        report.make(scores, ("a", "b", "c"), True, PROTOCOL, DenseEvaluate(smooth=seconds), {}).results()
        for seconds in (0.0, 1.0)
    )
    assert rough["accuracy"] == smooth["accuracy"] == 0.9
    assert rough["edit"] == pytest.approx(1 / 2)
    assert smooth["edit"] == smooth["f1@50"] == 1.0
    assert "3 frames (1 s)" in smooth["definitions"]["segments"]
    assert "not smoothed" in rough["definitions"]["segments"]
    assert "3 frames a second" in smooth["definitions"]["accuracy"]


def test_a_cost_of_changes_makes_one_segment_of_three():
    """One frame is worth log(0.9 / 0.05) = 2.9 for another label, two changes cost 4; four frames are worth it."""
    probabilities = 0.05 + 0.85 * one_hot([0, 0, 1, 0, 0, 0, 1, 1, 1, 1])
    scores = [video("one.mp4", probabilities, one_hot([0] * 6 + [1] * 4), rate=3.0)]
    made = report.make(scores, ("a", "b", "c"), True, PROTOCOL, DenseEvaluate(smooth=0.0, change_cost=2.0), {})
    results = made.results()
    assert (results["accuracy"], results["edit"], results["f1@50"]) == (0.9, 1.0, 1.0)
    assert [(s.label, s.start, s.end) for _, s in made.segments] == [("a", 0.0, 2.0), ("b", 2.0, pytest.approx(10 / 3))]
    assert results["protocol"]["change_cost"] == 2.0
    assert (
        "less 2 for each change, background as one more class with a probability of 0.5" in results["definitions"]["segments"]
    )


@pytest.mark.parametrize("is_single", [False, True])
def test_ambiguous_frames_count_nowhere(is_single):
    targets = one_hot([0, 0, 1, 1, 2, 2])
    good = 0.1 + 0.8 * targets
    wrong = good.copy()
    wrong[2:4] = [0.1, 0.1, 0.9]
    masked = [1, 1, 0, 0, 1, 1]
    evaluate = DenseEvaluate(smooth=0.0)
    right, other = (
        report.make([video("v", p, targets, masked)], tuple("abc"), is_single, PROTOCOL, evaluate, {}).results()
        for p in (good, wrong)
    )
    assert right == other
    assert right["map"] == 1.0


# === Errors ===


def test_nothing_to_measure():
    with pytest.raises(UserError, match="can be read"):
        report.make([], ("a",), False, PROTOCOL, DenseEvaluate(), {})
    with pytest.raises(UserError, match="none labelled"):
        report.make([video("v", [[0.5]], [[0]])], ("a",), False, PROTOCOL, DenseEvaluate(), {})


def test_probabilities_that_are_not_finite_are_named():
    scores = [video("good.mp4", [[0.5]], [[1]]), video("bad.mp4", [[float("nan")]], [[1]])]
    with pytest.raises(UserError, match=r"bad\.mp4"):
        report.make(scores, ("a",), False, PROTOCOL, DenseEvaluate(), {})


# === Files and terminal ===


@pytest.mark.parametrize("kind", ["several", "single"])
def test_files(kind, request, tmp_path):
    made = request.getfixturevalue(kind)
    contents = made.files()
    write_files(contents, tmp_path)
    picture = "confusion.png" if kind == "single" else "per_class.png"
    names = sorted(["results.json", "segments.csv", picture])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(contents) == names
    text = (tmp_path / "results.json").read_text()
    assert "NaN" not in text
    companions = {"files": sorted(set(names) - {"results.json"})}
    assert json.loads(text) == json.loads(json.dumps(made.results(), allow_nan=False)) | companions
    assert cv2.imread(str(tmp_path / picture)).std() > 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "segments.csv").read_text())))
    assert len(rows) == len(made.segments)
    assert list(rows[0]) == ["path", "label", "start", "end", "score"]


def test_rows_of_segments(several, tmp_path):
    write_files(several.files(), tmp_path)
    lines = (tmp_path / "segments.csv").read_text().splitlines()
    assert lines[1:] == [
        "one.mp4,a,0.000,1.000,0.850000",
        "one.mp4,b,0.500,2.000,0.733333",
        "one.mp4,never,1.000,2.000,0.900000",
        "one.mp4,a,1.500,2.000,0.900000",
        "two.mp4,a,0.000,0.500,0.850000",
    ]


def test_picture_grows_with_the_classes():
    def side(classes):
        per_class = {f"class {c}": {"ap": 0.5, "chance": 0.1, "positive_frames": 9} for c in range(classes)}
        return pictures.precision_figure(per_class, "title").get_size_inches()[1]

    assert side(65) - side(5) == pytest.approx(60 * 0.22)  # 0.22 inches hold a line of 8 points


@pytest.mark.parametrize("kind", ["several", "single"])
def test_terminal(kind, request):
    made, console = request.getfixturevalue(kind), Console(file=io.StringIO(), width=100)
    made.show(console)
    text = console.file.getvalue()
    last = text.strip().splitlines()[-1]
    assert f"mAP {made.results()['map']:.4f} (chance {made.results()['chance']:.4f})" in last
    assert "test videos of segments.csv" in last
    assert "1 videos unreadable" in last
    assert ("left out, without a positive frame: never" in text) == (kind == "several")
    assert ("accuracy 0.7143 (majority 0.5714)" in last) == (kind == "single")
    assert ("2 of them unlabelled" in last) == (kind == "single")
    for name, definition in made.results()["definitions"].items():
        assert f"{name}: {definition}" in text
