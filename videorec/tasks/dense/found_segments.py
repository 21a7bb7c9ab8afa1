"""From probabilities of frames to segments in seconds: what a model finds in a video."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from videorec.tasks.dense import metrics


@dataclass(frozen=True)
class FoundSegment:
    """A label from `start` to `end`, in seconds; `score` in [0, 1] is its mean probability in between."""

    label: str
    start: float
    end: float
    score: float


def found_segments(
    probabilities: np.ndarray,
    classes: Sequence[str],
    rate: float,
    threshold: float,
    single: bool,
    smooth: float = 0.0,
) -> list[FoundSegment]:
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
        runs = metrics.segments(labels, background=(len(classes),))
    else:
        high = probabilities >= _checked(threshold)
        runs = [(c, *span) for c in range(len(classes)) for _, *span in metrics.segments(high[:, c], background=(0,))]
    segments = [
        FoundSegment(classes[c], start / rate, end / rate, float(probabilities[start:end, c].mean(dtype=np.float64)))
        for c, start, end in runs
    ]
    return sorted(segments, key=lambda segment: (segment.start, segment.end, segment.label))


def single_predictions(probabilities: np.ndarray, threshold: float, window: int = 1) -> np.ndarray:
    """`(T,)` label of each frame: the highest class where it reaches the threshold, otherwise C, the background.

    Args:
        probabilities: `(T, C)` in [0, 1].
        threshold: least probability of a label, in [0, 1].
        window: frames that each label is the most frequent one of, odd, see `metrics.majority_filter`; 1: as it is.

    Raises:
        ValueError: a threshold outside its range, or an even window.
    """
    reached = probabilities.max(axis=1) >= _checked(threshold)
    labels = np.where(reached, probabilities.argmax(axis=1), probabilities.shape[1])
    return metrics.majority_filter(labels, window)


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
