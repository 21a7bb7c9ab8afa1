"""Pictures of forecasts: rows of frames, animations, and curves of scores by lead time.

Frames with one channel are grey, those with three RGB, all others the mean of their channels as grey. Values are clipped to
[0, 1]. A pixel that is masked (NaN in any channel) has a colour of its own, `MASKED`.
"""

import io

import matplotlib
import numpy as np
from PIL import Image, ImageDraw

from videorec.reports import strips
from videorec.reports.letters import font, shortened
from videorec.reports.palette import DIFFERENCE, ORANGE, SKY, rgb

SIDE = 64  # px: smaller frames are enlarged, by a whole factor, until their short side has about this
GAP = 2  # px between frames
BACKGROUND = (64, 64, 64)
MASKED = rgb(SKY)
FORECAST = rgb(ORANGE)  # beside an animation's forecast
STRETCHED = 0.5  # of [0, 1]: frames that use less have their contrast stretched
LEAST = 0.02  # of the difference: smaller ones are not stretched to full colour
WIDTH = 480  # px, at least: the names of rows need them
LINE, LETTERS = 26, 17  # px of a name
FRAME_MS = 200  # of an animation


def rows(inputs: np.ndarray, truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Four rows with their names: what the model sees, truth, forecast, and forecast - truth (mean over channels).

    The difference is violet where the forecast is too low, orange where it is too high, and white where it is right. Where the
    frames use a part of [0, 1] only, the contrast of the first three rows is stretched, and so is that of the difference; the
    picture says by how much.

    Args:
        inputs: `(J, H, W, C)` in [0, 1], NaN where masked.
        truth, forecast: `(K, H, W, C)`; forecasts are clipped to [0, 1].

    Returns:
        `(h, w, 3)` uint8, at least `WIDTH` px wide.
    """
    forecast = np.clip(forecast, 0, 1)
    difference = (forecast - truth).mean(axis=-1)
    low, high = _range(inputs, truth, forecast)
    most = max(float(np.nanmax(np.abs(difference), initial=0.0)), LEAST)
    stretched = "" if (low, high) == (0.0, 1.0) else f", contrast stretched to {low:.2f}-{high:.2f}"
    masked = "; blue: masked" if np.isnan(truth).any() or np.isnan(inputs).any() else ""
    named = {
        f"input{stretched}{masked}": _row(_rgb((inputs - low) / (high - low))),
        "truth": _row(_rgb((truth - low) / (high - low))),
        "forecast": _row(_rgb((forecast - low) / (high - low))),
        f"difference: orange too high, violet too low (up to {most:.2f})": _row(_signed(difference / most, truth)),
    }
    width = max(WIDTH, *(row.shape[1] for row in named.values()))
    return np.concatenate([part for name, row in named.items() for part in (_name(name, width), _padded(row, width))])


def _range(*parts: np.ndarray) -> tuple[float, float]:
    """The values that are shown black and white: [0, 1], or the part of it that is used where that is less than half."""
    low, high = min(float(np.nanmin(x, initial=1.0)) for x in parts), max(float(np.nanmax(x, initial=0.0)) for x in parts)
    return (low, high) if 1e-3 < high - low < STRETCHED else (0.0, 1.0)


def _signed(difference: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """`(K, H, W)` in [-1, 1] -> `(K, H, W, 3)` uint8: orange above 0, violet below."""
    masked = np.isnan(truth).any(axis=-1)
    shades = matplotlib.colormaps[DIFFERENCE].reversed()  # its orange end is the lower one
    pixels = shades((np.nan_to_num(difference) + 1) / 2, bytes=True)[..., :3]
    pixels[masked] = MASKED
    return pixels


def _name(text: str, width: int) -> np.ndarray:
    """A line of text above a row."""
    line = Image.new("RGB", (width, LINE), strips.BACKGROUND)
    size = LETTERS
    while size > 9 and font(size, True).getlength(text) > width - 8:
        size -= 1
    ImageDraw.Draw(line).text((4, LINE - 4), shortened(text, size, width - 8), strips.TEXT, font(size), anchor="ls")
    return np.asarray(line)


def _padded(row: np.ndarray, width: int) -> np.ndarray:
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255)


def animation(inputs: np.ndarray, truth: np.ndarray, forecast: np.ndarray) -> list[np.ndarray]:
    """What happened beside what was forecast: the input on both sides for J steps, then truth and forecast for K.

    The line between the two is grey at first, orange where the right side is a forecast.

    Args:
        inputs, truth, forecast: as `rows`.

    Returns:
        J + K pictures `(S H, 2 S W + 2, 3)` uint8.
    """
    left, right = (_enlarged(_rgb(np.concatenate([inputs, ahead]))) for ahead in (truth, forecast))
    return list(np.concatenate([left, _line(left, len(inputs)), right], axis=2))


def still(seen: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Two rows: what the model saw, and below it the frames that it forecasts.

    Args:
        seen, forecast: `(J, H, W, C)` and `(K, H, W, C)`, as for `rows`.

    Returns:
        `(2 (S H + 2), max(J, K) (S W + 2), 3)` uint8.
    """
    shown = [_row(_rgb(frames)) for frames in (seen, forecast)]
    width = max(row.shape[1] for row in shown)
    return np.concatenate([_padded(row, width) for row in shown])


def unrolled(seen: np.ndarray, forecast: np.ndarray) -> list[np.ndarray]:
    """The forecast beside what was seen: the seen frames on the left, then, while the last of them stays, the coming frames on
    the right. The line between them is orange from the first coming frame on.

    Args:
        seen, forecast: as for `still`.

    Returns:
        J + K pictures `(S H, 2 S W + 2, 3)` uint8.
    """
    left = _enlarged(_rgb(np.concatenate([seen, *[seen[-1:]] * len(forecast)])))
    right = np.concatenate([np.full_like(left[: len(seen)], BACKGROUND[0]), _enlarged(_rgb(forecast))])
    return list(np.concatenate([left, _line(left, len(seen)), right], axis=2))


def png(picture: np.ndarray) -> bytes:
    """The file of a picture `(H, W, 3)` uint8."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    return file.getvalue()


def gif(frames: list[np.ndarray]) -> bytes:
    """The file of an animation that repeats, from pictures `(H, W, 3)` uint8; 256 colours a frame."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    file = io.BytesIO()
    first.save(file, format="GIF", save_all=True, append_images=others, duration=FRAME_MS, loop=0)
    return file.getvalue()


# === Frames ===


def _line(frames: np.ndarray, seen: int) -> np.ndarray:
    """`(T, H, GAP, 3)` for frames `(T, H, W, 3)`: grey beside those that were seen, orange beside forecasts."""
    line = np.empty((*frames.shape[:2], GAP, 3), np.uint8)
    line[:seen], line[seen:] = BACKGROUND, FORECAST
    return line


def _rgb(frames: np.ndarray) -> np.ndarray:
    """`(T, H, W, C)` in [0, 1] -> `(T, H, W, 3)` uint8."""
    masked = np.isnan(frames).any(axis=-1)
    if frames.shape[-1] != 3:
        frames = np.repeat(frames.mean(axis=-1, keepdims=True), 3, axis=-1)
    pixels = np.rint(np.clip(np.nan_to_num(frames, nan=0.0), 0, 1) * 255).astype(np.uint8)
    pixels[masked] = MASKED
    return pixels


def _enlarged(frames: np.ndarray) -> np.ndarray:
    """`(T, H, W, 3)` -> `(T, S H, S W, 3)`, each pixel repeated."""
    scale = max(1, round(SIDE / min(frames.shape[1:3])))
    return frames.repeat(scale, axis=1).repeat(scale, axis=2)


def _row(shown: np.ndarray) -> np.ndarray:
    """`(T, H, W, 3)` side by side, from the left, each with a gap to its right and below."""
    shown = _enlarged(shown)
    _, height, width, _ = shown.shape
    row = np.full((height + GAP, len(shown) * (width + GAP), 3), strips.BACKGROUND, np.uint8)
    for place, frame in enumerate(shown):
        left = place * (width + GAP)
        row[:height, left : left + width] = frame
    return row
