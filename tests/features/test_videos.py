"""Whole videos in pieces, and the store of their features: exact, whole or not at all, safe against damage."""

import dataclasses
import errno
import os
import shutil
import weakref
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from grey_videos import write_video
from small_backbones import averages

from videorec.config import UserError
from videorec.config.dense import DenseData
from videorec.data import augment
from videorec.data.decode import Reader
from videorec.data.moments import windows
from videorec.data.moments.tables import DenseVideo, Segment
from videorec.data.moments.windows import Labelled, pieces
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.features import videos as whole_videos
from videorec.features.videos import WholeFeatures, fill

DATA = DenseData(fps=10.0, frames=4, resize=(32, 32), crop=(24, 24), workers=2, color=0.0)


@pytest.fixture(scope="module")
def backbone():
    return averages(24)


def noise(folder: Path, frames: int, name: str) -> DenseVideo:
    """A folder of frames, each of them another noise."""
    (folder / name).mkdir()
    for k in range(frames):
        picture = np.random.default_rng(k).integers(0, 256, (4, 4, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / name / f"{k}.png"), cv2.resize(picture, (32, 32), interpolation=cv2.INTER_NEAREST))
    return DenseVideo(str(folder / name), (Segment("a", 0, 1),))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """150 frames: pieces of 64, 64, and 22."""
    return noise(tmp_path_factory.mktemp("frames"), 150, "long")


def frames_of(video) -> np.ndarray:
    return np.stack([retrieve()[..., ::-1] for retrieve in Reader(video.path, 10.0)])


def make(tmp_path, backbone, data=DATA) -> WholeFeatures:
    return WholeFeatures(str(tmp_path / "cache"), data, backbone, seed=7)


def compute(store, videos, backbone, views=1, share=0.0) -> Problems:
    problems = Problems(len(videos), share)
    fill(store, videos, views, backbone, problems)
    return problems


def entries(store) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


# === Pieces ===


@pytest.mark.parametrize("size", [1, 7, 20, 64])
def test_pieces_are_the_frames_of_the_reader(tmp_path, size):
    path = write_video(tmp_path / "v.avi", 20, size=(32, 32))
    for rate, data in ((10.0, DATA), (7.0, dataclasses.replace(DATA, fps=7.0))):
        expected = np.stack([retrieve()[..., ::-1] for retrieve in Reader(path, rate)])
        *whole, last = pieces(DenseVideo(str(path), ()), data, Problems(1, 0.0), size)
        assert [len(piece) for piece in whole] == [size] * len(whole) and 1 <= len(last) <= size
        np.testing.assert_array_equal(np.concatenate([*whole, last]), expected)


def test_pieces_of_a_folder_of_frames_and_of_motion(video):
    read = list(pieces(video, DATA, Problems(1, 0.0)))
    assert [piece.shape for piece in read] == [(64, 32, 32, 3), (64, 32, 32, 3), (22, 32, 32, 3)]
    np.testing.assert_array_equal(np.concatenate(read), frames_of(video))
    motion = dataclasses.replace(DATA, stream="flow")
    assert sum(len(piece) for piece in pieces(video, motion, Problems(1, 0.0))) == 149


def test_nothing_to_read(tmp_path):
    with pytest.raises(Unreadable, match="no such file"):
        next(pieces(DenseVideo(str(tmp_path / "none.avi"), ()), DATA, Problems(1, 0.0)))
    single = noise(tmp_path, 1, "single")
    assert len(next(pieces(single, DATA, Problems(1, 0.0)))) == 1
    with pytest.raises(Unreadable, match="a single frame: no motion"):
        next(pieces(single, dataclasses.replace(DATA, stream="flow"), Problems(1, 0.0)))


# === Features ===


def test_features_are_the_backbones(tmp_path, video, backbone):
    short = noise(tmp_path, 5, "short")
    store = make(tmp_path, backbone)
    assert store.shapes == {"rgb": (4,)}
    assert store.frames(video) is None
    compute(store, [video, short], backbone)
    for one, count in ((video, 150), (short, 5)):
        assert store.frames(one) == count and store.frames(one, 1) is None
        plain = frames_of(one)[:, 4:28, 4:28]
        expected = keras.ops.convert_to_numpy(backbone({"rgb": plain[None]})["rgb"])[0]
        stored = store.read(one, 0, 0, count)["rgb"]
        assert stored.dtype == np.float32
        np.testing.assert_allclose(stored, expected, atol=1e-5)
        np.testing.assert_array_equal(store.read(one, 0, 2, 4)["rgb"], stored[2:4])
        np.testing.assert_array_equal(store.read(one, 0, count - 1, count)["rgb"], stored[-1:])


def test_an_augmented_view_is_one_draw_for_the_whole_video(tmp_path, video, backbone, monkeypatch):
    seeds = []
    draw = augment.augment
    monkeypatch.setattr(
        augment, "augment", lambda clip, seed, data: seeds.append(tuple(seed.numpy())) or draw(clip, seed, data)
    )
    store = make(tmp_path, backbone)
    compute(store, [video], backbone, views=3)
    assert len(seeds) == 3 * 2 and len(set(seeds)) == 2  # three pieces, two augmented views
    stored = [store.read(video, view, 0, 150)["rgb"] for view in range(3)]
    for view, seed in zip((1, 2), dict.fromkeys(seeds), strict=True):
        whole = draw(tf.constant(frames_of(video)), tf.constant(seed), DATA)  # all frames at once
        expected = keras.ops.convert_to_numpy(backbone({"rgb": whole[None]})["rgb"])[0]
        np.testing.assert_allclose(stored[view], expected, atol=1e-5)
    assert not np.allclose(stored[1], stored[0], atol=1e-2) and not np.allclose(stored[1], stored[2], atol=1e-2)


def test_windows_are_slices_of_what_is_stored(tmp_path, video, backbone):
    short = noise(tmp_path, 6, "short")
    store, videos = make(tmp_path, backbone), [video, short]
    compute(store, videos, backbone, views=2)
    labelled = Labelled(videos, [150, 6], ("a",), DATA)
    plan = windows.plan(labelled, 3, 1).tolist()
    dataset = windows.training(labelled, whole_videos.from_features(labelled, store, 2), 8, range(1, 2), 3, ("steps",))
    stored = np.concatenate([inputs["rgb"] for inputs, _, _ in dataset.as_numpy_iterator()])
    for (index, start), window in zip(plan, stored, strict=True):
        whole = store.read(videos[index], (1 + index) % 2, 0, [150, 6][index])["rgb"]
        np.testing.assert_array_equal(window, whole[start : start + 4])


# === Whole or not at all ===


def test_stored_once(tmp_path, video, backbone, monkeypatch):
    store, opened = make(tmp_path, backbone), []
    monkeypatch.setattr(whole_videos, "pieces", lambda *args: opened.append(1) or pieces(*args))
    compute(store, [video], backbone, views=2)
    compute(store, [video], backbone, views=2)
    compute(make(tmp_path, backbone, dataclasses.replace(DATA, frames=9)), [video], backbone, views=1)  # another length
    assert len(opened) == 1  # for both views
    compute(make(tmp_path, backbone, dataclasses.replace(DATA, fps=5.0)), [video], backbone)
    assert len(opened) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda numbers, index: os.truncate(numbers, os.path.getsize(numbers) - 4),
        lambda numbers, index: numbers.unlink(),
        lambda numbers, index: index.unlink(),
        lambda numbers, index: index.write_text(index.read_text()[:9]),
        lambda numbers, index: index.write_text(""),
        lambda numbers, index: index.write_text("[]"),
        lambda numbers, index: index.write_text('{"frames": null}'),
    ],
    ids=["short", "no numbers", "no index", "half", "empty", "list", "null"],
)
def test_damaged_entries_are_made_anew(tmp_path, backbone, damage):
    videos = [noise(tmp_path, 5, "a"), noise(tmp_path, 6, "b")]
    store = make(tmp_path, backbone)
    compute(store, videos, backbone)
    before, names = store.read(videos[0], 0, 0, 5)["rgb"], entries(store)
    index = store.path(videos[0])
    damage(index.with_suffix(".rgb.f32"), index)
    assert store.frames(videos[0]) is None and store.frames(videos[1]) == 6
    compute(store, videos, backbone)
    assert store.frames(videos[0]) == 5 and entries(store) == names
    np.testing.assert_array_equal(store.read(videos[0], 0, 0, 5)["rgb"], before)


def test_a_changed_video_is_a_new_entry(tmp_path, backbone):
    path = write_video(tmp_path / "v.avi", 5, size=(32, 32))
    video, store = DenseVideo(str(path), ()), make(tmp_path, backbone)
    compute(store, [video], backbone)
    write_video(path, 9, size=(32, 32))
    assert store.frames(video) is None
    compute(store, [video], backbone)
    assert store.frames(video) == 9


def test_unreadable_videos_are_reported_and_not_stored(tmp_path, backbone):
    bad = tmp_path / "bad.avi"
    bad.write_bytes(b"no video")
    broken = noise(tmp_path, 70, "broken")
    assert Reader(broken.path).facts.frames == 70
    videos = [DenseVideo(str(bad), ()), broken, noise(tmp_path, 5, "good")]
    store = make(tmp_path, backbone)
    # After they were looked at: now its second piece cannot be read.
    store.make_room = lambda *_: (Path(broken.path) / "69.png").write_bytes(b"no image")
    problems = compute(store, videos, backbone, views=2, share=0.7)
    assert set(problems.unreadable) == {str(bad), broken.path}
    assert [store.frames(video) for video in videos] == [None, None, 5]
    assert len(entries(store)) == 4  # two views of the good one
    with pytest.raises(UserError, match="2 of 3 videos cannot be read"):
        compute(store, videos, backbone, views=2, share=0.4)


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, Unreadable("x"), MemoryError])
def test_an_interrupted_write_leaves_nothing(tmp_path, video, backbone, trouble):
    store = make(tmp_path, backbone)

    def parts():
        yield [{"rgb": np.zeros((64, 4), np.float32)}] * 2
        raise trouble

    with pytest.raises(type(trouble) if isinstance(trouble, Exception) else trouble):
        store.write(video, 2, parts())
    assert store.frames(video) is None and entries(store) == []


@pytest.mark.parametrize("call", ["write", "replace"])
def test_a_full_disk(tmp_path, video, backbone, monkeypatch, call):
    store = make(tmp_path, backbone)

    class Full:
        def __init__(self, place, mode):
            self.file = open(place, mode)  # noqa: SIM115 -- it is one

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, content):
            self.file.write(bytes(content)[:8])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def replace(*places):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "write":
        monkeypatch.setattr(whole_videos, "open", Full, raising=False)
    else:
        monkeypatch.setattr(whole_videos.os, "replace", replace)
    with pytest.raises(UserError, match=r"cannot be written.*No space left on device.*--train\.no-cache"):
        compute(store, [video], backbone)
    assert store.frames(video) is None and entries(store) == []


def test_a_folder_that_cannot_be_written(tmp_path, video, backbone):
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"--train\.cache-dir"):
        make(tmp_path, backbone)


def test_memory_does_not_grow_with_the_video(tmp_path, backbone, monkeypatch):
    store, alive, most = make(tmp_path, backbone), [], []

    class Piece(np.ndarray):
        """An array that can be watched."""

    def many(*args):
        for _ in range(12):
            piece = np.zeros((8, 32, 32, 3), np.uint8).view(Piece)
            alive.append(weakref.ref(piece))
            most.append(sum(ref() is not None for ref in alive))
            yield piece

    monkeypatch.setattr(whole_videos, "pieces", many)
    video = DenseVideo(str(tmp_path / "v"), ())
    compute(store, [video], backbone, views=2)
    assert store.frames(video, 1) == 96
    assert len(most) == 12 and max(most) <= 2


def test_the_disk_is_asked_before_anything_is_decoded(tmp_path, video, backbone, monkeypatch, caplog):
    """150 frames of 4 numbers, 2 views: 4,800 bytes."""
    store = make(tmp_path, backbone)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4799))
    with pytest.raises(UserError, match=r"must have room for 4.8 kB; 4.8 kB are free.*--train.cache-dir"):
        compute(store, [video], backbone, views=2)
    assert entries(store) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4800))
    caplog.set_level("INFO")
    compute(store, [video], backbone, views=2)
    assert sum(path.stat().st_size for path in entries(store) if path.suffix == ".f32") == 4800
    assert "1 videos to compute, 4.8 kB of disk" in caplog.text
