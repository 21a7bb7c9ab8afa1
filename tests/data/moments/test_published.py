"""Dense labels in the forms in which data sets publish them, generated and real."""

import json
import logging
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from videorec.config import UserError
from videorec.data.moments import published, tables
from videorec.data.moments.frame_labels import frame_labels, single_labels
from videorec.data.moments.tables import DenseVideo, Segment
from videorec.data.splitting import classes_of, complete_splits


def table(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


JSON = {
    "video_test_1": {"subset": "testing", "duration": 9.5, "actions": [[2, 3.0, 4.0], [1, 0.5, 1.0], [2, 6.0, 6.0]]},
    "video_validation_2": {"subset": "training", "duration": 7, "actions": [[1, 0, 2]]},
}


def test_json(tmp_path, caplog):
    path = table(tmp_path, json.dumps(JSON), "labels.json")
    classes = table(tmp_path, "1 Run\n2 Jump\n", "class_list.txt")
    with caplog.at_level(logging.WARNING):
        test, train = published.read_json(path, "/v", classes)
    assert test.segments == (Segment("Run", 0.5, 1), Segment("Jump", 3, 4), Segment("Jump", 6, 6))
    assert (test.path, test.split, test.duration) == ("/v/video_test_1.mp4", "test", 9.5)
    assert (train.path, train.split, train.segments) == ("/v/video_validation_2.mp4", "train", (Segment("Run", 0, 2),))
    assert "1 segments have length 0" in caplog.text
    assert [s.label for s in published.read_json(path)[0].segments] == ["1", "2", "2"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actions": []}, "video_test_1: a video needs at least one label"),
        ({"actions": [[3, 0, 1]]}, "video_test_1: class 3 is not in the class list, which has 1 to 2"),
        ({"actions": [[1, 2, 1]]}, "video_test_1: end must not come before start"),
        ({"actions": [[1, 2]]}, "video_test_1: subset, duration and actions"),
        ({"subset": "test"}, "unknown subset 'test'. Did you mean testing"),
        ({"duration": "x"}, "duration must be a number, 0 or more"),
    ],
)
def test_json_errors(tmp_path, change, message):
    content = {**JSON, "video_test_1": {**JSON["video_test_1"], **change}}
    path = table(tmp_path, json.dumps(content), "labels.json")
    with pytest.raises(UserError, match=message):
        published.read_json(path, class_list=table(tmp_path, "1 Run\n2 Jump\n", "class_list.txt"))


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_json_of_another_form(tmp_path, text):
    with pytest.raises(UserError, match=r"labels.json"):
        published.read_json(table(tmp_path, text, "labels.json"))


def test_class_files(tmp_path, caplog):
    table(tmp_path, "video_test_1  3.0 4.5\nvideo_validation_2 0 1\nvideo_test_1 3.0  4.5\n\n", "Run_test.txt")
    table(tmp_path, "video_test_1 2 2\nother 1 2\n", "Jump.txt")
    table(tmp_path, "video_test_1 7 8\nvideo_test_9 7 8\n", "Ambiguous_test.txt")
    table(tmp_path, "not read", "README")
    with caplog.at_level(logging.INFO):
        videos = {video.path: video for video in published.read_class_files(tmp_path, "/v", "{}.avi")}
    assert list(videos) == [f"/v/{name}.avi" for name in ("other", "video_test_1", "video_test_9", "video_validation_2")]
    first = videos["/v/video_test_1.avi"]
    assert first.segments == (Segment("Jump", 2, 2), Segment("Run", 3, 4.5)) and first.split == "test"
    assert first.ambiguous == (Segment("Ambiguous", 7, 8),)
    assert videos["/v/video_test_9.avi"].segments == ()  # all of it that is marked is ambiguous
    assert videos["/v/other.avi"].split is None and videos["/v/video_validation_2.avi"].split == "train"
    assert "1 lines that occur twice" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video_test_1 3.0\n", "Run.txt, line 1: `video start end` is expected"),
        ("a 0 1\na 3 2\n", "Run.txt, line 2: end must not come before start"),
        ("a 0 x\n", "Run.txt, line 1: end must be a number"),
        ("\n", "an empty file"),
    ],
)
def test_class_files_errors(tmp_path, text, message):
    table(tmp_path, text, "Run.txt")
    with pytest.raises(UserError, match=message):
        published.read_class_files(tmp_path)


def test_no_class_files(tmp_path):
    with pytest.raises(UserError, match="no .txt file"):
        published.read_class_files(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        published.read_class_files(tmp_path / "none")


def test_frame_table(tmp_path):
    path = table(tmp_path, "video,start_frame,end_frame,label,clip\nv1,25,75,walk,x\nv1,75,80,sit,y\nv2,0,10,walk,z\n")
    first, second = published.read_frame_table(path, 25, "/v")
    assert first == DenseVideo("/v/v1.mp4", (Segment("walk", 1, 3), Segment("sit", 3, 3.2)))
    targets, _ = frame_labels(first, ["sit", "walk"], 25, 100)
    assert np.flatnonzero(targets[:, 1]).tolist() == list(range(25, 75))
    assert np.flatnonzero(targets[:, 0]).tolist() == list(range(75, 80))
    assert second.path == "/v/v2.mp4"
    with pytest.raises(UserError, match="fps must be above 0"):
        published.read_frame_table(path, 0)
    with pytest.raises(UserError, match="line 2: video and label"):
        published.read_frame_table(table(tmp_path, "video,start_frame,end_frame,label\nv1,25,75,\n"), 25)


# === Real annotations ===


@pytest.fixture(scope="module")
def multithumos(shared_data):
    return published.read_json(shared_data / "annotations/multithumos/multithumos.json")


def test_multithumos_as_published(multithumos):
    splits = [video.split for video in multithumos]
    assert (len(splits), splits.count("train"), splits.count("test")) == (413, 200, 213)
    assert len(tables.labels(multithumos)) == 65
    assert sum(len(video.segments) for video in multithumos) == 38_690
    assert len(tables.check_ends(multithumos)) == 65
    completed = complete_splits(multithumos, 0)
    assert len(classes_of(completed, "multithumos")) == 65  # all of them in training, which raises otherwise
    assert [video.split for video in completed].count("val") == 30  # 15 % of 200


def test_multithumos_as_class_files(multithumos, tmp_path):
    lines = defaultdict(list)
    for video in multithumos:
        for segment in video.segments:
            lines[segment.label].append(f"{Path(video.path).stem} {segment.start} {segment.end}")
    for k, (label, rows) in enumerate(lines.items()):
        (tmp_path / f"{label}.txt").write_text("\n".join([*rows, rows[k % len(rows)]]))  # and one of them again
    assert len(list(tmp_path.iterdir())) == 65
    videos = published.read_class_files(tmp_path)
    assert [replace(video, duration=None) for video in sorted(multithumos, key=lambda v: v.path)] == videos


def test_multithumos_labels_per_frame(multithumos):
    # Published: 1.5 labels a frame and 10.5 classes a video.
    classes = tables.labels(multithumos)
    whole = [v for v in multithumos if all(s.start < v.duration for s in v.segments)]  # a few durations are wrong
    counts = np.array([frame_labels(v, classes, 10, int(10 * v.duration))[0].sum(axis=1).mean() for v in whole])
    lengths = np.array([v.duration for v in whole])
    assert 1.3 < (counts * lengths).sum() / lengths.sum() < 1.7
    assert round(np.mean([len({s.label for s in v.segments}) for v in multithumos]), 1) == 10.5


def test_fir_action_recordings(shared_data, tmp_path):
    folder = shared_data / "fir_action"
    videos = published.read_frame_table(folder / "segments.csv", 25, folder / "recordings")
    tables.check_files(videos)
    assert len(videos) == 17 and sum(len(video.segments) for video in videos) == 218
    durations = {}
    for video in videos:
        capture = cv2.VideoCapture(video.path)
        durations[video.path] = capture.get(cv2.CAP_PROP_FRAME_COUNT) / 25
    assert tables.check_ends(videos, durations, slack=0) == []
    with pytest.raises(UserError, match="line 19: .*sitdown from 38.56 .* in walk"):
        tables.single_label(videos)  # by 3 frames
    single = tables.single_label(videos, slack=0.2)
    classes = tables.labels(single)
    assert len(classes) == 9
    tables.write(tmp_path / "dense.csv", single)
    for video, again in zip(single, tables.read(tmp_path / "dense.csv"), strict=True):
        targets, _ = frame_labels(video, classes, 25, round(25 * durations[video.path]))
        np.testing.assert_array_equal(targets, frame_labels(again, classes, 25, len(targets))[0])
        assert set(single_labels(targets, none=-1)) - {-1} == {classes.index(s.label) for s in video.segments}
