"""Clips read from files: the indices of `sampling`, whatever the file's header says."""

import numpy as np
import pytest
from grey_videos import declare, frame_numbers, write_video

from videorec.config import Data
from videorec.data import sampling
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems


def reader(**settings) -> ClipReader:
    return ClipReader(Data(resize=(32, 32), **settings), Problems(1, 1.0))


def numbers(clips) -> list[list[int]]:
    return [frame_numbers(clip["rgb"]) for clip in clips]


@pytest.fixture
def row(video):
    return Video(str(video), ("x",))


def test_plain_clips(row):
    uniform = reader(frames=4)
    assert numbers(uniform.plain_clips(row, 1)) == [[2, 7, 12, 17]]
    assert numbers(uniform.plain_clips(row, 2)) == [[1, 6, 11, 16], [3, 8, 13, 18]]
    dense = reader(frames=4, sampling="dense", step=2)
    assert numbers(dense.plain_clips(row, 2)) == [[3, 5, 7, 9], [10, 12, 14, 16]]


@pytest.mark.parametrize(("frames", "step", "hop"), [(4, 1, 8), (16, 1, 8), (5, 3, 4), (8, 2, 1), (30, 1, 8), (20, 1, 20)])
def test_all_dense_clips_are_those_of_the_protocol(row, frames, step, hop):
    clips = numbers(reader(frames=frames, sampling="dense", step=step, hop=hop).plain_clips(row, 0))
    assert clips == sampling.dense_windows(20, frames, step, hop).tolist()


def test_training_clips_follow_the_generator(row):
    for settings in ({"frames": 4}, {"frames": 4, "sampling": "dense", "step": 3}):
        clips = [reader(**settings).training_clip(row, (seed,)) for seed in (0, 0, 1, 2)]
        read = numbers(clips)
        assert read[0] == read[1]
        assert len({tuple(clip) for clip in read}) == 3


@pytest.mark.parametrize("declared", [1, 15, 25, 536_870_912])
@pytest.mark.parametrize(
    "settings", [{"frames": 4}, {"frames": 4, "sampling": "dense", "step": 2}, {"frames": 4, "sampling": "first", "step": 6}]
)
def test_wrong_headers_do_not_matter(row, tmp_path, declared, settings):
    true = reader(**settings)
    expected = [numbers(true.plain_clips(row, n)) for n in (1, 2)]
    wrong = Video(str(declare(write_video(tmp_path / "wrong.avi"), declared)), row.labels)
    assert [numbers(true.plain_clips(wrong, n)) for n in (1, 2)] == expected
    for seed in range(5):
        clips = [true.training_clip(video, (seed,))["rgb"] for video in (row, wrong)]
        np.testing.assert_array_equal(*clips)


def test_short_video_repeats_its_last_frame_and_says_so(tmp_path, caplog):
    row = Video(str(write_video(tmp_path / "short.avi", frames=3)), ("x",))
    short = reader(frames=5)
    assert numbers(short.plain_clips(row, 1)) == [[0, 1, 2, 2, 2]]
    assert short.problems.short == {row.name: 3}
    assert "has 3 frames, a clip 5: its last frame is repeated" in caplog.text


def test_short_video_may_repeat_from_its_start(tmp_path, caplog):
    row = Video(str(write_video(tmp_path / "short.avi", frames=3)), ("x",))
    for sampled in ("uniform", "dense", "first"):
        assert numbers(reader(frames=5, sampling=sampled, short="repeat").plain_clips(row, 1)) == [[0, 1, 2, 0, 1]]
    assert numbers(reader(frames=5, sampling="dense", short="repeat").plain_clips(row, 0)) == [[0, 1, 2, 0, 1]]
    assert numbers(reader(frames=5, step=2, sampling="first", short="repeat").plain_clips(row, 1)) == [[0, 2, 1, 0, 2]]
    assert "it repeats from its start" in caplog.text


def grabbed(monkeypatch, folder, frames: int) -> list[int]:
    """The files of a folder of frames that are read from now on."""
    import cv2

    for k in range(frames):
        cv2.imwrite(str(folder / f"{k:04d}.png"), np.full((8, 8, 3), k, np.uint8))
    read, imread = [], cv2.imread
    monkeypatch.setattr(cv2, "imread", lambda path, flags: [read.append(int(path[-8:-4])), imread(path, flags)][1])
    return read


@pytest.mark.parametrize(("settings", "expected"), [({"step": 3}, [0, 3, 6]), ({"stream": "flow"}, [0, 1, 2, 3])])
def test_first_frames_are_all_that_is_decoded(tmp_path, monkeypatch, settings, expected):
    read = grabbed(monkeypatch, tmp_path, 50)
    clips = reader(frames=3, sampling="first", **settings)
    clips.training_clip(Video(str(tmp_path), ("x",)), (0,))
    assert read == expected
    list(clips.plain_clips(Video(str(tmp_path), ("x",)), 1))
    assert read == 2 * expected


def test_segments_and_rates(video):
    row = Video(str(video), ("x",), start=0.5, end=1.5)
    assert numbers(reader(frames=5).plain_clips(row, 1)) == [[6, 8, 10, 12, 14]]
    assert numbers(reader(frames=5, fps=5.0).plain_clips(row, 1)) == [[5, 7, 9, 11, 13]]


def test_colours_are_red_first(tmp_path):
    import cv2

    folder = tmp_path / "frames"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), np.full((8, 8, 3), (10, 20, 200), np.uint8))  # BGR
    clip = next(reader(frames=1).plain_clips(Video(str(folder), ("x",)), 1))
    assert clip["rgb"][0, 0, 0].tolist() == [200, 20, 10]


def test_unreadable_is_passed_on(tmp_path):
    with pytest.raises(Unreadable):
        list(reader().plain_clips(Video(str(tmp_path / "no.mp4"), ("x",)), 1))
    with pytest.raises(Unreadable):
        list(reader(sampling="dense").plain_clips(Video(str(tmp_path / "no.mp4"), ("x",)), 0))
