"""`MeanOfSoftmaxes`: several classifiers' logits to the logarithm of their mean probabilities."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class MeanOfSoftmaxes(keras.layers.Layer):
    """log of the mean over classifiers l of softmax(logits_l), in float32.

    The softmax of the result is that mean: cross-entropy on it is the negative log likelihood of the averaged probabilities
    (Ballas et al. 2016: the mean of the softmaxes of all levels). Computed with logarithms throughout, so that no
    probability underflows.

    Call arguments:
        inputs: list of logits `(B, C)`.

    Returns:
        Tensor `(B, 1, C)`: one step.

    Example:

    >>> MeanOfSoftmaxes()([np.zeros((2, 5)), np.ones((2, 5))]).shape
    (2, 1, 5)
    """

    def call(self, inputs):
        logs = ops.stack([ops.log_softmax(ops.cast(x, "float32")) for x in inputs], axis=1)  # (B, L, C)
        mean = ops.logsumexp(logs, axis=1, keepdims=True) - math.log(len(inputs))  # (B, 1, C)
        return ops.cast(mean, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, classes = input_shape[0]
        return (batch, 1, classes)
