"""Frames that come one after the other, as pictures that a model takes: at its distance in time, resized, cropped."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from videorec.config import UserError
from videorec.data import values
from videorec.data.decode import Reader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.data.resize import resize_frames
from videorec.data.sequences.windows import as_inputs
from videorec.data.video_stream import VideoStream
from videorec.runs import recipe as recipes

log = logging.getLogger(__name__)

SLACK = 0.05  # share of an interval by which a frame may come early
LATE = 3  # frames in a row that come too late before a camera counts as too slow: one hiccup is none


@dataclass(frozen=True, eq=False)
class Moment:
    """A frame of a stream.

    Attributes:
        time: seconds from the first frame.
        frame: `(H, W, 3)` uint8, RGB, as it came.
    """

    time: float
    frame: np.ndarray


class Pictures:
    """From frames to the pictures of every stream of a model, resized; what is cropped is cropped by the model's form.

    Motion lies between two frames: its picture, and the frame beside it, come one frame later.

    Args:
        recipe: of a model of videos.
    """

    def __init__(self, recipe: dict):
        data = recipes.data_of(recipe)
        self._streams = {name: VideoStream(data.of(name), Problems(1, 1.0)) for name in data.streams}
        self._late = any(stream.is_motion for stream in self._streams.values())
        self._previous: tuple[Moment, dict] | None = None

    def push(self, moment: Moment) -> tuple[Moment, dict[str, np.ndarray]] | None:
        """The frame that is complete now, and its pictures `{stream: (*resize, 3)}` uint8; None at first, where motion is read.

        Raises:
            ValueError: not `(H, W, 3)` uint8, or of another size than the frame before, where motion is read.
        """
        frame = moment.frame
        if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            came = f"{frame.shape} {frame.dtype}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise ValueError(f"Frames must be (H, W, 3) uint8, RGB, 0 to 255. Received: {came}")
        scaled = {name: stream.scaled(frame[..., ::-1]) for name, stream in self._streams.items()}
        if not self._late:
            return moment, scaled
        previous, self._previous = self._previous, (moment, scaled)
        if previous is None:
            return None
        before, first = previous
        pictures = {
            name: stream.motion(first[name], scaled[name]) if stream.is_motion else first[name]
            for name, stream in self._streams.items()
        }
        return before, pictures


class Frames:
    """From frames to what a forecaster takes: its size, its type.

    Args:
        recipe: of a forecaster, with the shape of its frames.
    """

    def __init__(self, recipe: dict):
        self._pictures = recipe["pictures"]

    def push(self, moment: Moment) -> tuple[Moment, dict[str, np.ndarray]]:
        """The frame, and what the model takes `{"rgb": (H, W, C)}`.

        Raises:
            ValueError: another number of channels, or values that the recipe does not bring to [0, 1].
        """
        frame, channels = np.asarray(moment.frame), self._pictures["shape"][2]
        if frame.ndim == 3 and channels == 1 and frame.shape[2] == 3 and frame.dtype == np.uint8:
            frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None]  # a camera, for a model of grey frames
        if frame.ndim != 3 or frame.shape[2] != channels:
            raise ValueError(f"Frames must be (H, W, {channels}). Received: {frame.shape}")
        given = self._pictures["values"]
        try:
            scaled = values.scale(frame[None], None if given is None else tuple(given), "a frame")
        except UserError as error:
            raise ValueError(str(error)) from error
        frames = resize_frames(scaled, *self._pictures["shape"][:2])
        return moment, {"rgb": as_inputs(frames, self._pictures["pixels"])[0]}


def pictures_of(recipe: dict) -> Pictures | Frames:
    """What makes the pictures of the recipe's model."""
    return Frames(recipe) if recipe["task"] == "forecasting" else Pictures(recipe)


# === At a distance in time ===


def of_file(video: Video, interval: float | None, values: tuple[float, float] | None = None) -> Iterator[Moment]:
    """The frames of a video file (or of its segment) or of a folder of frames, `interval` seconds apart by its time stamps.

    Args:
        interval: None: every frame. A folder of frames has no clock: every frame is taken.
        values: of a folder of frames, as `videorec.data.pictures.PictureFolder`.

    Raises:
        Unreadable: when iterated.
    """
    reader = Reader(video.path, None if interval is None else 1 / interval, video.start, video.end, threads=2, values=values)
    if reader.facts.damage:
        log.warning("damaged, used as far as it can be decoded: %s: %s", video.path, reader.facts.damage)
    if interval is not None and reader.rate is None:
        log.warning("%s has no clock: every frame is taken, as if they were %.3g s apart", video.path, interval)
    elif interval is not None and reader.rate * interval < 1 - SLACK:
        _tell_too_slow(video.path, 1 / reader.rate, interval)
    for number, retrieve in enumerate(reader):
        time = number * apart(interval) if reader.stamp is None else reader.stamp
        yield Moment(time, np.ascontiguousarray(retrieve()[..., ::-1]))


def resampled(moments: Iterable[Moment], interval: float | None, name: str) -> Iterator[Moment]:
    """The frames of a camera, at least `interval` seconds apart; those in between are not shown to the model.

    Where the camera is slower, every frame is taken, and the log says once that it does not fit.

    Args:
        interval: None: every frame.
        name: of the camera, for the log.
    """
    due, late, told, previous = 0.0, 0, interval is None, None
    for moment in moments:
        if interval is None or moment.time >= due - SLACK * interval:
            if not told and previous is not None:
                late = late + 1 if moment.time - previous > interval * (1 + 10 * SLACK) else 0
                if late == LATE:
                    _tell_too_slow(name, moment.time - previous, interval)
                    told = True
            previous = moment.time
            yield moment
            if interval is not None:  # the next tick after this frame: a late frame does not make the next one early
                due = (np.floor(moment.time / interval + SLACK) + 1) * interval


def of_frames(frames: Iterable[np.ndarray], interval: float | None) -> Iterator[Moment]:
    """Frames that come at the right distance already."""
    for number, frame in enumerate(frames):
        yield Moment(number * apart(interval), frame)


def apart(interval: float | None) -> float:
    """Seconds between two frames without a clock."""
    return interval or 1 / 25


def _tell_too_slow(name: str, apart: float, interval: float) -> None:
    log.warning(
        "%s does not fit: its frames are %.3g s apart, and the model was trained on frames %.3g s apart. What it says may be "
        "wrong. Record faster, or train with fewer frames a second (--data.fps)",
        *(name, apart, interval),
    )
