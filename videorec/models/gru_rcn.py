"""GRU-RCN: a convolutional GRU on each of several maps of the CNN, fine to coarse."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import Recogniser, UserError
from videorec.config.bounds import Count, CountOrZero, Part
from videorec.layers import ConvGRU2D, MeanOfSigmoids, MeanOfSoftmaxes, StackedConvGRU2D, TimeDistributed
from videorec.models import streams as inputs
from videorec.models.backbones import levels as levels_of
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class GRURCN(Recogniser):
    """Recurrent convolutional network on percepts of several resolutions, Ballas et al., ICLR 2016 (arXiv 1511.06432).

    Each percept (pool2, pool3, pool4, pool5 and fc7 of VGG-16 in the paper) feeds a ConvGRU of its own; the last state of
    each is averaged over space and classified; the probabilities are the mean of the five softmaxes.

    * `plain`: the levels do not see each other (19,353,600 parameters in the paper's cells).
    * `stacked`: the gates of a level also see the state of the level below, of the same step (21,532,672).
    * `bidirectional`: a second ConvGRU a level reads backwards (38,707,200): the paper's best.

    The loss is the negative log likelihood of the mean, so that `steps` are the mean's logarithms (with several labels a clip,
    the logits of the mean of sigmoids).
    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. One step (S = 1).
    """

    name: ClassVar[str] = "gru_rcn"
    tap: Literal["map", "pooled", "fc"] = "pooled"
    """The coarsest percept, after the levels' maps: the average of the last map, a fully connected layer (paper), or, with
    map, none."""
    levels: tuple[str, ...] = ()
    """Backbone layers whose maps are percepts, fine to coarse. Default: the last layer of each resolution."""
    form: Literal["plain", "stacked", "bidirectional"] = "plain"
    """How levels and directions are joined."""
    filters: tuple[Count, ...] = (64, 128, 256, 256, 512)
    """Channels of the state of each percept: one number for each."""
    reduce: CountOrZero | None = None
    """Channels of a 1 x 1 convolution (ReLU) on each map ahead of its ConvGRU. Default: none."""
    kernel: Count = 3
    """Side of the kernels on maps; a percept without places has 1."""
    use_bias: bool = False
    """Biases in the ConvGRUs (paper: none)."""
    states: Literal["last", "mean"] = "last"
    """What is classified: the state after the last frame (paper), or the mean of the states after each frame."""
    percept_dropout: Part = 0.0
    """Share of each percept's channels dropped in training, the same at all places of a frame."""
    dropout: Part = 0.7
    """Share of each pooled state dropped in training."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "filters": (3, 3, 3, 4)},
            "stacked": {**TINY, "filters": (3, 3, 3, 4), "form": "stacked", "use_bias": True},
            "mean": {**TINY, "filters": (3, 3, 3, 4), "form": "stacked", "states": "mean", "reduce": 4, "percept_dropout": 0.5},
            "bidirectional": {
                **TINY,
                "levels": ("conv2",),
                "filters": (3, 4),
                "form": "bidirectional",
                "differences": ("mean", "previous"),
            },
        }

    @property
    def causal(self):
        """See `Model`."""
        return super().causal and self.form != "bidirectional"

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)
        levels = self.levels or levels_of(self.backbone)
        count = len(levels) + (self.tap != "map")
        if len(self.filters) != count:
            names = ", ".join(levels) + ("" if self.tap == "map" else f", and {self.tap}")
            raise UserError(
                f"filters must have a number for each percept: {self.backbone} gives {count} here ({names}). "
                f"Received: {self.filters}"
            )

        # === Functional Model ===
        frames, percepts = inputs.level_features(stream, shape, self, levels)  # fine to coarse
        percepts = [self._prepare(x, level) for level, x in enumerate(percepts, start=1)]  # (B, T, H_l, W_l, C_l)
        states = self._states(percepts)  # (B, H_l, W_l, filters); states="mean": (B, T, H_l, W_l, filters)
        mean = layers.GlobalAveragePooling2D if self.states == "last" else layers.GlobalAveragePooling3D
        logits = []
        for level, state in enumerate(states, start=1):
            x = mean(name=f"level{level}_mean")(state)  # (B, filters)
            x = layers.Dropout(self.dropout, name=f"level{level}_dropout")(x)
            logits.append(layers.Dense(classes, dtype="float32", name=f"level{level}_logits")(x))  # (B, classes)
        join = MeanOfSoftmaxes if self.target == "clip" else MeanOfSigmoids
        steps = join(dtype="float32", name="steps")(logits)  # (B, 1, classes)
        softmax = layers.Softmax(dtype="float32", name="step_probabilities")(steps)
        probabilities = layers.Reshape((classes,), dtype="float32", name="probabilities")(softmax)
        outputs = {"steps": steps, "probabilities": probabilities}
        return keras.Model({stream: frames}, outputs, name=self.name)

    def _prepare(self, x, level):
        if self.reduce and len(x.shape) == 5:
            reduce = layers.Conv2D(self.reduce, 1, activation="relu")
            x = TimeDistributed(reduce, name=f"level{level}_reduce")(x)
        x = inputs.maps(x, f"level{level}_place")
        if not self.percept_dropout:
            return x
        return TimeDistributed(layers.SpatialDropout2D(self.percept_dropout), name=f"level{level}_percept_dropout")(x)

    def _states(self, percepts):
        kernels = [1 if x.shape[2:4] == (1, 1) else self.kernel for x in percepts]
        options = {"use_bias": self.use_bias, "return_sequences": self.states == "mean"}
        if self.form == "stacked":
            return StackedConvGRU2D(self.filters, kernels, **options, name="stacked")(percepts)
        states = []
        for level, (x, filters, kernel) in enumerate(zip(percepts, self.filters, kernels, strict=True), start=1):
            gru = ConvGRU2D(filters, kernel, **options, name=f"level{level}")
            if self.form == "bidirectional":
                gru = layers.Bidirectional(gru, name=f"level{level}_bidirectional")
            states.append(gru(x))
        return states
