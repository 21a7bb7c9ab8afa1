"""`DepthToSpace`: the channels of each place as a patch of a larger frame."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class DepthToSpace(keras.layers.Layer):
    """Lays the channels of each place out as a patch of p x p pixels: what `SpaceToDepth` took apart.

    Args:
        patch: p, the side of a patch; 1 changes nothing.

    Call arguments:
        maps: tensor `(B, T, H, W, p * p * C)`; B and T may be unknown.

    Returns:
        Tensor `(B, T, p * H, p * W, C)`.

    Raises:
        ValueError: patch below 1, or the channels are no multiple of p * p.

    Example:

    >>> DepthToSpace(4)(np.zeros((2, 10, 16, 16, 16))).shape
    (2, 10, 64, 64, 1)
    """

    def __init__(self, patch, **kwargs):
        if not isinstance(patch, int) or patch < 1:
            raise ValueError(f"patch must be an int above 0. Received: patch={patch}")
        super().__init__(**kwargs)
        self.patch = patch

    def build(self, maps_shape):
        if len(maps_shape) != 5 or maps_shape[-1] % self.patch**2:
            raise ValueError(
                "Maps must be (batch, time, height, width, channels), the channels a multiple of the patch's pixels. "
                f"Received: patch={self.patch}, maps_shape={tuple(maps_shape)}"
            )

    def call(self, maps):
        if self.patch == 1:
            return maps
        shape = ops.shape(maps)
        frames = ops.reshape(maps, (-1, *shape[2:]))  # (B * T, H, W, p * p * C)
        frames = ops.depth_to_space(frames, self.patch, data_format="channels_last")
        return ops.reshape(frames, (-1, shape[1], *frames.shape[1:]))  # (B, T, p * H, p * W, C)

    def compute_output_shape(self, maps_shape):
        batch, time, height, width, channels = maps_shape
        return (batch, time, height * self.patch, width * self.patch, channels // self.patch**2)

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}
