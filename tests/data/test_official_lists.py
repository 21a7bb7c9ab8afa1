"""UCF101's and HMDB51's lists as they come from other systems: blanks, byte order marks, backslashes, hidden files."""

from pathlib import Path

import pytest

from videorec.config import UserError
from videorec.data.official_lists import has_official_splits, official_videos

CLASSES = "1 left\n2 right\n"
TRAIN = "left/v_left_g08_c01.avi 1\nright/v_right_g08_c01.avi 2\n"
TEST = "left/v_left_g01_c01.avi\nright/v_right_g01_c01.avi\n"


def ucf101(folder: Path, train=TRAIN, test=TEST, classes=CLASSES) -> Path:
    for name, text in (("classInd.txt", classes), ("trainlist01.txt", train), ("testlist01.txt", test)):
        if text is not None:
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def rows(lists: Path, base="/videos") -> list[tuple]:
    assert has_official_splits(str(lists))
    return [(video.path.removeprefix("/videos/"), *video.labels, video.split) for video in official_videos(lists, base, 1)]


PLAIN = [
    ("left/v_left_g08_c01.avi", "left", "train"),
    ("right/v_right_g08_c01.avi", "right", "train"),
    ("left/v_left_g01_c01.avi", "left", "test"),
    ("right/v_right_g01_c01.avi", "right", "test"),
]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n") + "\r\n",
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("/", "\\"),
        lambda text: text.replace(" ", "\t"),
        lambda text: "".join(f"  {line}  \n\n" for line in text.splitlines()),
    ],
)
def test_ucf101_lists_of_other_systems(tmp_path, change):
    assert rows(ucf101(tmp_path, *map(change, (TRAIN, TEST, CLASSES)))) == PLAIN


def test_ucf101_test_list_with_numbers(tmp_path):
    assert rows(ucf101(tmp_path, test=TEST.replace("\n", " 1\n", 1))) == PLAIN


def test_ucf101_names_with_blanks_and_deeper_folders(tmp_path):
    train = "left/left (1).mp4 1\nv/right/x y.avi 2\n"
    test = "left/left (2).mp4\nv/deep/right/a 7.avi\nleft/frames 12\n"
    assert rows(ucf101(tmp_path, train, test)) == [
        ("left/left (1).mp4", "left", "train"),
        ("v/right/x y.avi", "right", "train"),
        ("left/left (2).mp4", "left", "test"),
        ("v/deep/right/a 7.avi", "right", "test"),
        ("left/frames 12", "left", "test"),
    ]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train": TRAIN.replace("avi 1", "avi 2")}, "trainlist01.txt, line 1: left is class 1 in classInd.txt, not 2"),
        ({"test": "left/a.avi 2\n"}, "testlist01.txt, line 1: left is class 1 in classInd.txt, not 2"),
        ({"train": "left/a.avi\n"}, "line 1: expected a video and the number of its class. Received: 'left/a.avi'"),
        ({"train": TRAIN + "up/a.avi 3\n"}, "line 3: 'up/a.avi 3' is of no class in classInd.txt"),
        ({"train": "left/right/a.avi 1\n"}, "is of several classes in classInd.txt .left, right."),
        ({"classes": "1 left\n1 right\n"}, "classInd.txt, line 2: the number is listed twice: '1 right'"),
        ({"classes": "1 left\n2 left\n"}, "classInd.txt, line 2: the class is listed twice: '2 left'"),
        ({"classes": "left 1\nright 2\n"}, "line 1: expected the number of a class and its name. Received: 'left 1'"),
        ({"train": TRAIN + TRAIN}, "trainlist01.txt, line 3: .* is listed twice, first in .*trainlist01.txt, line 1"),
        ({"test": TEST + "left/v_left_g08_c01.avi\n"}, "testlist01.txt, line 3: .* twice, first in .*trainlist01.txt, line 1"),
        ({"test": None}, "testlist01.txt cannot be read: No such file"),
        ({"test": "left/é.avi\n".encode("cp1252")}, "testlist01.txt, line 1: byte 0xe9 is not UTF-8"),
    ],
)  # fmt: skip
def test_ucf101_mistakes_are_named(tmp_path, lists, message):
    with pytest.raises(UserError, match=message):
        rows(ucf101(tmp_path, **lists))


def hmdb51(folder: Path, **lists) -> Path:
    for name, text in lists.items():
        (folder / f"{name}_test_split1.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_hmdb51_lists(tmp_path):
    lists = hmdb51(
        tmp_path, left="a (1)_left_u.avi 1 \nb_left_u.avi\t2\nc_left_u.avi 0\n", brush_hair=b"\xef\xbb\xbfd x.avi 1\r\n"
    )
    (tmp_path / "._left_test_split1.txt").write_bytes(b"\x00\x05\x16\x07\x00\xff")
    (tmp_path / ".DS_Store").write_bytes(b"\x00\xff")
    assert rows(lists) == [
        ("brush_hair/d x.avi", "brush_hair", "train"),
        ("left/a (1)_left_u.avi", "left", "train"),
        ("left/b_left_u.avi", "left", "test"),
    ]


def test_hidden_lists_alone_are_none(tmp_path):
    (tmp_path / "._left_test_split1.txt").write_bytes(b"\x00\x05")
    assert not has_official_splits(str(tmp_path))


def test_hmdb51_mistakes_are_named(tmp_path):
    with pytest.raises(UserError, match="left_test_split1.txt, line 2: expected `video 0|1|2`. Received: 'b.avi 3'"):
        rows(hmdb51(tmp_path, left="a.avi 1\nb.avi 3\n"))
    with pytest.raises(UserError, match="left_test_split1.txt, line 2: .*a.avi is listed twice, first in .*, line 1"):
        rows(hmdb51(tmp_path, left="a.avi 1\na.avi 2\n"))
    hmdb51(tmp_path, left="a.avi 1\n")
    (tmp_path / "right_test_split2.txt").write_text("a.avi 1\n")
    with pytest.raises(UserError, match="right_test_split1.txt is missing; other splits of this class are there"):
        rows(tmp_path)
