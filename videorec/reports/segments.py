"""From probabilities of frames to segments in seconds: what a model finds in a video."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PredictedSegment:
    """A label from `start` to `end`, in seconds; `score` in [0, 1] is its mean probability in between."""

    label: str
    start: float
    end: float
    score: float


def predicted_segments(
    probabilities: np.ndarray,
    classes: Sequence[str],
    rate: float,
    threshold: float,
    single: bool,
    smooth: float = 0.0,
) -> list[PredictedSegment]:
    """The segments of one video, sorted by start. Frame k covers k / rate to (k + 1) / rate.

    With several labels at a time they are each class's runs of frames that reach the threshold, as they are. With single
    labels they are the runs of `single_predictions`; the score of a smoothed one takes all its frames.

    Args:
        probabilities: `(T, C)` in [0, 1].
        classes: C names.
        rate: frames a second.
        threshold: least probability of a label, in [0, 1].
        single: a frame has one label at most.
        smooth: seconds over which single labels are smoothed; 0: not.

    Raises:
        ValueError: probabilities of another shape, a threshold or `smooth` outside its range.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise ValueError(f"Probabilities must be (T, {len(classes)}). Received: {probabilities.shape}")
    if single:
        labels = single_predictions(probabilities, threshold, smoothing_window(smooth, rate))
        runs = label_runs(labels, background=(len(classes),))
    else:
        high = probabilities >= _checked(threshold)
        runs = [(c, *span) for c in range(len(classes)) for _, *span in label_runs(high[:, c], background=(0,))]
    segments = [
        PredictedSegment(classes[c], start / rate, end / rate, float(probabilities[start:end, c].mean(dtype=np.float64)))
        for c, start, end in runs
    ]
    return sorted(segments, key=lambda segment: (segment.start, segment.end, segment.label))


def single_predictions(probabilities: np.ndarray, threshold: float, window: int = 1) -> np.ndarray:
    """`(T,)` label of each frame: the highest class where it reaches the threshold, otherwise C, the background.

    Args:
        probabilities: `(T, C)` in [0, 1].
        threshold: least probability of a label, in [0, 1].
        window: frames that each label is the most frequent one of, odd, see `majority_filter`; 1: as it is.

    Raises:
        ValueError: a threshold outside its range, or an even window.
    """
    reached = probabilities.max(axis=1) >= _checked(threshold)
    labels = np.where(reached, probabilities.argmax(axis=1), probabilities.shape[1])
    return majority_filter(labels, window)


def smoothing_window(smooth: float, rate: float) -> int:
    """The odd number of frames nearest to `smooth` seconds, the higher one of two; 1, no smoothing, below two frames.

    Raises:
        ValueError: `smooth` is below 0 or not finite.
    """
    if not 0 <= smooth < float("inf"):
        raise ValueError(f"smooth must be 0 or more seconds. Received: smooth={smooth}")
    return 2 * int(smooth * rate // 2) + 1


def _checked(threshold: float) -> float:
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be in [0, 1]. Received: threshold={threshold}")
    return threshold


# === Labels of frames ===


def majority_filter(labels: np.ndarray, frames: int) -> np.ndarray:
    """Each label replaced by the most frequent one of the `frames` around it, fewer at the ends of the video.

    Of equally frequent ones the frame's own label stays if it is among them, otherwise the smallest wins.

    Args:
        labels: `(T,)` integers, 0 or more.
        frames: length of the window, odd; 1 changes nothing.

    Raises:
        ValueError: `frames` is not odd, or a label is below 0.
    """
    if frames < 1 or frames % 2 == 0:
        raise ValueError(f"frames must be odd, so that a window has a middle. Received: frames={frames}")
    labels = np.asarray(labels)
    if not len(labels):
        return labels
    if labels.min() < 0:
        raise ValueError(f"Labels must be 0 or more. Received: {labels.min()}")
    one_hot = np.eye(labels.max() + 1, dtype=np.int64)[labels]  # (T, C)
    until = np.concatenate([np.zeros_like(one_hot[:1]), np.cumsum(one_hot, axis=0)])  # counts of the frames before
    t, half = np.arange(len(labels)), frames // 2
    counts = until[np.minimum(t + half + 1, len(labels))] - until[np.maximum(t - half, 0)]
    counts = 2 * counts + one_hot  # half a frame more for the frame's own label
    return counts.argmax(axis=1).astype(labels.dtype)


def label_runs(labels: np.ndarray, background: Collection[int] = ()) -> list[tuple[int, int, int]]:
    """`(label, first frame, frame after the last)` of each run of equal labels, without those of `background`."""
    labels = np.asarray(labels)
    starts = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1)] if len(labels) else []
    ends = [*starts[1:], len(labels)]
    runs = [(int(labels[start]), int(start), int(end)) for start, end in zip(starts, ends, strict=True)] if starts else []
    return [run for run in runs if run[0] not in background]
