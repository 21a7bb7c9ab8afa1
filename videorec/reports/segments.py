"""From probabilities of frames to segments in seconds: what a model finds in a video."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 1e-4  # probability: a single frame that is sure of something else cannot forbid a label


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
    change_cost: float = 0.0,
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
        change_cost: of single labels, see `single_predictions`.

    Raises:
        ValueError: probabilities of another shape, a threshold, `smooth` or `change_cost` outside its range.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise ValueError(f"Probabilities must be (T, {len(classes)}). Received: {probabilities.shape}")
    if single:
        labels = single_predictions(probabilities, rate, threshold, smooth, change_cost)
        runs = label_runs(labels, background=(len(classes),))
    else:
        high = probabilities >= _checked(threshold)
        runs = [(c, *span) for c in range(len(classes)) for _, *span in label_runs(high[:, c], background=(0,))]
    segments = [
        PredictedSegment(classes[c], start / rate, end / rate, float(probabilities[start:end, c].mean(dtype=np.float64)))
        for c, start, end in runs
    ]
    return sorted(segments, key=lambda segment: (segment.start, segment.end, segment.label))


def single_predictions(
    probabilities: np.ndarray, rate: float, threshold: float, smooth: float = 0.0, change_cost: float = 0.0
) -> np.ndarray:
    """`(T,)` label of each frame: the highest class where it reaches the threshold, otherwise C, the background.

    With a cost of changes it is not each frame that is decided, but all together: see `cheapest_labels`, with the background
    as one more class, of the probability `threshold` at every frame.

    Args:
        probabilities: `(T, C)` in [0, 1].
        rate: frames a second.
        threshold: least probability of a label, in [0, 1].
        smooth: seconds that each label is the most frequent one of, see `smoothing_window` and `majority_filter`; 0: as it is.
        change_cost: 0: none.

    Raises:
        ValueError: a threshold, `smooth` or a cost outside its range.
    """
    background = np.full((len(probabilities), 1), _checked(threshold), probabilities.dtype)
    # Of equals the first: a class that just reaches the threshold, not the background.
    labels = cheapest_labels(np.concatenate([probabilities, background], axis=1), change_cost)
    return majority_filter(labels, smoothing_window(smooth, rate))


def cheapest_labels(probabilities: np.ndarray, change_cost: float) -> np.ndarray:
    """`(T,)` labels l with the highest sum_t log p_t(l_t) - `change_cost` * (number of changes of the label).

    The most likely sequence of a hidden Markov chain all of whose changes are equally likely (Viterbi 1967), so that a label
    that a few frames speak for lasts only where they speak for it clearly. With a cost of 0, the highest of each frame.

    Args:
        probabilities: `(T, C)` in [0, 1].
        change_cost: 0 or more, in nats: one change must be worth a factor of exp(`change_cost`) in probability.

    Raises:
        ValueError: a cost below 0 or not finite.
    """
    if not 0 <= change_cost < float("inf"):
        raise ValueError(f"change_cost must be 0 or more. Received: change_cost={change_cost}")
    if change_cost == 0 or not len(probabilities):
        return probabilities.argmax(axis=1)
    values = np.log(np.maximum(probabilities, LEAST).astype(np.float64))  # (T, C)
    best, before = values[0], np.zeros(values.shape, np.int64)  # of the sequences that end in each label; the label before
    for t in range(1, len(values)):
        change = best.argmax()
        stays = best >= best[change] - change_cost
        before[t] = np.where(stays, np.arange(len(best)), change)
        best = np.where(stays, best, best[change] - change_cost) + values[t]
    labels = [best.argmax()]
    for t in range(len(values) - 1, 0, -1):
        labels.append(before[t, labels[-1]])
    return np.array(labels[::-1])


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
