"""LRCN: a CNN over each frame, an LSTM over its features, a class at every step."""

from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import layers

from videorec.config import Recogniser
from videorec.config.bounds import Count, Part, Positive
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class LRCN(Recogniser):
    """Long-term recurrent convolutional network, Donahue et al., CVPR 2015 (arXiv 1411.4389).

    An LSTM without peepholes reads the CNN's features frame by frame and predicts the class at every step; the clip's
    probabilities are the mean of the steps' softmax. The paper's network: `backbone="caffenet_hybrid", tap="fc",
    dropout=0.9, uniform_init=0.01, trainable_from="all"`, with 256 units (65,421,285 parameters for 101 classes; for
    flow, arXiv v4 has 1024 units: 82,016,997). The defaults keep the head and take a lighter, frozen backbone.

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. With tap `map` the map is flattened for the LSTM.
    """

    name: ClassVar[str] = "lrcn"
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel", "dense")
    units: Count = 256
    """Units of the LSTM (of each direction)."""
    dropout: Part = 0.5
    """Share of the backbone's features dropped in training (paper, end to end: 0.9)."""
    output_dropout: Part = 0.5
    """Share of the LSTM's outputs dropped in training."""
    uniform_init: Positive | None = None
    """LSTM weights start uniform in [-x, x] and all biases at 0 (paper: 0.01). Default: Keras's initial weights."""
    bidirectional: bool = False
    """Read the clip in both directions; each step then sees the whole clip, and the model cannot stream."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "units": 8},
            "differences": {**TINY, "units": 6, "differences": ("previous",)},
            "bidirectional": {**TINY, "tap": "map", "units": 6, "bidirectional": True},
        }

    @property
    def causal(self):
        """See `Model`."""
        return super().causal and not self.bidirectional

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)

        # === Layers ===
        lstm = self._lstm()
        if self.bidirectional:
            lstm = layers.Bidirectional(lstm, name="bidirectional")
        # float32: logits and probabilities stay exact under mixed precision.
        classifier = layers.Dense(classes, dtype="float32", name="steps")
        softmax = layers.Softmax(dtype="float32", name="step_probabilities")
        mean = layers.GlobalAveragePooling1D(dtype="float32", name="probabilities")

        # === Functional Model ===
        frames, x = inputs.frame_features(stream, shape, self)  # (B, T, H, W, 3) -> (B, T, D) or (B, T, H', W', C)
        x = inputs.vectors(x)  # (B, T, D)
        x = layers.Dropout(self.dropout, name="feature_dropout")(x)
        x = lstm(x)  # (B, T, units)
        x = layers.Dropout(self.output_dropout, name="output_dropout")(x)
        steps = classifier(x)  # (B, T, classes)
        probabilities = mean(softmax(steps))  # (B, classes)
        return keras.Model({stream: frames}, {"steps": steps, "probabilities": probabilities}, name=self.name)

    def _lstm(self):
        if self.uniform_init is None:
            return layers.LSTM(self.units, return_sequences=True, name="lstm")
        x = self.uniform_init
        return layers.LSTM(
            self.units,
            return_sequences=True,
            # Two initialisers: one instance with a seed of its own would give equal values twice.
            kernel_initializer=keras.initializers.RandomUniform(-x, x),
            recurrent_initializer=keras.initializers.RandomUniform(-x, x),
            unit_forget_bias=False,
            name="lstm",
        )
