"""What is drawn beside the bars of an annotated frame: scores over time as curves, segments as tracks; a cursor is at now."""

from collections.abc import Sequence

import numpy as np
from PIL import ImageDraw

from videorec.reports.annotated import FAINT, LINE, TEXT, Box
from videorec.reports.letters import font

KEPT = 2000  # points of the curves: of longer videos every second is dropped, again and again
POINT = 3  # px from one drawn point of a curve to the next, at least
GROWTH = 1.25  # of the time axis, where a video is longer than its header says

Named = Sequence[tuple[str, tuple[int, int, int]]]  # the classes of the rows, with their colours


class Curves:
    """Scores of all classes over time, in memory that does not grow.

    Args:
        classes: names in the order of the scores.
        seconds: length of the time axis: of the whole video, where it is known; it grows where that is not enough.
        window: of a stream, seconds that are shown; None: from the start.
    """

    def __init__(self, classes: Sequence[str], seconds: float | None = None, window: float | None = None):
        self._places = {name: k for k, name in enumerate(classes)}
        self._span, self._window = seconds or 1.0, window
        self._times: list[float] = []
        self._scores: list[np.ndarray] = []
        self._distance = 0.0  # least time between two points

    def add(self, time: float, scores: Sequence[float]) -> None:
        """The scores `(C,)` at a time, which rises."""
        if self._times and time - self._times[-1] < self._distance:
            return
        self._times.append(time)
        self._scores.append(np.asarray(scores, np.float32))
        if self._window is not None:
            while self._times[0] < time - self._window:
                del self._times[0], self._scores[0]
        if len(self._times) > KEPT:
            self._distance = 2 * (self._times[-1] - self._times[0]) / KEPT
            self._times, self._scores = self._times[::2], self._scores[::2]

    def draw(self, draw: ImageDraw.ImageDraw, box: Box, classes: Named, time: float | None, unit: int) -> None:
        """Draw the curves of `classes` up to `time` into the box."""
        now = time or 0.0
        start = 0.0 if self._window is None else max(now - self._window, 0.0)
        while self._window is None and now > self._span:
            self._span *= GROWTH
        axis = Axis(box, start, start + (self._window or self._span))
        axis.draw(draw, unit)
        for level in (0.0, 0.5, 1.0):
            y = round(box.bottom - level * (box.bottom - box.top))
            draw.line((box.left, y, box.right, y), LINE)
        shown = [k for k, t in enumerate(self._times) if start <= t <= now]
        shown = [*shown[: -1 : max(len(shown) * POINT // (box.right - box.left), 1)], *shown[-1:]]
        for name, color in reversed(classes):
            place = self._places[name]
            points = [
                (axis.x(self._times[k]), box.bottom - float(np.clip(self._scores[k][place], 0, 1)) * (box.bottom - box.top))
                for k in shown
            ]
            if points:
                draw.line([*points, (axis.x(now), points[-1][1])], color, width=max(unit // 7, 2))
        axis.cursor(draw, now)


class Tracks:
    """Segments, a row a class.

    Args:
        segments: label, start and end in seconds of each.
        seconds: length of the time axis.
    """

    def __init__(self, segments: Sequence[tuple[str, float, float]], seconds: float):
        self._segments = segments
        self._span = max(seconds, *(end for *_, end in segments), 1e-3) if segments else max(seconds, 1e-3)

    def draw(self, draw: ImageDraw.ImageDraw, box: Box, classes: Named, time: float | None, unit: int) -> None:
        """Draw the segments of `classes`, one below the other, into the box."""
        axis = Axis(box, 0.0, self._span)
        axis.draw(draw, unit)
        half = round(box.row * 0.3)
        for k, (name, color) in enumerate(classes):
            middle = box.top + k * box.row + box.row // 2
            draw.line((box.left, middle, box.right, middle), LINE)
            for label, start, end in self._segments:
                if label == name:
                    left = round(axis.x(start))
                    draw.rectangle((left, middle - half, max(round(axis.x(end)) - 1, left), middle + half), color)
        axis.cursor(draw, time or 0.0)


class Axis:
    """Time from left to right."""

    def __init__(self, box: Box, start: float, end: float):
        self._box, self._start, self._end = box, start, end

    def x(self, time: float) -> float:
        """Where a time is, in px."""
        share = (time - self._start) / (self._end - self._start)
        return self._box.left + min(max(share, 0.0), 1.0) * (self._box.right - self._box.left)

    def draw(self, draw: ImageDraw.ImageDraw, unit: int) -> None:
        """The line below, and the times at its ends."""
        box, small = self._box, font(round(unit * 0.8))
        draw.line((box.left, box.bottom, box.right, box.bottom), FAINT)
        below = box.bottom + unit // 4
        draw.text((box.left, below), f"{self._start:.1f} s", FAINT, small)
        draw.text((box.right, below), f"{self._end:.1f} s", FAINT, small, anchor="ra")

    def cursor(self, draw: ImageDraw.ImageDraw, time: float) -> None:
        """A line at a time."""
        x = round(self.x(time))
        draw.line((x, self._box.top, x, self._box.bottom), TEXT, width=2)
