"""Answers drawn below the frames that they are about: label, scores as bars, their course over time, attention as heat."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from videorec.reports.heat import heated
from videorec.reports.letters import font, shortened
from videorec.reports.palette import ON_DARK, rgb

SMALL, LARGE = (480, 640), 1920  # smaller frames are enlarged by a whole factor; the long side of larger ones is shortened
BACKGROUND, TEXT, FAINT, LINE = (24, 24, 28), (240, 240, 240), (150, 150, 156), (72, 72, 78)
COLORS = tuple(map(rgb, ON_DARK))
NAMES, BARS = 0.24, 0.24  # shares of the width: names of classes, their bars; the rest is time


@dataclass(frozen=True, eq=False)
class Answer:
    """What is drawn with a frame.

    Attributes:
        title: the label.
        caption: one line about where it comes from.
        bars: names with their scores in [0, 1], a row each.
        heat: over the frame as it is shown, see `Canvas.view`: in [0, 1], NaN where the model does not see.
    """

    title: str
    caption: str = ""
    bars: Sequence[tuple[str, float]] = ()
    heat: np.ndarray | None = None


@dataclass(frozen=True)
class Box:
    """A part of the picture in px, in rows of one height."""

    left: int
    top: int
    right: int
    bottom: int
    row: int


class Canvas:
    """Pictures of one size: a frame, and below it what was answered.

    Args:
        height, width: of the frames as they come.
        rows: most bars.

    Attributes:
        view: height and width that a frame is shown with.
        size: height and width of the picture, even.
    """

    def __init__(self, height: int, width: int, rows: int):
        self.view = shown_size(height, width)
        wide = max(self.view[1], SMALL[1])
        self._unit = int(np.clip(wide / 40, 15, 32))  # px of the letters
        self._rows, self._row = max(rows, 1), round(self._unit * 1.45)
        self._colors: dict[str, tuple] = {}
        head, axis = round(self._unit * 3.4), round(self._unit * 1.6)
        tall = self.view[0] + head + self._rows * self._row + axis
        self.size = tall + tall % 2, wide + wide % 2
        self._body = self.view[0] + head

    def draw(self, frame: np.ndarray, answer: Answer, plot=None, time: float | None = None) -> np.ndarray:
        """The picture `(*size, 3)` uint8, RGB.

        Args:
            frame: `(H, W, 3)` uint8, RGB.
            plot: what is drawn beside the bars, see `videorec.reports.timelines`.
            time: of the frame, in seconds.
        """
        height, width = self.view
        picture = np.empty((*self.size, 3), np.uint8)
        picture[:] = BACKGROUND
        left = (self.size[1] - width) // 2
        picture[:height, left : left + width] = heated(resized(frame, height, width), answer.heat)
        below = Image.fromarray(picture[height:])
        self._write(ImageDraw.Draw(below), answer, plot, time)
        picture[height:] = np.asarray(below)
        return picture

    def _write(self, draw: ImageDraw.ImageDraw, answer: Answer, plot, time) -> None:
        unit, wide, edge = self._unit, self.size[1], self._unit // 2
        clock = "" if time is None else f"{time:.1f} s"
        room = wide - 3 * edge - round(font(unit).getlength(clock))
        large = round(unit * 1.35)
        draw.text((edge, round(unit * 0.2)), shortened(answer.title, large, room), TEXT, font(large, True))
        draw.text((wide - edge, round(unit * 0.4)), clock, FAINT, font(unit), anchor="ra")
        small = round(unit * 0.8)
        draw.text((edge, round(unit * 2.0)), shortened(answer.caption, small, wide - 2 * edge), FAINT, font(small))
        top = self._body - self.view[0]
        bars_end = round(wide * (NAMES + BARS)) if plot is not None else wide - edge
        self._bars(draw, answer.bars, Box(edge, top, bars_end, top + self._rows * self._row, self._row))
        if plot is not None:
            box = Box(bars_end + 2 * edge, top, wide - edge, top + self._rows * self._row, self._row)
            plot.draw(draw, box, [(name, self.color(name)) for name, _ in answer.bars], time, unit)

    def _bars(self, draw: ImageDraw.ImageDraw, bars, box: Box) -> None:
        unit, start = self._unit, round(self.size[1] * NAMES)
        number = round(font(unit).getlength("0.00")) + unit // 2
        for k, (name, score) in enumerate(bars[: self._rows]):
            middle = box.top + k * box.row + box.row // 2
            draw.text((box.left, middle), shortened(name, unit, start - 2 * box.left), TEXT, font(unit), anchor="lm")
            full, half = box.right - number, round(box.row * 0.3)
            draw.rectangle((start, middle - half, full, middle + half), fill=LINE)
            if score > 0:
                end = start + max(round((full - start) * min(score, 1.0)), 1)
                draw.rectangle((start, middle - half, end, middle + half), fill=self.color(name))
            draw.text((box.right, middle), f"{score:.2f}", TEXT, font(unit), anchor="rm")

    def color(self, name: str) -> tuple[int, int, int]:
        """Of a class, the same in all pictures: the next one for a class that comes for the first time."""
        return self._colors.setdefault(name, COLORS[len(self._colors) % len(COLORS)])


# === Frames ===


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Height and width to show a frame with, its aspect ratio kept."""
    factor = min(SMALL[0] / height, SMALL[1] / width)
    factor = int(factor) if factor >= 2 else min(LARGE / max(height, width), 1.0)
    return max(round(height * factor), 1), max(round(width * factor), 1)


def resized(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """A frame `(H, W, 3)` in another size."""
    if frame.shape[:2] == (height, width):
        return frame
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC if height > frame.shape[0] else cv2.INTER_AREA)
