"""Write a video file: H.264 through PyAV where that is installed, otherwise what OpenCV writes."""

import logging
import os
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from videorec.config import UserError
from videorec.storage import leftovers

try:
    import av
except ImportError:
    av = None

log = logging.getLogger(__name__)

CLOCK = 90_000  # ticks a second of an H.264 file's time stamps
KEYFRAMES = 50  # frames from one to the next, so that players can jump
QUALITY = "20"  # x264's constant rate factor: text stays sharp


class VideoFile:
    """A .mp4 file that grows frame by frame, in memory that does not.

    With PyAV every frame has its own time stamp, so that a variable frame rate stays as it is. OpenCV knows one rate alone.

    Args:
        path: of the file; its folder is made.
        size: height and width of the frames, even.
        rate: frames a second.
        live: the recording of a camera: what is written can be played even where the process is killed, and OpenCV repeats and
            drops frames to keep to their times. False: the file appears when it is closed.

    Raises:
        UserError: the file cannot be written.
    """

    def __init__(self, path: str | Path, size: tuple[int, int], rate: float, live: bool = False):
        if size[0] % 2 or size[1] % 2 or min(size) < 2:
            raise ValueError(f"Both sides of a video must be even. Received: {size[1]} x {size[0]}")
        self.path = Path(path)
        self._growing = self.path if live else self.path.with_name(leftovers.unfinished_name(self.path.stem, ".mp4"))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            leftovers.sweep(self.path.parent)
            encoder = _H264 if has_h264() else _OpenCV
            self._encoder = encoder(str(self._growing), size, rate, live)
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror or error}") from error

    def write(self, frame: np.ndarray, time: float) -> None:
        """Append a frame.

        Args:
            frame: `(H, W, 3)` uint8, RGB.
            time: seconds from the first frame, rising.

        Raises:
            OSError: it cannot be written, as on a full disk.
        """
        self._encoder.write(frame, time)

    def close(self, keep: bool = True) -> None:
        """Finish the file; `keep` False, or where it cannot be finished: what is not live goes.

        Raises:
            OSError: as `write`.
        """
        done = False
        try:
            self._encoder.close()
            done = keep
        finally:
            if self._growing == self.path:
                pass
            elif done:
                os.replace(self._growing, self.path)
            else:
                self._growing.unlink(missing_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(keep=kind is None)


@cache
def has_h264() -> bool:
    """Whether videos become H.264, which every browser plays; the log says once how to have it."""
    if av is not None:
        try:
            av.codec.Codec("libx264", "w")
            return True
        except ValueError:
            log.info("videos are written as MPEG-4: this PyAV has no libx264. `pip install av` has it")
            return False
    log.info("videos are written as MPEG-4, which browsers do not play: `pip install av` for H.264")
    return False


class _H264:
    def __init__(self, path: str, size: tuple[int, int], rate: float, live: bool):
        # Fragments can be played without the index, which a file has only at its end.
        options = {"movflags": "frag_keyframe+empty_moov", "flush_packets": "1"} if live else {}
        self._sink = _Sink(path)
        self._container = av.open(self._sink, "w", format="mp4", options=options)
        self._stream = self._container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"crf": QUALITY, "preset": "veryfast", "g": str(KEYFRAMES)}
        self._stream.codec_context.time_base = self._stream.time_base = Fraction(1, CLOCK)
        self._last = -1

    def write(self, frame, time):
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        self._last = max(round(time * CLOCK), self._last + 1)
        picture.pts, picture.time_base = self._last, Fraction(1, CLOCK)
        self._container.mux(self._stream.encode(picture))
        self._sink.raise_error()

    def close(self):
        self._container.mux(self._stream.encode())
        self._container.close()
        self._sink.close()
        self._sink.raise_error()


class _Sink:
    """A file for FFmpeg, which never hears of an error in it: it ends the process when it closes a file that it could not begin
    (a full disk)."""

    def __init__(self, path: str):
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 -- closed by `close`
        self._error: OSError | None = None
        self.seek, self.tell = self._file.seek, self._file.tell

    def write(self, content: bytes) -> int:
        left = memoryview(content)
        while left and self._error is None:
            try:
                left = left[self._file.write(left) :]
            except OSError as error:
                self._error = error
        return len(content)

    def close(self):
        self._file.close()

    def raise_error(self):
        if self._error is not None:
            raise self._error


class _OpenCV:
    def __init__(self, path: str, size: tuple[int, int], rate: float, live: bool):
        self._writer = cv2.VideoWriter(os.path.abspath(path), cv2.VideoWriter_fourcc(*"mp4v"), rate, size[::-1])
        if not self._writer.isOpened():
            raise OSError("OpenCV has no writer for .mp4 files, or the place is not writable")
        self._path, self._rate, self._clocked, self._written = os.path.abspath(path), rate, live, 0

    def write(self, frame, time):
        due = int(time * self._rate) + 1 - self._written if self._clocked else 1
        for _ in range(due):
            self._writer.write(np.ascontiguousarray(frame[..., ::-1]))
        self._written += max(due, 0)

    def close(self):
        self._writer.release()
        if self._written and not cv2.VideoCapture(self._path).isOpened():  # OpenCV says nothing of a full disk
            raise OSError("the file has no end: is the disk full?")
