"""What a model attended to: frames with bars of their weights below, or with heat over the places of each.

Of a clip with more frames than a picture has columns every column stands for a stretch of it, and shows the frame of that
stretch with the most attention.
"""

import numpy as np
from PIL import Image, ImageDraw

from videorec.reports.heat import heated
from videorec.reports.letters import font
from videorec.reports.palette import GREY, ORANGE, VERMILION
from videorec.reports.strips import BACKGROUND, FAINT, GAP, TEXT, cell_size, fitted

BARS = 0.5  # height of the bars, of a cell's width
LETTERS = 0.14  # of a cell's width


def over_time(frames: np.ndarray, weights: np.ndarray, columns: int = 8) -> np.ndarray:
    """Frames in a row, and below them a bar for each frame's weight; that of a frame that is shown is darker, with its number.

    The tallest bar is the highest weight of the clip. The line across the bars is where all would be with even attention.

    Args:
        frames: `(T, H, W, 3)` uint8, RGB.
        weights: `(T,)`, not negative.
        columns: frames shown.

    Returns:
        `(h, w, 3)` uint8.
    """
    weights = np.asarray(weights, np.float64)
    stretches = np.array_split(np.arange(len(frames)), min(columns, len(frames)))
    chosen = [int(part[weights[part].argmax()]) for part in stretches]
    height, width = cell_size(*frames.shape[1:3])
    letters = font(max(round(LETTERS * width), 9))
    line, bars = round(1.3 * letters.size), round(BARS * width)
    picture = _canvas(height + 2 * line + bars + GAP, len(chosen), width)
    draw = ImageDraw.Draw(picture)
    floor = height + GAP + bars + line
    scale = bars / max(float(weights.max()), 1e-12)
    for column, (part, best) in enumerate(zip(stretches, chosen, strict=True)):
        left = column * (width + GAP)
        picture.paste(Image.fromarray(fitted(frames[best], height, width)), (left, 0))
        edges = np.linspace(left, left + width, len(part) + 1).round().astype(int)
        for frame, start, end in zip(part, edges, edges[1:], strict=False):
            top = min(floor - round(weights[frame] * scale), floor - 1)
            draw.rectangle((start + 1, top, max(end - 2, start + 1), floor), fill=VERMILION if frame == best else ORANGE)
        middle = left + width // 2
        draw.text((middle, floor - round(weights[best] * scale) - 2), f"{weights[best]:.2f}", TEXT, letters, anchor="ms")
        draw.text((middle, floor + line), f"frame {best + 1}", FAINT, letters, anchor="ms")
    even = floor - round(weights.mean() * scale)
    for start in range(0, picture.width, 12):  # dashed
        draw.line((start, even, start + 5, even), GREY)
    return np.asarray(picture)


def over_space(frames: np.ndarray, heat: np.ndarray, columns: int = 8) -> np.ndarray:
    """Frames in a row with heat over them, through which they are seen; darker where the model does not see.

    Args:
        frames: `(T, H, W, 3)` uint8, RGB.
        heat: `(T, H, W)` in [0, 1], NaN where the model does not see.
        columns: frames shown, spread over the clip.

    Returns:
        `(h, w, 3)` uint8.
    """
    chosen = np.linspace(0, len(frames) - 1, min(columns, len(frames))).round().astype(int)
    height, width = cell_size(*frames.shape[1:3])
    letters = font(max(round(LETTERS * width), 9))
    picture = _canvas(height + round(1.5 * letters.size), len(chosen), width)
    draw = ImageDraw.Draw(picture)
    for column, k in enumerate(chosen):
        left = column * (width + GAP)
        large = fitted(frames[k], height, width)
        picture.paste(Image.fromarray(heated(large, fitted(heat[k].astype(np.float32), height, width))), (left, 0))
        draw.text((left + width // 2, height + round(1.2 * letters.size)), f"frame {k + 1}", FAINT, letters, anchor="ms")
    return np.asarray(picture)


def _canvas(height: int, columns: int, width: int) -> Image.Image:
    return Image.new("RGB", (columns * (width + GAP) - GAP, height), BACKGROUND)
