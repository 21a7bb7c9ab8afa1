"""`UnconditionalConvGRU2D`: a ConvGRU that runs on from a state without any input."""

import keras
from keras import ops

from videorec.layers.conv_gru2d import ConvRNN2D
from videorec.layers.conv_gru2d_cell import ConvGRU2DCell


@keras.saving.register_keras_serializable(package="videorec")
class UnconditionalConvGRU2D(ConvRNN2D):
    """`ConvGRU2D` without input: the bottom layer of a forecaster, driven by the state of an encoder alone.

        z_t = sigma(U_z * h_{t-1})
        r_t = sigma(U_r * h_{t-1})
        h~_t = tanh(U * (r_t o h_{t-1}))
        h_t = (1 - z_t) o h_{t-1} + z_t o h~_t

    Weights: those of `ConvGRU2D` without the input's kernel.

    Args:
        filters, kernel_size: as in `ConvGRU2D`.
        steps: K, the number of steps.
        return_sequences, return_state, unroll, name, dtype, trainable: as in `keras.layers.RNN`.
        **cell_options: the other arguments of `ConvGRU2D`'s cell; `dropout`, which is on an input, must be 0.

    Call arguments:
        state: tensor `(B, H, W, filters)`, h before the first step.
        training: whether dropout is on.

    Returns:
        h: `(B, K, H, W, filters)` with `return_sequences`, else `(B, H, W, filters)`; with `return_state` followed by the last.

    Raises:
        ValueError: an argument is out of range, or H or W is unknown.

    Example:

    >>> _, state = ConvGRU2D(16, 3, return_state=True)(np.random.random((2, 10, 8, 8, 3)))
    >>> UnconditionalConvGRU2D(16, 3, steps=5, return_sequences=True)(state).shape
    (2, 5, 8, 8, 16)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        steps,
        return_sequences=False,
        return_state=False,
        unroll=False,
        name=None,
        dtype=None,
        trainable=True,
        **cell_options,
    ):
        if not isinstance(steps, int) or steps < 1:
            raise ValueError(f"steps must be an int above 0. Received: steps={steps}")
        own = {"dtype": dtype, "trainable": trainable}
        cell = ConvGRU2DCell(filters, kernel_size, name="conv_gru2d_cell", **own, **cell_options | {"unconditional": True})
        loop = {"return_sequences": return_sequences, "return_state": return_state, "unroll": unroll}
        super().__init__(cell, name=name, **own, **loop)
        self.steps = steps

    def build(self, state_shape):
        if state_shape[-1] != self.cell.filters:
            raise ValueError(f"The state must have {self.cell.filters} channels. Received: state_shape={tuple(state_shape)}")
        self.cell.build(state_shape)

    def call(self, state, training=False):
        # The loop of keras.layers.RNN runs over a sequence: this one says how many steps, and the cell does not read it.
        nothing = ops.zeros((ops.shape(state)[0], self.steps, 1, 1, 1), dtype=self.compute_dtype)
        return super().call(nothing, initial_state=[state], training=training)

    def compute_output_shape(self, state_shape):
        output = (state_shape[0], self.steps, *state_shape[1:]) if self.return_sequences else tuple(state_shape)
        return (output, tuple(state_shape)) if self.return_state else output

    def compute_mask(self, *args, **kwargs):
        return None  # every step counts

    def get_config(self):
        names = ("return_sequences", "return_state", "unroll", "name", "dtype", "trainable")
        options = {key: value for key, value in super().get_config().items() if key in names}
        return {**self.cell.get_config(), **options, "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
