"""`WindowAttentionLSTM`: an LSTM whose input at each step is attention over the last frames (the input of MultiLSTM)."""

import keras

from videorec.layers.attention_rnn import AttentionRNN
from videorec.layers.window_attention_cell import WindowAttentionLSTMCell


@keras.saving.register_keras_serializable(package="videorec")
class WindowAttentionLSTM(AttentionRNN):
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
        sequences: tensor `(B, T, D)`; B and T may be unknown.
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

    cell_class = WindowAttentionLSTMCell

    def __init__(self, units, window=15, score="product", **options):
        super().__init__(units, window, score, **options)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(sequences_shape)
        self.state_size = self.cell.state_size  # known once D is
        self.input_spec = keras.layers.InputSpec(shape=(None, None, sequences_shape[-1]))
