"""`LocalResponseNormalization`: Caffe's LRN across channels."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each value by a power of the energy of the channels around it.

        y_c = x_c / (k + alpha / size * sum_{j = c - size // 2}^{c + size // 2} x_j^2) ^ beta

    with zeros beyond the first and the last channel.

    Krizhevsky et al. 2012, section 3.3, in Caffe's form: alpha is divided by `size`, which TensorFlow's operation does not do.

    Args:
        size: channels in the window, odd.
        alpha: weight of the energy.
        beta: exponent.
        k: constant of the denominator.

    Call arguments:
        inputs: tensor `(..., C)`.

    Returns:
        Tensor `(..., C)`.

    Raises:
        ValueError: `size` is not odd and positive.

    Example:

    >>> LocalResponseNormalization()(np.full((1, 1), 10.0))  # 10 / 1.002 ^ 0.75
    [[9.985]]
    """

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=1.0, **kwargs):
        if size < 1 or size % 2 == 0:
            raise ValueError(f"size must be odd and positive: the window is centred. Received: size={size}")
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, inputs):
        x = ops.cast(inputs, "float32")  # squares of activations overflow float16
        channels, half = inputs.shape[-1], self.size // 2
        squares = ops.pad(ops.square(x), [(0, 0)] * (len(x.shape) - 1) + [(half, half)])
        energy = sum(squares[..., i : i + channels] for i in range(self.size))
        return ops.cast(x / ops.power(self.k + self.alpha / self.size * energy, self.beta), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
