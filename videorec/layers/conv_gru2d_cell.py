"""`ConvGRU2DCell`: one step of a GRU with convolutions in place of matrix products."""

import keras
from keras import ops

from videorec.layers.cell_arguments import check_dropout, pair
from videorec.layers.steps import InputMapsCell


@keras.saving.register_keras_serializable(package="videorec")
class ConvGRU2DCell(InputMapsCell, keras.layers.Layer):
    """One step of `ConvGRU2D`, which gives the equations.

    Weights: `kernel (k, k, C, 3 filters)`, `recurrent_kernel (k, k, filters, 3 filters)`, `bias (3 filters,)`, or with
    `reset_after` `(2, 3 filters)`, each in the order z, r, h~. What is switched off is None.

    Args:
        filters, kernel_size, use_bias, reset_after, activation, recurrent_activation, initializers, regularizers, dropout,
            recurrent_dropout, seed: see `ConvGRU2D`.
        unconditional: there is no input, and hence no input kernel (see `UnconditionalConvGRU2D`).

    Call arguments:
        inputs: tensor `(B, H, W, C)`; not read if unconditional.
        states: list of one tensor `(B, H, W, filters)`, the state before the step.
        training: whether dropout is on.

    Returns:
        The new state `(B, H, W, filters)`, and a list that holds it.

    Raises:
        ValueError: an argument is out of range, or H, W or C is unknown.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        use_bias=False,
        reset_after=False,
        activation="tanh",
        recurrent_activation="sigmoid",
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        unconditional=False,
        **kwargs,
    ):
        if not isinstance(filters, int) or filters < 1:
            raise ValueError(f"filters must be an int above 0. Received: filters={filters}")
        check_dropout(dropout, recurrent_dropout, unconditional)
        kernel_size = pair("kernel_size", kernel_size)
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.use_bias, self.reset_after = use_bias, reset_after
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.dropout, self.recurrent_dropout, self.seed = dropout, recurrent_dropout, seed
        self.unconditional = unconditional
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._dropout_masks = None
        self.state_size = filters  # channels of the state; its height and width are known after build

    def build(self, inputs_shape, states_shape=None):
        if len(inputs_shape) != 4 or None in inputs_shape[1:]:
            raise ValueError(
                "The maps of a step must have the shape (batch, height, width, channels) with all but the batch size "
                f"known: give the input a fixed height and width. Received: inputs_shape={tuple(inputs_shape)}"
            )
        self.map_size, self.channels = tuple(inputs_shape[1:3]), inputs_shape[3]
        self.kernel = None
        if not self.unconditional:
            self.kernel = self.add_weight(
                shape=(*self.kernel_size, self.channels, 3 * self.filters),
                initializer=self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                name="kernel",
            )
        self.recurrent_kernel = self.add_weight(
            shape=(*self.kernel_size, self.filters, 3 * self.filters),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            name="recurrent_kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(2, 3 * self.filters) if self.reset_after else (3 * self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                name="bias",
            )

    def input_term(self, inputs):
        """`(N, H, W, 3f)`, the input's share of z, r and h~ with its bias; without an input `(3f,)`, the bias or zeros."""
        term = ops.zeros(3 * self.filters, self.compute_dtype) if self.unconditional else self._conv(inputs, self.kernel)
        return term + (self.bias[0] if self.reset_after else self.bias) if self.use_bias else term

    def step(self, term, states, training):
        previous = h = states[0]  # (B, H, W, f)
        if training and self.recurrent_dropout:
            h = h * self._mask("state", h)
        # Kernels hold z, r, candidate: one convolution for all that see the same input. `split`, not slices: the gradient
        # of each slice would be a full-size tensor of zeros around a part.
        gates = [2 * self.filters]
        x_gates, x_candidate = ops.split(term, gates, axis=-1)
        if self.reset_after:  # h is the input of all three
            h_term = self._conv(h, self.recurrent_kernel)
            h_gates, h_candidate = ops.split(h_term + self.bias[1] if self.use_bias else h_term, gates, axis=-1)
        else:
            gate_kernel, candidate_kernel = ops.split(self.recurrent_kernel, gates, axis=-1)
            h_gates = self._conv(h, gate_kernel)

        z, r = ops.split(self.recurrent_activation(x_gates + h_gates), 2, axis=-1)
        recurrent = r * h_candidate if self.reset_after else self._conv(r * h, candidate_kernel)
        candidate = self.activation(x_candidate + recurrent)
        new = (1 - z) * previous + z * candidate  # (B, H, W, f)
        return new, [new]

    @staticmethod
    def _conv(x, kernel):
        return ops.conv(x, kernel, padding="same", data_format="channels_last")

    def input_mask(self, inputs):
        return self._mask("input", inputs)

    def _mask(self, kind, x):
        return (self._dropout_masks or self._new_dropout_masks(ops.shape(x)[0], kind))[kind]

    def draw_dropout_masks(self, batch_size):
        """Draw the masks of a sequence: every step drops the same values until the masks are cleared."""
        self._dropout_masks = self._new_dropout_masks(batch_size, "input", "state")

    def clear_dropout_masks(self):
        self._dropout_masks = None

    def _new_dropout_masks(self, batch_size, *kinds):
        def mask(channels, rate):
            ones = ops.ones((batch_size, *self.map_size, channels), dtype=self.compute_dtype)
            return keras.random.dropout(ones, rate, seed=self.seed_generator) if rate else ones

        sizes = {"input": (self.channels, self.dropout), "state": (self.filters, self.recurrent_dropout)}
        return {kind: mask(*sizes[kind]) for kind in kinds}

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, *self.map_size, self.filters), dtype=self.compute_dtype)]

    def compute_output_shape(self, inputs_shape, states_shape=None):
        shape = (*inputs_shape[:3], self.filters)
        return shape, [shape]

    def get_config(self):
        config = {name: getattr(self, name) for name in ("filters", "kernel_size", "use_bias", "reset_after")}
        config |= {name: getattr(self, name) for name in ("dropout", "recurrent_dropout", "seed", "unconditional")}
        for name in ("activation", "recurrent_activation"):
            config[name] = keras.activations.serialize(getattr(self, name))
        for name in ("kernel", "recurrent", "bias"):
            config[f"{name}_initializer"] = keras.initializers.serialize(getattr(self, f"{name}_initializer"))
            config[f"{name}_regularizer"] = keras.regularizers.serialize(getattr(self, f"{name}_regularizer"))
        return {**super().get_config(), **config}
