"""The manifest: read, write, and every mistake named with its line."""

import pytest

from videorec.config import UserError
from videorec.data import manifest
from videorec.data.manifest import Video


def write(tmp_path, text: str):
    path = tmp_path / "manifest.csv"
    path.write_text(text)
    return path


def test_reads_all_columns(tmp_path):
    path = write(tmp_path, "path,label,start,end,split,group\na.mp4,run;jump,1.5,4,train,g1\n/abs/b.mp4,run,,,test,\n")
    first, second = manifest.read(path)
    assert first == Video(str(tmp_path / "a.mp4"), ("run", "jump"), 1.5, 4.0, "train", "g1")
    assert second == Video("/abs/b.mp4", ("run",), None, None, "test", None)
    assert first.name.endswith("a.mp4[1.5-4s]")
    assert second.name == "/abs/b.mp4"


def test_byte_order_mark_of_spreadsheets_is_ignored(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"\xef\xbb\xbfpath,label\na.mp4,run\n")
    assert manifest.read(path)[0].labels == ("run",)


def test_round_trip(tmp_path):
    videos = [Video(str(tmp_path / "x" / "a.mp4"), ("a", "b"), 0.5, 2.0, "val", "g"), Video("/far/b.mp4", ("c",))]
    path = tmp_path / "m.csv"
    manifest.write(path, videos)
    assert "x/a.mp4" in path.read_text() and str(tmp_path) not in path.read_text()
    assert manifest.read(path) == videos


def test_paths_stay_relative_through_links_and_dots(tmp_path, monkeypatch):
    (tmp_path / "videos" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "videos")
    monkeypatch.chdir(tmp_path / "videos")
    for folder in (tmp_path / "link", "../videos"):
        manifest.write(f"{folder}/m.csv", [Video(f"{folder}/a/1.mp4", ("a",))])
        assert (tmp_path / "videos/m.csv").read_text().splitlines()[1].startswith("a/1.mp4,")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "no rows"),
        ("file,label\na,b\n", "must name the columns path,label"),
        ("path,label,splitt\na,b,c\n", "unknown column 'splitt'. Did you mean split"),
        ("path,label\na.mp4\n", r"line 2: expected 2 values \(path,label\), got 1"),
        ("path,label\na.mp4,\n", "line 2.*must not be empty"),
        ("path,label,split\na.mp4,x,training\n", "line 2.*split must be one of train, val, test"),
        ("path,label,start\na.mp4,x,soon\n", "line 2.*start must be a number"),
        ("path,label,start\na.mp4,x,-1\n", "line 2.*start must be a number"),
        ("path,label,start\na.mp4,x,nan\n", "line 2.*start must be a number"),
        ("path,label,start,end\na.mp4,x,4,2\n", "line 2.*end must come after start"),
        ("path,label\na.mp4,x\na.mp4,y\n", "listed twice"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        manifest.read(write(tmp_path, text))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.csv cannot be read"):
        manifest.read(tmp_path / "nowhere.csv")


def test_group_on_two_sides_is_named():
    videos = [Video("a", ("x",), split="train", group="room 1"), Video("b", ("x",), split="test", group="room 1")]
    with pytest.raises(UserError, match=r"room 1 \(train: a, test: b\)"):
        manifest.check_groups(videos)
    manifest.check_groups([videos[0], Video("b", ("x",), split="test", group="room 2")])
