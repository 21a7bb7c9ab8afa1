"""From probabilities to segments: by hand."""

import itertools

import numpy as np
import pytest

from videorec.data.moments.frame_labels import frame_labels
from videorec.data.moments.tables import Segment, dense_video
from videorec.reports.segments import (
    PredictedSegment,
    cheapest_labels,
    predicted_segments,
    single_predictions,
    smoothing_window,
)


def test_several_labels_at_a_time():
    probabilities = np.array([[0.9, 0.1], [0.5, 0.6], [0.4, 0.8], [0.7, 0.7]])
    assert predicted_segments(probabilities, ["b", "a"], rate=2.0, threshold=0.5, single=False) == [
        PredictedSegment("b", 0.0, 1.0, pytest.approx(0.7)),
        PredictedSegment("a", 0.5, 2.0, pytest.approx(0.7)),
        PredictedSegment("b", 1.5, 2.0, pytest.approx(0.7)),
    ]


def test_smoothing_is_for_single_labels_alone():
    probabilities = np.array([[0.9], [0.1], [0.9]])
    assert len(predicted_segments(probabilities, ["a"], 1.0, 0.5, single=False, smooth=3.0)) == 2
    # The middle frame is one of two others' majority: one segment, its score over all three frames.
    assert predicted_segments(probabilities, ["a"], 1.0, 0.5, single=True, smooth=3.0) == [
        PredictedSegment("a", 0.0, 3.0, pytest.approx(1.9 / 3))
    ]


def test_single_labels():
    probabilities = np.array([[0.6, 0.5], [0.4, 0.3], [0.6, 0.9], [0.0, 0.5]])  # a, none, b, b
    assert single_predictions(probabilities, 1.0, 0.5).tolist() == [0, 2, 1, 1]
    assert predicted_segments(probabilities, ["a", "b"], 4.0, 0.5, single=True) == [
        PredictedSegment("a", 0.0, 0.25, pytest.approx(0.6)),
        PredictedSegment("b", 0.5, 1.0, pytest.approx(0.7)),
    ]


def test_background_takes_part_in_the_majority():
    probabilities = np.array([[0.1], [0.1], [0.9], [0.1], [0.1]])
    assert single_predictions(probabilities, 1.0, 0.5, smooth=3.0).tolist() == [1] * 5
    assert predicted_segments(probabilities, ["a"], 1.0, 0.5, single=True, smooth=3.0) == []


@pytest.mark.parametrize("cost", [0.0, 0.3, 1.0, 4.0])
def test_a_change_of_label_has_its_cost(cost):
    """Against every sequence there is."""
    probabilities = np.random.default_rng(1).dirichlet(np.ones(3), 6)
    sequences = np.array(list(itertools.product(range(3), repeat=6)))  # (3 ** 6, 6)
    logs = np.log(probabilities)[np.arange(6), sequences].sum(axis=1)
    scores = logs - cost * (sequences[:, 1:] != sequences[:, :-1]).sum(axis=1)
    assert cheapest_labels(probabilities, cost).tolist() == sequences[scores.argmax()].tolist()


def test_short_runs_go_unless_they_are_sure():
    doubtful, sure = ([[0.8, 0.2]] * 5 + [[1 - p, p]] * 3 + [[0.8, 0.2]] * 5 for p in (0.6, 0.99))
    spans = [
        [(s.label, s.start, s.end) for s in predicted_segments(np.array(p), ["a", "b"], 1.0, 0.1, True, change_cost=4.0)]
        for p in (doubtful, sure)
    ]
    assert spans == [[("a", 0, 13)], [("a", 0, 5), ("b", 5, 8), ("a", 8, 13)]]
    # Several labels at a time are each class's own, as they are.
    assert len(predicted_segments(np.array(doubtful), ["a", "b"], 1.0, 0.5, False, change_cost=4.0)) == 3


def test_background_is_one_more_label_of_the_sequence():
    probabilities = np.array([[0.9]] * 4 + [[0.45]] + [[0.9]] * 4 + [[0.01]] * 4)
    assert single_predictions(probabilities, 1.0, 0.5).tolist() == [0] * 4 + [1] + [0] * 4 + [1] * 4
    assert single_predictions(probabilities, 1.0, 0.5, change_cost=2.0).tolist() == [0] * 9 + [1] * 4


def test_one_frame_that_is_sure_of_something_else_forbids_nothing():
    probabilities = np.array([[1.0, 0.0]] * 9 + [[0.0, 1.0]] + [[1.0, 0.0]] * 9)
    assert cheapest_labels(probabilities, 6.0).tolist() == [0] * 19


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("rate", [5.0, 25.0, 29.97])
def test_labels_come_back_as_the_segments_that_they_are_of(single, rate):
    spans = [("a", 0, 40), ("b", 40, 61), ("a", 70, 100)]  # frames
    video = dense_video("v.mp4", [Segment(label, start / rate, end / rate) for label, start, end in spans])
    targets, _ = frame_labels(video, ["a", "b"], rate, 100)
    segments = predicted_segments(targets.astype(np.float32), ["a", "b"], rate, 0.5, single)
    assert segments == [PredictedSegment(s.label, pytest.approx(s.start), pytest.approx(s.end), 1.0) for s in video.segments]


@pytest.mark.parametrize(
    ("smooth", "rate", "window"), [(0, 25, 1), (1, 25, 25), (1, 10, 11), (1, 1.9, 1), (1, 2, 3), (0.5, 25, 13), (1, 5.9, 5)]
)
def test_odd_window_nearest_to_the_seconds(smooth, rate, window):
    assert smoothing_window(smooth, rate) == window


@pytest.mark.parametrize("single", [False, True])
def test_nothing_to_find(single):
    assert predicted_segments(np.zeros((0, 2)), ["a", "b"], 5.0, 0.5, single) == []
    assert predicted_segments(np.full((9, 2), 0.49), ["a", "b"], 5.0, 0.5, single, smooth=1.0) == []


@pytest.mark.parametrize("single", [False, True])
def test_wrong_arguments(single):
    with pytest.raises(ValueError, match=r"\(T, 2\).*\(4, 3\)"):
        predicted_segments(np.zeros((4, 3)), ["a", "b"], 5.0, 0.5, single)
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="threshold"):
            predicted_segments(np.zeros((4, 1)), ["a"], 5.0, threshold, single)
    with pytest.raises(ValueError, match="smooth"):
        smoothing_window(-1.0, 5.0)
    with pytest.raises(ValueError, match="change_cost"):
        cheapest_labels(np.full((4, 2), 0.5), -1.0)
