"""Videos that are written can be read again: pictures, number, times."""

import cv2
import numpy as np
import pytest

from videorec.config import UserError
from videorec.reports import video_file
from videorec.reports.video_file import VideoFile

TIMES = [0.0, 0.1, 0.15, 0.4, 0.5]


@pytest.fixture(params=["av", "opencv"])
def writer(request, monkeypatch):
    """Which of the two writes."""
    if request.param == "av":
        pytest.importorskip("av")
    else:
        monkeypatch.setattr(video_file, "av", None)
    video_file.has_h264.cache_clear()
    yield request.param
    video_file.has_h264.cache_clear()


def frame(level: int) -> np.ndarray:
    """Red grows with `level`, blue falls."""
    return np.full((48, 64, 3), (level, 100, 255 - level), np.uint8)


def read(path) -> tuple[list[np.ndarray], list[float], str]:
    """RGB values in the middle of each frame, their times, and the codec."""
    capture = cv2.VideoCapture(str(path))
    code = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode()
    pixels, times = [], []
    while capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        pixels.append(capture.retrieve()[1][24, 32, ::-1].astype(int))
    return pixels, times, code


def test_what_is_written_comes_back(writer, tmp_path):
    path = tmp_path / "new" / "x.mp4"
    with VideoFile(path, (48, 64), 10.0) as file:
        for k, time in enumerate(TIMES):
            file.write(frame(50 * k), time)
        assert not path.exists()
    pixels, times, code = read(path)
    expected = [[50 * k, 100, 255 - 50 * k] for k in range(5)]
    np.testing.assert_allclose(pixels, expected, atol=8)
    if writer == "av":
        assert code == "h264" or code == "avc1"
        np.testing.assert_allclose(np.subtract(times, times[0]), TIMES, atol=2e-3)
    else:
        np.testing.assert_allclose(np.subtract(times, times[0]), [0, 0.1, 0.2, 0.3, 0.4], atol=2e-3)
    assert [p.name for p in path.parent.iterdir()] == ["x.mp4"]


def test_what_breaks_off_leaves_nothing(writer, tmp_path):
    with pytest.raises(KeyError), VideoFile(tmp_path / "x.mp4", (48, 64), 10.0) as file:
        file.write(frame(0), 0.0)
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_recording_keeps_to_the_clock_and_stays_when_it_breaks_off(writer, tmp_path):
    with pytest.raises(KeyError), VideoFile(tmp_path / "x.mp4", (48, 64), 10.0, live=True) as file:
        for k, time in enumerate(TIMES):
            file.write(frame(50 * k), time)
        raise KeyError
    pixels, times, _ = read(tmp_path / "x.mp4")
    shown = [round(red / 50) for red, *_ in pixels]
    assert shown == ([0, 1, 2, 3, 4] if writer == "av" else [0, 1, 3, 3, 3, 4])
    assert times[-1] - times[0] == pytest.approx(0.5, abs=2e-3)


def test_a_recording_can_be_played_before_it_is_closed(tmp_path):
    pytest.importorskip("av")
    file = VideoFile(tmp_path / "x.mp4", (48, 64), 25.0, live=True)
    for k in range(200):
        file.write(frame(k), k / 25)
    pixels, *_ = read(tmp_path / "x.mp4")
    assert len(pixels) >= 50
    file.close()
    assert len(read(tmp_path / "x.mp4")[0]) == 200


def test_how_to_have_h264_is_said_once(monkeypatch, tmp_path, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(video_file, "av", None)
    video_file.has_h264.cache_clear()
    for name in "ab":
        VideoFile(tmp_path / f"{name}.mp4", (48, 64), 10.0).close()
    video_file.has_h264.cache_clear()
    assert [message for message in caplog.messages if "pip install av" in message] == caplog.messages[:1]


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match=r"must be even. Received: 64 x 47"):
        VideoFile(tmp_path / "x.mp4", (47, 64), 10.0)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="x.mp4 cannot be written"):
        VideoFile(tmp_path / "file" / "x.mp4", (48, 64), 10.0)
