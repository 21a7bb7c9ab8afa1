"""One clip as a picture that is read at a glance, also at the size of TensorBoard: what it is, the answer, its frames."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from videorec.reports.letters import font, shortened
from videorec.reports.palette import GREY, RIGHT, WRONG
from videorec.reports.strips import BACKGROUND, CELL, FAINT, GAP, TEXT, cell_size, fitted

COLUMNS = 4  # frames in a row: with more, TensorBoard would show them too small
WIDTH = COLUMNS * (CELL + GAP) - GAP  # px
SIZE, SMALL = 22, 17  # px of letters
LINE, EDGE = 28, 6
BARS = 3  # answers shown


def shown_frames(count: int, rows: int = 2) -> np.ndarray:
    """Which of the frames of a clip a grid shows: indices, spread over its time."""
    return np.linspace(0, count - 1, min(rows * COLUMNS, count)).round().astype(int)


def frames_grid(frames: np.ndarray, rows: int = 2) -> np.ndarray:
    """Frames of a clip, `(T, H, W, 3)` uint8, spread over its time, in rows of `COLUMNS`: `(h, WIDTH, 3)` uint8."""
    shown = shown_frames(len(frames), rows)
    height, width = cell_size(*frames.shape[1:3])
    lines = -(-len(shown) // COLUMNS)
    picture = np.full((lines * (height + GAP) - GAP, WIDTH, 3), BACKGROUND, np.uint8)
    for place, k in enumerate(shown):
        top, left = place // COLUMNS * (height + GAP), place % COLUMNS * (CELL + GAP)
        picture[top : top + height, left : left + width] = fitted(frames[k], height, width)
    return picture


def card(
    pictures: Sequence[np.ndarray],
    truth: Sequence[str],
    answers: Sequence[tuple[str, float]] = (),
    note: str = "",
) -> np.ndarray:
    """A clip with its truth, in `palette.RIGHT`, what was answered as bars, and its pictures one below the other.

    Args:
        pictures: `(h, w, 3)` uint8 each, from `frames_grid` or `attention_pictures`.
        truth: its labels; none: it has no label.
        answers: the most probable classes, the highest first, with their probabilities; those that are not true are in
            `palette.WRONG`. A true class that is not among the first `BARS` comes last.
        note: a line below.

    Returns:
        `(h, WIDTH, 3)` uint8.
    """
    rows = [(name, p) for k, (name, p) in enumerate(answers) if k < BARS or name in truth][: BARS + len(truth)]
    foot = LINE if note else 0
    height = EDGE + LINE * (1 + len(rows)) + EDGE + sum(len(part) + EDGE for part in pictures) + foot
    picture = Image.new("RGB", (WIDTH, height), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    wrong = bool(rows) and rows[0][0] not in truth
    label = "true: " + (", ".join(truth) or "no label")
    if not rows:
        label = ", ".join(truth) or "no label"
    draw.text((EDGE, EDGE), shortened(label, SIZE, WIDTH - 2 * EDGE), RIGHT, font(SIZE, True))
    for k, (name, p) in enumerate(rows):
        _answer(draw, EDGE + LINE * (k + 1), name, p, RIGHT if name in truth else WRONG if wrong and k == 0 else GREY)
    top = EDGE + LINE * (1 + len(rows)) + EDGE
    for part in pictures:
        picture.paste(Image.fromarray(part[:, :WIDTH]), (0, top))
        top += len(part) + EDGE
    if note:
        draw.text((EDGE, top), shortened(note, SMALL, WIDTH - 2 * EDGE), FAINT, font(SMALL))
    return np.asarray(picture)


def _answer(draw: ImageDraw.ImageDraw, top: int, name: str, p: float, color: str) -> None:
    """A bar with the class and its probability."""
    start, end = round(0.55 * WIDTH), round(0.86 * WIDTH)
    middle = top + LINE // 2
    draw.text((EDGE, middle), shortened(name, SMALL, start - 2 * EDGE), TEXT, font(SMALL), anchor="lm")
    draw.rectangle((start, middle - 9, end, middle + 9), fill=(232, 232, 232))
    if p > 0:
        draw.rectangle((start, middle - 9, start + max(round((end - start) * min(p, 1.0)), 1), middle + 9), fill=color)
    draw.text((WIDTH - EDGE, middle), f"{p:.2f}", TEXT, font(SMALL), anchor="rm")


def stacked(cards: Sequence[np.ndarray]) -> np.ndarray:
    """Cards as one array `(N, h, w, 3)` uint8: lower ones are filled up."""
    height = max(len(each) for each in cards)
    return np.stack([np.pad(each, ((0, height - len(each)), (0, 0), (0, 0)), constant_values=255) for each in cards])
