"""Folders of classes and of splits."""

import logging
import shutil
from collections import Counter

import numpy as np
import pytest

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.folders import class_folders
from videorec.data.sequences import files as sequence_files


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_paths_are_as_the_folder_was_named(tmp_path, monkeypatch):
    touch(tmp_path, "run/b/1.mp4", "jump/1.mp4", ".git/1.mp4")
    monkeypatch.chdir(tmp_path)
    assert [(video.path, video.labels) for video in class_folders(".")] == [
        ("jump/1.mp4", ("jump",)),
        ("run/b/1.mp4", ("run",)),
    ]
    assert [video.path for video in class_folders(f"../{tmp_path.name}/")] == [
        f"../{tmp_path.name}/{name}" for name in ("jump/1.mp4", "run/b/1.mp4")
    ]
    assert [video.group for video in class_folders(".", r"^\w+/\w")] == ["jump/1", "run/b"]


def test_train_is_a_class_where_it_holds_videos(tmp_path):
    touch(tmp_path, "train/1.mp4", "plane/1.mp4", "test/1.mp4")
    assert [(video.split, video.labels) for video in class_folders(tmp_path)] == [
        (None, (label,)) for label in ("plane", "test", "train")
    ]


@pytest.mark.parametrize(
    "names",
    ["Train Val Test", "training validation testing", "TRAIN valid Testing", "train VALID test", "train val test"],
)
def test_splits_by_any_usual_name(tmp_path, names, caplog):
    caplog.set_level(logging.INFO)
    train, val, test = names.split()
    for split, number in ((train, 3), (val, 1), (test, 2)):
        touch(tmp_path / split, *(f"{label}/{k}.mp4" for label in "ab" for k in range(number)))
    touch(tmp_path, "thumbs/1.jpg", "notes/readme.txt", "readme.md", "loose.mp4")
    videos = class_folders(tmp_path)
    assert Counter(video.split for video in videos) == {"train": 6, "val": 2, "test": 4}
    assert {video.labels for video in videos} == {("a",), ("b",)}
    assert all(
        f"{name}/ is {split}" in caplog.text for name, split in zip(names.split(), ("train", "val", "test"), strict=True)
    )
    for part in (
        "folders beside the splits: 2 (notes, thumbs)",
        ".md: 1 (readme.md)",
        "classes or splits: 1 (loose.mp4)",
    ):
        assert part in caplog.text


def test_two_folders_of_one_split_are_read_as_one(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "training/b/2.mp4", "test/a/3.mp4")
    assert [(v.split, v.labels[0]) for v in class_folders(tmp_path)] == [("train", "a"), ("train", "b"), ("test", "a")]


def test_a_test_folder_alone_is_a_split(tmp_path):
    touch(tmp_path, "Test/a/1.mp4", "Test/b/2.mp4")
    assert [(v.split, v.labels[0]) for v in class_folders(tmp_path)] == [("test", "a"), ("test", "b")]


def test_splits_below_classes_are_said_to_be_none(tmp_path, caplog):
    touch(tmp_path, "a/train/1.mp4", "a/test/2.mp4", "b/Train/3.mp4", "b/4.mp4")
    assert {video.split for video in class_folders(tmp_path)} == {None}
    assert "no splits, and all its videos are divided anew: a/test, a/train, b/Train" in caplog.text
    assert "test/a in place of a/test" in caplog.text


def test_a_class_called_train_beside_other_classes(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    touch(tmp_path, "Train/day/1.mp4", "Train/night/2.mp4", "plane/3.mp4")
    assert [(v.split, v.labels[0]) for v in class_folders(tmp_path)] == [(None, "Train"), (None, "Train"), (None, "plane")]
    assert "Train are classes like plane, no splits" in caplog.text


def test_what_may_be_splits_or_classes_is_refused(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "test/a/2.mp4", "other/3.mp4")
    with pytest.raises(UserError, match=r"splits by their names \(test, train\) and others with videos \(other\)"):
        class_folders(tmp_path)
    touch(tmp_path / "bare", "Train/1.mp4", "Test/2.mp4")
    with pytest.raises(UserError, match="holds videos directly, which have no class"):
        class_folders(tmp_path / "bare")


def test_images_directly_in_a_class(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.jpg", "b/v/1.jpg")
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path, "."):
        with pytest.raises(UserError, match=r"/a holds images directly|\./a holds images directly"):
            class_folders(path)


def test_a_folder_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"The folder .*/none cannot be read: .*No such file"):
        class_folders(tmp_path / "none")


def test_links_that_lead_back_end(tmp_path, caplog):
    touch(tmp_path, *(f"{split}/{label}/{k}.mp4" for split in ("train", "test") for label in "ab" for k in range(2)))
    names = [video.path for video in class_folders(tmp_path)]
    assert len(names) == 8
    for place, target in {
        "train/loop": ".",
        "train/a/up": "..",
        "train/a/root": "../..",
        "train/a/above": "../../..",
        "test/b/other": "../a",
        "test/all": "..",
        "test/b/0.lnk.mp4": "1.mp4",
    }.items():
        (tmp_path / place).symlink_to(target)
    assert [video.path for video in class_folders(tmp_path)] == names
    assert "links to folders that are listed already: 6 (test/all, test/b/other, train/a/above, ...)" in caplog.text
    assert "links to files that are listed already: 1 (test/b/0.lnk.mp4)" in caplog.text


def test_classes_may_be_links_to_elsewhere(tmp_path):
    touch(tmp_path / "store", "x/1.mp4", "y/2.mp4", "more/3.mp4")
    (tmp_path / "data" / "a").mkdir(parents=True)
    for place, target in {"b": "x", "c": "y", "a/more": "more", "a/again": "more"}.items():
        (tmp_path / "data" / place).symlink_to(tmp_path / "store" / target)
    assert [(v.path.removeprefix(f"{tmp_path}/data/"), v.labels[0]) for v in class_folders(tmp_path / "data")] == [
        ("a/again/3.mp4", "a"),
        ("b/1.mp4", "b"),
        ("c/2.mp4", "c"),
    ]


def test_system_entries_are_no_classes(tmp_path, caplog):
    touch(
        tmp_path,
        "a/1.mp4",
        "a/._1.mp4",
        "b/1.mp4",
        "@eaDir/1.mp4",
        "__MACOSX/a/._1.mp4",
        ".git/x.mp4",
        "Thumbs.db",
        ".DS_Store",
    )
    touch(tmp_path, "b/@eaDir/1.mp4/thumb.jpg", "b/.DS_Store", "a/f/1.jpg", "a/f/.thumb.jpg", "a/.f/1.jpg", "c/readme")
    assert below(tmp_path, class_folders(tmp_path)) == ["a/1.mp4", "a/f", "b/1.mp4"]
    assert caplog.messages == [f"{tmp_path}: not used: without a suffix: 1 (c/readme); folders without videos: 1 (c)"]


def below(folder, videos) -> list[str]:
    return [video.path.removeprefix(f"{folder}/") for video in videos]


def test_splits_of_sequences_by_any_usual_name(tmp_path, caplog):
    touch(tmp_path, "Training/1.npy", "Validation/v/1.png", "TEST/3.npy", "notes/a.txt", "loose.npy")
    listed = sequence_files.find(str(tmp_path))
    names = {split: [path.relative_to(tmp_path).as_posix() for path in paths] for split, paths in listed.items()}
    assert names == {"train": ["Training/1.npy"], "val": ["Validation/v"], "test": ["TEST/3.npy"]}
    assert "beside the splits: 1 (notes)" in caplog.text and "classes or splits: 1 (loose.npy)" in caplog.text
    touch(tmp_path, "more/4.npy")
    with pytest.raises(UserError, match=r"splits by their names .* and others with videos \(more\)"):
        sequence_files.find(str(tmp_path))
    touch(tmp_path / "two", "val/1.npy", "test/2.npy")
    assert len(sequence_files.find(str(tmp_path / "two"))[None]) == 2
    assert "without a folder train/, test, val are no splits" in caplog.text


def test_drawn_splits_of_sequences_keep_copies_together(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(6):
        np.save(tmp_path / f"{k}.npy", rng.integers(0, 256, (8, 4, 4), np.uint8))
        shutil.copy(tmp_path / f"{k}.npy", tmp_path / f"{k} copy.npy")
    for seed in range(5):
        parts = sequence_files.FileSequences(Sequences(path=str(tmp_path), frames=2), 2, seed).files
        sides = [{name[0] for name in names} for names in parts.values()]
        assert sum(map(len, parts.values())) == 12 and sum(map(len, sides)) == 6
