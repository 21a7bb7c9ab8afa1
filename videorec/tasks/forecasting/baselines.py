"""Forecasts without learning, that a model has to beat: the last frame, the mean frame, the last frame moved on by its flow.

All take `(N, J, H, W, C)` in [0, 1] and give `(N, K, H, W, C)` float32, finite everywhere: a masked pixel (NaN) has the last
value that was seen there, and 0 where none ever was.
"""

import cv2
import numpy as np

from videorec.config import UserError
from videorec.data import flow

FIXED_POINT_STEPS = 3  # towards the departure points; more change the error of a forecast by less than 1 % on Moving MNIST


def repeat_last(inputs: np.ndarray, horizon: int) -> np.ndarray:
    """The last input frame at every lead time ("persistence").

    Args:
        inputs: `(N, J, H, W, C)` in [0, 1], NaN where masked.
        horizon: K.

    Returns:
        `(N, K, H, W, C)` float32.

    Raises:
        ValueError: inputs that are not `(N, J, H, W, C)` in [0, 1]; a horizon below 1.
    """
    last = _filled(_checked(inputs, horizon))[:, -1:]
    return np.repeat(last, horizon, axis=1)


def repeat_mean(inputs: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of the input frames at every lead time: hard to beat where little moves and frames are noisy.

    Args, returns and raises: as `repeat_last`.
    """
    mean = _filled(_checked(inputs, horizon)).mean(axis=1, keepdims=True)
    return np.repeat(mean, horizon, axis=1)


def advect(inputs: np.ndarray, horizon: int, method: str = "dis") -> np.ndarray:
    """The last input frame carried on by its motion (semi-Lagrangian advection, as in radar nowcasting).

    The motion is the optical flow between the last two input frames, measured from the last one back, so that each velocity
    stands at the pixel it belongs to. One lead time further, the value at x is the one that was at x - v, v the velocity
    found there (a fixed point); velocities travel with the picture, so that what moves over empty ground keeps its speed. Each
    forecast samples the last frame once, bilinearly, along the whole path: blur does not add up over lead times.

    What comes in from outside is the border pixel nearest to where it comes from. Pixels are rounded to 256 levels for the flow
    alone, of the mean of the channels if they are not three.

    Args:
        inputs: `(N, J, H, W, C)` in [0, 1], J at least 2, sides of 8 px at least, NaN where masked.
        horizon: K.
        method: of `videorec.data.flow.METHODS`.

    Returns:
        `(N, K, H, W, C)` float32.

    Raises:
        UserError: fewer than two input frames; an unknown method; frames too small for optical flow.
        ValueError: as `repeat_last`.
    """
    inputs = _checked(inputs, horizon)
    if inputs.shape[1] < 2:
        raise UserError("The advection baseline needs two input frames at least, to measure motion. Got: 1 (data.frames)")
    pairs = _filled(inputs)[:, -2:]
    forecasts = np.empty((len(pairs), horizon, *pairs.shape[2:]), np.float32)
    for n, (before, last) in enumerate(pairs):
        velocity = -flow.estimate(_levels(last), _levels(before), method)  # (H, W, 2)
        _carry(last, velocity, out=forecasts[n])
    return forecasts


def _carry(frame, velocity, out):
    """Fills `out` `(K, H, W, C)` with `frame` `(H, W, C)` moved on 1 to K times."""
    height, width = velocity.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)  # (H, W, 2): x, y
    back = np.zeros_like(grid)  # from a pixel to where its value is in `frame`
    for k in range(len(out)):
        here = _sample(velocity, grid + back)
        departure = grid
        for _ in range(FIXED_POINT_STEPS):
            departure = grid - _sample(here, departure)
        back = _sample(back, departure) + departure - grid
        out[k] = _sample(frame, grid + back)


def _sample(array, points):
    """`array` `(H, W, C)` at `points` `(H, W, 2)` (x, y in px), bilinear; outside, its border pixels are repeated."""
    # One channel at a time: cv2 takes four at most, and rounds points to 1/32 px (OpenCV 4 always, OpenCV 5 for two channels).
    channels = (np.ascontiguousarray(channel) for channel in np.moveaxis(array, -1, 0))
    sampled = [cv2.remap(c, points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for c in channels]
    return np.stack(sampled, axis=-1)


def _levels(frame):
    """`(H, W, 3)` uint8 of a frame `(H, W, C)` in [0, 1]."""
    if frame.shape[-1] != 3:
        frame = np.repeat(frame.mean(axis=-1, keepdims=True), 3, axis=-1)
    return np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8)


def _filled(inputs):
    """The same without NaN: the last value that was seen at a pixel, 0 before the first."""
    filled = np.nan_to_num(inputs[:, :1], nan=0.0)
    frames = [filled]
    for k in range(1, inputs.shape[1]):
        frame = inputs[:, k : k + 1]
        filled = np.where(np.isnan(frame), filled, frame)
        frames.append(filled)
    return np.concatenate(frames, axis=1)


def _checked(inputs, horizon):
    inputs = np.asarray(inputs)
    if inputs.ndim != 5 or 0 in inputs.shape or not np.issubdtype(inputs.dtype, np.floating):
        raise ValueError(f"inputs must be (N, J, H, W, C) float. Received: {inputs.shape} {inputs.dtype}")
    if not (np.isnan(inputs) | ((inputs >= -1e-5) & (inputs <= 1 + 1e-5))).all():
        raise ValueError(f"inputs must be in [0, 1]. Received: from {np.nanmin(inputs):g} to {np.nanmax(inputs):g}")
    if horizon < 1:
        raise ValueError(f"horizon must be 1 at least. Received: {horizon}")
    return inputs.astype(np.float32, copy=False)
