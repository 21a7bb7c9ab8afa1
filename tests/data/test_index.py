"""The index of measured videos: what is kept, when a video is read again, and what a broken index does."""

import os
import sqlite3

import cv2
import numpy as np
import pytest
from grey_videos import write_video

from videorec.data import index as index_module
from videorec.data import measuring
from videorec.data.facts import Facts
from videorec.data.index import Index

LARGEST = 64_000_000


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "cache" / "index.sqlite")


@pytest.fixture
def read(monkeypatch):
    """The paths of the videos that were read from end to end, as they come."""
    paths, inner = [], measuring.one

    def one(path, max_pixels):
        paths.append(os.path.basename(path))
        return inner(path, max_pixels)

    monkeypatch.setattr(measuring, "one", one)
    return paths


def fill(index, *paths, limit=LARGEST):
    progress = []
    facts = index.fill(paths, limit, 2, lambda done, total: progress.append((done, total)))
    return facts, sorted(progress)


def test_a_video_is_read_once_and_again_where_it_changed(tmp_path, place, read):
    a, b = write_video(tmp_path / "a.avi"), write_video(tmp_path / "b.avi", 7)
    facts, progress = fill(Index(place), a, b)
    assert [facts[str(path)].frames for path in (a, b)] == [20, 7] and progress == [(1, 2), (2, 2)]
    assert sorted(read) == ["a.avi", "b.avi"]
    assert fill(Index(place), a, b) == (facts, []) and Index(place).of(a) == facts[str(a)]  # other processes
    assert len(read) == 2
    write_video(a, 9)
    assert Index(place).of(a).frames == 9 and read[2:] == ["a.avi"]


def test_the_spelling_of_a_path_is_the_users(tmp_path, place, monkeypatch):
    monkeypatch.chdir(write_video(tmp_path / "v" / "a.avi").parent)
    facts, _ = fill(Index(place), "a.avi", "./a.avi", "../v/a.avi")
    assert set(facts) == {"a.avi", "./a.avi", "../v/a.avi"} and {f.frames for f in facts.values()} == {20}


def test_a_folder_changes_with_any_of_its_pictures(tmp_path, place, read):
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(4):
        cv2.imwrite(str(folder / f"{k}.png"), np.zeros((8, 8, 3), np.uint8))
    assert Index(place).of(folder).frames == 4
    (folder / "2.png").write_bytes(b"no picture at all")  # the folder itself does not change by this
    assert Index(place).of(folder).missing == ("2.png",)
    assert Index(place).of(folder).verdict == "damaged" and len(read) == 2


def test_what_was_refused_for_its_size_is_read_where_more_is_allowed(tmp_path, place, read):
    path = write_video(tmp_path / "a.avi")
    assert "--data.max-pixels 100 " in Index(place).of(path, 100).unreadable
    assert Index(place).of(path).frames == 20
    assert "--data.max-pixels 100 " in Index(place).of(path, 100).unreadable and len(read) == 2
    assert "--data.max-pixels 90 " in fill(Index(place), path, limit=90)[0][str(path)].unreadable


def test_what_is_not_there_is_looked_for_again(tmp_path, place):
    path, index = tmp_path / "a.avi", Index(place)
    assert index.of(path).unreadable == "no such file"
    write_video(path)
    assert index.of(path).frames == 20


def test_what_may_be_the_machines_fault_is_not_kept(tmp_path, place, monkeypatch):
    path = write_video(tmp_path / "a.avi")
    lost = measuring.Facts(unreadable=f"{measuring.GIVEN_UP} ended its process (signal 9)")
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "one", lambda path, max_pixels: lost)
        assert Index(place).of(path) == lost
    assert Index(place).of(path).frames == 20


@pytest.mark.parametrize("content", [b"no database" * 100, b""])
def test_a_damaged_index_is_begun_anew(tmp_path, place, caplog, content):
    path = write_video(tmp_path / "a.avi")
    Index(place).of(path)
    with open(place, "wb") as file:
        file.write(content)
    for _ in range(2):
        assert Index(place).of(path).frames == 20
    with sqlite3.connect(place) as database:
        assert database.execute("SELECT count(*) FROM facts").fetchone() == (1,)
    assert ("is damaged and begun anew" in caplog.text) == bool(content)


def test_an_index_that_cannot_be_written_is_done_without(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    index, path = Index(str(tmp_path / "file" / "index.sqlite")), write_video(tmp_path / "a.avi")
    assert index.of(path).frames == 20 and fill(index, path)[1] == []
    assert caplog.text.count("videos are measured again at the next start") == 1


def test_ctrl_c_keeps_what_was_read(tmp_path, place, monkeypatch):
    paths = [write_video(tmp_path / f"{k}.avi", 3) for k in range(40)]

    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Index(place).fill(paths, LARGEST, 1, stop)
    with sqlite3.connect(place) as database:
        assert database.execute("SELECT count(*) FROM facts").fetchone()[0] >= 4


def test_many_videos_are_looked_up_together(tmp_path, place, monkeypatch):
    paths = [tmp_path / f"{number}.mp4" for number in range(1200)]
    for path in paths:
        path.write_bytes(b"")
    inner = sqlite3.connect
    a = write_video(tmp_path / "a.avi")
    fill(Index(place), a)
    statements = []

    def connect(*args, **options):
        database = inner(*args, **options)
        database.set_trace_callback(statements.append)
        return database

    monkeypatch.setattr(sqlite3, "connect", connect)
    monkeypatch.setattr(measuring, "many", lambda paths, *rest: ((path, Facts(unreadable="gone")) for path in paths))
    facts, _ = fill(Index(place), *paths, a)
    assert facts[str(a)].frames == 20 and facts[str(paths[-1])].unreadable == "gone"
    assert len([text for text in statements if text.startswith("SELECT")]) == 3


def test_facts_depend_on_the_decoder(tmp_path, place, read, monkeypatch):
    path = write_video(tmp_path / "a.avi")
    Index(place).of(path)
    monkeypatch.setattr(index_module, "VERSION", "another")
    Index(place).of(path)
    assert len(read) == 2
