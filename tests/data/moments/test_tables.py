"""Dense labels: tables, published forms, checks, and labels of frames."""

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

TABLE = """path,label,start,end,split,group
a.mp4,run,2.5,4,train,room1
b.mp4,jump,0,1.5,test,room2
a.mp4,jump;Sing,0,3.25,train,room1
a.mp4,Ambiguous,5,6,train,room1
"""
VIDEOS = [
    DenseVideo(
        "/v/a.mp4",
        (Segment("Sing", 0, 3.25), Segment("jump", 0, 3.25), Segment("run", 2.5, 4)),
        "train",
        "room1",
        ambiguous=(Segment("Ambiguous", 5, 6),),
    ),
    DenseVideo("/v/b.mp4", (Segment("jump", 0, 1.5),), "test", "room2"),
]


def table(tmp_path, text, name="dense.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


# === Tables of seconds ===


def test_read(tmp_path):
    path = table(tmp_path, TABLE)
    assert tables.read(path, "/v") == VIDEOS
    assert [video.path for video in tables.read(path)] == [str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4")]
    assert tables.labels(VIDEOS) == ["Sing", "jump", "run"]
    assert tables.read(path, "/v")[1].segments[0].where == f"{path}, line 3"


def test_split_and_group_may_be_absent(tmp_path):
    (video,) = tables.read(table(tmp_path, "path,label,start,end\na.mp4,run,0,1\n"), "/v")
    assert video == DenseVideo("/v/a.mp4", (Segment("run", 0, 1),))


def test_written_is_read_again(tmp_path, caplog):
    path = tmp_path / "sub" / "dense.csv"
    tables.write(path, VIDEOS)
    assert tables.read(path) == VIDEOS
    assert not caplog.records
    empty = replace(VIDEOS[1], segments=(*VIDEOS[1].segments, Segment("run", 2, 2)))
    tables.write(path, [empty])
    assert tables.read(path) == VIDEOS[1:]
    assert "1 segments shorter than a millisecond" in caplog.text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.mp4,run,3,2", "line 2: end must come after start"),
        ("a.mp4,run,3,3", "line 2: end must come after start"),
        ("a.mp4,run,0,1\na.mp4,jmp,1,2", "line 3: unknown label 'jmp'. Did you mean jump"),
        ("a.mp4,run,0,1\nb.mp4,,,", "line 3: path and label must not be empty"),
        ("a.mp4,run,x,1", "line 2: start must be a number, 0 or more. Received: 'x'"),
        ("a.mp4,run,0,nan", "line 2: end must be a number"),
        ("a.mp4,run,-1,1", "line 2: start must be"),
        ("a.mp4,run,0", r"line 2: expected 4 values \(path,label,start,end\), got 3"),
        ("a.mp4,run,0,1\na.mp4,run,0,1", "line 3: run from 0.0 to 1.0 s is listed twice"),
        ("a.mp4,Ambiguous,0,1", "line 2: .*a.mp4 has no label but Ambiguous"),
        ("", "has no rows"),
    ],
)
def test_errors_name_file_and_line(tmp_path, rows, message):
    path = table(tmp_path, f"path,label,start,end\n{rows}\n")
    with pytest.raises(UserError, match=message) as error:
        tables.read(path, classes=["run", "jump"])
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label,start\na,b,0\n", "must name the columns path,label,start,end. Received: path,label,start"),
        ("path,label,start,end,grop\na,b,0,1,c\n", "unknown column 'grop'. Did you mean group"),
        ("path,label,start,end,split\na,b,0,1,trian\n", "line 2: split must be one of"),
        ("path,label,start,end,split\na,b,0,1,train\na,b,1,2,test\n", "line 3: the rows of a video must agree"),
        ("path,label,start,end,split,group\na,b,0,1,train,g\nc,b,1,2,test,g\n", "must not sit on both sides"),
    ],
)
def test_columns_splits_and_groups(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        tables.read(table(tmp_path, text))


def test_unreadable_tables(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        tables.read(tmp_path / "none.csv")
    with pytest.raises(UserError, match="cannot be written"):
        tables.write(tmp_path, VIDEOS)  # a folder


# === Checks ===


def test_missing_files(tmp_path):
    path = table(tmp_path, TABLE)
    (tmp_path / "a.mp4").touch()
    with pytest.raises(UserError, match=r"1 of 2 videos are missing: .*b.mp4 \(.*dense.csv, line 3\)"):
        tables.check_files(tables.read(path))
    (tmp_path / "b.mp4").touch()
    tables.check_files(tables.read(path))


def test_segments_behind_the_end(caplog):
    long = DenseVideo("v", tuple(Segment("run", k, k + 1) for k in range(100)), duration=99.5)
    assert tables.check_ends([long]) == []  # within a second
    one = replace(long, segments=(*long.segments[:99], Segment("run", 99, 102, "t.csv, line 100")))
    with caplog.at_level(logging.WARNING):
        assert tables.check_ends([one]) == [(one, one.segments[99])]
    assert "1 of 100 segments end after the end of their video. First: t.csv, line 100: run from 99 to 102 s" in caplog.text
    with pytest.raises(UserError, match="2 of 100 .* Are start and end in seconds"):
        tables.check_ends([one], {"v": 97.9})
    assert tables.check_ends([replace(one, duration=None)]) == []  # nothing to check against


def test_single_label():
    meeting = DenseVideo("v", (Segment("a", 0, 0.1 + 0.2), Segment("b", 0.3, 1), Segment("a", 2, 3)))
    (got,) = tables.single_label([meeting])
    assert got.segments[1:] == meeting.segments[1:]
    overlapping = DenseVideo("v", (Segment("a", 0, 2, "t, line 2"), Segment("b", 1.9, 3, "t, line 3")))
    with pytest.raises(
        UserError, match=r"t, line 3: segments must not overlap .*b from 1.9 to 3 s in a from 0 to 2 s .t, line 2"
    ):
        tables.single_label([overlapping])
    (got,) = tables.single_label([overlapping], slack=0.2)
    assert got.segments == (Segment("a", 0, 1.9), Segment("b", 1.9, 3))
    for inside in ((Segment("a", 0, 2), Segment("b", 1, 1.1)), (Segment("a", 0, 0.1), Segment("b", 0, 3))):
        with pytest.raises(UserError, match="must not overlap"):
            tables.single_label([DenseVideo("v", inside)], slack=0.2)


# === Frames ===


def test_frames_of_segments():
    video = DenseVideo(
        "v",
        (
            Segment("a", 0.2, 0.5),
            Segment("b", 0.5, 0.7),
            Segment("a", 0.61, 0.69),
            Segment("b", 0.75, 99),
            Segment("a", 0.3, 0.3),
        ),
        ambiguous=(Segment("Ambiguous", 0.35, 0.6),),
    )
    targets, mask = frame_labels(video, ["b", "a"], rate=10, frames=10)
    # Frame k at k / 10 s: a from frame 2 up to 4, b at 5 and 6, none at 7, b from 8 to the end.
    assert targets[:, 1].tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert targets[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 1, 1]
    assert mask.tolist() == [True] * 4 + [False] * 2 + [True] * 4
    assert targets.dtype == np.uint8 and mask.dtype == bool
    assert single_labels(targets, none=7).tolist() == [7, 7, 1, 1, 1, 0, 0, 7, 0, 0]
    with pytest.raises(ValueError, match="the first at 1"):
        single_labels(np.array([[1, 0], [1, 1]]), none=0)


@pytest.mark.parametrize("rate", [8, 10, 23.976, 25, 30])
def test_times_rounded_to_milliseconds_give_their_frames(rate):
    for first in range(200):
        video = DenseVideo("v", (Segment("a", round(first / rate, 3), round((first + 3) / rate, 3)),))
        targets, _ = frame_labels(video, ["a"], rate, 300)
        assert np.flatnonzero(targets).tolist() == [first, first + 1, first + 2]


def test_frame_labels_errors():
    video = DenseVideo("v", (Segment("jmp", 0, 1, "t.csv, line 2"),))
    with pytest.raises(UserError, match="t.csv, line 2: unknown label 'jmp'. Did you mean jump"):
        frame_labels(video, ["jump"], 10, 10)
    with pytest.raises(UserError, match="rate must be above 0"):
        frame_labels(video, ["jmp"], 0, 10)


# === Published forms ===

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
        ({"duration": "x"}, "subset, duration and actions"),
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
        found = {video.path: video for video in published.read_class_files(tmp_path, "/v", "{}.avi")}
    assert list(found) == [f"/v/{name}.avi" for name in ("other", "video_test_1", "video_test_9", "video_validation_2")]
    first = found["/v/video_test_1.avi"]
    assert first.segments == (Segment("Jump", 2, 2), Segment("Run", 3, 4.5)) and first.split == "test"
    assert first.ambiguous == (Segment("Ambiguous", 7, 8),)
    assert found["/v/video_test_9.avi"].segments == ()  # all of it that is marked is ambiguous
    assert found["/v/other.avi"].split is None and found["/v/video_validation_2.avi"].split == "train"
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


def test_multithumos_as_class_files(multithumos, tmp_path):
    lines = defaultdict(list)
    for video in multithumos:
        for segment in video.segments:
            lines[segment.label].append(f"{Path(video.path).stem} {segment.start} {segment.end}")
    for k, (label, rows) in enumerate(lines.items()):
        (tmp_path / f"{label}.txt").write_text("\n".join([*rows, rows[k % len(rows)]]))  # and one of them again
    assert len(list(tmp_path.iterdir())) == 65
    found = published.read_class_files(tmp_path)
    assert [replace(video, duration=None) for video in sorted(multithumos, key=lambda v: v.path)] == found


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
    found = published.read_frame_table(folder / "segments.csv", 25, folder / "recordings")
    tables.check_files(found)
    assert len(found) == 17 and sum(len(video.segments) for video in found) == 218
    durations = {}
    for video in found:
        capture = cv2.VideoCapture(video.path)
        durations[video.path] = capture.get(cv2.CAP_PROP_FRAME_COUNT) / 25
    assert tables.check_ends(found, durations, slack=0) == []
    with pytest.raises(UserError, match="line 19: .*sitdown from 38.56 .* in walk"):
        tables.single_label(found)  # by 3 frames
    single = tables.single_label(found, slack=0.2)
    classes = tables.labels(single)
    assert len(classes) == 9
    tables.write(tmp_path / "dense.csv", single)
    for video, again in zip(single, tables.read(tmp_path / "dense.csv"), strict=True):
        targets, _ = frame_labels(video, classes, 25, round(25 * durations[video.path]))
        np.testing.assert_array_equal(targets, frame_labels(again, classes, 25, len(targets))[0])
        assert set(single_labels(targets, none=-1)) - {-1} == {classes.index(s.label) for s in video.segments}
