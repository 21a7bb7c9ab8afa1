"""Visual attention: at every step an LSTM chooses where in the frame to look."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import keras
from annotated_types import Ge, Le
from keras import layers

from videorec.config import Recogniser, UserError
from videorec.config.bounds import Count, Part, PositiveOrZero
from videorec.layers import AttentionCoverage, SpatialAttentionLSTM
from videorec.models import heads
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class VisualAttention(Recogniser):
    """Soft attention over the places of a map, Sharma, Kiros and Salakhutdinov 2015 (arXiv 1511.04119).

    The top state of the step before weighs the K x K places of the frame's map; their weighted sum feeds the LSTM; a tanh
    layer and a softmax classify every step. Paper and released code differ:

    * paper: `score="location"` (weights from the state alone), three LSTM layers, a coverage penalty;
    * code: `score="additive"` (state and content), one layer. With 1024 channels, 512 units, 7 x 7 places and 11 classes the
      head has 6,040,588 parameters, as the code's;
    * `score="dot"`: the similarity of a projected state and each place.

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`, and a map (tap `map`). The coefficients `(B, T, K * K)`, rows
    of places one after the other, are the output `attention`.
    """

    name: ClassVar[str] = "visual_attention"
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel", "dense")
    tap: Literal["map", "pooled", "fc"] = "map"
    """Must be map: attention needs places."""
    units: Count = 512
    """Units of the LSTM and of the tanh layer (paper: 512, for HMDB-51 1024)."""
    layers: Annotated[int, Ge(1), Le(5)] = 1
    """Stacked LSTM layers, 1 to 5 (paper: 3, code: 1)."""
    score: Literal["location", "additive", "dot"] = "additive"
    """What a place's weight depends on."""
    attention_units: Count | None = None
    """Width of the additive score. Default: the map's channels, as in the code."""
    attention_layers: Count = 1
    """Layers of the additive score (code: 3 for HMDB-51)."""
    initial_state: Literal["mean", "first_frame", "zeros"] = "mean"
    """The first state from the mean over all frames (paper; not causal), from the first frame, or zeros."""
    shared_initial_state: bool = False
    """One pair of initial states for all layers instead of one for each."""
    coverage: PositiveOrZero = 0.0
    """Weight of the penalty sum_i (1 - sum_t l_ti)^2 (lambda; paper: 0, 1 or 10, of which 0 was the best)."""
    dropout: Part = 0.5
    """Share of the outputs of LSTM and tanh layer dropped in training."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "tap": "map", "units": 8},
            "location": {
                **TINY,
                "tap": "map",
                "units": 6,
                "layers": 2,
                "score": "location",
                "coverage": 1.0,
                "initial_state": "zeros",
            },
            "dot": {**TINY, "tap": "map", "units": 6, "score": "dot", "initial_state": "first_frame"},
        }

    @property
    def extra_outputs(self):
        """See `Model`."""
        return ("attention",)

    @property
    def causal(self):
        """See `Model`."""
        return super().causal and self.initial_state != "mean"

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)
        if self.tap != "map":
            raise UserError(f"visual_attention chooses among places: it needs the tap map. Received: tap={self.tap!r}")

        # === Functional Model ===
        frames, x = inputs.frame_features(stream, shape, self)  # (B, T, H, W, 3) -> (B, T, H', W', C)
        x, coefficients = self._lstm()(x)  # (B, T, units), (B, T, H' * W')
        attention = AttentionCoverage(self.coverage, dtype="float32", name="attention")(coefficients)
        x = layers.Dropout(self.dropout, name="state_dropout")(x)
        x = layers.Dense(self.units, activation="tanh", name="hidden")(x)
        x = layers.Dropout(self.dropout, name="hidden_dropout")(x)
        outputs = heads.per_step(x, classes) | {"attention": attention}
        return keras.Model({stream: frames}, outputs, name=self.name)

    def _lstm(self):
        return SpatialAttentionLSTM(
            self.units,
            self.layers,
            score=self.score,
            attention_units=self.attention_units if self.score == "additive" else None,
            attention_layers=self.attention_layers,
            initial_state_from=self.initial_state,
            shared_initial_state=self.shared_initial_state,
            dropout=self.dropout,
            return_sequences=True,
            return_coefficients=True,
            name="lstm",
        )
