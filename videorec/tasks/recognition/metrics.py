"""Metrics on the probabilities of a recogniser."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class MeanClassAccuracy(keras.metrics.Metric):
    """Mean over classes of the share of the class's samples that are recognised; keeps the confusion matrix.

    Classes without a sample are left out of the mean. `matrix` is `(C, C)`: true class by predicted class, in sums of
    sample weights.

    Args:
        classes: number of classes C.
    """

    def __init__(self, classes, name="mean_class_accuracy", dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.classes = classes
        self.matrix = self.add_variable((classes, classes), initializer="zeros", name="matrix")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """`y_true` `(B, C)` one-hot, `y_pred` `(B, C)` probabilities, `sample_weight` `(B,)`."""
        true = ops.one_hot(ops.argmax(y_true, axis=-1), self.classes, dtype="float32")
        predicted = ops.one_hot(ops.argmax(y_pred, axis=-1), self.classes, dtype="float32")
        if sample_weight is not None:
            true = true * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        self.matrix.assign_add(ops.matmul(ops.transpose(true), predicted))

    def result(self):
        """Scalar in [0, 1]."""
        total = ops.sum(self.matrix, axis=1)
        right = ops.diagonal(self.matrix) / ops.maximum(total, 1e-9)
        present = ops.cast(total > 0, "float32")
        return ops.sum(right * present) / ops.maximum(ops.sum(present), 1.0)

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable(package="videorec")
def hit_at_1(y_true, y_pred):
    """`(B,)` 1 where the highest of `(B, C)` probabilities is that of one of the labels, `(B, C)` multi-hot."""
    best = ops.argmax(y_pred, axis=-1, keepdims=True)
    return ops.take_along_axis(ops.cast(y_true, "float32"), best, axis=-1)[:, 0]


def hit_at_k(targets: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """Share of videos with at least one true label among the k highest scores.

    Args:
        targets: `(N, C)` multi-hot.
        probabilities: `(N, C)`.
        k: at least 1; more than C counts as C.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((np.take_along_axis(targets, best, axis=1) > 0).any(axis=1).mean())
