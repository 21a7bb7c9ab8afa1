"""Beyond Short Snippets, feature pooling: max over time, in five places of the network."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import Recogniser, UserError
from videorec.config.bounds import Count, Part
from videorec.layers import TemporalPooling, TimeDistributed
from videorec.models import heads
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class ShortSnippetsPooling(Recogniser):
    """Temporal feature pooling, Ng et al., CVPR 2015 (arXiv 1503.08909), section 3.1 and figure 2.

    With C the maps of a frame, P max-pooling over time, FC a fully connected layer with ReLU, S the softmax:

    * `conv`: C, P over all frames (places are kept), FC, FC, S. The best of the five in the paper.
    * `late`: C, FC, FC (of each frame), P over all frames, S.
    * `slow`: C, P in windows, FC (of each window), P over all windows, FC, S.
    * `local`: C, P in windows, FC, FC (of each window), and a softmax that is connected to all windows: the number of
      frames is then part of the weights.
    * `time_domain`: C, a convolution over space and time (256 kernels of 3 x 3 places and 10 frames), P, FC, FC, S. With
      `kernel=(1, 1, 1)` it only reduces the number of channels.

    The towers share their weights over time, so that a model of 1 frame can start one of 30 frames, and that one a model
    of 120 (`train.init`). Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. One step (S = 1).
    """

    name: ClassVar[str] = "short_snippets_pooling"
    tap: Literal["map", "pooled", "fc"] = "map"
    """What is pooled: the last spatial map, its average over space, or a fully connected layer."""
    variant: Literal["conv", "late", "slow", "local", "time_domain"] = "conv"
    """Where time is pooled."""
    pooling: Literal["max", "mean"] = "max"
    """How time is pooled (paper: max; the mean was worse)."""
    hidden: Count = 4096
    """Units of each of the two fully connected layers."""
    window: Count = 10
    """Frames of a window of `slow` and `local`."""
    stride: Count = 5
    """Frames between two windows, or two positions of `time_domain`'s kernel (at most the kernel's length)."""
    filters: Count = 256
    """Kernels of `time_domain`."""
    kernel: tuple[Count, Count, Count] = (10, 3, 3)
    """Size of `time_domain`'s kernels: frames, height, width."""
    dropout: Part = 0.6
    """Share of each fully connected layer's outputs dropped in training."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "tap": "map", "hidden": 8},
            "late": {**TINY, "hidden": 8, "variant": "late"},
            "slow": {**TINY, "tap": "map", "hidden": 8, "variant": "slow", "window": 2, "stride": 1},
            "local": {**TINY, "hidden": 8, "variant": "local", "window": 2, "stride": 1},
            "time": {
                **TINY,
                "tap": "map",
                "hidden": 8,
                "variant": "time_domain",
                "filters": 5,
                "kernel": (2, 3, 3),
                "stride": 1,
            },
        }

    @property
    def any_length(self):
        """`local` has weights for each window."""
        return self.variant != "local"

    @property
    def least_frames(self):
        """`time_domain`'s kernel must fit."""
        return self.kernel[0] if self.variant == "time_domain" else 1

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)
        if self.variant == "time_domain" and self.tap != "map":
            raise UserError(f"The variant time_domain convolves maps: it needs the tap map. Received: tap={self.tap!r}")

        # === Functional Model ===
        frames, x = inputs.frame_features(stream, shape, self)  # (B, T, H, W, 3) -> (B, T, H', W', C) or (B, T, D)
        x = getattr(self, f"_{self.variant}")(x)
        if self.variant in ("late", "local"):
            outputs = heads.per_clip(x, classes)
        else:
            outputs = heads.per_clip(self._fully_connected(x, "fc2"), classes)
        return keras.Model({stream: frames}, outputs, name=self.name)

    # === The variants, up to their last fully connected layer ===

    def _conv(self, x):
        x = TemporalPooling(self.pooling, name="pool")(x)  # (B, H', W', C)
        return self._fully_connected(x, "fc1")

    def _late(self, x):
        x = self._of_each_step(x, "fc1")  # (B, T, hidden)
        x = self._of_each_step(x, "fc2")
        return TemporalPooling(self.pooling, name="pool")(x)  # (B, hidden)

    def _slow(self, x):
        x = TemporalPooling(self.pooling, self.window, self.stride, name="pool_windows")(x)  # (B, S, H', W', C)
        x = self._of_each_step(x, "fc1")  # (B, S, hidden)
        return TemporalPooling(self.pooling, name="pool")(x)  # (B, hidden)

    def _local(self, x):
        x = TemporalPooling(self.pooling, self.window, self.stride, name="pool_windows")(x)  # (B, S, H', W', C)
        x = self._of_each_step(x, "fc1")  # (B, S, hidden)
        x = self._of_each_step(x, "fc2")
        return layers.Flatten(name="all_windows")(x)  # (B, S * hidden)

    def _time_domain(self, x):
        strides = (min(self.stride, self.kernel[0]), 1, 1)
        padded = [(0, 0)] + [((size - 1) // 2, size // 2) for size in self.kernel[1:]]  # in space: "same"
        x = layers.ZeroPadding3D(padded, name="pad_places")(x)
        x = layers.Conv3D(self.filters, self.kernel, strides, activation="relu", name="time_convolution")(x)
        return self._conv(x)

    def _fully_connected(self, x, name):
        """`(B, ...)` to `(B, hidden)`."""
        x = layers.Flatten(name=f"{name}_inputs")(x)  # a place in the map stays a place in the vector
        x = layers.Dense(self.hidden, activation="relu", name=name)(x)
        return layers.Dropout(self.dropout, name=f"{name}_dropout")(x)

    def _of_each_step(self, x, name):
        """`(B, S, ...)` to `(B, S, hidden)`."""
        x = TimeDistributed(layers.Flatten(), name=f"{name}_inputs")(x)
        x = layers.Dense(self.hidden, activation="relu", name=name)(x)
        return layers.Dropout(self.dropout, name=f"{name}_dropout")(x)
