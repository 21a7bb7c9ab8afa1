"""`BackgroundSubtraction`: what a fixed camera shows, less the scene."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class BackgroundSubtraction(keras.layers.Layer):
    """Each frame's features less their median over all frames.

        y_t = x_t - median_s x_s,   each place and channel by itself

    The temporal median filter (Lo and Velastin 2001, "Automatic congestion detection system for underground platforms"): with a
    fixed camera it is the scene itself, wherever nothing hides a place for half of the time. Not causal.

    Call arguments:
        inputs: tensor `(B, T, ..., C)`.

    Returns:
        Tensor of the same shape.

    Example:

    >>> BackgroundSubtraction()(np.random.random((2, 30, 16, 20, 3))).shape
    (2, 30, 16, 20, 3)
    """

    causal = False

    def call(self, inputs):
        batch, time = ops.shape(inputs)[:2]
        # Not `ops.median`, which TensorFlow Lite does not translate.
        flat = ops.reshape(inputs, (batch, time, math.prod(inputs.shape[2:])))  # (B, T, D)
        rising = ops.sort(ops.transpose(flat, (0, 2, 1)))  # (B, D, T)
        middle = [ops.take(rising, [k], axis=-1) for k in ((time - 1) // 2, time // 2)]  # one step, or the two in the middle
        return inputs - ops.reshape((middle[0] + middle[1]) / 2, (batch, 1, *inputs.shape[2:]))

    def compute_output_shape(self, input_shape):
        return input_shape
