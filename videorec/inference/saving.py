"""Files of what was predicted: a video with the answer drawn into it, or the coming frames as picture, animation and array."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from videorec.config import UserError
from videorec.data.manifest import Video, seconds
from videorec.inference.annotate import Annotator
from videorec.inference.prediction import Prediction
from videorec.inference.predictor import UNREADABLE, Predictor
from videorec.inference.window import Window
from videorec.reports import forecast_pictures
from videorec.reports.video_file import VideoFile
from videorec.storage import files

log = logging.getLogger(__name__)


class Saver:
    """Writes and shows what is predicted, a video at a time.

    Args:
        predictor: what predicts.
        places: of the files of each video, without their suffix, see `places`; empty: nothing is written.
        window: None: nothing is shown.
        top, interval, memory: as for `Annotator`.
    """

    def __init__(
        self,
        predictor: Predictor,
        places: dict[Video, str],
        window: Window | None = None,
        top: int = 5,
        interval: float | None = None,
        memory: float | None = None,
    ):
        self._annotator, self._window = Annotator(predictor, top, interval, memory), window
        self._places, self._saved = places, 0

    def close(self) -> None:
        """Say how many were written, where that are several."""
        if len(self._places) > 1 and self._saved:
            log.info("%d of them are in %s", self._saved, os.path.commonpath(map(os.path.dirname, self._places.values())))

    def add(self, video: Video, prediction: Prediction) -> None:
        """Write and show one; where that fails, the log says why."""
        if prediction.error is not None or not (self._places or self._window):
            return
        try:
            if prediction.frames is not None:
                self._forecast(video, prediction)
            else:
                self._annotate(video, prediction)
        except UNREADABLE as error:
            log.warning("%s: not saved: %s", video.name, error)

    def _annotate(self, video: Video, prediction: Prediction) -> None:
        pictures = self._annotator.pictures(video, prediction)
        if self._window is not None:
            pictures = self._window.shown(pictures)
        if not self._places:
            for _ in pictures:
                pass
            return
        path = f"{self._places[video]}.mp4"
        time, picture = next(pictures)
        with VideoFile(path, picture.shape[:2], self._annotator.rate(video, prediction)) as file:
            file.write(picture, time)
            for time, picture in pictures:
                file.write(picture, time)
        self._note(path)

    def _forecast(self, video: Video, prediction: Prediction) -> None:
        seen = prediction.seen / 255 if prediction.seen.dtype == np.uint8 else prediction.seen
        animation = forecast_pictures.unrolled(seen, prediction.frames)
        if self._window is not None:
            for _ in self._window.shown(_timed(animation)):
                pass
        if self._places:
            place = self._places[video]
            files.write(f"{place}.png", forecast_pictures.png(forecast_pictures.still(seen, prediction.frames)))
            files.write(f"{place}.gif", forecast_pictures.gif(animation))
            np.save(f"{place}.npy", prediction.frames)
            self._note(f"{place}.npy, .png and .gif")

    def _note(self, written: str) -> None:
        self._saved += 1
        if len(self._places) == 1:
            log.info("written: %s", written)


def _timed(pictures: list[np.ndarray]) -> Iterator[tuple[float, np.ndarray]]:
    for number, picture in enumerate(pictures):
        yield number * forecast_pictures.FRAME_MS / 1000, picture


def places(videos: Sequence[Video], folder: str) -> dict[Video, str]:
    """Where the files of each video go, without their suffix: `folder`, and below it as the videos lie below theirs.

    A segment has its seconds in the name, and a name that is taken a number.

    Raises:
        UserError: a file would take the place of a video.
    """
    files.must_be_local(folder, "--save")
    base = os.path.commonpath([os.path.dirname(os.path.abspath(video.path)) for video in videos])
    taken, chosen = set(), {}
    for video in videos:
        name = os.path.relpath(os.path.abspath(video.path), base)
        name = name if os.path.isdir(video.path) else os.path.splitext(name)[0]
        if video.start is not None or video.end is not None:
            name += f"_{seconds(video.start or 0)}-{'end' if video.end is None else seconds(video.end)}s"
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free)
        chosen[video] = str(Path(folder).expanduser() / free)
    sources = {os.path.realpath(video.path) for video in videos}
    for video, place in chosen.items():
        if any(os.path.realpath(f"{place}{suffix}") in sources for suffix in (".mp4", ".npy", ".gif")):
            raise UserError(f"--save must be another folder than that of the videos. Received: {folder}, with {video.path}")
    return chosen
