"""How far apart the frames of clips are, in seconds."""

import cv2
import numpy as np
import pytest
from grey_videos import write_video

from videorec.config import Data, Flow
from videorec.config.dense import DenseData
from videorec.data.intervals import frame_intervals
from videorec.data.manifest import Video


@pytest.fixture
def videos(tmp_path) -> list[Video]:
    """20 frames at 10 fps, whole, and half of it."""
    path = str(write_video(tmp_path / "video.avi"))
    return [Video(path, ("a",)), Video(path, ("a",), start=1.0, end=2.0), Video(path, ("a",))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (Data(frames=4), 0.5),  # 2 s in 4 parts; the median leaves the half video out
        (Data(frames=40), 0.1),  # fewer frames than a clip: each is shown
        (Data(frames=40, fps=5.0), 0.2),
        (Data(frames=4, sampling="dense", step=3), 0.3),
        (Data(frames=4, sampling="first", step=3, fps=20.0), 0.15),
        (DenseData(fps=5.0), 0.2),
    ],
)
def test_of_videos(videos, data, expected):
    assert frame_intervals(videos, data) == {"rgb": pytest.approx(expected)}


def test_each_stream_has_its_own(videos):
    data = Data(stream="both", frames=4, fps=8.0, sampling="dense", flow=Flow(fps=4.0, step=2))
    assert frame_intervals(videos, data) == {"rgb": 0.125, "flow": 0.5}


def test_folders_of_frames_have_a_clock_only_where_a_rate_is_given(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((8, 8, 3), np.uint8))
    videos = [Video(str(folder), ("a",))]
    assert frame_intervals(videos, Data(frames=2)) == {"rgb": None}
    assert frame_intervals(videos, Data(frames=2, fps=3.0)) == {"rgb": pytest.approx(1.0)}


def test_what_cannot_be_opened_says_nothing(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"broken")
    videos = [Video(str(tmp_path / name), ("a",)) for name in ("broken.mp4", "gone.mp4")]
    assert frame_intervals(videos, Data()) == {"rgb": None}
