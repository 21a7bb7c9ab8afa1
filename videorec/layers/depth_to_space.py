"""`DepthToSpace`: the channels of each place as a patch of a larger frame."""

import keras
from keras import ops

from videorec.layers.patch_layer import PatchLayer


@keras.saving.register_keras_serializable(package="videorec")
class DepthToSpace(PatchLayer):
    """Lays out the channels of each place as a patch of p x p pixels: the way back from `SpaceToDepth`.

    Args:
        patch: p, the side of a patch; 1 changes nothing.

    Call arguments:
        maps: tensor `(B, T, H, W, p * p * C)`; B and T may be unknown.

    Returns:
        Tensor `(B, T, p * H, p * W, C)`.

    Raises:
        ValueError: patch is below 1, or the number of channels is no multiple of p * p.

    Example:

    >>> DepthToSpace(4)(np.zeros((2, 10, 16, 16, 16))).shape
    (2, 10, 64, 64, 1)
    """

    def build(self, maps_shape):
        if len(maps_shape) != 5 or maps_shape[-1] % self.patch**2:
            raise ValueError(
                "Maps must be (batch, time, height, width, channels), the channels a multiple of the patch's pixels. "
                f"Received: patch={self.patch}, maps_shape={tuple(maps_shape)}"
            )

    def rearrange(self, maps):
        return ops.depth_to_space(maps, self.patch, data_format="channels_last")

    def compute_output_shape(self, maps_shape):
        batch, time, height, width, channels = maps_shape
        return (batch, time, height * self.patch, width * self.patch, channels // self.patch**2)
