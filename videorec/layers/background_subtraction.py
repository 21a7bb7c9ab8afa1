"""What a fixed camera shows, less the scene: that of the whole video, or of what was seen so far."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class BackgroundSubtraction(keras.layers.Layer):
    """Each frame's features less their median over all frames.

        y_t = x_t - median_s x_s,   each place and channel by itself

    The temporal median filter (Lo and Velastin 2001, "Automatic congestion detection system for underground platforms"): with a
    fixed camera it is the scene itself, wherever nothing hides a place for half of the time. Not causal.

    Call arguments:
        inputs: tensor `(B, T, ..., C)`.

    Returns:
        Tensor of the same shape.

    Example:

    >>> BackgroundSubtraction()(np.random.random((2, 30, 16, 20, 3))).shape
    (2, 30, 16, 20, 3)
    """

    causal = False

    def call(self, inputs):
        batch, time = ops.shape(inputs)[:2]
        # Not `ops.median`, which TensorFlow Lite does not translate.
        flat = ops.reshape(inputs, (batch, time, math.prod(inputs.shape[2:])))  # (B, T, D)
        rising = ops.sort(ops.transpose(flat, (0, 2, 1)))  # (B, D, T)
        middle = [ops.take(rising, [k], axis=-1) for k in ((time - 1) // 2, time // 2)]  # one step, or the two in the middle
        return inputs - ops.reshape((middle[0] + middle[1]) / 2, (batch, 1, *inputs.shape[2:]))

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="videorec")
class RunningBackgroundSubtraction(keras.layers.Layer):
    """Each frame's features less their running average.

        y_t = x_t - m_t,   m_t = m_{t-1} + (x_t - m_{t-1}) / min(t + 1, past),   t = 0, 1, ...

    The running average by which Wren et al. 1997 ("Pfinder: real-time tracking of the human body") follow the scene; up to
    frame `past` it is the plain mean of the frames so far, so that it does not cling to the first one. Causal: a stream keeps
    one frame. In float32 whatever the layer's precision: half of it would lose such small steps.

    Args:
        past: about how many frames back the average reaches, 1 or more.

    Call arguments:
        inputs: tensor `(B, T, ..., C)`.

    Returns:
        Tensor of the same shape, float32.

    Raises:
        ValueError: `past` below 1.

    Attributes:
        cell: one step for streams, `RunningBackgroundSubtractionCell`.

    Example:

    >>> RunningBackgroundSubtraction(300)(np.random.random((2, 30, 16, 20, 3))).shape
    (2, 30, 16, 20, 3)
    """

    causal = True

    def __init__(self, past, **kwargs):
        if past < 1:
            raise ValueError(f"past must be 1 or more. Received: past={past}")
        super().__init__(**kwargs)
        self.past = past

    def build(self, input_shape):
        self.cell = RunningBackgroundSubtractionCell(self.past, dtype="float32", name="cell")
        self._steps = keras.layers.RNN(self.cell, return_sequences=True, dtype="float32", name="steps")
        self._steps.build(input_shape)

    def call(self, inputs):
        return self._steps(inputs)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, "float32")

    def get_config(self):
        return {**super().get_config(), "past": self.past}


@keras.saving.register_keras_serializable(package="videorec")
class RunningBackgroundSubtractionCell(keras.layers.Layer):
    """`RunningBackgroundSubtraction`, one step at a time.

    Args:
        past: see there.

    Call arguments:
        inputs: tensor `(B, ..., C)`.
        states: list of the average so far `(B, ..., C)` and, `(B, 1)`, how many frames it is of, at most `past`.

    Returns:
        `(output, new_states)`, output `(B, ..., C)`.
    """

    state_size = (None, 1)  # the first is that of the input

    def __init__(self, past, **kwargs):
        super().__init__(**kwargs)
        self.past = past

    def build(self, inputs_shape):
        self.frame_shape = tuple(inputs_shape[1:])

    def get_initial_state(self, batch_size=None):
        """The states before the first step."""
        return [ops.zeros((batch_size, *shape), dtype=self.compute_dtype) for shape in (self.frame_shape, (1,))]

    def call(self, inputs, states):
        average, frames = states
        frames = ops.minimum(frames + 1, float(self.past))
        average = average + (inputs - average) / ops.reshape(frames, (-1, *[1] * len(self.frame_shape)))
        return inputs - average, [average, frames]

    def get_config(self):
        return {**super().get_config(), "past": self.past}
