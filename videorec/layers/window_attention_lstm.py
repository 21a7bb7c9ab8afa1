"""`WindowAttentionLSTM`: an LSTM whose input at each step is attention over the last frames (the input of MultiLSTM)."""

import keras
from keras import ops, tree

from videorec.layers.window_attention_cell import WindowAttentionLSTMCell

# What the layer keeps for itself; all other options are its cell's.
LOOP_OPTIONS = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")


@keras.saving.register_keras_serializable(package="videorec")
class WindowAttentionLSTM(keras.layers.RNN):
    """LSTM that reads, at each step, a weighted sum of the last N frames, the weights from its own last state.

        alpha_ij = softmax over j of score(h_{i-1}, v_j),   j = i - N + 1, ..., i
        x_i = sum_j alpha_ij v_j
        h_i, c_i = LSTM(x_i, h_{i-1}, c_{i-1})

    The multiple input of MultiLSTM, Yeung et al. 2018, "Every moment counts" (arXiv 1507.05738); v_j are the features of frame
    j. Frames before the first are not there: alpha is over exactly min(N, i + 1) frames, and 0 elsewhere. Scores:

    - "product", the paper's: w_ae^T [tanh(W_ha h_{i-1}) o tanh(W_va v_j)], o the elementwise product, without biases
    - "dot": h_{i-1} . v_j where units equals D, without weights; otherwise (W^T h_{i-1}) . v_j, W `(units, D)`
    - "uniform": 0, so that x_i is the plain mean of the window (the paper's ablation without attention)

    h_{-1} is 0. The window is part of the cell's state, so that a stream needs no more than the cell.

    In training each step keeps its window for the gradient, N times the memory of the features: 15 x 4,096 values, 100
    steps and a batch of 32 are 786 MB in float32.

    Args:
        units: size of h and c (paper: 512).
        window: N, frames (paper: 15).
        score: "product", "dot" or "uniform".
        attention_units: A, the size of the product score; the others have none.
        return_coefficients: return alpha too. Not inside `Bidirectional`, which joins one output only.
        name, dtype, trainable: as in every Keras layer.
        **options: with the meaning and defaults of `keras.layers.LSTM`: `return_sequences`, `return_state`, `go_backwards`,
            `stateful`, `unroll`, `zero_output_for_mask`; `activation`, `recurrent_activation`, `use_bias`,
            `unit_forget_bias`, `seed`; initializers, regularizers and constraints (kernel_initializer and
            kernel_regularizer also for the attention's weights); `dropout` (of x_i) and `recurrent_dropout`.

    Call arguments:
        sequences: tensor `(B, T, D)`; B and T may be dynamic.
        initial_state: list of the cell's states. Default: zeros, an empty window.
        mask: boolean tensor `(B, T)`, True where a step counts. Other steps change no state, do not enter the window, repeat
            the last output, and have coefficients 0.
        training: whether dropout is on.

    Returns:
        h `(B, units)`, or `(B, T, units)` with `return_sequences`; then, with `return_coefficients`, alpha of the last step
        that counts `(B, N)`, or `(B, T, N)`: entry n of step i belongs to frame i - (N - 1) + n, the last one to frame i
        itself; then, with `return_state`, the states in the cell's order.

    Raises:
        ValueError: an argument outside its range, or features that are not `(B, T, D)`.

    Attributes:
        cell: `WindowAttentionLSTMCell`, one step for streams: `cell(features, states)`, states first from
            `cell.get_initial_state(batch_size)`. It names the weights.
        causal: whether no step needs a later one: not backwards.

    Example:

    >>> features = np.random.random((2, 40, 64))  # (B, T, D)
    >>> layer = WindowAttentionLSTM(32, window=15, return_sequences=True, return_coefficients=True)
    >>> outputs, coefficients = layer(features)
    >>> outputs.shape, coefficients.shape
    ((2, 40, 32), (2, 40, 15))
    """

    def __init__(self, units, window=15, score="product", name=None, dtype=None, trainable=True, **options):
        loop_options = {key: options.pop(key) for key in LOOP_OPTIONS if key in options}
        cell = WindowAttentionLSTMCell(units, window, score, name="cell", dtype=dtype, trainable=trainable, **options)
        super().__init__(cell, name=name, dtype=dtype, trainable=trainable, **loop_options)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    @property
    def causal(self):
        return not self.go_backwards

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(sequences_shape)
        self.state_size = self.cell.state_size  # known once D is
        self.input_spec = keras.layers.InputSpec(shape=(None, None, sequences_shape[-1]))

    def call(self, sequences, initial_state=None, mask=None, training=False):
        outputs = super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        if not self.cell.return_coefficients:
            return outputs
        joined, *states = outputs if self.return_state else [outputs]
        hidden, coefficients = joined[..., : self.cell.units], joined[..., self.cell.units :]
        if mask is not None and self.return_sequences:
            counts = ops.cast(ops.flip(mask, axis=1) if self.go_backwards else mask, "bool")
            coefficients = ops.where(counts[:, :, None], coefficients, 0.0)
        return (hidden, coefficients, *states)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """RNN's loop; where coefficients are part of the output, with the last output as an additional first state.

        At a masked step Keras's JAX loop returns the first state as the last output; TensorFlow's keeps the output itself.
        """
        if not self.cell.return_coefficients:
            return super().inner_loop(sequences, initial_state, mask, training)
        width = self.cell.units + self.cell.window
        nothing = ops.zeros((ops.shape(initial_state[0])[0], width), dtype=self.cell.compute_dtype)
        last, outputs, states = super().inner_loop(sequences, [nothing, *initial_state], mask, training)
        return last, outputs, list(states[1:])

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, time, _ = sequences_shape
        leading = (batch, time) if self.return_sequences else (batch,)
        shapes = [(*leading, self.cell.units)]
        if self.cell.return_coefficients:
            shapes.append((*leading, self.cell.window))
        if self.return_state:
            shapes += [(batch, size) for size in self.state_size]
        return shapes[0] if len(shapes) == 1 else tuple(shapes)

    def compute_mask(self, _, mask):
        """For Keras's implicit masks: only whole sequences keep it."""
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        others = self.cell.return_coefficients + (len(self.state_size) if self.return_state else 0)
        return [mask] + [None] * others if others else mask

    def get_config(self):
        config = super().get_config()
        del config["cell"]
        return {**self.cell.get_config(), **config}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
