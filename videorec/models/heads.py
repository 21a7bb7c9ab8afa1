"""What the recognisers end in: from features of each step, or of the clip, to `steps` and `probabilities`."""

from keras import layers

from videorec.layers import StepAggregation


def per_step(x, classes: int, aggregation: str = "mean") -> dict:
    """A classifier shared by all steps, softmax at every step, and their aggregate.

    Args:
        x: `(B, S, D)`.
        classes: C.
        aggregation: how the steps' probabilities become the clip's, see `StepAggregation`.

    Returns:
        `{"steps": logits (B, S, C), "probabilities": (B, C)}`, both float32: exact under mixed precision.
    """
    steps = layers.Dense(classes, dtype="float32", name="steps")(x)  # (B, S, C)
    softmax = layers.Softmax(dtype="float32", name="step_probabilities")(steps)
    aggregate = StepAggregation(aggregation, dtype="float32", name="probabilities")
    return {"steps": steps, "probabilities": aggregate(softmax)}  # (B, C)


def per_clip(x, classes: int) -> dict:
    """A classifier of the whole clip: one step.

    Args:
        x: `(B, D)`.
        classes: C.

    Returns:
        `{"steps": logits (B, 1, C), "probabilities": (B, C)}`, both float32.
    """
    return per_step(layers.Reshape((1, -1), name="only_step")(x), classes)
