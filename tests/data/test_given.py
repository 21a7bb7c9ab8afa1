"""What a command line names as videos. Files need not be videos here: nothing is read."""

import logging
import os

import pytest

from videorec.config import UserError
from videorec.data import given


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """a/1.mp4, a/b/2.avi, a/b/3.MP4, frames of a video a/f/, a thumbnail beside a/1.mp4, a text and a hidden video."""
    for name in "1.mp4 1.jpg b/2.avi b/3.MP4 b/notes.txt f/0.png f/1.png .hidden.mp4".split():
        path = tmp_path / "a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(*words, **kwargs) -> list[str]:
    return [video.path for video in given.videos(words, **kwargs)]


def test_folders_are_taken_at_any_depth_and_what_is_left_out_is_counted(folder, caplog):
    caplog.set_level(logging.INFO)
    assert paths("a") == ["a/1.mp4", "a/b/2.avi", "a/b/3.MP4", "a/f"]
    unused = "hidden videos: 1 (.hidden.mp4); .txt: 1 (b/notes.txt); pictures beside videos: 1 (1.jpg)"
    assert caplog.messages == [f"a: not used: {unused}"]
    assert paths("a/b/", suffixes={".txt"}) == ["a/b/notes.txt"]
    assert paths("a/f") == ["a/f"]


def test_globs_match_files_and_folders(folder):
    assert paths("a/*.mp4", "a/b/?.*") == ["a/1.mp4", "a/b/2.avi", "a/b/3.MP4"]
    assert paths("a/**/*.avi") == ["a/b/2.avi"]
    with pytest.raises(UserError, match=r"No file matches b/\*.mp4"):
        given.videos(["b/*.mp4"])


def test_a_file_whose_name_looks_like_a_glob_is_itself(folder):
    (folder / "x[1].mp4").touch()
    assert paths("x[1].mp4") == ["x[1].mp4"]


def test_lists_start_from_their_own_folder(folder):
    (folder / "a" / "list.txt").write_text("\ufeffb/2.avi\n\n  1.mp4 \r\nno.mp4\nf\n")
    assert paths("a/list.txt") == ["a/b/2.avi", "a/1.mp4", "a/no.mp4", "a/f"]
    with pytest.raises(UserError, match="a path a line. None of its 1 exists, the first: a/b/x"):
        given.videos(["a/b/notes.txt"])


def test_manifests_keep_their_segments_and_need_no_labels(folder, caplog):
    caplog.set_level(logging.INFO)
    (folder / "m.csv").write_text("path,start,end\na/1.mp4,1,2.5\na/1.mp4,3,\n")
    assert [(v.name, v.labels) for v in given.videos(["m.csv"])] == [("a/1.mp4[1-2.5s]", ()), ("a/1.mp4[3-s]", ())]
    assert not caplog.messages
    (folder / "m.csv").write_text("path,label\na/1.mp4,run\n")
    assert [(v.path, v.labels) for v in given.videos(["m.csv"])] == [("a/1.mp4", ())]
    assert "m.csv are not used" in caplog.text


def test_a_file_counts_once_whatever_it_is_called(folder, caplog):
    caplog.set_level(logging.INFO)
    os.symlink("1.mp4", folder / "a" / "link.mp4")
    assert paths("a/link.mp4", "a/1.mp4", "./a/../a/1.mp4", "a/b/2.avi") == ["a/link.mp4", "a/b/2.avi"]
    assert "2 of 4 are the same file" in caplog.text


def test_what_does_not_exist_is_refused_where_nothing_else_is_there(folder):
    assert paths("no.mp4", "a/1.mp4") == ["no.mp4", "a/1.mp4"]
    with pytest.raises(UserError, match="Received: no.mp4, b: no such file"):
        given.videos(["no.mp4", "b"])
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no videos and no folders of pictures, at any depth$"):
        given.videos(["empty"])


def test_lists_of_other_systems(folder, caplog):
    """UTF-16, and backslashes; a name that is not UTF-8 is still one."""
    (folder / "a" / "ü.mp4").write_text("x")
    (folder / "list.txt").write_bytes("a\\1.mp4\r\na\\b\\2.avi\r\na/ü.mp4\r\n".encode("utf-16"))
    assert paths("list.txt") == ["a/1.mp4", "a/b/2.avi", "a/ü.mp4"]
    assert "backslashes in 2 paths are read as /" in caplog.text
    (folder / "list.txt").write_bytes(b"a/1.mp4\na/\xfc.mp4\n")
    assert paths("list.txt") == ["a/1.mp4", "a/\udcfc.mp4"]
