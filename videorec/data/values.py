"""From stored values to [0, 1]."""

from typing import NamedTuple

import numpy as np

from videorec.config import UserError

Values = tuple[float, float] | None
BYTES = (0.0, 255.0)  # what becomes 0 and 1 of uint8


class Count(NamedTuple):
    """How many values there are, and how many are special.

    Attributes:
        total: values.
        outside: below the least or above the most of the range; they are clipped.
        masked: NaN or infinite.
    """

    total: int
    outside: int
    masked: int


def check(values: Values) -> None:
    """Refuse a range that is none.

    Raises:
        UserError: not two numbers, the first below the second.
    """
    if values is not None and not (np.isfinite(values).all() and values[0] < values[1]):
        raise UserError(f"--data.values must be two numbers, the first below the second. Received: {values[0]} {values[1]}")


def check_type(dtype: np.dtype, values: Values, name: str) -> None:
    """Refuse values that `scale` cannot bring to [0, 1].

    Raises:
        UserError: no real numbers, or integers other than uint8 without a range.
    """
    if dtype.kind not in "uifb":
        raise UserError(f"{name} must hold real numbers. Received: {dtype}")
    if dtype.kind in "ui" and dtype != np.uint8 and values is None:
        raise UserError(f"{name} holds {dtype}: say which of its values become 0 and 1, --data.values LEAST MOST.")


def is_plain(dtype: np.dtype, values: Values) -> bool:
    """Whether frames stay uint8 from 0 to 255."""
    return dtype == np.uint8 and values is None


def scale(frames: np.ndarray, values: Values, name: str) -> np.ndarray:
    """Frames of any type that `check_type` takes -> uint8 where `is_plain`, else float32 in [0, 1], NaN where NaN or infinite.

    Raises:
        UserError: float frames with values outside [0, 1] where no range is given.
    """
    if is_plain(frames.dtype, values):
        return frames
    scaled = _as_float32(frames)
    if values is None:
        _check_unit(scaled, name)
        return scaled
    least, most = values
    return np.clip((scaled - np.float32(least)) / np.float32(most - least), 0, 1)


def count(frames: np.ndarray, values: Values, name: str) -> Count:
    """Look at frames before they are used.

    Raises:
        UserError: as `scale`.
    """
    if is_plain(frames.dtype, values):
        return Count(frames.size, 0, 0)
    given = _as_float32(frames)
    if values is None:
        _check_unit(given, name)
        outside = 0
    else:
        outside = int(((given < np.float32(values[0])) | (given > np.float32(values[1]))).sum())
    return Count(given.size, outside, int(np.isnan(given).sum()))


def _as_float32(frames: np.ndarray) -> np.ndarray:
    """NaN where NaN or infinite. What is too large for float32 alone becomes infinite, and is clipped or refused later on."""
    with np.errstate(over="ignore"):
        converted = frames.astype(np.float32)
    if frames.dtype.kind == "f":
        converted[np.isinf(frames)] = np.nan
    return converted


def _check_unit(frames: np.ndarray, name: str) -> None:
    known = frames[~np.isnan(frames)]
    if known.size and (known.min() < 0 or known.max() > 1):
        raise UserError(
            f"{name} has values from {known.min():g} to {known.max():g}, where float data must be in [0, 1]: say which of its "
            "values become 0 and 1, --data.values LEAST MOST."
        )
