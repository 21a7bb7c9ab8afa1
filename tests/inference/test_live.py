"""Frames one after the other, at the distance in time that a model was trained on."""

import logging

import cv2
import numpy as np
import pytest
from grey_videos import write_video

from videorec.config import Data, Experiment, Flow
from videorec.data import flow
from videorec.data.manifest import Video
from videorec.inference import live
from videorec.inference.live import Moment, Pictures
from videorec.models import CLASSES
from videorec.runs import recipe


def recipe_of(data: Data, **intervals) -> dict:
    model = CLASSES["two_stream" if data.stream == "both" else "lrcn"]()
    return recipe.make(Experiment(data=data, model=model), ("a", "b"), None, intervals)


def moments(times) -> list[Moment]:
    return [Moment(time, np.full((4, 4, 3), k, np.uint8)) for k, time in enumerate(times)]


def numbers(taken) -> list[int]:
    return [int(moment.frame[0, 0, 0]) for moment in taken]


# === At a distance in time ===


@pytest.mark.parametrize(
    ("interval", "expected"),
    [(None, list(range(20))), (0.1, list(range(20))), (0.2, list(range(0, 20, 2))), (0.5, [0, 5, 10, 15])],
)
def test_frames_of_a_file_by_its_clock(tmp_path, interval, expected):
    path = write_video(tmp_path / "video.avi")  # 20 frames at 10 fps, frame k grey of 10 k
    taken = list(live.of_file(Video(str(path), ()), interval))
    assert [round(int(moment.frame[0, 0, 0]) / 10) for moment in taken] == expected
    np.testing.assert_allclose([moment.time for moment in taken], np.array(expected) / 10, atol=2e-3)


def test_a_segment_begins_at_0(tmp_path):
    path = write_video(tmp_path / "video.avi")
    taken = list(live.of_file(Video(str(path), (), start=0.5, end=1.2), 0.2))
    assert [round(int(moment.frame[0, 0, 0]) / 10) for moment in taken] == [5, 7, 9, 11]
    np.testing.assert_allclose([moment.time for moment in taken], [0, 0.2, 0.4, 0.6], atol=2e-3)


def test_a_file_with_too_few_frames_says_so(tmp_path, caplog):
    path = write_video(tmp_path / "video.avi")
    with caplog.at_level(logging.WARNING):
        taken = list(live.of_file(Video(str(path), ()), 0.05))
    assert len(taken) == 39  # every 0.05 s up to the last frame, as resampling in training does
    assert "does not fit: its frames are 0.1 s apart" in caplog.text and "0.05 s apart" in caplog.text


def test_a_folder_has_no_clock(tmp_path, caplog):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((4, 4, 3), number, np.uint8))
    with caplog.at_level(logging.WARNING):
        taken = list(live.of_file(Video(str(tmp_path), ()), 0.5))
    assert numbers(taken) == [0, 1, 2] and [moment.time for moment in taken] == [0, 0.5, 1.0]
    assert "has no clock: every frame is taken" in caplog.text


def test_frames_of_a_camera_in_between_are_left_out():
    at_30 = moments(np.arange(30) / 30)
    assert numbers(live.resampled(at_30, 0.1, "camera")) == list(range(0, 30, 3))
    assert numbers(live.resampled(at_30, None, "camera")) == list(range(30))


def test_a_late_frame_does_not_move_those_after_it():
    times = [0, 0.1, 0.24, 0.31, 0.4, 0.5]  # the third comes late, the next at its own time
    assert numbers(live.resampled(moments(times), 0.1, "camera")) == [0, 1, 2, 3, 4, 5]


def test_a_slow_camera_says_once_that_it_does_not_fit(caplog):
    with caplog.at_level(logging.WARNING):
        taken = list(live.resampled(moments(np.arange(8) * 0.5), 0.1, "camera 0"))
    assert numbers(taken) == list(range(8))
    assert caplog.text.count("camera 0 does not fit: its frames are 0.5 s apart") == 1
    caplog.clear()
    numbers(live.resampled(moments([0, 0.1, 0.2, 1.2, 1.3, 1.4, 2.0, 2.6, 2.7]), 0.1, "camera 0"))  # hiccups
    assert not caplog.messages


# === Pictures ===


def test_pictures_of_frames():
    pictures = Pictures(recipe_of(Data(resize=(8, 12), crop=(4, 6))))
    frame = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    moment, streams = pictures.push(Moment(0.0, frame))
    halved = frame.reshape(8, 2, 12, 2, 3).astype(int).sum(axis=(1, 3))
    expected = (halved + 2) // 4  # OpenCV's average of four
    assert moment.frame is frame
    np.testing.assert_array_equal(streams["rgb"], expected)


def test_motion_comes_one_frame_later():
    data = Data(stream="both", resize=(32, 32), crop=(32, 32), flow=Flow("farneback"))
    pictures, rng = Pictures(recipe_of(data)), np.random.default_rng(1)
    frames = [cv2.GaussianBlur(rng.integers(0, 256, (32, 32, 3), np.uint8), (0, 0), 2) for _ in range(3)]
    assert pictures.push(Moment(0.0, frames[0])) is None
    for k in (1, 2):
        moment, streams = pictures.push(Moment(k / 10, frames[k]))
        assert moment.frame is frames[k - 1] and moment.time == (k - 1) / 10
        np.testing.assert_array_equal(streams["rgb"], frames[k - 1])
        expected = flow.encode(flow.estimate(frames[k - 1], frames[k], "farneback"))
        np.testing.assert_array_equal(streams["flow"], expected)


@pytest.mark.parametrize(
    ("frame", "came"),
    [
        (np.zeros((8, 8, 3), np.float32), r"\(8, 8, 3\) float32"),
        (np.zeros((8, 8), np.uint8), r"\(8, 8\) uint8"),
        (np.zeros((8, 8, 4), np.uint8), r"\(8, 8, 4\) uint8"),
        (None, "NoneType"),
        ([[0]], "list"),
    ],
)
def test_what_is_no_frame_is_refused(frame, came):
    with pytest.raises(ValueError, match=rf"Frames must be \(H, W, 3\) uint8, RGB, 0 to 255. Received: {came}"):
        Pictures(recipe_of(Data())).push(Moment(0.0, frame))
