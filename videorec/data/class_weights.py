"""What a sample of each class counts in the training loss, where classes are of very different sizes."""

import logging
from collections.abc import Sequence

import numpy as np

log = logging.getLogger(__name__)


def class_weights(counts: np.ndarray, balance: float, shares: np.ndarray | None = None) -> np.ndarray:
    """Weights in proportion to (N / (C n_c)) ** balance, scaled to a mean of 1 over the samples.

    Args:
        counts: `(C,)` n_c, samples of each class.
        balance: 0: all weigh 1; 1: all classes count the same; 0.5: the square root.
        shares: `(C,)`, sum 1: how the samples are shared among the classes. Default: counts / N; given where a sample may have
            several labels, and then counts the mean of their weights.

    Returns:
        `(C,)` float32; 0 for classes without a sample.
    """
    counts = np.asarray(counts, np.float64)
    weights = np.zeros_like(counts)
    weights[counts > 0] = counts[counts > 0] ** -balance
    shares = counts / max(counts.sum(), 1) if shares is None else shares
    mean = float(weights @ shares)
    return (weights / mean if mean else weights).astype(np.float32)


def tell(weights: np.ndarray, counts: np.ndarray, classes: Sequence[str], unit: str) -> None:
    """The log names the least and the largest weight of the classes that have samples.

    Args:
        weights, counts, classes: `(C,)` each.
        unit: what is counted: clips, frames.
    """
    known = np.flatnonzero(counts)
    if not len(known):
        return
    least, largest = (known[choose(weights[known])] for choose in (np.argmin, np.argmax))
    texts = [f"{weights[c]:.3g} ({classes[c]}, {int(counts[c])} {unit})" for c in (least, largest)]
    log.info("weights of the classes in the training loss: from %s to %s; mean 1", *texts)
