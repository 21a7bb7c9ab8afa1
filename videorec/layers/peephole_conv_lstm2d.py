"""`PeepholeConvLSTM2D`: the convolutional LSTM of the paper, with peepholes."""

import keras
from keras import ops

from videorec.layers.cell_arguments import pair
from videorec.layers.peephole_lstm import PeepholeLSTM, PeepholeLSTMCell
from videorec.layers.steps import InputMapsCell


@keras.saving.register_keras_serializable(package="videorec")
class PeepholeConvLSTM2DCell(InputMapsCell, PeepholeLSTMCell):
    """One step of `PeepholeConvLSTM2D`: a `PeepholeLSTMCell` whose states are maps and whose products are convolutions.

    Weights: `kernel (k, k, c, 4f)`, `recurrent_kernel (r, r, f, 4f)`, `bias (4f,)`, gates in order i, f, c, o, and
    `peephole_kernel` `(3, f)` or `(3, H, W, f)`, gates in order i, f, o. What is switched off is None.

    Args:
        filters, kernel_size, recurrent_kernel_size, peephole: see `PeepholeConvLSTM2D`.
        **kwargs: the other arguments of `PeepholeLSTMCell`.

    Call arguments:
        inputs: tensor `(B, H, W, c)`; None if unconditional.
        states: list of h and c, each `(B, H, W, f)`.
        training: whether dropout is on.

    Returns:
        h `(B, H, W, f)` and the list of the new h and c.

    Attributes:
        joined: a step is one convolution of [x, h] by both kernels together in place of two. For a cell that has an input, and
            neither a recurrent kernel of another size, nor a bias, nor dropout.
    """

    peepholes = ("channel", "spatial", None)
    joined = False

    def __init__(self, filters, kernel_size, recurrent_kernel_size=None, peephole="channel", **kwargs):
        if filters < 1:
            raise ValueError(f"filters must be an int above 0. Received: filters={filters}")
        if recurrent_kernel_size is None:
            recurrent_kernel_size = kernel_size
        super().__init__(filters, peephole=peephole, **kwargs)
        self.filters = filters
        self.kernel_size = pair("kernel_size", kernel_size)
        self.recurrent_kernel_size = pair("recurrent_kernel_size", recurrent_kernel_size)
        # Plain keras.layers.RNN cannot know the shape of a map. With this it says so.
        self.output_size = (None, None, filters)

    def build(self, inputs_shape=None, states_shape=None):
        maps = states_shape[0] if self.unconditional else inputs_shape  # (B, H, W, c)
        if len(maps) != 4 or None in maps[1:3]:
            raise ValueError(
                "Height and width of the maps must be known: the zero state and spatial peepholes have that size. Build "
                f"the model with a static size, and resize or crop what it gets. Received: shape={tuple(maps)}"
            )
        self.map_size = tuple(maps[1:3])
        super().build(inputs_shape, states_shape)

    def get_initial_state(self, batch_size=None):
        shape = (batch_size, *self.map_size, self.filters)
        return [ops.zeros(shape, dtype=self.compute_dtype) for _ in "hc"]

    def call(self, inputs, states, training=False):
        if not self.joined:
            return super().call(inputs, states, training=training)
        h, c = states
        kernel = ops.concatenate([self.kernel, self.recurrent_kernel], axis=2)  # (k, k, channels of x and h, 4f)
        return self._from_gates(self._transform(ops.concatenate([inputs, h], axis=-1), kernel), c)

    def _transform(self, x, kernel):
        # Zeros around the maps: beyond the border nothing is known (section 3.1 of the paper).
        return ops.conv(x, kernel, strides=1, padding="same", data_format="channels_last")

    def _window(self, kind):
        return self.kernel_size if kind == "kernel" else self.recurrent_kernel_size

    def _peephole_shape(self):
        return (3, *self.map_size, self.filters) if self.peephole == "spatial" else (3, self.filters)

    def get_config(self):
        config = super().get_config()
        del config["units"]
        sizes = {"kernel_size": self.kernel_size, "recurrent_kernel_size": self.recurrent_kernel_size}
        return {**config, "filters": self.filters, **sizes}


@keras.saving.register_keras_serializable(package="videorec")
class PeepholeConvLSTM2D(PeepholeLSTM):
    """Convolutional LSTM with peepholes: `PeepholeLSTM` on maps, with convolutions in place of matrix products.

        i_t = sigma(W_xi * x_t + W_hi * h_{t-1} + w_ci o c_{t-1} + b_i)
        f_t = sigma(W_xf * x_t + W_hf * h_{t-1} + w_cf o c_{t-1} + b_f)
        c_t = f_t o c_{t-1} + i_t o tanh(W_xc * x_t + W_hc * h_{t-1} + b_c)
        o_t = sigma(W_xo * x_t + W_ho * h_{t-1} + w_co o c_t + b_o)
        h_t = o_t o tanh(c_t)

    with the convolution * (zero padding, same size) and the elementwise product o: Shi et al. 2015 (arXiv 1506.04214),
    equation 3. The parameter counts of the paper's table 1 hold for a peephole weight per channel, the default. Without
    peepholes this is `keras.layers.ConvLSTM2D(padding="same")`, with the same weights in the same order. A step takes
    two convolutions, for all gates at once.

    Args:
        filters: channels of h and c.
        kernel_size: window of the input convolution, int or (height, width).
        recurrent_kernel_size: window of the state convolution. Default: `kernel_size`.
        peephole: `"channel"`, a weight for each channel and gate; `"spatial"`, one for each position, channel and gate
            (equation 3 to the letter); None.
        **options: `output_peephole`, `unconditional` and all other options of `PeepholeLSTM`.

    Call arguments:
        sequences: tensor `(B, T, H, W, c)`. If unconditional: the list of the initial h and c, each `(B, H, W, f)`.
        initial_state: list of h and c, each `(B, H, W, f)`. Default: zeros.
        mask: boolean tensor `(B, T)`; where it is False the state stays.
        training: whether dropout is on.
        steps: if unconditional, and only then: the number of steps T.

    Returns:
        h: `(B, T, H, W, f)` with `return_sequences`, else `(B, H, W, f)`; with `return_state` followed by the last h and c.

    Raises:
        ValueError: an unknown option; height or width not static; an input where there is none to take, or none where it
            is needed.

    Example:

    >>> encoder = PeepholeConvLSTM2D(16, 5, return_state=True)
    >>> forecaster = PeepholeConvLSTM2D(16, 5, unconditional=True, return_sequences=True)
    >>> _, h, c = encoder(np.random.random((2, 10, 8, 8, 3)))
    >>> forecaster([h, c], steps=5).shape
    (2, 5, 8, 8, 16)
    """

    cell_class = PeepholeConvLSTM2DCell
    input_axes = 5

    def __init__(self, filters, kernel_size, recurrent_kernel_size=None, peephole="channel", **options):
        options.update(kernel_size=kernel_size, recurrent_kernel_size=recurrent_kernel_size)
        super().__init__(filters, peephole=peephole, **options)
