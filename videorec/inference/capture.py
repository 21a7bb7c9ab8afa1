"""Cameras and network streams: always the newest frame, however long the look at the last one took."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import cv2
import numpy as np

from videorec.config import UserError
from videorec.data.pictures import Unreadable
from videorec.inference.live import Moment

log = logging.getLogger(__name__)

SCHEMES = ("rtsp", "rtsps", "http", "https")
FILES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".wmv")  # that a URL names: no live streams
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0  # seconds before another try: twice as long each time
PATIENCE = 60.0  # seconds without a frame after which a camera counts as gone
ANSWERS_WITHIN = 10_000  # ms that a network stream may take to open, and to send the next frame


class Camera(Protocol):
    """What `cv2.VideoCapture` offers."""

    def read(self) -> tuple[bool, np.ndarray | None]:
        """Whether there is another frame, and it, `(H, W, 3)` uint8 BGR."""

    def release(self) -> None:
        """Close it."""


class Capture:
    """A camera, whose frames are iterated once: the newest that there is, in the order of time.

    A thread reads every frame and keeps the newest one. A camera that is cut is opened again, after pauses of 1, 2, 4, ...
    up to 10 s, until 60 s have gone by without a frame; then the iteration ends.

    Args:
        source: index of a camera, or a URL (rtsp, rtsps, http, https).
        seconds: end this long after the first frame; None: never.
        tap: called with every frame that is iterated, before it is given away.
        opener: what opens the source; raises `Unreadable` with the reason.
        pauses: the first and the longest pause, and the patience, in seconds.

    Attributes:
        name: of the source, for people; without a password.
        taken: frames that were iterated.
        dropped: frames that nobody looked at, because a newer one came first.

    Raises:
        Unreadable: when iterated, where it cannot be opened at the first try.
    """

    def __init__(
        self,
        source: int | str,
        seconds: float | None = None,
        tap: Callable[[Moment], None] | None = None,
        opener: Callable[[int | str], Camera] | None = None,
        pauses: tuple[float, float, float] = (FIRST_PAUSE, LONGEST_PAUSE, PATIENCE),
    ):
        self.source, self.name = source, name_of(source)
        self.taken = self.dropped = self._seen = 0  # seen: frames that were read
        self._seconds, self.tap, self._opener, self._pauses = seconds, tap, opener or open_camera, pauses
        self._change, self._stop = threading.Condition(), threading.Event()
        self._newest: tuple[float, np.ndarray] | None = None
        self._ended, self._failure = False, None

    def __iter__(self) -> Iterator[Moment]:
        thread = threading.Thread(target=self._read, name=f"reads {self.name}", daemon=True)
        thread.start()
        first = None
        try:
            while (taken := self._next(first)) is not None:
                clock, frame = taken
                first = clock if first is None else first
                moment = Moment(clock - first, np.ascontiguousarray(frame[..., ::-1]))
                self.taken += 1
                if self.tap is not None:
                    self.tap(moment)
                yield moment
            if self._failure is not None and not self.taken:
                raise Unreadable(self._failure)
        finally:
            self._stop.set()
            thread.join(timeout=2.0)  # one that waits for the network ends with the process

    def _next(self, first: float | None) -> tuple[float, np.ndarray] | None:
        """The newest frame with its time, once there is one that was not given yet; None at the end."""
        end = float("inf") if self._seconds is None or first is None else first + self._seconds
        with self._change:
            while self._newest is None and not self._ended and time.monotonic() < end:
                self._change.wait(min(end - time.monotonic(), 1.0) if end < float("inf") else 1.0)
            newest, self._newest = self._newest, None
        return newest if newest is not None and newest[0] < end else None

    # === The thread ===

    def _read(self) -> None:
        pause, longest, patience = self._pauses
        wait, last = pause, time.monotonic()
        while not self._stop.is_set():
            before = self._seen
            reason = self._read_until_cut()
            if self._seen > before:
                wait, last = pause, time.monotonic()
            if self._stop.is_set():
                break
            if not self._seen:
                self._failure = reason
                break
            if time.monotonic() - last > patience:
                log.warning("%s: no frame for %.3g s: it is given up", self.name, patience)
                break
            log.warning("%s: %s. Trying again in %.3g s", self.name, reason, wait)
            self._stop.wait(wait)
            wait = min(2 * wait, longest)
        with self._change:
            self._ended = True
            self._change.notify()

    def _read_until_cut(self) -> str:
        """Read frames as long as they come; returns why no more do."""
        try:
            camera = self._opener(self.source)
        except Unreadable as error:
            return str(error)
        try:
            if self._seen:
                log.info("%s: connected again", self.name)
            while not self._stop.is_set():
                ok, frame = camera.read()
                if not ok or frame is None:
                    return "it gives no more frames"
                self._put(frame)
            return "stopped"
        except cv2.error as error:
            return error.err
        finally:
            camera.release()

    def _put(self, frame: np.ndarray) -> None:
        with self._change:
            self.dropped += self._newest is not None
            self._newest = time.monotonic(), frame
            self._seen += 1
            self._change.notify()


def camera_of(word: str | int) -> int | str | None:
    """The camera that a word names: the index of one, unless a file has that name, or a URL; None: another word.

    Raises:
        UserError: the URL of a file.
    """
    if isinstance(word, int):
        return word
    if os.path.exists(word):
        return None
    if word.isascii() and word.isdigit():
        return int(word)
    url = urlsplit(word)
    if url.scheme.lower() not in SCHEMES:
        return None
    if url.path.lower().endswith(FILES):
        raise UserError(f"A URL must be that of a live stream; a file is downloaded first. Received: {name_of(word)}")
    return word


def name_of(source: int | str) -> str:
    """`camera 0`, or the URL (or path) without the user's name and password."""
    if isinstance(source, int):
        return f"camera {source}"
    url = urlsplit(str(source))
    return urlunsplit(url._replace(netloc=url.netloc.rpartition("@")[2]))


def open_camera(source: int | str) -> Camera:
    """A camera or network stream, with as little as possible between it and its frames.

    Raises:
        Unreadable: it cannot be opened.
    """
    if isinstance(source, int):
        camera = cv2.VideoCapture(source)
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        hint = "is it plugged in, allowed, and not in use elsewhere?"
    else:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, ANSWERS_WITHIN, cv2.CAP_PROP_READ_TIMEOUT_MSEC, ANSWERS_WITHIN]
        camera = cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
        hint = "does it answer, and is it a video stream?"
    if not camera.isOpened():
        raise Unreadable(f"{name_of(source)} cannot be opened: {hint}")
    return camera
