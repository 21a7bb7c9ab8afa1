"""`AttentionCoverage`: the penalty that asks attention to look at every place over a clip."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class AttentionCoverage(keras.layers.Layer):
    """Passes attention coefficients through, and adds to the loss what they leave out or repeat.

        loss = weight * mean over the batch of sum_i (1 - sum_t l_{t,i})^2

    Sharma et al. 2015, the second term of the loss (their lambda is `weight`: 0, 1 or 10): the attention that a place
    i gets over all steps t should add up to 1. The loss is added in training and in evaluation. The released code takes the
    mean over the K places instead of the sum: its weight is K times this one.

    Args:
        weight: factor of the penalty, at least 0. With 0 no loss is added.

    Call arguments:
        coefficients: tensor `(B, T, K)`, attention of step t on place i; zeros at steps that do not count.

    Returns:
        The coefficients, `(B, T, K)`.

    Raises:
        ValueError: `weight` is negative or not a finite number, or the coefficients are not `(B, T, K)`.

    Example:

    >>> regions = np.random.random((2, 30, 49, 64))  # (B, T, K, D)
    >>> lstm = SpatialAttentionLSTM(512, return_sequences=True, return_coefficients=True)
    >>> features, coefficients = lstm(regions)
    >>> coefficients = AttentionCoverage(1.0)(coefficients)
    """

    def __init__(self, weight, **kwargs):
        if not (weight >= 0 and math.isfinite(weight)):
            raise ValueError(f"weight must be 0 or above, and finite. Received: weight={weight}")
        super().__init__(**kwargs)
        self.weight = weight

    def build(self, coefficients_shape):
        if len(coefficients_shape) != 3:
            raise ValueError(
                "AttentionCoverage needs the coefficients of all steps, (B, T, K): return_sequences=True. "
                f"Received: coefficients_shape={tuple(coefficients_shape)}"
            )

    def call(self, coefficients):
        if self.weight:
            self.add_loss(self.weight * ops.mean(coverage_penalty(coefficients)))
        return coefficients

    def compute_output_shape(self, coefficients_shape):
        return coefficients_shape

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


def coverage_penalty(coefficients):
    """`(B,)` float32: sum_i (1 - sum_t l_{t,i})^2 of coefficients `(B, T, K)`.

    The coefficients of a step sum to 1, so the least is K (1 - T / K)^2, where all places get the same (T = 30 and K = 49:
    7.3673).
    """
    coverage = ops.sum(ops.cast(coefficients, "float32"), axis=1)  # (B, K)
    return ops.sum(ops.square(1.0 - coverage), axis=-1)
