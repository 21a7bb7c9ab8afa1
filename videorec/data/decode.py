"""Decode video files and folders of frames with OpenCV, frame after frame, never seeking.

Seeking by frame number returns wrong frames on some files, and files declare wrong frame counts: here a frame is what `grab`
reaches, and a count is what was reached.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from videorec.data.clock import shown
from videorec.data.index import INDEX, MAX_PIXELS
from videorec.data.pictures import Unreadable
from videorec.data.stored_flow import EVERY, Wanted, opened
from videorec.storage import files

Retrieve = Callable[[], np.ndarray]


class Reader:
    """The frames of one video in order: iterate for functions that convert a frame only when called.

    Which frames there are, and when each is shown, is what reading the video from end to end showed (`videorec.data.index`),
    not what its header says. A damaged video has the frames that can be decoded.

    Args:
        path: video file, local or remote, or local folder of images (in name order; they count as already at the wanted rate).
        fps: resample to this rate by time stamps, so that a variable frame rate comes out right; None: every frame. See
            `videorec.data.clock` for what counts as time.
        start, end: seconds; frames outside are left out, and what follows the last is not decoded.
        threads: decoder threads of this file; 1 where several files are decoded at once.
        cache_gb: most disk that copies of remote videos take. This one's stays while the reader lives.
        values: of a folder of images, as `PictureFolder`.
        max_pixels: of a frame.
        wanted: which pictures of a folder, where flow lies beside the frames.

    Attributes:
        facts: what the whole video holds.
        stamp: seconds from `start` to the frame that iterating gave last; None for a folder of frames, which has no clock.

    Raises:
        Unreadable: when opened, also where no frame lies between `start` and `end`; when iterated, where it has changed.
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
        max_pixels: int = MAX_PIXELS,
        wanted: Wanted = EVERY,
    ):
        self.fps, self.start, self._threads = fps, start or 0.0, threads
        self._copy = files.local(path, cache_gb)
        try:
            self.path = self._copy.__enter__()
        except OSError as error:
            raise Unreadable(error.strerror or str(error)) from error
        self.facts = INDEX.of(self.path, max_pixels, changes=not files.is_remote(path))
        if self.facts.unreadable:
            raise Unreadable(self.facts.unreadable)
        self._times = self.facts.times
        if self._times is None:
            self._folder = opened(self.path, values, self.facts.missing, wanted)
            self._numbers = np.arange(len(self._folder))
        elif wanted.stream == "flow":
            raise Unreadable("--data.flow.method stored reads folders of pictures, and this is a video file")
        else:
            self._numbers = shown(self._times, fps, self.start, np.inf if end is None else end)
        if not len(self._numbers):
            to = "its end" if end is None else f"{end:g} s"
            raise Unreadable(f"no frame lies between {self.start:g} s and {to}; it lasts {self.facts.seconds:.2f} s")

    def __len__(self) -> int:
        """Frames that iterating gives."""
        return len(self._numbers)

    @property
    def rate(self) -> float | None:
        """Frames a second of the whole file, between its gaps; None for a folder of frames."""
        return self.facts.rate

    @property
    def seconds(self) -> float | None:
        """How long the whole file is; None for a folder of frames."""
        return self.facts.seconds

    def __iter__(self) -> Iterator[Retrieve]:
        if self._times is None:
            yield from (self._folder.retrieve for _ in self._folder)
            return
        file = _DamagedFile(self.path) if self.facts.damage else _File(self.path, self._threads)
        place = -1
        for emitted, number in enumerate(self._numbers):
            while place < number:
                if not file.grab():
                    raise Unreadable(f"it had {self.facts.frames} frames, now {place + 1}: it changed while it was read")
                place += 1
            self.stamp = emitted / self.fps if self.fps else self._times[number] - self.start
            yield file.retrieve


class _File:
    """A video file that was read before."""

    def __init__(self, path: Path, threads: int):
        whole = str(path.absolute())  # FFmpeg takes the start of a:b.mp4 for a protocol
        self._capture = cv2.VideoCapture(whole, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # a phone held upright; not every build's default

    def grab(self) -> bool:
        return self._capture.grab()

    def retrieve(self) -> np.ndarray:
        try:
            ok, frame = self._capture.retrieve()
        except cv2.error as error:
            raise Unreadable(f"a frame cannot be converted: {error.err}") from error
        if not ok:
            raise Unreadable("a frame cannot be converted")
        return frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)


class _DamagedFile(_File):
    """Read as it was measured: by one thread, every frame converted. Several threads make other frames of a damaged file, and
    where only some are converted, OpenCV fails at those of another size."""

    def __init__(self, path: Path):
        super().__init__(path, threads=1)
        self._frame: np.ndarray | None = None

    def grab(self) -> bool:
        if not super().grab():
            return False
        self._frame = super().retrieve()
        return True

    def retrieve(self) -> np.ndarray:
        return self._frame


def count(path, fps=None, start=None, end=None) -> int:
    """The number of frames that can be read."""
    return len(Reader(path, fps, start, end))
