"""Dense labels as tables, and what is checked in them."""

import logging
from dataclasses import replace

import pytest

from videorec.config import UserError
from videorec.data.moments import tables
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
    assert "1 segments of length 0" in caplog.text


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


def test_segments_after_the_end(caplog):
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
