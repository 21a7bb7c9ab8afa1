"""`WindowAttentionLSTMCell`: one step of an LSTM that weighs the last frames for its input."""

import keras
from keras import ops

from videorec.layers.attention_rnn import AttentionCell
from videorec.layers.cell_arguments import fresh

SCORES = ("product", "dot", "uniform")


@keras.saving.register_keras_serializable(package="videorec")
class WindowAttentionLSTMCell(AttentionCell, keras.layers.LSTMCell):
    """One step of `WindowAttentionLSTM`, with its arguments.

    Call arguments:
        inputs: tensor `(B, D)`, the features of a frame.
        states: list `[h, c, window, filled]`, `[h, c, window, filled, keys]` with score "product":
            h and c `(B, units)`; `window` `(B, N * D)`, the features of the last N frames, the oldest first; `filled` `(B, N)`,
            1 where the window holds a frame and 0 before the first; `keys` `(B, N * A)`, tanh(W_va v) of those frames, so that
            each frame is transformed once.
        training: whether dropout is on.

    Returns:
        `(output, new_states)`. Output: h `(B, units)`; with `return_coefficients` the pair of it and alpha `(B, N)`.

    Attributes:
        kernel `(D, 4 units)`, recurrent_kernel `(units, 4 units)`, bias `(4 units,)`: the LSTM's, gates in order i, f, c, o.
        query_kernel: W_ha `(units, A)`; with score "dot" W `(units, D)`, or None where units equals D.
        key_kernel: W_va `(D, A)`; score "product".
        score_kernel: w_ae `(A,)`; score "product".
    """

    def __init__(self, units, window=15, score="product", attention_units=100, return_coefficients=False, **kwargs):
        if units < 1 or window < 1 or attention_units < 1:
            raise ValueError(
                "units, window and attention_units must be at least 1. "
                f"Received: units={units}, window={window}, attention_units={attention_units}"
            )
        if score not in SCORES:
            raise ValueError(f"score must be one of {', '.join(SCORES)}. Received: score={score!r}")
        super().__init__(units, **kwargs)
        self.window, self.score = window, score
        self.attention_units, self.return_coefficients = attention_units, return_coefficients
        self.output_size = units

    def build(self, inputs_shape):
        if len(inputs_shape) != 2 or inputs_shape[-1] is None:
            raise ValueError(
                "WindowAttentionLSTM needs features (B, T, D) with a known D. "
                f"Received: features of a frame of shape {tuple(inputs_shape)}"
            )
        super().build(inputs_shape)
        size = inputs_shape[-1]
        self.query_kernel = self.key_kernel = self.score_kernel = None
        self.state_size = [self.units, self.units, self.window * size, self.window]
        if self.score == "product":
            self.query_kernel = self._attention_weight("query_kernel", (self.units, self.attention_units))
            self.key_kernel = self._attention_weight("key_kernel", (size, self.attention_units))
            self.score_kernel = self._attention_weight("score_kernel", (self.attention_units,))
            self.state_size.append(self.window * self.attention_units)
        elif self.score == "dot" and size != self.units:
            self.query_kernel = self._attention_weight("query_kernel", (self.units, size))

    def _attention_weight(self, name, shape):
        options = {"initializer": fresh(self.kernel_initializer), "regularizer": self.kernel_regularizer}
        return self.add_weight(name=name, shape=shape, **options)

    def get_initial_state(self, batch_size=None):
        """The states before the first frame: zeros, and an empty window."""
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in self.state_size]

    def count_places(self, frame_shape):
        """The number of frames that are weighed."""
        return self.window

    def step(self, inputs, states, training):
        """h `(B, units)`, coefficients `(B, N)`, and the list of the new states."""
        h, c, window, filled, *keys = states
        window = _append(window, inputs)
        filled = _append(filled, ops.ones_like(filled[:, :1]))
        keys = [_append(k, ops.tanh(ops.matmul(inputs, self.key_kernel))) for k in keys]
        frames = ops.reshape(window, (-1, self.window, inputs.shape[-1]))  # (B, N, D)
        coefficients = self._coefficients(h, frames, filled, keys)  # (B, N)
        x = ops.matmul(coefficients[:, None], frames)[:, 0]  # (B, D)
        h, (_, c) = keras.layers.LSTMCell.call(self, x, [h, c], training=training)
        return h, coefficients, [h, c, window, filled, *keys]

    def _coefficients(self, hidden, frames, filled, keys):
        """`(B, N)` that sum to 1, and are 0 where the window is empty."""
        if self.score == "uniform":
            return filled / ops.sum(filled, axis=-1, keepdims=True)
        # float32: sums of half precision exponentials are coarse. Finite, where minus infinity has no clean gradient.
        scores = ops.where(filled > 0, ops.cast(self._scores(hidden, frames, keys), "float32"), -3e38)
        return ops.cast(ops.softmax(scores, axis=-1), self.compute_dtype) * filled

    def _scores(self, hidden, frames, keys):
        """`(B, N)` from the previous hidden state and the frames, empty places too."""
        if self.score == "product":
            query = ops.tanh(ops.matmul(hidden, self.query_kernel)) * self.score_kernel  # (B, A)
            keys = ops.reshape(keys[0], (-1, self.window, self.attention_units))  # (B, N, A)
        else:
            query = hidden if self.query_kernel is None else ops.matmul(hidden, self.query_kernel)  # (B, D)
            keys = frames
        return ops.matmul(keys, query[:, :, None])[..., 0]

    def get_config(self):
        own = ("window", "score", "attention_units", "return_coefficients")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _append(window, newest):
    """A flat window `(B, N * k)` without its oldest entry `(B, k)`, and with the newest."""
    return ops.concatenate([window[:, newest.shape[-1] :], newest], axis=-1)
