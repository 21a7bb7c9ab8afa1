"""Average precision of rankings, exact: each class's probability ranks all samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score

from videorec.config import UserError


@dataclass(frozen=True)
class FrameAP:
    """Per-frame average precision."""

    mean: float
    """Mean over the classes of `per_class` (mAP)."""
    per_class: dict[str, float]
    """AP of every class that has a positive frame."""
    left_out: tuple[str, ...]
    """Classes without a positive frame: they have no AP, and are not in the mean."""


def frame_ap(
    targets: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    classes: Sequence[str],
    masks: Sequence[np.ndarray] | None = None,
) -> FrameAP:
    """Per-frame mAP (Yeung et al. 2018): each class ranks all frames of all videos by score.

    AP = 1 / P sum over the ranked positives of the precision at their rank (not interpolated), scikit-learn's
    `average_precision_score`. Frames of equal score share the rank of the last of them. The value depends on the rate at
    which frames are taken: state it.

    Args:
        targets: `(T, C)` 0/1 of each video.
        scores: `(T, C)` of each video, any monotonic measure (probabilities, logits).
        classes: C names.
        masks: `(T,)` of each video, True where a frame counts. Default: all.

    Raises:
        UserError: no frame counts, or none of them has a label.
        ValueError: shapes that do not fit, or scores that are not finite.
    """
    if not targets:
        raise UserError("Average precision needs at least one video. Received: none")
    target, score = (_joined(arrays, masks) for arrays in (targets, scores))
    if target.shape != score.shape or target.shape[1:] != (len(classes),):
        raise ValueError(
            f"Targets and scores must be (T, {len(classes)}), one column a class. "
            f"Received: {target.shape} and {score.shape} over all videos"
        )
    if not np.isfinite(score).all():
        raise ValueError("Scores must be finite: a ranking has no place for NaN or infinity.")
    positive = (target > 0).any(axis=0)
    if not positive.any():
        raise UserError(f"Average precision needs frames with labels. Received: {len(target)} frames that count, none labelled")
    per_class = {
        name: float(average_precision_score(target[:, c] > 0, score[:, c])) for c, name in enumerate(classes) if positive[c]
    }
    left_out = tuple(name for name, occurs in zip(classes, positive, strict=True) if not occurs)
    return FrameAP(float(np.mean(list(per_class.values()))), per_class, left_out)


def _joined(arrays: Sequence[np.ndarray], masks: Sequence[np.ndarray] | None) -> np.ndarray:
    """The frames that count, of all videos."""
    if masks is None:
        return np.concatenate(arrays)
    return np.concatenate([array[np.asarray(mask, bool)] for array, mask in zip(arrays, masks, strict=True)])
