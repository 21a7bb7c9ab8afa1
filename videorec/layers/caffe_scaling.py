"""`CaffeScaling`: the input scaling of networks trained with Caffe."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class CaffeScaling(keras.layers.Layer):
    """RGB in [0, 255] to BGR minus a mean for each channel, on the same scale.

    Args:
        mean: mean of B, G and R. Default: ImageNet's.

    Call arguments:
        inputs: tensor `(..., 3)` of any type, R, G and B.

    Returns:
        Tensor `(..., 3)`, B, G and R, of the layer's type.

    Raises:
        ValueError: `mean` does not hold three values.

    Example:

    >>> CaffeScaling()(np.array([[10, 20, 30]], "uint8"))  # 30 - 103.939, 20 - 116.779, 10 - 123.68
    [[-73.939, -96.779, -113.68]]
    """

    def __init__(self, mean=(103.939, 116.779, 123.68), **kwargs):
        if len(mean) != 3:
            raise ValueError(f"mean must hold a value for B, G and R. Received: mean={mean}")
        super().__init__(**kwargs)
        self.mean = tuple(mean)

    def call(self, inputs):
        x = ops.cast(inputs, self.compute_dtype)
        bgr = ops.stack([x[..., 2], x[..., 1], x[..., 0]], axis=-1)
        return bgr - ops.convert_to_tensor(self.mean, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mean": self.mean}
