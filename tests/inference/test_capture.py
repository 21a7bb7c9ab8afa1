"""Cameras: the newest frame, cuts, ends. Played by a list of frames, and by an MJPEG server on this machine."""

import http.server
import itertools
import threading
import time

import cv2
import numpy as np
import pytest

from videorec.config import UserError
from videorec.data.pictures import Unreadable
from videorec.inference.capture import Capture, camera_of, name_of

SOON = (0.01, 0.02, 0.2)  # pauses and patience of these tests


class FakeCamera:
    """Gives numbered frames `apart` seconds from each other, then ends; every opening is one of `runs` of frames."""

    def __init__(self, runs: list[int], apart: float = 0.0):
        self.runs, self.apart, self.opened, self.released = list(runs), apart, 0, 0
        self.number = itertools.count()

    def __call__(self, source):
        self.opened += 1
        if not self.runs:
            raise Unreadable("unplugged")
        self.left = self.runs.pop(0)
        return self

    def read(self):
        time.sleep(self.apart)
        if not self.left:
            return False, None
        self.left -= 1
        return True, np.full((4, 6, 3), (next(self.number) % 256, 100, 200), np.uint8)

    def release(self):
        self.released += 1


def numbers(moments) -> list[int]:
    return [int(moment.frame[0, 0, 2]) for moment in moments]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("reads ")]


def test_frames_come_in_rgb_with_their_time():
    camera = FakeCamera([5], apart=0.05)
    moments = list(Capture(0, opener=camera, pauses=SOON))
    assert numbers(moments) == [0, 1, 2, 3, 4]
    assert moments[0].frame[0, 0].tolist() == [200, 100, 0] and moments[0].time == 0
    assert np.diff([moment.time for moment in moments]).min() > 0.03
    assert camera.released == 1 and not threads()


def test_a_slow_look_gets_the_newest_frame_and_counts_those_it_missed():
    capture = Capture(0, opener=FakeCamera([10_000], apart=0.005))
    moments = iter(capture)
    first = next(moments)
    time.sleep(0.5)
    second = next(moments)
    (number,) = numbers([second])
    assert number >= 20 and capture.dropped == number - 1 - int(first.frame[0, 0, 2])
    assert second.time > 0.35  # at most as old as the distance of two frames, on a machine that is busy elsewhere
    moments.close()
    assert not threads()


def test_a_cut_camera_is_opened_again(caplog):
    caplog.set_level("INFO")
    camera = FakeCamera([3, 0, 2], apart=0.02)
    assert numbers(Capture(1, opener=camera, pauses=SOON)) == [0, 1, 2, 3, 4]
    said = [message for message in caplog.messages if message.startswith("camera 1: ")]
    assert said[0] == "camera 1: it gives no more frames. Trying again in 0.01 s"
    assert said[1:3] == ["camera 1: connected again", "camera 1: it gives no more frames. Trying again in 0.02 s"]
    assert "unplugged. Trying again in 0.02 s" in caplog.text  # the longest pause
    assert said[-1] == "camera 1: no frame for 0.2 s: it is given up"
    assert camera.opened > 4


def test_what_cannot_be_opened_says_so_at_once():
    with pytest.raises(Unreadable, match="unplugged"):
        next(iter(Capture(0, opener=FakeCamera([]))))
    with pytest.raises(Unreadable, match="camera 87 cannot be opened: is it plugged in"):
        next(iter(Capture(87)))


def test_ends_after_the_seconds_given():
    began = time.monotonic()
    moments = list(Capture(0, seconds=0.3, opener=FakeCamera([10_000], apart=0.02)))
    assert 0.2 < moments[-1].time < 0.3 and time.monotonic() - began < 2
    silent = FakeCamera([1])
    silent.read = lambda read=silent.read: read() if silent.left else (time.sleep(1), read())[1]
    began = time.monotonic()
    assert len(list(Capture(0, seconds=0.2, opener=silent))) == 1
    assert time.monotonic() - began < 2.5


def test_every_frame_passes_the_tap():
    passed = []
    taken = numbers(Capture(0, tap=passed.append, opener=FakeCamera([4], apart=0.02), pauses=SOON))
    assert numbers(passed) == taken


@pytest.mark.parametrize(
    ("word", "camera"),
    [
        ("0", 0), (3, 3), ("rtsp://h/x", "rtsp://h/x"), ("HTTP://h:1/v.mjpg", "HTTP://h:1/v.mjpg"),
        ("my.mp4", None), ("s3://b/x.mp4", None), ("runs", None), ("1.5", None), ("²", None), ("-1", None),
    ],
)  # fmt: skip
def test_what_names_a_camera(word, camera):
    assert camera_of(word) == camera


def test_a_file_named_like_a_camera_is_a_file_and_one_on_a_server_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").mkdir()
    assert camera_of("0") is None and camera_of("1") == 1
    with pytest.raises(UserError, match="a file is downloaded first. Received: https://h/x.MP4"):
        camera_of("https://me:secret@h/x.MP4")


def test_passwords_are_not_shown():
    assert name_of("rtsp://me:se@cret@host:554/live?x=1") == "rtsp://host:554/live?x=1"


# === A real stream ===


class Mjpeg(http.server.BaseHTTPRequestHandler):
    """`frames` JPEGs of rising brightness a connection, 20 ms apart."""

    protocol_version, frames = "HTTP/1.0", 15

    def do_GET(self):
        self.server.connections += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for k in range(self.frames):
            jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 10 * k, np.uint8))[1].tobytes()
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg))
            time.sleep(0.02)

    def log_message(self, *_):
        pass


@pytest.fixture
def mjpeg():
    """The URL of the server, and the server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mjpeg)
    server.connections = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/live.mjpg", server
    server.shutdown()
    server.server_close()


def test_a_network_stream_is_read_and_opened_again(mjpeg):
    url, server = mjpeg
    frames = (moment.frame for moment in Capture(url, pauses=SOON))
    levels = []
    while server.connections < 2 or len(levels) < 20:
        frame = next(frames)
        assert frame.shape == (48, 64, 3)
        levels.append(round(float(frame.mean())))
    frames.close()
    assert levels[0] <= 20 and min(np.diff(levels)) < -50 and max(levels) > 80  # from dark to light, and again
    assert not threads()


def test_a_server_that_is_not_there(mjpeg):
    url, server = mjpeg
    server.shutdown()
    server.server_close()
    with pytest.raises(Unreadable, match="cannot be opened: does it answer"):
        next(iter(Capture(url)))
