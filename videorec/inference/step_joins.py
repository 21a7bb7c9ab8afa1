"""What joins all steps so far: running means and maxima, the last step, the sequence that a forecaster goes on from."""

import keras
from keras import ops

from videorec.inference.step_cells import StepCell


class Join(StepCell):
    """A cell that joins all steps, with `get_initial_state`, `update(inputs, states)` and `result(states)`, around its input
    and output.

    Args:
        cell: such as `TemporalPoolingCell`.
        before: what is done to each frame `(B, ...)` ahead of it.
        after: what is done to the result.
    """

    def __init__(self, cell, before=lambda x: x, after=lambda y: y):
        self.cell, self.before, self.after = cell, before, after

    def get_initial_state(self, batch_size=None):
        return self.cell.get_initial_state(batch_size)

    def update(self, inputs, states):
        return [], self.cell.update(self.before(inputs), states)

    def result(self, states, inputs=None):
        return [self.after(self.cell.result(states))]


class Last(StepCell):
    """The last step.

    Args:
        frame: a step `(B, ...)`, for its shape and type.
        keepdims: whether the result has one step, or none.
    """

    def __init__(self, frame, keepdims: bool):
        self.frame, self.keepdims = frame, keepdims

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, *self.frame.shape[1:]), dtype=self.frame.dtype)]

    def update(self, inputs, states):
        return [], [inputs]

    def result(self, states, inputs=None):
        return [states[0][:, None] if self.keepdims else states[0]]


class NextFrames(StepCell):
    """`NextFrameConvLSTM2D`: what it forecasts after the last frame, from the states that the frames have left.

    Args:
        layer: built.
    """

    def __init__(self, layer):
        self.layer = layer

    def get_initial_state(self, batch_size=None):
        return self.layer.cell.get_initial_state(batch_size)

    def update(self, inputs, states):
        seen = ops.concatenate([inputs, ops.ones_like(inputs[..., :1])], axis=-1)
        return [], self.layer.cell(seen, states)[1]

    def result(self, states, inputs=None):
        """`(B, K, ...)`: of the layer's `(B, J + K - 1, ...)` the last K."""
        first, more = states[-1][:, None], self.layer.horizon - 1
        if not more:
            return [first]
        frame = states[-1]
        nothing = ops.zeros((ops.shape(frame)[0], more, *frame.shape[1:-1], frame.shape[-1] + 1), dtype=frame.dtype)
        rest = keras.layers.RNN.call(self.layer, nothing, initial_state=list(states))  # it reads its own forecasts
        return [ops.concatenate([first, rest], axis=1)]
