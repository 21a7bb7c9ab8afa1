"""The labels of the frames to come, from what changed on a coarse grid in those seen. For fixed cameras."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import UserError
from videorec.config.bounds import Count
from videorec.layers import StepAggregation
from videorec.models.backbones.tiny import TINY
from videorec.models.change_grid import ChangeGrid


@dataclass(frozen=True)
class ChangeGridAnticipation(ChangeGrid):
    """`change_grid` over the frames seen, in both directions, and one classifier for each of the K frames to come.

    Both directions and the mean around a frame look at frames that were seen: no future is read.

    Input: one stream, `rgb` or `flow`, uint8 `(B, J, H, W, 3)`, any J. Outputs: `steps` `(B, K, classes)` logits, and
    `probabilities` `(B, classes)`, the mean of their softmaxes.
    """

    name: ClassVar[str] = "change_grid_anticipation"
    task: ClassVar[str] = "anticipation"
    tasks: ClassVar[dict[str, str]] = {"labels": "anticipation"}
    targets: ClassVar[tuple[str, ...]] = ("labels",)
    target: Literal["labels"] = "labels"
    """What is learnt: the labels of the coming steps, one of all classes each."""
    horizon: Count = 5
    """K, frames to come whose labels are asked for."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        tiny = {**TINY, "tap": "map", "units": 5, "cell": 2, "horizon": 3}
        return {"plain": tiny, "forwards": {**tiny, "bidirectional": False, "differences": ("previous",)}}

    def build(self, streams, classes) -> keras.Model:
        if self.exclusive:
            raise UserError("exclusive is for the target dense: a frame to come has one class in any case. Received: True")

        # === Functional Model ===
        frames, x = self.states(streams, last=True)  # (B, J, H, W, 3) -> (B, units)
        x = layers.Dense(self.horizon * classes, dtype="float32", name="to_come")(x)
        steps = layers.Reshape((self.horizon, classes), dtype="float32", name="steps")(x)  # (B, K, classes)
        softmax = layers.Softmax(dtype="float32", name="step_probabilities")(steps)
        probabilities = StepAggregation("mean", dtype="float32", name="probabilities")(softmax)  # (B, classes)
        return keras.Model(frames, {"steps": steps, "probabilities": probabilities}, name=self.name)
