"""`ConvGRU2D`: a GRU over sequences of maps, with convolutions in place of matrix products."""

import keras
from keras import ops

from videorec.layers.cell_rnn import CellRNN
from videorec.layers.conv_gru2d_cell import ConvGRU2DCell
from videorec.layers.steps import InputTermRNN


class ConvRNN2D(InputTermRNN, keras.layers.RNN):
    """What `keras.layers.RNN` lacks for a cell whose states are maps."""

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, time, *step = sequences_shape
        output, states = self.cell.compute_output_shape((batch, *step))
        if self.return_sequences:
            output = (batch, time, *output[1:])
        return (output, *states) if self.return_state else output

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if mask is not None:
            # One value a map. On JAX, Keras's loop would set a mask (B, 1) against the last axes of (B, H, W, f).
            mask = ops.expand_dims(mask, (2, 3, 4))  # (B, T, 1, 1, 1)
        if training:
            self.cell.draw_dropout_masks(ops.shape(sequences)[0])  # before the loop: the same ones for all steps
        try:
            return super().inner_loop(sequences, initial_state, mask, training=training)
        finally:
            self.cell.clear_dropout_masks()


@keras.saving.register_keras_serializable(package="videorec")
class ConvGRU2D(CellRNN, ConvRNN2D):
    """Convolutional gated recurrent unit (GRU-RCN), Ballas et al., ICLR 2016 (arXiv 1511.06432).

        z_t = sigma(W_z * x_t + U_z * h_{t-1})
        r_t = sigma(W_r * x_t + U_r * h_{t-1})
        h~_t = tanh(W * x_t + U * (r_t o h_{t-1}))
        h_t = (1 - z_t) o h_{t-1} + z_t o h~_t

    `*` is a convolution with zero padding that keeps the map's size, `o` the product of elements. z multiplies the
    candidate h~; in `keras.layers.GRU` it multiplies the old state, so weights go from one to the other with the
    z columns (of kernels and bias) negated.

    Args:
        filters: channels of the state.
        kernel_size: int or pair, size of all convolutions.
        use_bias: add a bias to z, r and h~. The paper has none.
        reset_after: apply r after the recurrent convolution, r o (U * h_{t-1}), as `keras.layers.GRU` does by default:
            one convolution instead of two. The bias then is `(2, 3 filters)`: of the input's and of the state's term.
        name, dtype, trainable: as in every Keras layer.
        **options: with the meaning and defaults of `keras.layers.GRU`: `activation` (of the candidate),
            `recurrent_activation` (of z and r), `seed`, initializers and regularizers (but no constraints);
            `return_sequences`, `return_state`, `go_backwards`, `stateful`, `unroll`, `zero_output_for_mask`; `dropout` (of x)
            and `recurrent_dropout` (of h_{t-1} in all convolutions; (1 - z) o h_{t-1} keeps all of it). A mask is the same at
            all steps of a sequence.

    Call arguments:
        sequences: tensor `(B, T, H, W, C)`; B and T may be unknown.
        initial_state: tensor `(B, H, W, filters)` or a list of it. Default: zeros.
        mask: boolean tensor `(B, T)`, False where the step is to be skipped: the state stays as it is.
        training: whether dropout is on.

    Returns:
        Tensor `(B, H, W, filters)`, or `(B, T, H, W, filters)` with `return_sequences`; with `return_state` a tuple of
        that and the last state `(B, H, W, filters)`.

    Raises:
        ValueError: an argument is out of range, or H, W or C is unknown.

    Attributes:
        cell: `ConvGRU2DCell`, which names the weights; one step for streams: `cell(maps, states)`, states first from
            `cell.get_initial_state(batch_size)`.
        causal: whether the output of a step depends on no later one: not backwards.

    Example:

    >>> maps = keras.random.normal((2, 10, 7, 7, 512))
    >>> ConvGRU2D(256, 3)(maps).shape
    (2, 7, 7, 256)
    """

    cell_class = ConvGRU2DCell
    cell_name = "conv_gru2d_cell"

    def __init__(self, filters, kernel_size, use_bias=False, reset_after=False, **options):
        super().__init__(filters, kernel_size, use_bias, reset_after, unconditional=False, **options)
        self.input_spec = keras.InputSpec(ndim=5)

    def get_config(self):
        config = super().get_config()
        del config["unconditional"]
        return config
