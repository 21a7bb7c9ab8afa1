"""`FrameDifferences`: features of each frame, and their differences from other frames."""

import math

import keras
from keras import ops

REFERENCES = ("previous", "mean")


@keras.saving.register_keras_serializable(package="videorec")
class FrameDifferences(keras.layers.Layer):
    """Appends to the features x_t of each frame their differences from references, on the last axis.

        y_t = [x_t, x_t - x_{t-1}, x_t - mean_s x_s],   with x_0 for the frame before the first

    Features of a frozen image network show the scene more than what moves in it: the differences leave the scene out.

    Args:
        references: which differences, in this order: `previous` (x_{t-1}), `mean` (over the clip: not causal).
        radius: `mean`: over the steps at most so many before or after a step, in place of all; 1 or more.

    Call arguments:
        inputs: tensor `(B, T, ..., C)`.

    Returns:
        Tensor `(B, T, ..., C * (1 + len(references)))`.

    Raises:
        ValueError: an unknown reference, or none; a radius below 1.

    Attributes:
        cell: one step for streams, `FrameDifferencesCell`; after `build`, where the layer is causal.
        causal: whether the output of a step depends on no later one: without `mean`.

    Example:

    >>> FrameDifferences(("previous", "mean"))(np.random.random((2, 30, 512))).shape
    (2, 30, 1536)
    """

    def __init__(self, references=("previous",), radius=None, **kwargs):
        if not references or any(name not in REFERENCES for name in references):
            raise ValueError(f"references must be among {', '.join(REFERENCES)}. Received: references={references}")
        if radius is not None and radius < 1:
            raise ValueError(f"radius must be 1 or more, or None for the whole clip. Received: radius={radius}")
        super().__init__(**kwargs)
        self.references, self.radius = tuple(references), radius

    @property
    def causal(self):
        return "mean" not in self.references

    def build(self, input_shape):
        if self.causal:
            self.cell = FrameDifferencesCell(len(self.references), dtype=self.dtype_policy, name="cell")
            self.cell.build((input_shape[0], *input_shape[2:]))

    def call(self, inputs):
        parts = [inputs]
        for name in self.references:
            if name == "previous":
                parts.append(inputs - ops.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1))
            else:
                parts.append(inputs - self._mean(inputs))
        return ops.concatenate(parts, axis=-1)

    def _mean(self, x):
        if self.radius is None:
            return ops.mean(x, axis=1, keepdims=True)
        batch, time = ops.shape(x)[:2]
        flat = ops.reshape(x, (batch, time, math.prod(x.shape[2:])))
        mean = ops.average_pool(flat, 2 * self.radius + 1, 1, "same", "channels_last")  # at the ends: of the steps there are
        return ops.reshape(mean, (batch, time, *x.shape[2:]))

    def compute_output_shape(self, input_shape):
        *axes, channels = input_shape
        return (*axes, None if channels is None else channels * (1 + len(self.references)))

    def get_config(self):
        return {**super().get_config(), "references": self.references, "radius": self.radius}


@keras.saving.register_keras_serializable(package="videorec")
class FrameDifferencesCell(keras.layers.Layer):
    """`FrameDifferences` from the frame before, one step at a time.

    Args:
        times: how often the differences are appended.

    Call arguments:
        inputs: tensor `(B, ..., C)`.
        states: list of x_{t-1} `(B, ..., C)` and, `(B, 1)`, whether there is one (1 or 0).

    Returns:
        `(output, new_states)`, output `(B, ..., C * (1 + times))`.
    """

    def __init__(self, times=1, **kwargs):
        super().__init__(**kwargs)
        self.times = times

    def build(self, inputs_shape):
        self.frame_shape = tuple(inputs_shape[1:])

    def get_initial_state(self, batch_size=None):
        """The states before the first step."""
        return [ops.zeros((batch_size, *shape), dtype=self.compute_dtype) for shape in (self.frame_shape, (1,))]

    def call(self, inputs, states):
        previous, seen = states
        has_previous = ops.reshape(seen, (-1, *[1] * len(self.frame_shape))) > 0
        difference = ops.where(has_previous, inputs - previous, ops.zeros_like(inputs))
        return ops.concatenate([inputs, *[difference] * self.times], axis=-1), [inputs, ops.ones_like(seen)]

    def get_config(self):
        return {**super().get_config(), "times": self.times}
