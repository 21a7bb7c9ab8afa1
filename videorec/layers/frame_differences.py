"""`FrameDifferences`: features of each frame, and how they differ from those of other frames."""

import keras
from keras import ops

REFERENCES = ("previous", "mean")


@keras.saving.register_keras_serializable(package="videorec")
class FrameDifferences(keras.layers.Layer):
    """Appends to the features x_t of each frame their differences from references, on the last axis.

    y_t = [x_t, x_t - x_{t-1}, x_t - mean_s x_s], with x_0 for the frame before the first

    Features of a frozen image network show the scene more than what moves in it; the differences leave the scene out.

    Args:
        references: which differences, in this order: `previous` (x_{t-1}), `mean` (over the clip: not causal).

    Call arguments:
        inputs: tensor `(B, T, ..., C)`.

    Returns:
        Tensor `(B, T, ..., C * (1 + len(references)))`.

    Raises:
        ValueError: an unknown reference.
    """

    def __init__(self, references=("previous",), **kwargs):
        if not references or any(name not in REFERENCES for name in references):
            raise ValueError(f"references must be among {', '.join(REFERENCES)}. Received: references={references}")
        super().__init__(**kwargs)
        self.references = tuple(references)

    def call(self, inputs):
        parts = [inputs]
        for name in self.references:
            if name == "previous":
                parts.append(inputs - ops.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1))
            else:
                parts.append(inputs - ops.mean(inputs, axis=1, keepdims=True))
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        *axes, channels = input_shape
        return (*axes, None if channels is None else channels * (1 + len(self.references)))

    def get_config(self):
        return {**super().get_config(), "references": self.references}
