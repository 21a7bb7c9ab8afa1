"""Metrics that several tasks watch while they train."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class MeanAveragePrecision(keras.metrics.AUC):
    """Mean over classes of the area under the precision-recall curve, where samples have any number of classes.

    Each curve is interpolated between 200 thresholds, so that the value comes near the exact mean average precision of a
    ranking, which needs all scores at once: for curves and for choosing the best epoch; evaluation is exact. Classes without a
    positive sample are left out of the mean.

    Args:
        classes: number of classes C.
        name, dtype: as in every Keras metric.

    Call arguments:
        y_true: `(B, C)` multi-hot, or `(B, T, C)`, where every frame is a sample.
        y_pred: probabilities of the same shape.
        sample_weight: `(B,)`, or `(B, T)`.
    """

    def __init__(self, classes, name="map", dtype="float32"):
        super().__init__(curve="PR", multi_label=True, num_labels=classes, name=name, dtype=dtype)
        self.classes = classes

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count the samples of a batch."""
        weights = None if sample_weight is None else ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        rows = (-1, self.classes)
        super().update_state(ops.reshape(y_true, rows), ops.reshape(y_pred, rows), weights)

    def result(self):
        """Scalar in [0, 1]; 0 before any positive sample."""
        positives = self.true_positives[0] + self.false_negatives[0]  # (C,), at the lowest threshold
        present = ops.sum(ops.cast(positives > 0, "float32"))
        return super().result() * self.classes / ops.maximum(present, 1.0)  # a class without positives adds 0

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "classes": self.classes}
