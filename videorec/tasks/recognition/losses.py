"""Losses over the per-step logits of a recogniser."""

import keras
from keras import ops

from videorec.layers.step_aggregation import GAINS, step_gains


class _StepLoss(keras.losses.Loss):
    """A loss of every time step, weighted by a gain over time. Subclasses give `of_steps(y_true, y_pred)`, `(B, S)`."""

    def __init__(self, gain="uniform", step_reduction="mean", label_smoothing=0.0, name=None, **kwargs):
        if gain not in GAINS:
            raise ValueError(f"gain must be one of {', '.join(GAINS)}. Received: gain={gain!r}")
        if step_reduction not in ("mean", "sum"):
            raise ValueError(f"step_reduction must be 'mean' or 'sum'. Received: step_reduction={step_reduction!r}")
        super().__init__(name=name, **kwargs)
        self.gain, self.step_reduction, self.label_smoothing = gain, step_reduction, label_smoothing

    def call(self, y_true, y_pred):
        """`(B,)` loss of each clip."""
        losses = self.of_steps(ops.cast(y_true, "float32"), ops.cast(y_pred, "float32"))  # (B, S)
        gains = step_gains(ops.shape(losses)[1], self.gain)
        total = ops.sum(losses * gains, axis=1)
        return total if self.step_reduction == "sum" else total / ops.sum(gains)

    def get_config(self):
        own = {"gain": self.gain, "step_reduction": self.step_reduction, "label_smoothing": self.label_smoothing}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="videorec")
class StepCrossentropy(_StepLoss):
    """Cross-entropy of the clip's label at every time step, weighted by a gain over time.

    With uniform gain this is LRCN's loss (Donahue et al. 2015): the sum over t of -log P(y | x_1..t). With linear gain
    it is that of Beyond Short Snippets (Ng et al. 2015): g_t = t / (S - 1) for t = 0..S-1, so that early steps, which
    have seen little, count little. "last", g = 1 at the last step alone, is what that paper compares it with.

    Args:
        gain: "uniform", "linear" or "last".
        step_reduction: "mean" divides the weighted sum over steps by the sum of the gains; "sum" does not.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).

    Call arguments:
        y_true: `(B, C)` one-hot targets.
        y_pred: `(B, S, C)` logits.
    """

    def __init__(self, gain="uniform", step_reduction="mean", label_smoothing=0.0, name="step_crossentropy", **kwargs):
        super().__init__(gain, step_reduction, label_smoothing, name, **kwargs)

    def of_steps(self, y_true, y_pred):
        """`(B, S)` loss of each step of each clip."""
        y_true = y_true * (1 - self.label_smoothing) + self.label_smoothing / ops.shape(y_pred)[-1]
        return -ops.sum(y_true[:, None] * ops.log_softmax(y_pred), axis=-1)


@keras.saving.register_keras_serializable(package="videorec")
class StepBinaryCrossentropy(_StepLoss):
    """Binary cross-entropy of the clip's labels, any number of them, at every time step, summed over the classes.

    The negative log likelihood of independent classes, -sum_c [y_c log p_c + (1 - y_c) log(1 - p_c)] with p_c a sigmoid of
    its own (the loss of Yeung et al. 2018, arXiv 1507.05738, which has it at every frame), weighted over time as
    `StepCrossentropy`.

    Args:
        gain, step_reduction: as in `StepCrossentropy`.
        label_smoothing: share of each class's target that is spread over true and not true, in [0, 1).

    Call arguments:
        y_true: `(B, C)` multi-hot targets.
        y_pred: `(B, S, C)` logits.
    """

    def __init__(self, gain="uniform", step_reduction="mean", label_smoothing=0.0, name="step_binary_crossentropy", **kwargs):
        super().__init__(gain, step_reduction, label_smoothing, name, **kwargs)

    def of_steps(self, y_true, y_pred):
        """`(B, S)` loss of each step of each clip."""
        y_true = y_true * (1 - self.label_smoothing) + self.label_smoothing / 2
        return ops.sum(ops.softplus(y_pred) - y_true[:, None] * y_pred, axis=-1)
