"""What a recogniser learns: from the logits of its steps to the probabilities of one class, of several, or of every frame.

Each model's `build` makes the outputs of its first target, for most the one class of a clip. The other targets need other
outputs on the same layers: no weight is added, and none is lost.
"""

from collections.abc import Mapping

import keras
from keras import layers

from videorec.config import Model, Recogniser, UserError
from videorec.layers import StepAggregation


def check(model: Model, known: Mapping[str, type[Model]]) -> None:
    """Raises UserError unless the model can learn its target, naming those of the `known` models that can."""
    target = getattr(model, "target", None)
    if target is None or target in model.targets:
        return
    able = sorted(name for name, cls in known.items() if target in cls.targets and cls.trained)
    reason = "needs an answer at every frame" if target == "dense" else f"is not what {model.name} learns"
    raise UserError(
        f"The target {target} {reason}: {', '.join(able) or 'no model'} can learn it. "
        f"Received: {model.name}, whose targets are {', '.join(model.targets)}"
    )


def on_steps(network: keras.Model, model: Recogniser) -> keras.Model:
    """The network with the outputs of the model's target, float32; all others stay.

    * clip: `steps` logits `(B, S, C)`, `probabilities` `(B, C)`, which sum to 1: as built.
    * multilabel: the same shapes. Each class has a sigmoid of its own at every step, and the clip's probability of a class is
      its aggregate over the steps, by the model's own rule (`aggregation`, or the mean); they need not sum to 1.
    * dense: `steps` `(B, T, C)`, `probabilities` `(B, T, C)`, see `of_frames`.

    Args:
        network: what `model.build` gave.
        model: a target that `check` lets pass.
    """
    if model.target == model.targets[0]:
        return network
    steps = network.output["steps"]
    if model.target == "dense":
        probabilities = of_frames(steps, model.exclusive)
    else:
        each = layers.Activation("sigmoid", dtype="float32", name="step_probabilities")(steps)
        mode = getattr(model, "aggregation", "mean")
        probabilities = StepAggregation(mode, exclusive=False, name="probabilities")(each)  # (B, S, C) -> (B, C)
    return keras.Model(network.input, network.output | {"probabilities": probabilities}, name=network.name)


def of_frames(steps, exclusive: bool):
    """The probabilities `(B, T, C)` of every frame, float32, from its logits `steps`: the sigmoid of each class (Yeung et al.
    2018, arXiv 1507.05738), or the softmax over the classes where a frame has one of them."""
    function = "softmax" if exclusive else "sigmoid"
    return layers.Activation(function, dtype="float32", name="probabilities")(steps)
