"""`PatchLayer`: what `SpaceToDepth` and `DepthToSpace` share."""

import keras
from keras import ops


class PatchLayer(keras.layers.Layer):
    """Base of a layer that rearranges each frame of `(B, T, H, W, C)` by patches of `patch` x `patch` pixels.

    A subclass has `rearrange(frames)`, frames `(B * T, H, W, C)`.
    """

    def __init__(self, patch, **kwargs):
        if not isinstance(patch, int) or patch < 1:
            raise ValueError(f"patch must be an int above 0. Received: patch={patch}")
        super().__init__(**kwargs)
        self.patch = patch

    def call(self, sequences):
        if self.patch == 1:
            return sequences
        shape = ops.shape(sequences)
        frames = self.rearrange(ops.reshape(sequences, (-1, *shape[2:])))
        return ops.reshape(frames, (-1, shape[1], *frames.shape[1:]))

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}
