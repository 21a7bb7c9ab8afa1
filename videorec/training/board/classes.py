"""How well each class is recognised: recalls each epoch, and curves of precision over recall."""

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins.pr_curve import summary as pr_curve

from videorec.terminal import printable
from videorec.training import sections
from videorec.training.board.about import indented
from videorec.training.curves import Curves
from videorec.training.metrics import Answered, MeanAveragePrecision

FEW = 10  # classes that have a curve each; of more only the worst so many
THRESHOLDS = 101


class ClassFigures(keras.callbacks.Callback):
    """After each epoch, of what was answered in validation (where scores are counted class by class: of those counts).

    Args:
        curves: whose writers and answers are used.
        classes: names, in the order of the outputs.
    """

    def __init__(self, curves: Curves, classes: tuple[str, ...]):
        super().__init__()
        self._curves, self._classes = curves, [printable(name).replace("/", "|") for name in classes]

    def on_epoch_end(self, epoch, logs=None):
        """Recalls every epoch; curves of precision while the budget lasts."""
        counts = self._counts()
        if counts is None:
            return
        answers, last = self._curves.answers, self.model.stop_training or epoch + 1 == self.params["epochs"]
        single = answers is not None and not (answers.truth.sum(axis=1) > 1).any()
        recall = top_recall(answers) if single else at_half(counts)
        known = np.flatnonzero(~np.isnan(recall))
        if not len(known):
            return
        worst = known[np.argsort(recall[known], kind="stable")]
        with self._curves.budget.spending(), self._curves.writer.as_default(epoch + 1):
            self._show_recalls(recall, worst, counts, single)
            if self._curves.showing:
                few = range(len(recall)) if len(recall) <= FEW else worst[:FEW] if last else ()
                curve("precision over recall/all classes together", counts.sum(axis=2))
                for index in few:
                    curve(f"precision over recall/{self._classes[index]}", counts[:, :, index])

    def _counts(self) -> np.ndarray | None:
        answers = self._curves.answers
        if answers is not None:
            return counted(answers)
        for metric in self._curves.metrics(MeanAveragePrecision):
            names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
            return np.stack([keras.ops.convert_to_numpy(getattr(metric, name)) for name in names])  # (4, thresholds, C)
        return None

    def _show_recalls(self, recall: np.ndarray, worst: np.ndarray, counts: np.ndarray, single: bool) -> None:
        if len(recall) <= FEW:
            for index in worst:
                tf.summary.scalar(f"{sections.CLASSES}/recall of {self._classes[index]}", recall[index])
        else:
            tf.summary.scalar(f"{sections.CLASSES}/recall, median class", np.median(recall[worst]))
            tf.summary.scalar(f"{sections.CLASSES}/recall, mean of the {FEW} worst classes", recall[worst[:FEW]].mean())
        samples = (counts[0] + counts[3])[0]
        rule = "the class has the highest probability" if single else "the probability is at least 0.5"
        lines = [f"recall (share of the class's samples for which {rule}), worst class first", ""]
        lines += [f"{100 * recall[index]:5.1f} %  of {samples[index]:6.0f}  {self._classes[index]}" for index in worst]
        tf.summary.text(f"{sections.CLASSES}/recall", indented("\n".join(lines)))


def top_recall(answers: Answered) -> np.ndarray:
    """`(C,)` share of the class's samples whose highest probability is the class's; NaN without samples."""
    truth = answers.truth * answers.weight[:, None]
    hit = answers.probabilities.argmax(axis=1)[:, None] == np.arange(truth.shape[1])
    total = truth.sum(axis=0)
    return np.where(total > 0, (truth * hit).sum(axis=0) / np.maximum(total, 1e-9), np.nan)


def at_half(counts: np.ndarray) -> np.ndarray:
    """`(C,)` recall at the threshold nearest to 0.5, of counts `(4, thresholds, C)`; NaN without samples."""
    true, _, _, missed = counts[:, counts.shape[1] // 2]
    return np.where(true + missed > 0, true / np.maximum(true + missed, 1e-9), np.nan)


def counted(answers: Answered, thresholds: int = THRESHOLDS) -> np.ndarray:
    """`(4, thresholds, C)` float64 weights of true and false positives, true and false negatives; thresholds even in [0, 1]."""
    classes = answers.truth.shape[1]
    place = np.floor(answers.probabilities * (thresholds - 1) + 1e-6).astype(int).clip(0, thresholds - 1)  # (N, C)
    place += thresholds * np.arange(classes)

    def from_threshold(weights):
        sums = np.bincount(place.ravel(), weights.ravel(), thresholds * classes).reshape(classes, thresholds)
        return sums[:, ::-1].cumsum(axis=1)[:, ::-1].T  # (thresholds, C)

    weight = np.broadcast_to(answers.weight[:, None], answers.truth.shape)
    true, false = from_threshold(answers.truth * weight), from_threshold((1 - answers.truth) * weight)
    return np.stack([true, false, false[:1] - false, true[:1] - true])


def curve(tag: str, counts: np.ndarray) -> None:
    """One curve, of counts `(4, thresholds)`."""
    true, false, _, missed = counts
    precision = np.where(true + false > 0, true / np.maximum(true + false, 1e-9), 1.0)
    recall = true / np.maximum(true + missed, 1e-9)
    summary = pr_curve.raw_data_pb(tag, *counts, precision, recall, num_thresholds=counts.shape[1])
    tf.summary.experimental.write_raw_pb(summary.SerializeToString())
