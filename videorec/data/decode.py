"""Decode video files and folders of frames with OpenCV, frame after frame, never seeking.

Seeking by frame number returns wrong frames on some files, and files declare wrong frame counts: here a frame is what
`grab` reaches, and a count is what was reached.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from videorec.data.file_kinds import reason_not_to_open
from videorec.data.pictures import PictureFolder, Unreadable
from videorec.storage import files

Retrieve = Callable[[], np.ndarray]


class Reader:
    """The frames of one video in order: iterate for functions that convert a frame only when called.

    Args:
        path: video file, local or remote, or local folder of images (in name order; they count as already at the wanted rate).
        fps: resample to this rate by time stamps, so that a variable frame rate comes out right; None: every frame.
        start, end: seconds; frames outside are left out, and what follows `end` is not decoded.
        threads: decoder threads of this file; 1 where several files are decoded at once.
        cache_gb: most disk that copies of remote videos take. This one's stays while the reader lives.
        values: of a folder of images, as `PictureFolder`.

    Attributes:
        stamp: seconds from `start` to the frame that iterating gave last; None for a folder of frames, which has no clock.

    Raises:
        Unreadable: when opened, or when iterated without a single frame.
    """

    stamp: float | None = None

    def __init__(
        self,
        path: str | Path,
        fps: float | None = None,
        start: float | None = None,
        end: float | None = None,
        threads: int = 1,
        cache_gb: float = 20.0,
        values: tuple[float, float] | None = None,
    ):
        self.fps, self.start, self.end = fps, start or 0.0, float("inf") if end is None else end
        self._copy = files.local(path, cache_gb)
        try:
            self.path = self._copy.__enter__()
        except OSError as error:
            raise Unreadable(error.strerror or str(error)) from error
        self._source = PictureFolder(self.path, values) if self.path.is_dir() else _File(self.path, threads)

    @property
    def declared(self) -> int:
        """Frames to be expected, from the file's own header: may be wrong, at least 1."""
        rate, count = self._source.rate, self._source.declared
        if rate is None:
            return max(count, 1)
        if self.end == float("inf") and not self.start and self.fps is None:
            return max(count, 1)
        seconds = max(min(self.end, count / rate) - self.start, 0)
        return max(round(seconds * (self.fps or rate)), 1)

    @property
    def rate(self) -> float | None:
        """Frames a second of the whole file, from its header (25 where it says none); None for a folder of frames."""
        return self._source.rate

    @property
    def seconds(self) -> float | None:
        """How long the whole file is, from its header: may be wrong; None for a folder of frames, or where it says nothing."""
        rate, count = self._source.rate, self._source.declared
        return count / rate if rate and count else None

    def __iter__(self) -> Iterator[Retrieve]:
        emitted, previous = 0, -np.inf
        for stamp in self._source:
            if stamp is None:  # a folder of frames has no clock
                yield self._source.retrieve
                emitted += 1
                continue
            # Some containers end with a stamp of 0; time does not run backwards.
            stamp = stamp if stamp > previous else previous + 1 / (self._source.rate or 25)
            previous = stamp
            if stamp >= self.end:
                break
            for _ in range(self._due(stamp, emitted)):
                self.stamp = emitted / self.fps if self.fps else stamp - self.start
                yield self._source.retrieve
                emitted += 1
        if not emitted:
            within = f" between {self.start:g} s and {self.end:g} s" if self.start or self.end < np.inf else ""
            raise Unreadable(f"no frame can be decoded{within}")

    def _due(self, stamp: float, emitted: int) -> int:
        """How often the frame at `stamp` is shown: at the wanted rate, tick k shows the first frame not before it."""
        if stamp < self.start:
            return 0
        if self.fps is None:
            return 1
        slack = 1e-3  # stamps are rounded to milliseconds in some containers
        return max(int(np.floor((stamp - self.start + slack) * self.fps)) + 1 - emitted, 0)


class _File:
    """A video file: iterating grabs the next frame and gives its time stamp in seconds."""

    def __init__(self, path: Path, threads: int):
        reason = reason_not_to_open(path)
        if reason:
            raise Unreadable(reason)
        whole = str(path.absolute())  # FFmpeg takes the start of a:b.mp4 for a protocol
        self._capture = cv2.VideoCapture(whole, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
        if not self._capture.isOpened():
            raise Unreadable("no video stream in it, or a format that FFmpeg does not know")
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # a phone held upright; not every build's default
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < 1000 else 25.0
        self.declared = int(max(self._capture.get(cv2.CAP_PROP_FRAME_COUNT), 0))

    def __iter__(self):
        first = None
        while self._capture.grab():
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            first = stamp if first is None else first
            yield stamp - first

    def retrieve(self) -> np.ndarray:
        ok, frame = self._capture.retrieve()
        if not ok:
            raise Unreadable("a frame cannot be converted")
        return frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)


def count(path, fps=None, start=None, end=None) -> int:
    """The number of frames that can really be read."""
    return sum(1 for _ in Reader(path, fps, start, end))
