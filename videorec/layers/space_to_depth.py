"""`SpaceToDepth`: patches of a frame as the channels of a smaller one."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class SpaceToDepth(keras.layers.Layer):
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
        ValueError: patch below 1, or H or W is unknown or no multiple of it.

    Example:

    >>> SpaceToDepth(4)(np.zeros((2, 10, 64, 64, 1))).shape
    (2, 10, 16, 16, 16)
    """

    def __init__(self, patch, **kwargs):
        if not isinstance(patch, int) or patch < 1:
            raise ValueError(f"patch must be an int above 0. Received: patch={patch}")
        super().__init__(**kwargs)
        self.patch = patch

    def build(self, frames_shape):
        if len(frames_shape) != 5 or any(side is None or side % self.patch for side in frames_shape[2:4]):
            raise ValueError(
                "Frames must be (batch, time, height, width, channels), height and width known multiples of the patch. "
                f"Received: patch={self.patch}, frames_shape={tuple(frames_shape)}"
            )

    def call(self, frames):
        if self.patch == 1:
            return frames
        shape = ops.shape(frames)
        maps = ops.reshape(frames, (-1, *shape[2:]))  # (B * T, H, W, C)
        maps = ops.space_to_depth(maps, self.patch, data_format="channels_last")
        return ops.reshape(maps, (-1, shape[1], *maps.shape[1:]))  # (B, T, H / p, W / p, p * p * C)

    def compute_output_shape(self, frames_shape):
        batch, time, height, width, channels = frames_shape
        return (batch, time, height // self.patch, width // self.patch, channels * self.patch**2)

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}
