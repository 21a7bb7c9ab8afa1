"""Figures of videos of which one class is predicted: accuracy, precision and recall, confusion."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table
from rich.text import Text
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, recall_score

from videorec.reports.confusion import most_confused
from videorec.reports.palette import RIGHT, WRONG
from videorec.tasks.recognition.metrics import hit_at_k

PROTOCOL = {}
LARGEST_TABLE = 12  # classes of a confusion matrix that fits on a terminal


def summary(targets: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """The figures of all videos, of `(N, C)` multi-hot targets and `(N, C)` probabilities."""
    true = targets.argmax(1)
    recall = recall_score(true, probabilities.argmax(1), labels=np.unique(true), average="macro", zero_division=0)
    return {"accuracy": hit_at_k(targets, probabilities, 1), "mean_class_accuracy": float(recall)}


def details(targets: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict:
    """Each class's own figures, and the confusion matrix `(C, C)`: counts, true class by predicted class."""
    true, predicted, labels = targets.argmax(1), probabilities.argmax(1), range(len(classes))
    precision, recall, _, support = precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
    rows = zip(classes, support, precision, recall, strict=True)
    return {
        "per_class": {
            name: {"videos": int(n), "precision": round(float(p), 6), "recall": round(float(r), 6)} for name, n, p, r in rows
        },
        "confusion": confusion_matrix(true, predicted, labels=labels).tolist(),
    }


def line(figures: dict) -> str:
    """A `summary` in a line."""
    return f"accuracy {figures['accuracy']:.4f}   mean class accuracy {figures['mean_class_accuracy']:.4f}"


def tables(results: dict) -> list[Table]:
    """Per class; the confusion matrix where it fits on a terminal; the most confused pairs where it does not."""
    per_class = Table("class", "videos", "precision", "recall", title="per class")
    for column in per_class.columns[1:]:
        column.justify = "right"
    for name, row in results["per_class"].items():
        per_class.add_row(name, str(row["videos"]), f"{row['precision']:.3f}", f"{row['recall']:.3f}")
    names, matrix = list(results["per_class"]), results["confusion"]
    return [per_class, _confusion(matrix, names) if len(names) <= LARGEST_TABLE else _most_confused(matrix, names)]


def _confusion(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Table:
    """Columns have the numbers that the rows have beside their names: so that no name is cut."""
    table = Table("true class \\ predicted", *map(str, range(1, len(names) + 1)), title="confusion")
    for column in table.columns[1:]:
        column.justify = "right"
    for k, (name, row) in enumerate(zip(names, matrix, strict=True)):
        cells = [
            Text(str(n) if n else ".", style=(RIGHT if k == column else WRONG) if n else "") for column, n in enumerate(row)
        ]
        table.add_row(f"{k + 1} {name}", *cells)
    return table


def _most_confused(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Table:
    table = Table("true class", "taken for", "videos", "share of the class", title="most confused")
    for column in table.columns[2:]:
        column.justify = "right"
    for true, predicted, count, share in most_confused(np.array(matrix)):
        table.add_row(names[true], names[predicted], f"{count:.0f}", f"{share:.0%}")
    return table


def notes(results: dict) -> list[str]:
    """What is to be said beside the figures: nothing."""
    return []


def predicted(probabilities: np.ndarray, classes: Sequence[str]) -> tuple[str, str]:
    """The class of the highest of `(C,)` probabilities, and that probability."""
    best = int(probabilities.argmax())
    return classes[best], f"{probabilities[best]:.6f}"
