"""The walk that lists videos and sequences, and what it does with odd folders."""

import pytest

from videorec.config import UserError
from videorec.data.folders import class_folders, walk


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def below(folder, paths) -> list[str]:
    return [path.removeprefix(f"{folder}/") for path in paths]


def test_the_walk_sorts_by_folder_and_leaves_out_what_is_hidden(tmp_path):
    touch(tmp_path, "b.MP4", "a/2.avi", "a/10.avi", "a-b/1.mkv", "a/deep/er/1.mov", "x.txt", ".b.mp4", ".h/1.mp4", "a/.h/1.mp4")
    touch(tmp_path, "frames/1.jpg", "frames/2.png", "frames/v.gif", "frames/.1/1.jpg", "h/.1.jpg")
    expected = ["a/10.avi", "a/2.avi", "a/deep/er/1.mov", "a-b/1.mkv", "b.MP4", "frames", "frames/v.gif"]
    assert below(tmp_path, walk(tmp_path)) == expected
    assert below(tmp_path, walk(str(tmp_path), pictures=False)) == [path for path in expected if path != "frames"]
    assert below(tmp_path, walk(tmp_path, {".txt"})) == ["frames", "x.txt"]
    assert walk(tmp_path / "frames", {".npy"}) == [str(tmp_path / "frames")]
    assert walk(tmp_path / "none") == []


def test_the_walk_follows_links(tmp_path):
    touch(tmp_path, "real/1.mp4")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "real")
    assert below(tmp_path, walk(tmp_path / "root")) == ["root/link/1.mp4"]


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
    touch(tmp_path / "split", "train/a/1.mp4", "test/a/2.mp4", "other/3.mp4")
    assert [(video.split, video.labels) for video in class_folders(tmp_path / "split")] == [("train", ("a",)), ("test", ("a",))]


def test_images_directly_in_a_class(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.jpg", "b/v/1.jpg")
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path, "."):
        with pytest.raises(UserError, match=r"/a holds images directly|\./a holds images directly"):
            class_folders(path)


def test_a_folder_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"The folder .*/none cannot be read: .*No such file"):
        class_folders(tmp_path / "none")
