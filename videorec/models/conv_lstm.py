"""ConvLSTM recogniser: LSTMs whose states are maps, so that places stay places through time."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import Recogniser, UserError
from videorec.config.bounds import Count, CountOrZero, Part
from videorec.layers import PeepholeConvLSTM2D, TimeDistributed
from videorec.models import heads
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class ConvLSTM(Recogniser):
    """Stacked ConvLSTMs (Shi et al., NeurIPS 2015, eq. 3) over the backbone's maps, a class at every step.

    Without peepholes the layers are Keras's `ConvLSTM2D`. Each step's last hidden map is averaged over space and classified.

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. A tap that gives vectors is a map of one place.
    """

    name: ClassVar[str] = "conv_lstm"
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel", "dense")
    tap: Literal["map", "pooled", "fc"] = "map"
    """What the ConvLSTM reads: the last spatial map, its average over space, or a fully connected layer."""
    level: str | None = None
    """Name of a backbone layer whose map is taken instead of the tap's: earlier ones are finer."""
    reduce: CountOrZero | None = None
    """Channels of a 1 x 1 convolution (ReLU) ahead of the first layer. Default: none."""
    filters: tuple[Count, ...] = (64, 64)
    """Channels of each layer's states (of each direction)."""
    kernel: Count = 3
    """Side of the kernels, of input and state."""
    peephole: Literal["channel", "spatial"] | None = None
    """How the gates see the cell state: not at all (Keras's layer), one weight a channel (the paper's parameter counts), or
    one for each place (the paper's equations)."""
    bidirectional: bool = False
    """Read the clip in both directions; each step then sees the whole clip, and the model cannot stream."""
    dropout: Part = 0.5
    """Share of the map's channels, and of the classifier's inputs, dropped in training."""
    aggregation: Literal["mean", "last", "max", "weighted"] = "mean"
    """The clip's probabilities from those of its steps; weighted: by t / (T - 1), t = 0..T-1."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "tap": "map", "filters": (4, 3)},
            "channel": {**TINY, "tap": "map", "filters": (4,), "peephole": "channel", "reduce": 6},
            "spatial": {**TINY, "tap": "map", "filters": (4,), "peephole": "spatial", "bidirectional": True},
        }

    @property
    def causal(self):
        """See `Model`."""
        return super().causal and not self.bidirectional

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)
        if not self.filters:
            raise UserError("filters must name the channels of at least one layer. Received: none")

        # === Functional Model ===
        frames, x = inputs.frame_features(stream, shape, self, self.level)  # (B, T, H, W, 3) -> (B, T, H', W', C)
        x = inputs.maps(x)
        if self.reduce:
            x = TimeDistributed(layers.Conv2D(self.reduce, 1, activation="relu"), name="reduce")(x)
        x = TimeDistributed(layers.SpatialDropout2D(self.dropout), name="map_dropout")(x)
        for number, filters in enumerate(self.filters, start=1):
            x = self._conv_lstm(filters, number)(x)  # (B, T, H', W', filters), twice in both directions
        x = TimeDistributed(layers.GlobalAveragePooling2D(), name="mean_over_space")(x)  # (B, T, filters)
        x = layers.Dropout(self.dropout, name="output_dropout")(x)
        outputs = heads.per_step(x, classes, self.aggregation)
        return keras.Model({stream: frames}, outputs, name=self.name)

    def _conv_lstm(self, filters, number):
        name = f"conv_lstm{number}"
        if self.peephole is None:
            layer = layers.ConvLSTM2D(filters, self.kernel, padding="same", return_sequences=True, name=name)
        else:
            layer = PeepholeConvLSTM2D(filters, self.kernel, peephole=self.peephole, return_sequences=True, name=name)
        return layers.Bidirectional(layer, name=f"bidirectional{number}") if self.bidirectional else layer
