"""A camera before a model: the answer as it changes, on the screen, in files, in a window and in a recording."""

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from videorec.config import UserError
from videorec.inference.annotate import Running, title_of
from videorec.inference.capture import Capture
from videorec.inference.live import Moment
from videorec.inference.prediction import Prediction
from videorec.inference.predictor import Predictor
from videorec.inference.window import Window
from videorec.reports.annotated import Canvas
from videorec.reports.video_file import VideoFile
from videorec.terminal import visible

log = logging.getLogger(__name__)

SHOWN = 30.0  # seconds of the curves
STATUS = 1.0, 10.0  # seconds between two lines of how it goes: on a terminal, where the line is written anew, and elsewhere
RATE = 25.0  # of recordings by OpenCV, which know one rate alone
SMOOTH = 0.9  # share of the frames before in the mean of milliseconds


class Watch:
    """Asks a model about a camera until it ends.

    Args:
        predictor: of labels.
        capture: the camera; its `tap` becomes this one's.
        outputs: get every answer, see `videorec.inference.answers`.
        top, interval: as for `Annotator`.
        memory: see `Predictor.stream`.
        window: None: nothing is shown.
        recording: file for what is seen, with the answer below; None: none.

    Raises:
        UserError: a model of frames.
    """

    def __init__(
        self,
        predictor: Predictor,
        capture: Capture,
        console: Console,
        outputs: Sequence = (),
        top: int = 5,
        interval: float | None = None,
        memory: float | None = None,
        window: Window | None = None,
        recording: Path | None = None,
    ):
        if not predictor.classes:
            raise UserError("Cameras are for models of labels; forecasts of a stream come from videorec.Predictor.stream")
        self._predictor, self._capture, self._console, self._outputs = predictor, capture, console, outputs
        self._interval, self._memory, self._window, self._recording = interval, memory, window, recording
        self._course = Running([], "waiting for the first answer", predictor.recipe, top, None, SHOWN)
        self._canvas: Canvas | None = None
        self._file: VideoFile | None = None
        self._asked, self._mean, self._answers = 0.0, 0.0, 0
        self._line, self._time, self._said, self._told = "", 0.0, None, 0.0
        capture.tap = self._seen

    def run(self) -> int:
        """Watch until the camera ends, the window is closed or Ctrl-C is pressed; returns the number of answers.

        Raises:
            Unreadable: the camera cannot be opened.
            UserError: the model cannot run frame by frame.
        """
        shown = self._window is not None and not self._window.closed
        answers = self._predictor.stream(self._capture, self._interval, **self._kind())
        try:
            for now in answers:
                self._answer(replace(now, video=self._capture.name))
                if shown and self._window.closed:
                    break
        finally:
            answers.close()
            self._end()
        return self._answers

    def _kind(self) -> dict:
        """How a recogniser answers: frame by frame, or, where it cannot, from its last clip; all others frame by frame."""
        reason = self._predictor.cannot_stream()
        if reason is None or self._predictor.recipe["task"] != "recognition":
            return {"memory": self._memory}
        frames = max(entry["frames"] for entry in self._predictor.recipe["streams"].values())
        log.warning("%s It is asked about the last %d frames again after every frame; --memory has no effect.", reason, frames)
        return {"windows": True}

    def _seen(self, moment: Moment) -> None:
        """Every frame, before the model may see it."""
        if self._recording is not None or (self._window is not None and not self._window.closed):
            self._draw(moment)
        self._time, self._asked = moment.time, time.perf_counter()

    def _draw(self, moment: Moment) -> None:
        if self._canvas is None:
            self._canvas = Canvas(*moment.frame.shape[:2], self._course.rows)
        answer = self._course.at(moment.time, self._canvas.view)
        picture = self._canvas.draw(moment.frame, answer, self._course.plot, moment.time)
        if self._window is not None:
            self._window.show(picture)
        if self._recording is not None:
            self._file = self._file or VideoFile(self._recording, picture.shape[:2], RATE, live=True)
            self._file.write(picture, moment.time)

    def _answer(self, now: Prediction) -> None:
        took = 1000 * (time.perf_counter() - self._asked)
        self._mean = took if self._answers < 2 else SMOOTH * self._mean + (1 - SMOOTH) * took  # the first one compiles
        self._answers += 1
        for output in self._outputs:
            output.add(now)
        self._course.caption = self._how()
        self._course.show(now, self._canvas.view if self._canvas is not None else (1, 1))
        self._line = visible(title_of(now, self._predictor.recipe))
        said = now.labels or (now.label,)
        if said != self._said:
            self._said = said
            self._clear()
            self._console.print(f"{now.time:8.1f} s  {self._line}", soft_wrap=True, highlight=False)
        self._status()

    # === How it goes ===

    def _how(self) -> str:
        frames = self._capture.taken + self._capture.dropped
        return f"{self._mean:.0f} ms a frame, {self._capture.dropped} of {frames} frames dropped"

    def _status(self) -> None:
        terminal = sys.stderr.isatty()
        if time.monotonic() - self._told < STATUS[0 if terminal else 1]:
            return
        self._told = time.monotonic()
        line = f"{self._time:8.1f} s  {self._line}   {self._how()}"
        if terminal:
            self._clear()
            print(line[: self._console.width - 1], end="", file=sys.stderr, flush=True)
        else:
            log.info("%s", line)

    def _clear(self) -> None:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _end(self) -> None:
        self._clear()
        if self._file is not None:
            self._file.close()
            log.info("written: %s", self._recording)
        if self._capture.taken:
            log.info("%s: %.1f s, %d answers, %s", self._capture.name, self._time, self._answers, self._how())
