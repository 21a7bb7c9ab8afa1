"""Attention over the states of an LSTM: the last state looks back at all of them."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import Recogniser
from videorec.config.bounds import Count, CountOrZero, Part
from videorec.layers import DotProductAttention
from videorec.models import heads
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class AttentionLSTM(Recogniser):
    """LSTM over the frames whose last state queries all its states; context and last state classify the clip.

    The last state of a long clip has lost much of its beginning. Attention (dot product, Luong et al. 2015) gives it back:
    score_t = q . h_t, alpha = softmax(score), context = sum_t alpha_t h_t, attentional state = tanh(W_c [context; q]).

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. With tap `map` the map is flattened for the LSTM. One step
    (S = 1); the coefficients `(B, T)` are the output `attention`.
    """

    name: ClassVar[str] = "attention_lstm"
    units: Count = 256
    """Units of the LSTM (of each direction)."""
    score: Literal["dot", "general", "concat"] = "dot"
    """How alike query and state are: dot product, with a matrix between them, or a small network on both."""
    hidden: CountOrZero | None = None
    """Units of the attentional state (tanh) between [context; last state] and the classifier. Default: none."""
    bidirectional: bool = False
    """Read the clip in both directions; the query is then the last state of each direction."""
    dropout: Part = 0.5
    """Share of the backbone's features, and of the classifier's inputs, dropped in training."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "units": 8},
            "concat": {**TINY, "units": 6, "score": "concat", "bidirectional": True, "hidden": 5},
            "general": {**TINY, "units": 6, "score": "general"},
        }

    @property
    def extra_outputs(self):
        """See `Model`."""
        return ("attention",)

    @property
    def causal(self):
        """See `Model`."""
        return super().causal and not self.bidirectional

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)

        # === Functional Model ===
        frames, x = inputs.frame_features(stream, shape, self)  # (B, T, H, W, 3) -> (B, T, D) or (B, T, H', W', C)
        x = inputs.vectors(x)  # (B, T, D)
        x = layers.Dropout(self.dropout, name="feature_dropout")(x)
        states, query = self._read(x)  # (B, T, units), (B, units)
        attend = DotProductAttention(self.score, units=self.units if self.score == "concat" else None, name="attend")
        context, coefficients = attend(query, states)  # (B, units), (B, T)
        x = layers.Concatenate(name="context_and_state")([context, query])
        if self.hidden:
            x = layers.Dense(self.hidden, activation="tanh", use_bias=False, name="attentional_state")(x)
        x = layers.Dropout(self.dropout, name="output_dropout")(x)
        outputs = heads.per_clip(x, classes)
        outputs["attention"] = layers.Activation("linear", dtype="float32", name="attention")(coefficients)
        return keras.Model({stream: frames}, outputs, name=self.name)

    def _read(self, x):
        """All states, and the last one of each direction."""
        lstm = layers.LSTM(self.units, return_sequences=True, return_state=True, name="lstm")
        if not self.bidirectional:
            states, last, _ = lstm(x)
            return states, last
        states, forward, _, backward, _ = layers.Bidirectional(lstm, name="bidirectional")(x)
        return states, layers.Concatenate(name="last_states")([forward, backward])
