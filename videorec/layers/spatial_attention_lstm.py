"""`SpatialAttentionLSTM`: an LSTM that chooses, frame by frame, where in the next frame to look."""

import keras
from keras import ops

from videorec.layers.attention_rnn import AttentionRNN
from videorec.layers.spatial_attention_cell import SpatialAttentionLSTMCell


@keras.saving.register_keras_serializable(package="videorec")
class SpatialAttentionLSTM(AttentionRNN):
    """LSTM whose input at each step is a weighted sum of the frame's regions, the weights from its own last state.

        l_t = softmax over the K places of score_i(h_{t-1}, X_t)
        x_t = sum_i l_{t,i} X_{t,i}
        h_t, c_t = stacked LSTM(x_t, h_{t-1}, c_{t-1})

    Sharma et al. 2015, "Action recognition using visual attention" (arXiv 1511.04119). The query h_{t-1} is that of
    the top layer. Scores:

    - "location", the paper's: W_i^T h_{t-1}. It depends on what was seen so far, not on the frame itself
    - "additive", the released code's: U^T tanh(p_i + W_d h_{t-1}) + c with p_i = W_c X_{t,i} + b. More attention
      layers are affine maps of p_i, with a tanh after each but the first (W_c) and the last
    - "dot": X_{t,i} . W h_{t-1}

    h_0 and c_0 are tanh(affine map) of the mean region over time and space: the layer then has to see the whole clip before
    its first step. Dropout is on the inputs of the second and higher LSTM layers, one mask for a clip; x_t is never
    dropped (nor is it in the released code), and with one layer it does nothing.

    Args:
        units: size of the states (paper: 512, and 1024 for HMDB-51).
        layers: stacked LSTM layers (paper: 3, released code: 1).
        score: "location", "additive" or "dot".
        attention_units: a, the size of the additive score. Default: D, as in the code.
        attention_layers: layers of the additive score (code: 1, and 3 for HMDB-51).
        initial_state_from: "mean", of the whole clip; "first_frame", of that frame's regions; "zeros".
        shared_initial_state: one pair of affine maps for all layers instead of a pair each (the paper does not say).
        query_layer: index of the LSTM layer whose h_{t-1} is the query.
        dropout, recurrent_dropout: shares dropped between the layers, and of h_{t-1} inside the cells.
        kernel_initializer, recurrent_initializer, bias_initializer, unit_forget_bias: as in `keras.layers.LSTM`; the first
            and third also for attention and initial states. The same holds for `kernel_regularizer`,
            `recurrent_regularizer` and `bias_regularizer`.
        return_coefficients: return l too. Not inside `Bidirectional`, which joins one output only.
        name, dtype, trainable: as in every Keras layer.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in `keras.layers.RNN`.
            `stateful` needs `initial_state_from="zeros"`.

    Call arguments:
        sequences: tensor `(B, T, H, W, D)` or `(B, T, K, D)`; B and T may be unknown.
        initial_state: list `[h_1, c_1, h_2, c_2, ...]`, taken instead of the computed one.
        mask: boolean tensor `(B, T)`, True where a step counts. Other steps change no state, take no part in the mean, repeat
            the last output, and have coefficients 0.
        training: whether dropout is on.

    Returns:
        The output `(B, units)`, or `(B, T, units)` with `return_sequences`; then, with `return_coefficients`, those of the last
        step that counts `(B, K)`, or `(B, T, K)`; then, with `return_state`, the states in the order of `initial_state`.

    Raises:
        ValueError: an argument outside its range, or maps of unknown height, width or channels.

    Attributes:
        cell: `SpatialAttentionLSTMCell`, one step for streams: `cell(frame, states)` with states first from
            `cell.get_initial_state(batch_size)` ("zeros") or `cell.get_initial_state(frame=first_frame)` ("first_frame").
        causal: whether no step needs a later one: not with "mean", and not backwards.

    Example:

    >>> maps = np.random.random((2, 30, 7, 7, 64))  # (B, T, H, W, D)
    >>> layer = SpatialAttentionLSTM(32, layers=3, return_sequences=True, return_coefficients=True)
    >>> outputs, coefficients = layer(maps)
    >>> outputs.shape, coefficients.shape
    ((2, 30, 32), (2, 30, 49))
    """

    cell_class = SpatialAttentionLSTMCell

    def __init__(self, units, layers=1, score="location", **options):
        super().__init__(units, layers, score, **options)
        if self.stateful and self.cell.initial_state_from != "zeros":
            raise ValueError(
                "A stateful layer goes on from the last batch's states: it needs initial_state_from='zeros'. "
                f"Received: initial_state_from={self.cell.initial_state_from!r}"
            )

    @property
    def causal(self):
        return self.cell.initial_state_from != "mean" and not self.go_backwards

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if initial_state is None and self.cell.initial_state_from != "zeros":
            initial_state = self.cell.states_from(self._mean_region(sequences, mask))
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        cells = self.cell.cells
        if training:  # masks are drawn before the loop, or they would belong to one of its steps
            for lstm in cells:
                lstm.get_dropout_mask(initial_state[0])
                lstm.get_recurrent_dropout_mask(initial_state[0])
        results = super().inner_loop(sequences, initial_state, mask, training)
        for lstm in cells:
            lstm.reset_dropout_mask()
            lstm.reset_recurrent_dropout_mask()
        return results

    def _mean_region(self, sequences, mask):
        """`(B, D)`: mean over the clip's regions, or over those of the first frame that is read."""
        places = tuple(range(2, len(sequences.shape) - 1))
        first_only = self.cell.initial_state_from == "first_frame"
        if first_only and mask is None:
            t = -1 if self.go_backwards else 0
            return ops.mean(sequences[:, t : t + 1 or None], axis=(1, *places))
        means = ops.cast(ops.mean(sequences, axis=places), "float32")  # (B, T, D)
        if mask is None:
            return ops.mean(means, axis=1)
        weights = ops.cast(mask, "float32")
        if first_only:
            in_order = ops.flip(weights, axis=1) if self.go_backwards else weights
            first = in_order * ops.cast(ops.cumsum(in_order, axis=1) == 1, "float32")
            weights = ops.flip(first, axis=1) if self.go_backwards else first
        total = ops.sum(means * weights[:, :, None], axis=1)
        return total / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)
