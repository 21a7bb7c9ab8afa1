"""Figures of videos with any number of labels: average precision, precision and recall of each class; no confusion matrix."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table
from sklearn.metrics import precision_recall_fscore_support

from videorec.reports.average_precision import frame_ap
from videorec.tasks.recognition.metrics import hit_at_k

THRESHOLD = 0.5  # probability above which a label is predicted
PROTOCOL = {
    "target": "multilabel",
    "aggregation": "probabilities averaged over clips, crops and, with weights, over runs",
    "threshold": THRESHOLD,
}


def summary(targets: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """The figures of all videos, of `(N, C)` multi-hot targets and `(N, C)` probabilities."""
    precision = frame_ap([targets], [probabilities], classes)  # a video here is what a frame is there: a row to rank
    return {"accuracy": hit_at_k(targets, probabilities, 1), "map": precision.mean}


def details(targets: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict:
    """Each class's own figures, and the classes that `map` leaves out, since no video has them."""
    precisions = frame_ap([targets], [probabilities], classes)
    predictions = probabilities > THRESHOLD
    precision, recall, _, support = precision_recall_fscore_support(targets > 0, predictions, average=None, zero_division=0)
    return {
        "left_out_of_map": list(precisions.left_out),
        "per_class": {
            name: {
                "videos": int(support[c]),
                "average_precision": round(precisions.per_class[name], 6) if name in precisions.per_class else None,
                "precision": round(float(precision[c]), 6),
                "recall": round(float(recall[c]), 6),
            }
            for c, name in enumerate(classes)
        },
    }


def line(figures: dict) -> str:
    """A `summary` in a line."""
    return f"accuracy {figures['accuracy']:.4f}   mAP {figures['map']:.4f}"


def tables(results: dict) -> list[Table]:
    """Per class."""
    names = ("videos", "average precision", f"precision at {THRESHOLD}", f"recall at {THRESHOLD}")
    table = Table("class", *names, title="per class")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in results["per_class"].items():
        keys = ("average_precision", "precision", "recall")
        table.add_row(name, str(row["videos"]), *("-" if row[key] is None else f"{row[key]:.3f}" for key in keys))
    return [table]


def notes(results: dict) -> list[str]:
    """What the figures mean, and which classes the mean leaves out."""
    meaning, left_out = results["protocol"]["figures"], results["left_out_of_map"]
    lines = [f"accuracy: {meaning['accuracy']}", f"mAP: {meaning['map']}"]
    return lines + ([f"without a video: {', '.join(left_out)}"] if left_out else [])


def predicted(probabilities: np.ndarray, classes: Sequence[str]) -> tuple[str, str]:
    """The classes whose `(C,)` probability is above the threshold, the highest first, and these probabilities: `a;b`."""
    chosen = [c for c in np.argsort(-probabilities, kind="stable") if probabilities[c] > THRESHOLD]
    return ";".join(classes[c] for c in chosen), ";".join(f"{probabilities[c]:.6f}" for c in chosen)
