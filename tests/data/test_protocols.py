"""The papers' protocols: UCF101's and HMDB51's official splits, validation by group, and the views of a test video."""

import numpy as np
import pytest
from grey_videos import frame_numbers, write_video

from videorec.config import Data
from videorec.data import manifest, pipeline, sampling, sources, splitting
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems


def by_group(videos) -> set:
    return {(video.labels[0], video.group.split()[-1]) for video in videos}


# === UCF101 ===

# split: (train, test, groups of the test set), as published with the lists
UCF101 = {1: (9537, 3783, range(1, 8)), 2: (9586, 3734, range(8, 15)), 3: (9624, 3696, range(15, 22))}


@pytest.fixture(scope="module")
def ucf101(shared_data) -> dict[int, splitting.VideoSet]:
    path = str(shared_data / "annotations/ucf101")
    return {number: sources.load(Data(path=path, official_split=number)) for number in UCF101}


@pytest.mark.parametrize("number", UCF101)
def test_ucf101_split(ucf101, number):
    train, test, groups = UCF101[number]
    videos = ucf101[number]
    assert len(videos.classes) == 101 and len(videos.videos) == train + test
    assert len(videos.split("train")) + len(videos.split("val")) == train and len(videos.split("test")) == test
    assert by_group(videos.split("test")) == {(label, f"g{g:02d}") for label in videos.classes for g in groups}
    manifest.check_groups(list(videos.videos))


@pytest.mark.parametrize("number", UCF101)
def test_ucf101_validation_is_taken_by_group_from_training(ucf101, shared_data, number):
    videos = ucf101[number]
    lines = (shared_data / f"annotations/ucf101/trainlist0{number}.txt").read_text().split("\n")
    listed = {line.split()[0] for line in lines if line.strip()}
    train, val, test = (videos.split(name) for name in ("train", "val", "test"))
    assert {video.path.split("ucf101/")[1] for video in train + val} == listed  # from training alone
    assert by_group(train).isdisjoint(by_group(val)) and by_group(train + val).isdisjoint(by_group(test))
    assert len(by_group(train)) + len(by_group(val)) == 101 * 18
    assert {video.labels for video in val} == {(name,) for name in videos.classes}
    assert 0.13 < len(val) / len(listed) < 0.17


def test_ucf101_test_sets_are_disjoint(ucf101):
    tests = [{video.path for video in videos.split("test")} for videos in ucf101.values()]
    tested = set.union(*tests)
    assert len(tested) == sum(map(len, tests)) == 11213
    everything = {video.path for video in ucf101[1].videos}
    assert len(everything) == 13320
    assert {path.split("_g")[1][:2] for path in everything - tested} == {"22", "23", "24", "25"}


# === HMDB51 ===


@pytest.fixture(scope="module")
def hmdb51(tmp_path_factory) -> str:
    """Lists in HMDB51's form: 51 classes, in each split 70 videos to train and 30 to test of each, the rest unused.

    A film has five clips in each of three classes; those of one class are all on one side.
    """
    folder, rng = tmp_path_factory.mktemp("hmdb51"), np.random.default_rng(0)
    for k in range(51):
        label = f"do_{k:02d}"
        videos = [f"film{k // 3}x{film}_{label}_f_cm_np1_ba_med_{clip}.avi" for film in range(22) for clip in range(5)]
        for number in (1, 2, 3):
            use = np.repeat(rng.permutation([1] * 14 + [2] * 6 + [0] * 2), 5)
            lines = [f"{video} {u} \n" for video, u in zip(videos, use, strict=True)]
            (folder / f"{label}_test_split{number}.txt").write_text("".join(lines))
    return str(folder)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_hmdb51_split(hmdb51, number):
    videos = sources.load(Data(path=hmdb51, videos="/videos", official_split=number))
    train, val, test = (videos.split(name) for name in ("train", "val", "test"))
    assert (len(videos.classes), len(train) + len(val), len(test)) == (51, 3570, 1530)
    listed = {1: set(), 2: set(), 0: set()}
    for label in videos.classes:
        with open(f"{hmdb51}/{label}_test_split{number}.txt") as file:
            for line in file:
                name, use = line.split()
                listed[int(use)].add(f"/videos/{label}/{name}")
    assert {video.path for video in train + val} == listed[1] and {video.path for video in test} == listed[2]
    films = [{video.path.split("/")[-1].split("_do_")[0] for video in part} for part in (train, val)]
    assert films[0].isdisjoint(films[1])
    assert {video.labels for video in val} == {(name,) for name in videos.classes}
    assert 0.12 < len(val) / 3570 < 0.18


# === Views ===


def views(tmp_path, count: int, clips: int, crops: int, **settings) -> np.ndarray:
    """All views `(V, T, 24, 32, 3)` of one video of so many frames, as evaluation reads them."""
    video = Video(str(write_video(tmp_path / "video.avi", count)), ("a",))
    data = Data(sampling="dense", resize=(48, 64), crop=(24, 32), workers=1, **settings)
    reader = ClipReader(data, Problems(1, 0.0))
    batches = pipeline.evaluation([video], data, reader, clips, crops, batch=7)
    return np.concatenate([inputs["rgb"].numpy() for inputs, _, _ in batches])


def test_lrcn_views_of_100_frames(tmp_path):
    """Donahue et al. 2015, the authors' code: 16 frames every 8, ceil(100 / 8) = 13 clips, 10 crops of each."""
    clips = views(tmp_path, 100, clips=0, crops=10, frames=16, hop=8).reshape(13, 10, 16, 24, 32, 3)
    starts = [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 84, 84]
    for clip, start in zip(clips, starts, strict=True):
        for crop in clip:
            assert frame_numbers(crop) == [k % 25 for k in range(start, start + 16)]
    np.testing.assert_array_equal(clips[-1], clips[-2])


def test_25_clips_lie_evenly(tmp_path):
    """250 frames have 235 windows of 16: one from the middle of each 25th of them."""
    clips = views(tmp_path, 250, clips=25, crops=1, frames=16)
    starts = [int((k + 0.5) * 235 / 25) for k in range(25)]
    assert starts[:3] == [4, 14, 23] and starts[-1] == 230
    assert [frame_numbers(clip)[0] for clip in clips] == [start % 25 for start in starts]
    assert sampling.spread_windows(250, 16, 1, 25)[:, 0].tolist() == starts
    assert set(np.diff(starts)) == {9, 10}
