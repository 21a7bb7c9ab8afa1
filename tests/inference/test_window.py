"""The window, without one: what OpenCV is asked to show, how long, and when it is left alone."""

import subprocess

import numpy as np
import pytest

from videorec.inference import window
from videorec.inference.window import Window, why_no_window


class Screen:
    """OpenCV's functions of windows: notes what is shown and how long is waited, and answers with `keys` and `visible`."""

    def __init__(self):
        self.shown, self.waits, self.keys, self.visible, self.destroyed = [], [], {}, 1.0, 0

    def imshow(self, title, picture):
        self.shown.append(picture)

    def waitKey(self, milliseconds):  # noqa: N802
        self.waits.append(milliseconds)
        return self.keys.get(len(self.shown), -1)

    def getWindowProperty(self, title, which):  # noqa: N802
        return self.visible

    def destroyWindow(self, title):  # noqa: N802
        self.destroyed += 1


@pytest.fixture
def screen(monkeypatch):
    fake = Screen()
    monkeypatch.setattr(window, "why_no_window", lambda: None)
    for name in ("imshow", "waitKey", "getWindowProperty", "destroyWindow"):
        monkeypatch.setattr(window.cv2, name, getattr(fake, name))
    return fake


def pictures(number: int):
    for k in range(number):
        yield k / 1000, np.full((2, 2, 3), (k, 0, 0), np.uint8)


def test_pictures_are_shown_at_their_time_in_bgr(screen):
    monotonic = iter([10.0, 10.0, 10.0, 10.5])
    window_time = type("time", (), {"monotonic": staticmethod(lambda: next(monotonic))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "time", window_time)
        timed = ((seconds * 200, picture) for seconds, picture in pictures(3))  # at 0, 0.2 and 0.4 s
        assert [seconds for seconds, _ in Window("x").shown(timed)] == [0, 0.2, 0.4]
    assert [picture[0, 0].tolist() for picture in screen.shown] == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
    assert screen.waits == [1, 200, 1]  # the third is late: shown at once


@pytest.mark.parametrize("key", [ord("q"), 27])
def test_a_key_closes_it_and_the_pictures_go_on(screen, key):
    screen.keys = {2: key}
    opened = Window("x")
    assert len(list(opened.shown(pictures(5)))) == 5
    assert opened.closed and screen.destroyed == 1 and len(screen.shown) == 2


def test_its_button_closes_it_other_keys_do_not(screen):
    screen.keys = {1: ord("x")}
    opened = Window("x")
    opened.show(np.zeros((2, 2, 3), np.uint8))
    assert not opened.closed
    screen.visible = 0.0
    opened.show(np.zeros((2, 2, 3), np.uint8))
    assert opened.closed


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (0, "", None),
        (1, "The function is not implemented. Rebuild the library with Windows", "opencv-python-headless"),
        (-6, "qt.qpa.xcb: could not connect to display", "no window can be opened on this screen"),
    ],
)
def test_a_screen_is_tried_in_another_process(monkeypatch, status, said, reason):
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], status, "", said))
    given = why_no_window()
    assert given is None if reason is None else reason in given
