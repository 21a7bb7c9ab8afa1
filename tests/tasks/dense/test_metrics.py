"""Metrics of dense labels: by hand, against scikit-learn, and against implementations of their own."""

from functools import cache

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from videorec.config import UserError
from videorec.reports.average_precision import frame_ap
from videorec.reports.segments import label_runs, majority_filter
from videorec.tasks.dense.metrics import edit_score, frame_accuracy, segment_f1

RNG = np.random.default_rng(0)
LENGTHS = (40, 7, 90)


def random_labels(length, classes=4):
    """Runs of random lengths."""
    runs = [np.full(RNG.integers(1, 9), RNG.integers(classes)) for _ in range(length)]
    return np.concatenate(runs)[:length]


TRUTHS = [random_labels(length) for length in LENGTHS]
PREDICTIONS = [np.where(RNG.random(len(t)) < 0.8, t, RNG.integers(4, size=len(t))) for t in TRUTHS]


# === Average precision ===


def ap_by_hand(positive, score):
    """Mean over the positives of the precision at their rank; no ties."""
    ranked = positive[np.argsort(-score)]
    precisions = [ranked[: k + 1].mean() for k in range(len(ranked)) if ranked[k]]
    return sum(precisions) / len(precisions)


def test_ap_by_hand():
    # Ranked: positive, negative, positive, negative: (1/1 + 2/3) / 2. The best score is in the second video.
    targets = [np.array([[0], [1]]), np.array([[1], [0]])]
    scores = [np.array([[0.8], [0.3]]), np.array([[0.9], [-5.0]])]
    assert frame_ap(targets, scores, ["a"]).mean == pytest.approx((1 + 2 / 3) / 2)


def test_ties_share_the_last_rank():
    result = frame_ap([np.array([[1], [0], [1], [0]])], [np.array([[0.5], [0.5], [0.2], [0.1]])], ["a"])
    assert result.mean == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_map_over_all_frames_of_all_videos():
    classes = ["a", "b", "never", "c"]
    targets = [(RNG.random((length, 4)) < 0.2) * np.array([1, 1, 0, 1]) for length in LENGTHS]
    scores = [0.5 * t + RNG.random(t.shape) for t in targets]
    masks = [RNG.random(length) < 0.8 for length in LENGTHS]
    for mask in (None, masks):
        got = frame_ap(targets, scores, classes, mask)
        kept = mask or [np.ones(length, bool) for length in LENGTHS]
        t, s = (np.concatenate([x[m] for x, m in zip(xs, kept, strict=True)]) for xs in (targets, scores))
        assert got.left_out == ("never",)
        assert set(got.per_class) == {"a", "b", "c"}
        for c in (0, 1, 3):
            assert got.per_class[classes[c]] == pytest.approx(ap_by_hand(t[:, c], s[:, c]))
        macro = average_precision_score(t[:, [0, 1, 3]], s[:, [0, 1, 3]], average="macro")
        assert got.mean == pytest.approx(macro)


def test_map_needs_labels_and_finite_scores():
    zeros = [np.zeros((3, 2))]
    with pytest.raises(UserError, match="3 frames that count, none labelled"):
        frame_ap(zeros, zeros, ["a", "b"])
    with pytest.raises(UserError, match="0 frames that count"):
        frame_ap([np.ones((3, 2))], zeros, ["a", "b"], [np.zeros(3, bool)])
    with pytest.raises(UserError, match="at least one video"):
        frame_ap([], [], ["a"])
    with pytest.raises(ValueError, match="finite"):
        frame_ap([np.ones((3, 2))], [np.full((3, 2), np.nan)], ["a", "b"])
    with pytest.raises(ValueError, match=r"must be \(T, 3\)"):
        frame_ap(zeros, zeros, ["a", "b", "c"])


# === Single labels ===


def test_frame_accuracy():
    truths, predictions = [np.array([0, 0, 1, 1]), np.array([2])], [np.array([0, 1, 1, 1]), np.array([0])]
    assert frame_accuracy(truths, predictions) == pytest.approx(3 / 5)  # frames, not the mean of 3/4 and 0
    assert frame_accuracy(truths, predictions, [np.array([1, 0, 1, 0]), np.array([1])]) == pytest.approx(2 / 3)
    with pytest.raises(UserError, match="frames that count"):
        frame_accuracy([np.array([0])], [np.array([0])], [np.array([False])])
    with pytest.raises(ValueError, match="for video 0"):
        frame_accuracy([np.array([0, 1])], [np.array([0])])


def majority_by_hand(labels, frames):
    half, out = frames // 2, []
    for t, own in enumerate(labels):
        window = list(labels[max(t - half, 0) : t + half + 1])
        most = max(window.count(label) for label in window)
        best = [label for label in sorted(set(window)) if window.count(label) == most]
        out.append(own if own in best else best[0])
    return np.array(out)


@pytest.mark.parametrize("frames", [1, 3, 5, 9, 101])
def test_majority_filter(frames):
    for labels in PREDICTIONS:
        np.testing.assert_array_equal(majority_filter(labels, frames), majority_by_hand(labels, frames))


def test_majority_filter_examples():
    assert majority_filter(np.array([2, 2, 0, 2, 2, 1, 1, 1]), 3).tolist() == [2, 2, 2, 2, 2, 1, 1, 1]
    assert majority_filter(np.array([3, 1, 2, 3, 3]), 3).tolist() == [3, 1, 2, 3, 3]  # a tie keeps the frame's own
    assert majority_filter(np.array([], int), 3).tolist() == []
    with pytest.raises(ValueError, match="odd"):
        majority_filter(np.array([1]), 4)
    with pytest.raises(ValueError, match="0 or more"):
        majority_filter(np.array([-1, 1]), 3)


# === Segments ===


def test_label_runs():
    labels = np.array([0, 0, 3, 3, 3, 0, 1])
    assert label_runs(labels) == [(0, 0, 2), (3, 2, 5), (0, 5, 6), (1, 6, 7)]
    assert label_runs(labels, background={0}) == [(3, 2, 5), (1, 6, 7)]
    assert label_runs(np.array([], int)) == []


def edit_by_hand(truth, prediction, background):
    """Levenshtein by its recursive definition, runs by a loop."""

    def runs(labels):
        return [x for k, x in enumerate(labels) if (k == 0 or labels[k - 1] != x) and x not in background]

    a, b = runs(list(truth)), runs(list(prediction))

    @cache
    def distance(i, j):
        if i == 0 or j == 0:
            return i + j
        options = (distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]))
        return min(options)

    return 1 - distance(len(a), len(b)) / max(len(a), len(b), 1)


@pytest.mark.parametrize("background", [(), (0,)])
def test_edit_score(background):
    pairs = list(zip(TRUTHS, PREDICTIONS, strict=True))
    each = [edit_by_hand(t, p, background) for t, p in pairs]
    assert 0 < np.mean(each) < 1
    assert edit_score(TRUTHS, PREDICTIONS, background) == pytest.approx(np.mean(each))
    for (t, p), value in zip(pairs, each, strict=True):
        assert edit_score([t], [p], background) == pytest.approx(value)


def test_edit_score_examples():
    truth = np.array([0, 0, 1, 1, 2, 2])
    assert edit_score([truth], [np.array([0, 1, 1, 1, 1, 2])]) == 1  # timing does not count
    assert edit_score([truth], [np.array([0, 0, 2, 2, 2, 2])]) == pytest.approx(2 / 3)  # one of three missing
    assert edit_score([truth], [np.array([0, 1, 0, 1, 0, 2])]) == pytest.approx(1 - 3 / 6)  # three too many of six
    assert edit_score([np.array([0])], [np.array([0])], background=[0]) == 1
    with pytest.raises(UserError, match="at least one video"):
        edit_score([], [])


def f1_by_hand(truths, predictions, overlap, background):
    """With segments as sets of frames, and F1 from precision and recall."""
    tp = fp = fn = 0
    for truth, prediction in zip(truths, predictions, strict=True):

        def sets(labels):
            runs = []
            for t, label in enumerate(labels):
                if t and labels[t - 1] == label:
                    runs[-1][1].add(t)
                else:
                    runs.append((label, {t}))
            return [s for s in runs if s[0] not in background]

        open_ones, all_true = {k: s for k, s in enumerate(sets(truth))}, sets(truth)
        for label, frames in sets(prediction):
            same = [(len(frames & f) / len(frames | f), -k) for k, (other, f) in enumerate(all_true) if other == label]
            iou, k = max(same, default=(0.0, 0))
            if iou >= overlap and -k in open_ones:
                tp += 1
                del open_ones[-k]
            else:
                fp += 1
        fn += len(open_ones)
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("background", [(), (0,)])
@pytest.mark.parametrize("overlap", [0.1, 0.25, 0.5, 0.75])
def test_segment_f1(overlap, background):
    expected = f1_by_hand(TRUTHS, PREDICTIONS, overlap, background)
    assert 0 < expected < 1
    assert segment_f1(TRUTHS, PREDICTIONS, overlap, background) == pytest.approx(expected)


def test_segment_f1_examples():
    truth = np.array([1] * 10 + [2] * 10)
    shifted = np.array([1] * 5 + [2] * 15)  # IoU 5/10 and 10/15
    assert segment_f1([truth], [shifted], 0.5) == 1  # an IoU of the threshold is enough
    assert segment_f1([truth], [shifted], 0.6) == pytest.approx(1 / 2)
    assert segment_f1([truth], [shifted], 0.7) == 0
    split = np.array([1] * 4 + [3] + [1] * 5 + [2] * 10)  # 1 twice: one hit of four predicted ones more
    assert segment_f1([truth], [split], 0.1) == pytest.approx(2 * 2 / (4 + 2))
    # Counts of all videos together: 2 + 1 hits of 2 + 1 true and 2 + 3 predicted ones.
    assert segment_f1([truth, np.array([1, 1, 1])], [truth, np.array([1, 2, 3])], 0.3) == pytest.approx(2 * 3 / (5 + 3))
    assert segment_f1([np.array([0, 0])], [np.array([0, 0])], 0.5, background=[0]) == 1
    with pytest.raises(ValueError, match="above 0"):
        segment_f1([truth], [truth], 0)
    with pytest.raises(UserError, match="at least one video"):
        segment_f1([], [], 0.5)
