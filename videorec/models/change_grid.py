"""Where in the frame something changes: differences of frames on a coarse grid, and a GRU over them. For fixed cameras."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers, ops

from videorec.config import Recogniser, UserError
from videorec.config.bounds import Count, Part
from videorec.layers import TimeDistributed
from videorec.models import heads
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class ChangeGrid(Recogniser):
    """A GRU over what differs, in each cell of a grid, from the scene, from the mean of the frames around, and from the frame
    before.

    Of no paper: for a camera that does not move, and few videos. Of each difference d (a channel at a place of the backbone's
    map) a cell of the grid has two numbers, means over its places: d, which says what is brighter or darker, and
    max(|d| - threshold, 0), how much differs, which does not cancel where an arm leaves one place for another. The frame itself
    is left out: it shows the room, and a network that has seen a dozen rooms learns them by heart. The default backbone has no
    weights: `thumbnail`, the frame averaged over squares.

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`.
    """

    name: ClassVar[str] = "change_grid"
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel", "dense")
    backbone: str = "thumbnail"
    """The CNN over each frame (videorec.models.backbones.names()); thumbnail: the frame averaged over squares, no weights."""
    tap: Literal["map", "pooled", "fc"] = "map"
    """Where features leave the backbone: the last spatial map."""
    weights: str | None = None
    """Backbone weights at the start: imagenet (downloaded by keras.applications), a weights file, or None."""
    differences: tuple[Literal["previous", "mean"], ...] = ("previous", "mean")
    """The differences that are read: from the frame before (previous), from the mean of the frames around (mean; not
    causal)."""
    background: bool = True
    """Read the difference from the scene too: from the median of all frames of the video (not causal), which is the room where
    nobody hides a place for half of the time. In training on frames (--train.no-cache) it is the median of the window."""
    past: Count | None = None
    """background: the average of about so many frames up to each one (300: a minute at 5 frames a second), in place of the
    median: causal, so that with `differences` previous and without `bidirectional` a camera can be read as it goes on."""
    radius: Count | None = 150
    """mean: of the frames at most so many before or after a frame (150: half a minute at 5 frames a second), so that a long
    video is read as windows are in training; None: of the whole clip or video."""
    cell: Count = 4
    """Side of the grid's cells, in places of the backbone's map."""
    threshold: Part = 0.06
    """Differences up to this count as none, as noise and shadows are; a thumbnail's values lie in [-1, 1]."""
    units: Count = 64
    """Units of the GRU (of each direction)."""
    bidirectional: bool = True
    """Read the clip in both directions; each step then sees the whole clip, and the model cannot stream."""
    dropout: Part = 0.2
    """Share of the grid's numbers dropped in training."""
    output_dropout: Part = 0.5
    """Share of the GRU's outputs dropped in training."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        tiny = {**TINY, "tap": "map", "units": 5, "cell": 2}
        return {
            "plain": {**tiny, "differences": ("previous",), "bidirectional": False, "background": False},
            "bidirectional": {**tiny, "background": False},
            "background": {**tiny, "differences": ("previous",), "bidirectional": False},
            "past": {**tiny, "differences": ("previous",), "bidirectional": False, "past": 3},
            "thumbnail": {"units": 5, "cell": 2, "bidirectional": False, "differences": ("previous",), "background": False},
        }

    @property
    def causal(self):
        """See `Model`."""
        return super().causal and not self.bidirectional and (self.past is not None or not self.background)

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)
        if self.tap != "map":
            raise UserError(f"change_grid reads places: it needs the tap map. Received: tap={self.tap!r}")
        if not self.differences and not self.background:
            raise UserError("change_grid reads differences: previous, mean, the background's, or several. Received: none")
        if self.past is not None and not self.background:
            raise UserError(f"past is how far the background reaches: it needs background. Received: past={self.past}, without")

        # === Functional Model ===
        options = {"radius": self.radius, "background": self.background, "past": self.past}
        frames, x = inputs.frame_features(stream, shape, self, **options)  # (B, T, H', W', (1 + R) * C)
        x = TimeDistributed(self._grid(x.shape[2:]), name="grid")(x)  # (B, T, D)
        x = layers.Dropout(self.dropout, name="grid_dropout")(x)
        gru = layers.GRU(self.units, return_sequences=True, name="gru")
        x = (layers.Bidirectional(gru, name="bidirectional") if self.bidirectional else gru)(x)  # (B, T, units)
        x = layers.Dropout(self.output_dropout, name="output_dropout")(x)
        return keras.Model({stream: frames}, heads.per_step(x, classes), name=self.name)

    def _grid(self, shape) -> keras.Model:
        """Features of a frame with R differences appended `(B, H', W', (1 + R) * C)` to what differs in each cell
        `(B, 2 * cells * R * C)`; where the background is subtracted, the features are one more difference."""
        channels = shape[-1] // (1 + len(self.differences))
        features = keras.Input(shape, name="features")
        x = features if self.background else features[..., channels:]  # the differences alone
        x = ops.concatenate([2 * x, 8 * ops.relu(ops.abs(x) - self.threshold)], axis=-1)  # means of about the same size
        x = layers.AveragePooling2D(self.cell, padding="same", name="cells")(x)  # at the edge: over the places there are
        return keras.Model(features, layers.Flatten(name="flatten")(x), name="grid")
