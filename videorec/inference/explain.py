"""What a model looked at: coefficients of attention as a heat map over the frame that they belong to."""

import math

import numpy as np

from videorec.reports.pictures import spread

OVER_PLACES = ("visual_attention",)  # models whose attention is over the places of a frame; that of others is over frames
EVEN = 0.5  # heat where attention is the same everywhere


def visible(height: int, width: int, recipe: dict) -> tuple[float, float, float, float]:
    """The part of a frame that the model sees: `(top, left, bottom, right)` in px.

    Frames are resized, whole or (`fit` crop) their centre of the right aspect ratio, and cropped in the middle.

    Args:
        height, width: of the frame as it comes.
    """
    pictures = recipe["pictures"]
    (h, w), (crop_h, crop_w) = pictures["resize"], pictures["crop"]
    keep_h, keep_w = height, width
    if pictures["fit"] == "crop":  # as videorec.data.resize.resize_frame
        keep_h, keep_w = min(height, round(width * h / w)), min(width, round(height * w / h))
    top, left = (height - keep_h) // 2 + (h - crop_h) // 2 * keep_h / h, (width - keep_w) // 2 + (w - crop_w) // 2 * keep_w / w
    return top, left, top + crop_h * keep_h / h, left + crop_w * keep_w / w


def heat_map(attention: dict[str, np.ndarray], height: int, width: int, recipe: dict) -> np.ndarray | None:
    """`(height, width)` float32 in [0, 1] over a frame: 0 for no attention, 1 for the most, NaN where the model does not see.

    Attention that is even everywhere is 0.5 everywhere.

    Args:
        attention: coefficients by output; over places, `(K,)`, or `(T, K)`, of which the last is drawn.
        height, width: of the frame as it comes.

    Returns:
        None where there is no attention to places.
    """
    grid = next((places for x in attention.values() if (places := _places(x, recipe)) is not None), None)
    if grid is None:
        return None
    top, left, bottom, right = (round(x) for x in visible(height, width, recipe))
    heat = np.full((height, width), np.nan, np.float32)
    level = grid / max(float(grid.max()), float(grid.mean()) / EVEN)
    heat[top:bottom, left:right] = spread(level, bottom - top, right - left)
    return heat


def attention_over_clip(attention: dict[str, np.ndarray], recipe: dict) -> np.ndarray | None:
    """Attention of every frame of a clip: `(T, rows, columns)` over places, `(T, 1, 1)` over frames; None where there is none.

    Args:
        attention: coefficients by output, without the batch axis.
    """
    for coefficients in attention.values():
        if recipe["model"] in OVER_PLACES:
            return np.stack([_places(step, recipe) for step in coefficients])
        if coefficients.ndim == 1:
            return coefficients[:, None, None]
    return None


def _places(coefficients: np.ndarray, recipe: dict) -> np.ndarray | None:
    """`(rows, columns)` of coefficients over the K places of a picture; None where they are over something else.

    The rows and columns are those whose ratio is nearest to the picture's.
    """
    if recipe["model"] not in OVER_PLACES:
        return None
    places = coefficients.reshape(-1, coefficients.shape[-1])[-1]
    height, width = recipe["pictures"]["crop"]
    divisors = [rows for rows in range(1, places.size + 1) if places.size % rows == 0]
    rows = min(divisors, key=lambda rows: abs(math.log(rows * rows / places.size * width / height)))
    return places.reshape(rows, -1)
