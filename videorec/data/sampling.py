"""Which frames of a video make a clip: pure functions from the number of frames to indices.

A video with fewer frames than a clip holds its last frame, or repeats from its start (`short`).
"""

import numpy as np


def span(frames: int, step: int) -> int:
    """Frames from the first to the last of a dense clip, both included."""
    return (frames - 1) * step + 1


def uniform(count: int, frames: int, position: float | np.ndarray = 0.5, short: str = "hold") -> np.ndarray:
    """One frame from each of `frames` equal parts of the video.

    Args:
        count: frames of the video, at least 1.
        frames: frames of the clip.
        position: place within each part, in [0, 1): a number, or one a part (random in training, as in TSN,
            Wang et al. 2016).
        short: what follows the end of a video of fewer frames: `hold` its last frame, or `repeat` it from the start.

    Returns:
        `(frames,)` indices, rising.
    """
    if count < frames:
        return window(count, frames, 1, 0, short)
    return np.minimum(((np.arange(frames) + position) * count / frames).astype(np.int64), count - 1)


def uniform_views(count: int, frames: int, clips: int, short: str = "hold") -> np.ndarray:
    """`(clips, frames)` indices: clip k takes place (k + 0.5) / clips of each part."""
    return np.stack([uniform(count, frames, (k + 0.5) / clips, short) for k in range(clips)])


def window(count: int, frames: int, step: int, start: int, short: str = "hold") -> np.ndarray:
    """`(frames,)` indices from `start` on, `step` apart; past the end see `uniform`'s `short`."""
    indices = start + step * np.arange(frames)
    return indices % count if short == "repeat" else np.minimum(indices, count - 1)


def random_window(count: int, frames: int, step: int, position: float, short: str = "hold") -> np.ndarray:
    """A window at `position` in [0, 1) of all possible starts."""
    return window(count, frames, step, int(position * max(count - span(frames, step) + 1, 1)), short)


def spread_windows(count: int, frames: int, step: int, clips: int, short: str = "hold") -> np.ndarray:
    """`(clips, frames)` indices: windows spread evenly, each in the middle of its share of the possible starts."""
    return np.stack([random_window(count, frames, step, (k + 0.5) / clips, short) for k in range(clips)])


def dense_windows(count: int, frames: int, step: int = 1, hop: int = 8, short: str = "hold") -> np.ndarray:
    """`(ceil(count / hop), frames)` indices: a window every `hop` frames.

    A start whose window would pass the end takes the last full window instead, as LRCN tests (Donahue et al. 2015,
    the authors' code): 100 frames, windows of 16 every 8 give 13 clips, the last two alike.
    """
    last = max(count - span(frames, step), 0)
    return np.stack([window(count, frames, step, min(start, last), short) for start in range(0, count, hop)])
