"""Metrics that several tasks watch while they train."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from videorec.models import hosts


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


@dataclass(frozen=True)
class Answered:
    """What a model answered to the samples of a validation, in their order.

    Attributes:
        probabilities: `(N, C)` float32.
        truth: `(N, C)` float32, one-hot or multi-hot.
        weight: `(N,)` float32; 0: the sample could not be read.
    """

    probabilities: np.ndarray
    truth: np.ndarray
    weight: np.ndarray


@keras.saving.register_keras_serializable(package="videorec")
class Answers(keras.metrics.Metric):
    """Keeps what is answered to the samples of a validation, so that pictures of it need no second pass.

    Only what comes between `open` and `close` is kept: training steps write nothing. It has no value of its own, and
    `videorec.training.callbacks.tidy` leaves its 0 out of every log.

    Args:
        samples: of the validation set, N.
        classes: number of classes C.

    Call arguments:
        y_true: `(B, C)`.
        y_pred: probabilities `(B, C)`.
        sample_weight: `(B,)`.
    """

    NAME = "answers"
    MOST = 1 << 24  # values, 64 MiB twice: of larger validation sets nothing is kept

    def __init__(self, samples, classes, name=NAME, dtype="float32"):
        super().__init__(name=name, dtype=dtype)
        self.samples, self.classes = samples, classes
        # int: of 64 bits on TensorFlow, whose GPUs do not count in 32.
        self._open = self.add_variable((), "zeros", dtype="int", name="open")
        self._seen = self.add_variable((), "zeros", dtype="int", name="seen")
        # The last row takes what is not kept.
        columns = {"probabilities": (classes,), "truth": (classes,), "weight": ()}
        self._kept = {key: self.add_variable((samples + 1, *shape), "zeros", name=key) for key, shape in columns.items()}

    @classmethod
    def fits(cls, samples: int, classes: int) -> bool:
        """Whether the answers to so many samples are kept: there are any, not too many, and one device answers them."""
        devices = tf.distribute.get_strategy().num_replicas_in_sync * hosts.devices()
        return 0 < samples * classes <= cls.MOST and devices == 1

    def open(self) -> None:
        """A validation begins."""
        self._open.assign(1)
        self._seen.assign(0)

    def close(self) -> None:
        """It is over."""
        self._open.assign(0)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Keep a batch, if a validation is on; samples beyond the number that was promised are not kept."""
        size = ops.shape(y_pred)[0]
        weight = ops.ones(size) if sample_weight is None else ops.reshape(sample_weight, (-1,))
        following = ops.minimum(self._seen + ops.arange(size, dtype=self._seen.dtype), self.samples)
        rows = ops.where(self._open > 0, following, self.samples)[:, None]  # (B, 1)
        for key, values in {"probabilities": y_pred, "truth": y_true, "weight": weight}.items():
            _set_rows(self._kept[key], rows, ops.cast(values, "float32"))
        self._seen.assign_add(self._open * ops.cast(size, self._seen.dtype))

    def answered(self) -> Answered | None:
        """The last validation, `(N, ...)` each; None where it did not go through all samples."""
        if int(self._seen) < self.samples:
            return None
        return Answered(**{key: ops.convert_to_numpy(values)[:-1] for key, values in self._kept.items()})

    def reset_state(self):
        """Nothing: `open` starts anew."""

    def result(self):
        """0: Keras asks every metric for a value."""
        return ops.zeros(())

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "samples": self.samples, "classes": self.classes}


def _set_rows(variable: keras.Variable, rows, values) -> None:
    """Rows of a variable, in place: as `keras.ops` have it, TensorFlow would copy the whole with every batch. (On JAX, whose
    steps may reuse what they are given, XLA sees to that.)"""
    if keras.backend.backend() == "tensorflow":
        variable.value.scatter_nd_update(rows, values)
    else:
        variable.assign(ops.scatter_update(variable, rows, values))
