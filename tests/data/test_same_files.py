"""A video is its file, whatever it is called."""

import logging
import os
import shutil
import time
import zlib

import cv2
import numpy as np
import pytest

from videorec.config import Data, UserError
from videorec.data import manifest, same_files, sources
from videorec.data.manifest import Video
from videorec.data.moments import sources as moments_sources
from videorec.data.moments.tables import Segment, dense_video
from videorec.data.sequences import files as sequence_files

WAYS = ("link", "hard link", "copy", "spelling", "linked folder")


def content(number: int, size: int = 40_000) -> bytes:
    return np.random.default_rng(number).bytes(size)


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content(zlib.crc32(name.encode())))


def frames(folder, number: int, names: str = "{:04d}.png", count: int = 5):
    folder.mkdir(parents=True)
    for k in range(count):
        cv2.imwrite(str(folder / names.format(k)), np.random.default_rng([number, k]).integers(0, 255, (24, 32, 3), np.uint8))


def again(folder, name: str, way: str) -> str:
    """Another name for the file, relative to the folder."""
    path, other = folder / name, folder / "other" / "again.mp4"
    other.parent.mkdir(exist_ok=True)
    if way == "link":
        other.symlink_to(path)
    elif way == "hard link":
        other.hardlink_to(path)
    elif way == "copy":
        shutil.copy(path, other)
    elif way == "linked folder":
        (folder / "door").symlink_to(path.parent)
        return f"door/{path.name}"
    else:
        return f"./other/../{name}"
    return "other/again.mp4"


def same(paths) -> dict[str, str]:
    return same_files.representatives(map(str, paths))


@pytest.mark.parametrize("way", WAYS)
def test_one_file_on_two_sides_is_refused_and_in_two_classes_said(tmp_path, way, caplog):
    names = [f"{label}/{k}.mp4" for label in "ab" for k in range(6)]
    write(tmp_path, *names)
    other = again(tmp_path, "a/0.mp4", way)
    rows = [f"{name},{name[0]},{'train' if int(name[2]) < 4 else 'test'}" for name in names]
    table = tmp_path / "m.csv"
    table.write_text("\n".join(["path,label,split", *rows, f"{other},a,test"]) + "\n")
    with pytest.raises(UserError, match=r"both sides of a split.*1 of 13 do: (train: .*a/0.mp4 and test|test: .* and train)"):
        sources.load(Data(path=str(table)))
    table.write_text("\n".join(["path,label,split", *rows, f"{other},b,train"]) + "\n")
    sources.load(Data(path=str(table)))
    assert "1 of 13 videos are in two classes: a: " in caplog.text
    table.write_text("\n".join(["path,label,split", *rows, f"{other},a,train"]) + "\n")
    sources.load(Data(path=str(table)))
    assert "1 of 13 videos are listed before" in caplog.text


@pytest.mark.parametrize("way", ["link", "hard link", "copy"])
def test_drawn_splits_keep_copies_together(tmp_path, way, caplog):
    write(tmp_path, *(f"{label}/{k}.mp4" for label in "ab" for k in range(12)))
    for label in "ab":
        for k in range(0, 12, 2):
            folder = tmp_path / label / f"{k}"
            folder.mkdir()
            os.rename(again(tmp_path, f"{label}/{k}.mp4", way) and tmp_path / "other" / "again.mp4", folder / "x.mp4")
    (tmp_path / "other").rmdir()
    if way == "link":  # within a class a link is left out: across classes it is not
        for link in list(tmp_path.glob("a/*/x.mp4")):
            link.rename(tmp_path / "b" / f"{link.parent.name}-a.mp4")
    for seed in range(4):
        videos = sources.load(Data(path=str(tmp_path)), seed).videos
        who = same(video.path for video in videos)
        sides = {}
        for video in videos:
            sides.setdefault(who[video.path], set()).add(video.split)
        assert len(videos) > len(sides) and {len(splits) for splits in sides.values()} == {1}
        manifest.check_groups(list(videos))


def test_groups_that_share_a_file_are_one():
    videos = [Video(f"{k}.mp4", ("a",), group=group) for k, group in enumerate(["g", "h", "i", None, None])]
    pairs = {"0.mp4": "0.mp4", "1.mp4": "0.mp4", "2.mp4": "2.mp4", "3.mp4": "2.mp4", "4.mp4": "4.mp4"}
    groups = [
        video.group for video in same_files.in_one_group([*videos, Video("5.mp4", (), group="h")], pairs | {"5.mp4": "5.mp4"})
    ]
    assert groups[0] == groups[1] == groups[5] and groups[2] == groups[3] == "i" and groups[4] is None


def test_folders_of_frames_are_their_pictures(tmp_path):
    frames(tmp_path / "a", 1)
    frames(tmp_path / "other", 2)
    frames(tmp_path / "shorter", 1, count=4)
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    frames(tmp_path / "renamed", 1, "img_{:05d}.png")
    (tmp_path / "link").symlink_to("a")
    write(tmp_path, "renamed/Thumbs.db", "copy/notes.txt", "copy/._0000.png")
    who = same(tmp_path / name for name in ("a", "other", "shorter", "copy", "renamed", "link"))
    firsts = [os.path.basename(who[str(tmp_path / name)]) for name in ("a", "other", "shorter", "copy", "renamed", "link")]
    assert firsts == ["a", "other", "shorter", "a", "a", "a"]


def test_equal_sizes_and_ends_are_not_yet_equal_files(tmp_path):
    whole = content(1, 200_000)
    for name, data in {"a": whole, "b": whole, "c": whole[:60_000] + b"!" + whole[60_001:], "d": content(2, 200_000)}.items():
        (tmp_path / name).write_bytes(data)
    for name in ("empty1", "empty2", "text1", "text2"):  # that cannot be read, and are no videos
        (tmp_path / name).write_bytes(b"" if "empty" in name else b"404 not found")
    names = ["a", "b", "c", "d", "empty1", "empty2", "text1", "text2", "gone"]
    who = same(tmp_path / name for name in names)
    assert [os.path.basename(who[str(tmp_path / name)]) for name in names] == ["a", "a", *names[2:]]


def test_segments_of_one_file(caplog):
    caplog.set_level(logging.WARNING)

    def videos(*segments):
        return [Video("v.mp4", ("a",), start, end, split) for start, end, split in segments]

    one = {"v.mp4": "v.mp4"}
    same_files.check(videos((0, 1, "train"), (1, 2, "train"), (2.5, None, "train")), one)
    same_files.check(videos((0, 2, "train"), (1, 3, "train")), one)
    assert not caplog.messages
    same_files.check(videos((0, 1, "train"), (1, 2, "test"), (2, 3, "train")), one)
    assert "files with segments on two sides of the split: 1: " in caplog.text and "one group" in caplog.text
    for segments in (
        [(0, 2, "train"), (1, 3, "test")],
        [(0, 9, "train"), (1, 2, "train"), (3, 4, "test")],
        [(5, 6, "test"), (None, None, "train")],
        [(5, None, "val"), (0, 5.5, "train")],
    ):
        with pytest.raises(UserError, match=r"both sides.*v.mp4"):
            same_files.check(videos(*segments), one)
    grouped = same_files.in_one_group(videos((0, 2, None), (1, 3, None), (4, 5, None)), one)
    assert grouped[0].group == grouped[1].group is not None and grouped[2].group is None


def test_many_segments_of_one_file_are_quick():
    videos = [Video("v.mp4", ("a",), k, k + 10, "train") for k in range(20_000)]
    began = time.process_time()
    same_files.check(videos, {"v.mp4": "v.mp4"})
    same_files.in_one_group(videos, {"v.mp4": "v.mp4"})
    assert time.process_time() - began < 3


def test_ten_thousand_files_of_different_sizes_take_no_time(tmp_path):
    for k in range(10_000):
        with open(tmp_path / f"{k}.mp4", "wb") as file:
            file.truncate(1000 + k)
    paths = [str(tmp_path / f"{k}.mp4") for k in range(10_000)]
    began = time.process_time()
    who = same_files.representatives(paths)
    assert time.process_time() - began < 1
    assert list(who) == paths == list(who.values())


def test_a_file_is_asked_for_once(tmp_path, monkeypatch):
    paths = [tmp_path / f"{number}.mp4" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes(number + 1))
    asked, stat = [], os.stat
    monkeypatch.setattr(os, "stat", lambda path, **options: asked.append(str(path)) or stat(path, **options))
    same_files.representatives(map(str, paths))
    assert sorted(asked) == sorted(map(str, paths))  # of a network's disk each question takes its time


def test_dense_tables_and_sequences_too(tmp_path, monkeypatch):
    write(tmp_path, "1.mp4", "2.mp4")
    shutil.copy(tmp_path / "1.mp4", tmp_path / "3.mp4")
    videos = [
        dense_video(str(tmp_path / f"{k}.mp4"), [Segment("a", 0, 1), Segment("b", 1, 2)], split=split)
        for k, split in ((1, "train"), (2, "val"), (3, "test"))
    ]
    monkeypatch.setattr(moments_sources, "find", lambda data: videos)
    with pytest.raises(UserError, match=r"both sides of a split.*1.mp4 and test: .*3.mp4"):
        moments_sources.load(moments_sources.DenseData(path="x"))
    for split in ("train", "test"):
        (tmp_path / "s" / split).mkdir(parents=True)
        np.save(tmp_path / "s" / split / f"{split}.npy", np.arange(5000.0))
    with pytest.raises(UserError, match=r"both sides of a split.*train: .*train.npy and test: .*test.npy"):
        sequence_files.find(str(tmp_path / "s"))
