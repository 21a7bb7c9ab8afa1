"""The baseline without memory: the mean of the frames' features, and a classifier."""

from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import layers

from videorec.config import Recogniser
from videorec.config.bounds import CountOrZero, Part
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class FrameAverage(Recogniser):
    """Mean of the frames' features over time, then a classifier: blind to the order of the frames.

    What a recurrent model gains over this one on the same backbone is what it learns from order and motion.

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. One step (S = 1). With tap `map` the map is flattened. For
    dense labels the mean is left out: the classifier sees each frame alone.
    """

    name: ClassVar[str] = "frame_average"
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel", "dense")
    hidden: CountOrZero | None = None
    """Units of a hidden layer (ReLU) before the classifier. Default: none."""
    dropout: Part = 0.5
    """Share of the features that enter the classifier dropped in training."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "hidden": 8},
        }

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)

        # === Layers ===
        # float32: logits and probabilities stay exact under mixed precision.
        classifier = layers.Dense(classes, dtype="float32", name="steps")
        softmax = layers.Softmax(dtype="float32", name="step_probabilities")
        only_step = layers.GlobalAveragePooling1D(dtype="float32", name="probabilities")

        # === Functional Model ===
        frames, x = inputs.frame_features(stream, shape, self)  # (B, T, H, W, 3) -> (B, T, D) or (B, T, H', W', C)
        x = inputs.vectors(x)  # (B, T, D)
        if self.target != "dense":
            x = layers.GlobalAveragePooling1D(keepdims=True, name="mean_over_time")(x)  # (B, 1, D)
        if self.hidden:
            x = layers.Dense(self.hidden, activation="relu", name="hidden")(x)
        x = layers.Dropout(self.dropout, name="dropout")(x)
        steps = classifier(x)  # (B, 1, classes); dense: (B, T, classes)
        probabilities = only_step(softmax(steps))  # (B, classes)
        return keras.Model({stream: frames}, {"steps": steps, "probabilities": probabilities}, name=self.name)
