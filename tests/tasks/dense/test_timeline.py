"""The timeline of a video: its data by hand, and what its picture shows."""

import itertools
import json

import numpy as np
import pytest
from matplotlib.offsetbox import AnnotationBbox

from videorec.data.moments.tables import Segment, dense_video
from videorec.reports.segments import PredictedSegment
from videorec.tasks.dense import timeline
from videorec.tasks.dense.scores import VideoScores

CLASSES = ("run", "jump", "rest")
FOUND = [PredictedSegment("run", 0.0, 1.23456, 0.7654321), PredictedSegment("rest", 1.5, 2.0, 0.9)]


def scored(segments=(), frames=10, rate=5.0, classes=CLASSES, name="folder/one.mp4") -> VideoScores:
    ramp = np.linspace(0, 0.4, frames * len(classes), dtype=np.float32).reshape(frames, -1)
    targets, mask = np.zeros((frames, len(classes)), np.uint8), np.ones(frames, bool)
    return VideoScores(dense_video(name, segments), rate, ramp, targets, mask)


def frames_at(*seconds, shape=(60, 80)):
    return [(s, np.full((*shape, 3), 100, np.uint8)) for s in seconds]


def tracks(panel):
    return [label.get_text() for label in panel.get_yticklabels()]


def spans(panel):
    """Start and end of the bars of each track that has any, of the top ones first."""
    bars = [[path.get_extents() for path in part.get_paths()] for part in panel.collections if part.get_facecolor().size]
    return [[(round(box.x0, 3), round(box.x1, 3)) for box in track] for track in bars if track]


# === Data ===


def test_content():
    content = timeline.content(scored([Segment("run", 0.0, 1.0), Segment("Ambiguous", 1.0, 1.5)]), FOUND, CLASSES, 0.5)
    assert content.pop("definitions").keys() >= {"segments", "score", "truth"}
    assert content == {
        "video": "folder/one.mp4",
        "rate": 5.0,
        "frames": 10,
        "duration": 2.0,
        "classes": ["run", "jump", "rest"],
        "segments": [
            {"label": "run", "start": 0.0, "end": 1.235, "score": 0.765432},
            {"label": "rest", "start": 1.5, "end": 2.0, "score": 0.9},
        ],
        "truth": [{"label": "run", "start": 0.0, "end": 1.0}],
        "ambiguous": [{"start": 1.0, "end": 1.5}],
    }


def test_content_without_annotation():
    content = timeline.content(scored(), [], CLASSES, 0.5)
    assert content["truth"] is None
    assert json.loads(json.dumps(content, allow_nan=False)) == content


# === Picture ===


def test_tracks_and_bars_over_one_time_axis():
    truth = [Segment("rest", 0.2, 0.9), Segment("run", 0.5, 1.5), Segment("run", 1.7, 1.9)]
    figure = timeline.figure(scored(truth), FOUND[:1], CLASSES, frames_at(0.25, 0.75, 1.25, 1.75), single=False)
    _, true, predicted = figure.axes
    assert tracks(true) == tracks(predicted) == ["run", "rest"]  # jump occurs nowhere
    assert spans(true) == [[(0.5, 1.5), (1.7, 1.9)], [(0.2, 0.9)]]
    assert spans(predicted) == [[(0.0, 1.235)]]
    assert all(panel.get_xlim() == (0, 2.0) for panel in figure.axes)
    assert figure.axes[-1].get_xlabel() == "seconds"


def test_curves_are_the_probabilities():
    scores = scored([Segment("run", 0.0, 1.0)])
    _, predicted = timeline.figure(scores, [], CLASSES, [], single=False).axes
    (curve,) = predicted.patches
    values, edges, baseline = curve.get_data()
    assert (baseline - values) / 0.75 == pytest.approx(scores.probabilities[:, 0])
    assert edges == pytest.approx(np.arange(11) / 5)


def test_long_curves_are_means():
    scores = scored([Segment("run", 0.0, 1.0)], frames=36_000, rate=30.0)  # 20 minutes
    _, predicted = timeline.figure(scores, [], CLASSES, [], single=True).axes
    values, edges, baseline = predicted.patches[0].get_data()
    assert (baseline - values) / 0.75 == pytest.approx(scores.probabilities[:, 0].reshape(1200, 30).mean(axis=1), abs=1e-6)
    assert edges[-1] == 1200.0
    assert "means over 1.0 s" in predicted.get_title(loc="left")


def test_video_without_annotation_says_so_and_has_no_empty_panel():
    (predicted,) = timeline.figure(scored(), FOUND, CLASSES, [], single=False).axes
    assert predicted.get_xlabel() == "seconds; this video is not annotated"
    assert tracks(predicted) == ["run", "rest"]


def test_video_in_which_nothing_is_found_shows_the_likeliest_classes():
    classes = tuple(f"c{k}" for k in range(9))  # the last are the likeliest
    (predicted,) = timeline.figure(scored(classes=classes), [], classes, [], single=True).axes
    assert tracks(predicted) == ["c4", "c5", "c6", "c7", "c8"]
    assert predicted.get_xlabel().startswith("seconds; no class reaches the threshold; shown: the 5 most probable classes")


def test_many_classes_are_counted():
    classes = tuple(f"c{k:02d}" for k in range(65))
    truth = [Segment(name, 0.0, 0.1 + k / 65) for k, name in enumerate(classes[:30])]
    true, predicted = timeline.figure(scored(truth, classes=classes), [], classes, [], single=False).axes
    assert tracks(true) == tracks(predicted) == list(classes[10:30])  # the longest
    assert "10 more classes occur" in predicted.get_xlabel()


@pytest.mark.parametrize("shape", [(60, 80), (240, 135), (32, 32)])
@pytest.mark.parametrize("places", [(0.5,), (0.0, 1.0), (0.1, 0.3, 0.5, 0.7, 0.9), tuple(np.linspace(0, 1, 12))])
def test_frames_do_not_overlap_and_stay_inside(shape, places):
    scores = scored([Segment("a long name of a class", 0.0, 1.0)], classes=("a long name of a class",))
    figure = timeline.figure(
        scores, [], ("a long name of a class",), frames_at(*(2 * p for p in places), shape=shape), single=False
    )
    figure.canvas.draw()
    row = figure.axes[0]
    boxes = [box.offsetbox.get_window_extent() for box in row.artists if isinstance(box, AnnotationBbox)]
    assert len(boxes) == len(places)
    for left, right in itertools.pairwise(boxes):
        assert left.x1 <= right.x0
    area = row.get_window_extent()
    assert boxes[0].x0 >= area.x0 - 1
    assert boxes[-1].x1 <= area.x1 + 1
    assert boxes[0].width / boxes[0].height == pytest.approx(shape[1] / shape[0], rel=0.1)


def test_ambiguous_spans_are_hatched():
    scores = scored([Segment("run", 0.0, 1.0), Segment("Ambiguous", 1.0, 1.5)])
    for panel in timeline.figure(scores, [], CLASSES, [], single=False).axes:
        assert [patch.get_hatch() for patch in panel.patches].count("///") == 1
        assert "hatched: ambiguous" in panel.get_title(loc="left")


def test_names_are_no_formulas():
    name = r"$\frac{a class$"
    scores = scored([Segment(name, 0.0, 1.0)], classes=(name,), name=r"$\frac{.mp4")
    timeline.figure(scores, [], (name,), [], single=False).canvas.draw()
