"""Flow as a stream: which motion a picture shows, how streams lie side by side, what a single frame gives."""

import cv2
import numpy as np
import pytest
from grey_videos import write_video

from videorec.config import Data, Flow, UserError
from videorec.data import flow
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems

SHIFTS = [1.0, 2.0, -1.0, 3.0, 1.0, -2.0, 3.0, 4.0, -3.0]  # px to the right, from frame k to frame k + 1; no place twice
HEIGHT, WIDTH = 48, 64


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Ten frames of a smooth texture that moves by SHIFTS."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, 3 * WIDTH, 3)).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    left = (WIDTH - np.cumsum([0, *SHIFTS])).astype(int)
    return [texture[:, x : x + WIDTH].copy() for x in left]


@pytest.fixture(scope="module")
def video(tmp_path_factory, frames) -> Video:
    folder = tmp_path_factory.mktemp("moving")
    for k, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{k}.png"), frame[..., ::-1])
    return Video(str(folder), ("x",))


def reader(stream, **settings) -> ClipReader:
    size = {"resize": (HEIGHT, WIDTH), "crop": (HEIGHT, WIDTH)}
    return ClipReader(Data(stream=stream, **(size | settings)), Problems(1, 1.0))


def shifts(pictures: np.ndarray, encoding: str = "lrcn") -> list[float]:
    """Horizontal motion in the middle of each flow picture."""
    return [round(float(u), 1) for u in np.median(flow.decode(pictures, encoding)[:, 8:-8, 12:-12, 0], axis=(1, 2))]


def numbers(clip: np.ndarray, frames) -> list[int]:
    return [int(np.argmin([np.abs(picture.astype(int) - frame).sum() for frame in frames])) for picture in clip]


@pytest.mark.parametrize("encoding", flow.ENCODINGS)
def test_picture_k_is_the_motion_from_frame_k_to_the_next(video, encoding):
    clip = next(reader("flow", frames=9, flow=Flow(encoding=encoding)).plain_clips(video, 1))["flow"]
    assert clip.shape == (9, HEIGHT, WIDTH, 3) and clip.dtype == np.uint8
    assert shifts(clip, encoding) == pytest.approx(SHIFTS, abs=0.1 if encoding == "lrcn" else 0.3)


@pytest.mark.parametrize("settings", [{}, {"sampling": "dense", "step": 2}, {"sampling": "first"}])
def test_streams_of_one_clock_show_the_same_frames(video, frames, settings):
    both = reader("both", frames=4, **settings)
    clips = [both.training_clip(video, (seed,)) for seed in range(6)] + list(both.plain_clips(video, 1))
    if settings.get("sampling") == "dense":
        clips += list(both.plain_clips(video, 3)) + list(both.plain_clips(video, 0))
    for clip in clips:
        assert list(clip) == ["rgb", "flow"]
        expected = [SHIFTS[k] for k in numbers(clip["rgb"], frames)]
        assert shifts(clip["flow"]) == pytest.approx(expected, abs=0.15)


def test_all_windows_of_flow_are_those_of_nine_pictures(video):
    windows = list(reader("flow", frames=4, sampling="dense", hop=2).plain_clips(video, 0))
    assert [shifts(w["flow"])[0] for w in windows] == pytest.approx([SHIFTS[k] for k in (0, 2, 4, 5, 5)], abs=0.15)


def test_streams_have_rates_and_lengths_of_their_own(tmp_path):
    row = Video(str(write_video(tmp_path / "v.avi", frames=40, fps=20)), ("x",))
    settings = {"fps": 1, "frames": 2, "flow": Flow(fps=10, frames=5), "sampling": "dense"}
    clip = next(reader("both", **settings).plain_clips(row, 1))
    assert clip["rgb"].shape[0] == 2 and clip["flow"].shape[0] == 5
    assert [round(float(frame.mean()) / 10) for frame in clip["rgb"]] == [0, 20]


def test_motion_is_measured_at_its_own_size(video):
    """Frames of half the size halve the motion in px; the picture has the size of the clip all the same."""
    clip = next(reader("flow", frames=9, flow=Flow(short_side=HEIGHT // 2)).plain_clips(video, 1))["flow"]
    assert clip.shape == (9, HEIGHT, WIDTH, 3)
    assert shifts(clip) == pytest.approx([x / 2 for x in SHIFTS], abs=0.15)


def test_stored_flow_is_read_as_it_is(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)
    for k, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{k}.png"), picture[..., ::-1])
    stored = reader("flow", frames=3, flow=Flow(method="stored"))
    np.testing.assert_array_equal(next(stored.plain_clips(Video(str(tmp_path), ("x",)), 1))["flow"], pictures)


@pytest.mark.parametrize("clips", [0, 1])
@pytest.mark.parametrize("stream", ["flow", "both"])
def test_a_single_frame_has_no_motion(tmp_path, stream, clips):
    row = Video(str(write_video(tmp_path / "one.avi", frames=1)), ("x",))
    with pytest.raises(Unreadable, match="a single frame: no motion can be measured"):
        list(reader(stream, frames=2, sampling="dense").plain_clips(row, clips))


@pytest.mark.skipif(hasattr(cv2, "optflow"), reason="OpenCV has its contributed modules here")
def test_missing_method_is_an_error_before_anything_is_read():
    with pytest.raises(UserError, match="opencv-contrib-python"):
        reader("flow", flow=Flow(method="tvl1"))
