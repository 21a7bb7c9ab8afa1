"""What is minimised and watched while a model learns the labels of frames."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class FrameCrossentropy(keras.losses.Loss):
    """Cross-entropy of every frame, summed over the classes.

        L_t = -sum_c [z_tc log s(y_tc) + (1 - z_tc) log(1 - s(y_tc))],   s the sigmoid

    The loss of MultiLSTM, Yeung et al. 2018, "Every moment counts" (arXiv 1507.05738), on the logits y, which are averaged
    before the sigmoid. Where the paper sums over frames, this is the mean over those that count: a factor alone.

    Args:
        exclusive: a frame has exactly one class: -log softmax of its logit in place of the above.
        label_smoothing: share of the target that is spread over all classes (exclusive), or of each class's target over true
            and not true; in [0, 1).

    Call arguments:
        y_true: `(B, T, C)`, 1 where a class is true; exclusive: or the weight of that class, which multiplies the frame's loss
            (not what the mean divides by).
        y_pred: `(B, T, C)` logits.
        sample_weight: `(B, T)`, 0 where a frame does not count.
    """

    def __init__(
        self,
        exclusive=False,
        label_smoothing=0.0,
        name="frame_crossentropy",
        reduction="mean_with_sample_weight",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.exclusive, self.label_smoothing = exclusive, label_smoothing

    def call(self, y_true, y_pred):
        """`(B, T)` loss of each frame."""
        weighted, y = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        z = ops.cast(weighted > 0, "float32")
        if self.label_smoothing:
            z = z * (1 - self.label_smoothing) + self.label_smoothing / (z.shape[-1] if self.exclusive else 2)
        if self.exclusive:
            return ops.categorical_crossentropy(z, y, from_logits=True) * ops.max(weighted, axis=-1)
        return ops.sum(ops.binary_crossentropy(z, y, from_logits=True), axis=-1)

    def get_config(self):
        return {**super().get_config(), "exclusive": self.exclusive, "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="videorec")
class FrameAccuracy(keras.metrics.Mean):
    """Share of the labelled frames whose highest class is one of the true ones. Frames without a label do not count.

    Args:
        name, dtype: as in every Keras metric.
    """

    def __init__(self, name="accuracy", dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """`y_true` `(B, T, C)`, above 0 where a class is true, `y_pred` `(B, T, C)`, `sample_weight` `(B, T)`."""
        true = ops.cast(ops.cast(y_true, "float32") > 0, "float32")  # weights of classes are of the loss alone
        highest = ops.one_hot(ops.argmax(y_pred, axis=-1), true.shape[-1], dtype="float32")
        labelled = ops.max(true, axis=-1)  # (B, T), 0 or 1
        weight = labelled if sample_weight is None else labelled * ops.cast(sample_weight, "float32")
        super().update_state(ops.sum(true * highest, axis=-1), weight)
