"""`SpaceToDepth`: patches of a frame as the channels of a smaller one."""

import keras
from keras import ops

from videorec.layers.patch_layer import PatchLayer


@keras.saving.register_keras_serializable(package="videorec")
class SpaceToDepth(PatchLayer):
    """Lays each patch of p x p pixels into the channels of one place; `DepthToSpace` is the way back.

    The channels of a place run over the rows of its patch, then the columns, then the frame's channels, as in
    `keras.ops.space_to_depth`. So Shi et al. 2015, section 3.1: 64 x 64 x 1 becomes 16 x 16 x 16 with p = 4.

    Args:
        patch: p, the side of a patch; 1 changes nothing.

    Call arguments:
        frames: tensor `(B, T, H, W, C)`; B and T may be unknown.

    Returns:
        Tensor `(B, T, H / p, W / p, p * p * C)`.

    Raises:
        ValueError: patch is below 1, or H or W is unknown or no multiple of it.

    Example:

    >>> SpaceToDepth(4)(np.zeros((2, 10, 64, 64, 1))).shape
    (2, 10, 16, 16, 16)
    """

    def build(self, frames_shape):
        if len(frames_shape) != 5 or any(side is None or side % self.patch for side in frames_shape[2:4]):
            raise ValueError(
                "Frames must be (batch, time, height, width, channels), height and width known multiples of the patch. "
                f"Received: patch={self.patch}, frames_shape={tuple(frames_shape)}"
            )

    def rearrange(self, frames):
        return ops.space_to_depth(frames, self.patch, data_format="channels_last")

    def compute_output_shape(self, frames_shape):
        batch, time, height, width, channels = frames_shape
        return (batch, time, height // self.patch, width // self.patch, channels * self.patch**2)
