"""GRU-RCN: a convolutional GRU on each of several maps of the CNN, fine to coarse."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import Model, UserError
from videorec.layers import ConvGRU2D, MeanOfSoftmaxes, StackedConvGRU2D
from videorec.models import backbones
from videorec.models import streams as inputs


@dataclass(frozen=True)
class GRURCN(Model):
    """Recurrent convolutional network on percepts of several resolutions, Ballas et al., ICLR 2016 (arXiv 1511.06432).

    Each percept (pool2, pool3, pool4, pool5 and fc7 of VGG-16 in the paper) feeds a ConvGRU of its own; the last state of
    each is averaged over space and classified; the probabilities are the mean of the five softmaxes.

    * `plain`: the levels do not see each other (19,353,600 parameters in the paper's cells).
    * `stacked`: the gates of a level also see the state of the level below, of the same step (21,532,672).
    * `bidirectional`: a second ConvGRU a level reads backwards (38,707,200): the paper's best.

    The loss is the negative log likelihood of the mean, so that `steps` are the mean's logarithms.
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
    filters: tuple[int, ...] = (64, 128, 256, 256, 512)
    """Channels of the state of each percept: one number for each."""
    kernel: int = 3
    """Side of the kernels on maps; a percept without places has 1."""
    use_bias: bool = False
    """Biases in the ConvGRUs (paper: none)."""
    dropout: float = 0.7
    """Share of each pooled state dropped in training."""

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)
        levels = self.levels or backbones.levels(self.backbone)
        count = len(levels) + (self.tap != "map")
        if len(self.filters) != count:
            names = ", ".join(levels) + ("" if self.tap == "map" else f", and {self.tap}")
            raise UserError(
                f"filters must have a number for each percept: {self.backbone} gives {count} here ({names}). "
                f"Received: {self.filters}"
            )

        # === Functional Model ===
        frames, percepts = inputs.level_features(stream, shape, self, levels)  # fine to coarse
        percepts = [inputs.maps(x, f"level{k}_place") for k, x in enumerate(percepts, start=1)]  # (B, T, H_l, W_l, C_l)
        states = self._last_states(percepts)  # (B, H_l, W_l, filters)
        logits = []
        for level, state in enumerate(states, start=1):
            x = layers.GlobalAveragePooling2D(name=f"level{level}_mean_over_space")(state)  # (B, filters)
            x = layers.Dropout(self.dropout, name=f"level{level}_dropout")(x)
            logits.append(layers.Dense(classes, dtype="float32", name=f"level{level}_logits")(x))  # (B, classes)
        steps = MeanOfSoftmaxes(dtype="float32", name="steps")(logits)  # (B, 1, classes)
        softmax = layers.Softmax(dtype="float32", name="step_probabilities")(steps)
        probabilities = layers.Reshape((classes,), dtype="float32", name="probabilities")(softmax)
        outputs = {"steps": steps, "probabilities": probabilities}
        return keras.Model({stream: frames}, outputs, name=self.name)

    def _last_states(self, percepts):
        kernels = [1 if x.shape[2:4] == (1, 1) else self.kernel for x in percepts]
        if self.form == "stacked":
            return StackedConvGRU2D(self.filters, kernels, use_bias=self.use_bias, name="stacked")(percepts)
        states = []
        for level, (x, filters, kernel) in enumerate(zip(percepts, self.filters, kernels, strict=True), start=1):
            gru = ConvGRU2D(filters, kernel, use_bias=self.use_bias, name=f"level{level}")
            if self.form == "bidirectional":
                gru = layers.Bidirectional(gru, name=f"level{level}_bidirectional")
            states.append(gru(x))
        return states
