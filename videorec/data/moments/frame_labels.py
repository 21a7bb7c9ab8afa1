"""From segments in seconds to labels of frames."""

import math
from collections.abc import Sequence

import numpy as np

from videorec.config import UserError
from videorec.data.moments.tables import DenseVideo, check_known

# A time this near a frame's, in frames, is that frame's: times rounded to a millisecond still tell frames of 40 fps.
NEAR = 0.02


def frame_labels(video: DenseVideo, classes: Sequence[str], rate: float, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The labels of frames taken at a rate.

    Frame k stands for the time k / rate. A segment covers the frames at start <= k / rate < end: segments that meet share no
    frame, and a segment between two frames covers none. What lies after the last frame is left out.

    Args:
        video: with its segments.
        classes: C names, in the order of the columns.
        rate: frames a second.
        frames: T.

    Returns:
        Targets `(T, C)` uint8, 1 where the class is true, and mask `(T,)` bool, False where the video is marked ambiguous.

    Raises:
        UserError: a label that is not among the classes, a rate that is not above 0, or fewer than 0 frames.
    """
    if not (rate > 0 and math.isfinite(rate)) or frames < 0:
        raise UserError(f"rate must be above 0, and frames 0 or more. Received: rate={rate}, frames={frames}")
    check_known([video], classes)
    columns = {name: column for column, name in enumerate(classes)}
    targets, mask = np.zeros((frames, len(classes)), np.uint8), np.ones(frames, bool)
    for segment in video.segments:
        targets[covered(segment.start, segment.end, rate), columns[segment.label]] = 1
    for segment in video.ambiguous:
        mask[covered(segment.start, segment.end, rate)] = False
    return targets, mask


def covered(start: float, end: float, rate: float) -> slice:
    """The frames at start <= k / rate < end, times within `NEAR` frames of a frame counting as the frame's."""
    return slice(*(max(math.ceil(seconds * rate - NEAR), 0) for seconds in (start, end)))


def single_labels(targets: np.ndarray, none: int) -> np.ndarray:
    """`(T,)` class of each frame of `(T, C)` targets with at most one label; `none` where a frame has no label.

    Raises:
        ValueError: a frame has several labels.
    """
    if (targets.sum(axis=1) > 1).any():
        raise ValueError(f"Frames have several labels, the first at {int(np.argmax(targets.sum(axis=1) > 1))}")
    return np.where(targets.any(axis=1), targets.argmax(axis=1), none)
