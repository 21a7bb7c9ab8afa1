"""Pictures of forecasts: rows of frames, animations, and curves of scores by lead time.

Frames with one channel are grey, those with three RGB, all others the mean of their channels as grey. Values are clipped to
[0, 1]. A pixel that is masked (NaN in any channel) is violet, `MASKED`.
"""

import io

import numpy as np
from PIL import Image

SIDE = 64  # px: smaller frames are enlarged, by a whole factor, until their short side has about this
GAP = 2  # px between frames
BACKGROUND = (64, 64, 64)
MASKED = (112, 32, 160)  # violet
FORECAST = (240, 150, 30)  # orange: beside an animation's forecast
FRAME_MS = 200  # of an animation


def rows(inputs: np.ndarray, truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Four rows: what the model sees, truth, forecast, |truth - forecast| (mean over channels if they are not three).

    Args:
        inputs: `(J, H, W, C)` in [0, 1], NaN where masked.
        truth, forecast: `(K, H, W, C)`; forecasts are clipped to [0, 1].

    Returns:
        `(4 (S H + 2), max(J, K) (S W + 2), 3)` uint8, S the whole factor that small frames are enlarged by.
    """
    difference = np.abs(truth - np.clip(forecast, 0, 1))
    columns = max(len(inputs), len(truth))
    return np.concatenate([_row(frames, columns) for frames in (inputs, truth, forecast, difference)])


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
    columns = max(len(seen), len(forecast))
    return np.concatenate([_row(frames, columns) for frames in (seen, forecast)])


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


def _row(frames: np.ndarray, columns: int) -> np.ndarray:
    """`(T, H, W, C)` side by side, from the left, each with a gap to its right and below."""
    shown = _enlarged(_rgb(frames))
    _, height, width, _ = shown.shape
    row = np.empty((height + GAP, columns * (width + GAP), 3), np.uint8)
    row[:] = BACKGROUND
    for place, frame in enumerate(shown):
        left = place * (width + GAP)
        row[:height, left : left + width] = frame
    return row
