"""Metrics of dense labels: per-frame average precision of several labels at once; accuracy and segments of single labels.

Pure NumPy functions over lists of videos: frames of all videos count together, however long each is. Frames that a mask
leaves out (THUMOS: marked Ambiguous) count nowhere. All values are in [0, 1].
"""

from collections.abc import Collection, Sequence

import numpy as np

from videorec.config import UserError
from videorec.reports.average_precision import _joined
from videorec.reports.segments import label_runs

OVERLAPS = (0.10, 0.25, 0.50)


def frame_accuracy(
    truths: Sequence[np.ndarray], predictions: Sequence[np.ndarray], masks: Sequence[np.ndarray] | None = None
) -> float:
    """Share of the frames of all videos whose label is right.

    Args:
        truths, predictions: `(T,)` integer labels of each video.
        masks: as in `frame_ap`.

    Raises:
        UserError: no frame counts.
    """
    _check_pairs(truths, predictions)
    right = [truth == prediction for truth, prediction in zip(truths, predictions, strict=True)]
    joined = _joined(right, masks) if right else np.zeros(0)
    if not len(joined):
        raise UserError("Frame accuracy needs frames that count. Received: none")
    return float(joined.mean())


def edit_score(truths: Sequence[np.ndarray], predictions: Sequence[np.ndarray], background: Collection[int] = ()) -> float:
    """Segmental edit score (Lea et al. 2017, "Temporal convolutional networks for action segmentation and detection").

    Of each video 1 - L / max(number of true segments, of predicted segments), L the Levenshtein distance of the two sequences
    of segment labels: order and number count, timing does not. Mean over the videos; 1 for one without any segment on
    either side.

    Args:
        truths, predictions: `(T,)` integer labels of each video.
        background: labels that are no action; their segments are left out.

    Raises:
        UserError: no video.
    """
    _check_pairs(truths, predictions)
    if not truths:
        raise UserError("The edit score needs at least one video. Received: none")
    scores = []
    for truth, prediction in zip(truths, predictions, strict=True):
        a, b = ([label for label, _, _ in label_runs(labels, background)] for labels in (truth, prediction))
        scores.append(1 - _levenshtein(a, b) / max(len(a), len(b), 1))
    return float(np.mean(scores))


def segment_f1(
    truths: Sequence[np.ndarray],
    predictions: Sequence[np.ndarray],
    overlap: float,
    background: Collection[int] = (),
) -> float:
    """Segmental F1@k (Lea et al. 2017): F1 at an overlap of k.

    Predicted segments are taken in order of time. Each is compared with the true segment of its label that it overlaps most
    (intersection over union): with an IoU of at least `overlap`, and the true segment not yet found, it is a true positive,
    otherwise a false positive; true segments that are not found are false negatives. Counts are summed over all videos, then
    F1 = 2 TP / (2 TP + FP + FN), 1 where there is nothing on either side.

    Args:
        truths, predictions, background: as in `edit_score`.
        overlap: least IoU, above 0 and at most 1 (customary: `OVERLAPS`).

    Raises:
        UserError: no video.
        ValueError: `overlap` outside its range.
    """
    if not 0 < overlap <= 1:
        raise ValueError(f"overlap must be above 0 and at most 1. Received: overlap={overlap}")
    _check_pairs(truths, predictions)
    if not truths:
        raise UserError("The segment F1 needs at least one video. Received: none")
    hits = predicted_count = true_count = 0
    for truth, prediction in zip(truths, predictions, strict=True):
        true, predicted = label_runs(truth, background), label_runs(prediction, background)
        hits += _true_positives(true, predicted, overlap)
        predicted_count, true_count = predicted_count + len(predicted), true_count + len(true)
    both = predicted_count + true_count
    return 2 * hits / both if both else 1.0  # FP = predicted - TP, FN = true - TP


def _true_positives(true: list, predicted: list, overlap: float) -> int:
    taken = set()
    for label, start, end in predicted:
        ious = [_iou(start, end, s, e) if label == other else 0.0 for other, s, e in true]
        best = int(np.argmax(ious)) if ious else None
        if best is not None and ious[best] >= overlap and best not in taken:
            taken.add(best)
    return len(taken)


def _iou(start: int, end: int, other_start: int, other_end: int) -> float:
    """Intersection over union of two spans of frames; the union of spans that do not meet counts the gap, at IoU 0."""
    shared = max(min(end, other_end) - max(start, other_start), 0)
    return shared / (max(end, other_end) - min(start, other_start))


def _levenshtein(a: Sequence, b: Sequence) -> int:
    """Least number of insertions, deletions and replacements that turn `a` into `b`."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        previous, row = row, [i]
        for j, y in enumerate(b, start=1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (x != y)))
    return row[-1]


def _check_pairs(truths: Sequence[np.ndarray], predictions: Sequence[np.ndarray]) -> None:
    shapes = [(np.shape(truth), np.shape(prediction)) for truth, prediction in zip(truths, predictions, strict=True)]
    for number, (truth, prediction) in enumerate(shapes):
        if truth != prediction or len(truth) != 1:
            raise ValueError(
                f"Labels of a video must be (T,), as many as true ones. Received for video {number}: {shapes[number]}"
            )
