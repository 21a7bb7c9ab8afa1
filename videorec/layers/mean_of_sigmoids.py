"""`MeanOfSigmoids`: several classifiers' logits to the logit of their mean probabilities."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class MeanOfSigmoids(keras.layers.Layer):
    """logit of the mean over classifiers l of sigmoid(logits_l), class by class, in float32.

    What `MeanOfSoftmaxes` is where any number of classes may be true: the sigmoid of the result is that mean, and binary
    cross-entropy on it is the negative log likelihood of the averaged probabilities. Computed with logarithms throughout, so
    that no probability underflows: log(sum_l sigmoid(x_l)) - log(sum_l sigmoid(-x_l)).

    Call arguments:
        inputs: list of logits `(B, C)`.

    Returns:
        Tensor `(B, 1, C)`: one step.

    Example:

    >>> MeanOfSigmoids()([np.zeros((2, 5)), np.ones((2, 5))]).shape
    (2, 1, 5)
    """

    def call(self, inputs):
        x = ops.stack([ops.cast(x, "float32") for x in inputs], axis=1)  # (B, L, C)
        true, false = (ops.logsumexp(ops.log_sigmoid(y), axis=1, keepdims=True) for y in (x, -x))  # (B, 1, C)
        return ops.cast(true - false, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, classes = input_shape[0]
        return (batch, 1, classes)
