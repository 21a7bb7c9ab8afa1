"""FC-LSTM: peephole LSTMs over the features of the frames, a class at every step."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import Recogniser
from videorec.config.bounds import Count, Part
from videorec.layers import PeepholeLSTM
from videorec.models import heads
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class FCLSTM(Recogniser):
    """Fully connected LSTM with peepholes (Graves 2013; Shi et al. 2015, eq. 2) as a recogniser.

    The gates see the cell state: i and f the old one, o the new one. `peephole="full"` with `output_peephole="old"` is the
    form in which every gate gets a linear transform of c_{t-1}.

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. With tap `map` the map is flattened for the LSTM.
    """

    name: ClassVar[str] = "fc_lstm"
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel", "dense")
    layers: Count = 1
    """Stacked LSTM layers."""
    units: Count = 256
    """Units of each layer (of each direction)."""
    peephole: Literal["diagonal", "full"] | None = "diagonal"
    """How the gates see the cell state: unit by unit (paper), through a full matrix, or not at all."""
    output_peephole: Literal["new", "old"] = "new"
    """The cell state that the output gate sees: of this step (paper), or of the one before."""
    bidirectional: bool = False
    """Read the clip in both directions; each step then sees the whole clip, and the model cannot stream."""
    dropout: Part = 0.5
    """Share of the inputs of each layer, and of the classifier, dropped in training."""
    aggregation: Literal["mean", "last", "max", "weighted"] = "mean"
    """The clip's probabilities from those of its steps; weighted: by t / (T - 1), t = 0..T-1."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "units": 8, "layers": 2},
            "full": {**TINY, "units": 6, "peephole": "full", "output_peephole": "old", "bidirectional": True},
        }

    @property
    def causal(self):
        """See `Model`."""
        return super().causal and not self.bidirectional

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)

        # === Functional Model ===
        frames, x = inputs.frame_features(stream, shape, self)  # (B, T, H, W, 3) -> (B, T, D) or (B, T, H', W', C)
        x = inputs.vectors(x)  # (B, T, D)
        for number in range(1, self.layers + 1):
            x = layers.Dropout(self.dropout, name=f"dropout{number}")(x)
            x = self._lstm(number)(x)  # (B, T, units), twice the units in both directions
        x = layers.Dropout(self.dropout, name="output_dropout")(x)
        outputs = heads.per_step(x, classes, self.aggregation)
        return keras.Model({stream: frames}, outputs, name=self.name)

    def _lstm(self, number):
        options = {"peephole": self.peephole, "output_peephole": self.output_peephole, "return_sequences": True}
        lstm = PeepholeLSTM(self.units, **options, name=f"lstm{number}")
        return layers.Bidirectional(lstm, name=f"bidirectional{number}") if self.bidirectional else lstm
