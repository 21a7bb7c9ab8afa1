"""Beyond Short Snippets, LSTM: a deep stack of peephole LSTMs, a class at every frame, later frames weighing more."""

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
class ShortSnippetsLSTM(Recogniser):
    """Deep LSTM over CNN features, Ng et al., CVPR 2015 (arXiv 1503.08909), section 3.2 and figure 4.

    Five layers of 512 peephole cells, softmax at every frame. In training the loss of frame t is multiplied by a gain that
    rises from 0 to 1 (`train.step_gain="linear"`); at test the frames' predictions are aggregated in one of four ways, of
    which the sum weighted by the same gain was the best, by little. 11,552,256 parameters in the stack on 1024 features.

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. With tap `map` the map is flattened for the LSTM.
    """

    name: ClassVar[str] = "short_snippets_lstm"
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel", "dense")
    layers: Count = 5
    """Stacked LSTM layers."""
    units: Count = 512
    """Units of each layer."""
    peephole: Literal["diagonal", "full"] | None = "diagonal"
    """How the gates see the cell state: unit by unit (paper), through a full matrix, or not at all."""
    dropout: Part = 0.5
    """Share of the backbone's features dropped in training."""
    aggregation: Literal["last", "max", "sum", "weighted"] = "weighted"
    """The clip's probabilities from those of its steps; weighted: by t / (T - 1), t = 0..T-1."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "units": 8, "layers": 2},
            "max": {**TINY, "units": 6, "layers": 1, "aggregation": "max", "peephole": None},
        }

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)

        # === Functional Model ===
        frames, x = inputs.frame_features(stream, shape, self)  # (B, T, H, W, 3) -> (B, T, D) or (B, T, H', W', C)
        x = inputs.vectors(x)  # (B, T, D)
        x = layers.Dropout(self.dropout, name="feature_dropout")(x)
        for number in range(1, self.layers + 1):
            lstm = PeepholeLSTM(self.units, peephole=self.peephole, return_sequences=True, name=f"lstm{number}")
            x = lstm(x)  # (B, T, units)
        outputs = heads.per_step(x, classes, self.aggregation)
        return keras.Model({stream: frames}, outputs, name=self.name)
