"""MultiLSTM: dense labels, several at a time; every step reads the last frames and predicts them all."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import Recogniser
from videorec.config.bounds import Count, Part
from videorec.layers.multi_output import MultipleOutput
from videorec.layers.window_attention_lstm import WindowAttentionLSTM
from videorec.models.backbones.tiny import TINY
from videorec.models.streams import frame_features, single, vectors
from videorec.models.targets import of_frames


@dataclass(frozen=True)
class MultiLSTM(Recogniser):
    """Dense labelling of every frame, Yeung et al. 2018, "Every moment counts" (arXiv 1507.05738).

    An LSTM reads a CNN's features frame by frame. Multiple input: attention over the last N frames makes its input. Multiple
    output: it predicts the last N frames at every step, and a frame's logits are the mean of the predictions about it.
    Each class has a sigmoid of its own, so that any number of them may be true of a frame. The paper's systems:

    * LSTM: `inputs="single", outputs="single"`;
    * LSTM + i: `inputs="window", outputs="single"`;
    * LSTM + i + a: `inputs="attention", outputs="single"`;
    * MultiLSTM: the defaults. On 4,096 features of VGG-16 (`backbone="vgg16", tap="fc"`) and 65 classes 10,400,307 parameters
      after the backbone.

    Input: one stream, `rgb` or `flow`, uint8 `(B, T, H, W, 3)`. With tap `map` the map is flattened. Outputs: `steps`
    `(B, T, C)`, logits of every frame; `probabilities`, their sigmoid (`exclusive`: their softmax). With multiple outputs,
    `steps` takes the N - 1 steps after the frame (fewer at the end), and `partial_steps` is what step t alone says of frame t:
    the logits at that time. With attention the coefficients `(B, T, N)`, the oldest frame of the window first, are the output
    `attention`.
    """

    name: ClassVar[str] = "multi_lstm"
    task: ClassVar[str] = "dense"
    targets: ClassVar[tuple[str, ...]] = ("dense",)
    target: Literal["dense"] = "dense"
    """What is learnt: any number of classes at every frame."""
    units: Count = 512
    """Units of the LSTM."""
    window: Count = 15
    """N, frames that a step reads and predicts (paper: 15)."""
    inputs: Literal["single", "window", "attention"] = "attention"
    """What a step reads: its frame, the mean of the last `window` frames, or attention over them."""
    outputs: Literal["single", "multiple"] = "multiple"
    """What a step predicts: its frame, or the last `window` frames."""
    score: Literal["product", "dot"] = "product"
    """How previous state and frame meet in the attention: through a small network (paper), or their dot product."""
    attention_units: Count = 100
    """Width of the product score."""
    output_weights: Literal["uniform", "distance"] = "uniform"
    """Weights of the predictions about a frame: equal (paper), or falling linearly with their distance from it."""
    dropout: Part = 0.5
    """Share of the backbone's features, and of the LSTM's outputs, dropped in training."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {**TINY, "units": 5, "window": 3, "attention_units": 6},
            "dot": {**TINY, "units": 5, "window": 3, "score": "dot", "output_weights": "distance"},
            "attention": {**TINY, "units": 5, "window": 3, "attention_units": 6, "outputs": "single"},
            "window": {**TINY, "units": 5, "window": 3, "inputs": "window", "outputs": "single"},
            "single": {**TINY, "units": 5, "inputs": "single", "outputs": "single"},
            "outputs": {**TINY, "units": 5, "window": 3, "inputs": "single"},
        }

    @property
    def extra_outputs(self):
        """See `Model`."""
        attention = ("attention",) if self.inputs == "attention" else ()
        return (*attention, "partial_steps") if self.outputs == "multiple" else attention

    @property
    def causal(self):
        """See `Model`. (`partial_steps` is causal with multiple outputs too.)"""
        return super().causal and self.outputs == "single"

    @property
    def delay(self) -> int:
        """Steps after a frame until its logits are complete."""
        return self.window - 1 if self.outputs == "multiple" else 0

    def build(self, streams, classes) -> keras.Model:
        stream, shape = single(streams, self.name)

        # === Functional Model ===
        frames, x = frame_features(stream, shape, self)  # (B, T, H, W, 3) -> (B, T, D) or (B, T, H', W', C)
        x = vectors(x)  # (B, T, D)
        x = layers.Dropout(self.dropout, name="feature_dropout")(x)
        outputs = {}
        if self.inputs == "attention":
            x, coefficients = self._lstm()(x)  # (B, T, units), (B, T, N)
            outputs["attention"] = layers.Activation("linear", dtype="float32", name="attention")(coefficients)
        else:
            x = self._lstm()(x)  # (B, T, units)
        x = layers.Dropout(self.dropout, name="output_dropout")(x)
        outputs |= self._logits(x, classes)
        outputs["probabilities"] = of_frames(outputs["steps"], self.exclusive)
        return keras.Model({stream: frames}, outputs, name=self.name)

    def _lstm(self):
        if self.inputs == "single":
            return layers.LSTM(self.units, return_sequences=True, name="lstm")
        return WindowAttentionLSTM(
            self.units,
            self.window,
            score=self.score if self.inputs == "attention" else "uniform",
            attention_units=self.attention_units,
            return_coefficients=self.inputs == "attention",
            return_sequences=True,
            name="lstm",
        )

    def _logits(self, x, classes) -> dict:
        """`steps` `(B, T, classes)`, and `partial_steps` with multiple outputs; float32: exact under mixed precision."""
        if self.outputs == "single":
            return {"steps": layers.Dense(classes, dtype="float32", name="steps")(x)}
        x = layers.Dense(self.window * classes, dtype="float32", name="predictions")(x)
        predictions = layers.Reshape((-1, self.window, classes), dtype="float32", name="predicted_frames")(x)  # (B, T, N, C)
        return {
            "steps": MultipleOutput(self.output_weights, name="steps")(predictions),
            "partial_steps": MultipleOutput(self.output_weights, delay=0, name="partial_steps")(predictions),
        }
