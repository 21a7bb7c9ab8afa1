"""`PeepholeLSTM`: the LSTM whose gates see the cell state."""

import keras
from keras import ops, tree

from videorec.layers.cell_arguments import check_dropout
from videorec.layers.cell_rnn import CellRNN
from videorec.layers.steps import InputTermCell, InputTermRNN


@keras.saving.register_keras_serializable(package="videorec")
class PeepholeLSTMCell(InputTermCell, keras.layers.LSTMCell):
    """One step of `PeepholeLSTM`, which gives the equations.

    Weights: `kernel (n, 4u)`, `recurrent_kernel (u, 4u)`, `bias (4u,)`, gates in order i, f, c, o, and `peephole_kernel`
    `(3, u)` or `(3, u, u)`, gates in order i, f, o. What is switched off is None.

    Args:
        units, peephole, output_peephole, unconditional: see `PeepholeLSTM`.
        peephole_initializer, peephole_regularizer, peephole_constraint: for `peephole_kernel`.
        **kwargs: the other arguments of `keras.layers.LSTMCell`.

    Call arguments:
        inputs: tensor `(B, n)`; None if unconditional.
        states: list of h and c, each `(B, u)`.
        training: whether dropout is on.

    Returns:
        h `(B, u)` and the list of the new h and c.
    """

    peepholes = ("diagonal", "full", None)

    def __init__(
        self,
        units,
        peephole="diagonal",
        output_peephole="new",
        peephole_initializer="random_uniform",
        peephole_regularizer=None,
        peephole_constraint=None,
        unconditional=False,
        dropout=0.0,
        recurrent_dropout=0.0,
        **kwargs,
    ):
        if peephole not in self.peepholes:
            raise ValueError(f"peephole must be one of {self.peepholes}. Received: peephole={peephole!r}")
        if output_peephole not in ("new", "old"):
            raise ValueError(f'output_peephole must be "new" or "old". Received: output_peephole={output_peephole!r}')
        check_dropout(dropout, recurrent_dropout, unconditional)
        super().__init__(units, dropout=dropout, recurrent_dropout=recurrent_dropout, **kwargs)
        # One mask for all gates, where Keras takes four with recurrent dropout: a step then stays one product.
        self.dropout_mask_count = None
        self.peephole = peephole
        self.output_peephole = output_peephole
        # From zeros the peepholes would train too: the gradient of w_ci is a sum of delta_i o c_{t-1}, without w_ci in it.
        # A small random start lets the gates see the cell at once, and is too small to close one.
        self.peephole_initializer = keras.initializers.get(peephole_initializer)
        self.peephole_regularizer = keras.regularizers.get(peephole_regularizer)
        self.peephole_constraint = keras.constraints.get(peephole_constraint)
        self.unconditional = unconditional

    def build(self, inputs_shape=None, states_shape=None):
        units = self.units
        self.kernel = self.bias = self.peephole_kernel = None
        if not self.unconditional:
            if inputs_shape[-1] is None:
                raise ValueError(f"The last axis of the input must be known. Received: inputs_shape={tuple(inputs_shape)}")
            self.kernel = self._weight("kernel", (*self._window("kernel"), inputs_shape[-1], 4 * units))
        self.recurrent_kernel = self._weight("recurrent", (*self._window("recurrent"), units, 4 * units))
        if self.use_bias:
            self.bias = self._weight("bias", (4 * units,))
        if self.peephole is not None:
            self.peephole_kernel = self._weight("peephole", self._peephole_shape())

    def input_term(self, inputs):
        """`(N, 4u)`, the input's share of the gates with the bias; if unconditional the bias, or 0."""
        if self.unconditional:
            return self.bias if self.use_bias else 0.0
        term = self._transform(inputs, self.kernel)
        return term + self.bias if self.use_bias else term

    def input_mask(self, inputs):
        return self.get_dropout_mask(inputs)

    def step(self, term, states, training):
        h, c = states
        if training and self.recurrent_dropout:
            h = h * self.get_recurrent_dropout_mask(h)
        return self._from_gates(term + self._transform(h, self.recurrent_kernel), c)

    def _from_gates(self, z, c):
        """The step from what its gates take of input and state, `(B, 4u)`, and the old cell state."""
        z_i, z_f, z_c, z_o = ops.split(z, 4, axis=-1)
        # `split`, not indices: the gradient of each index would be a tensor of zeros around a part.
        w_i, w_f, w_o = (None,) * 3 if self.peephole is None else ops.split(self.peephole_kernel, 3)
        i = self._gate(z_i, c, w_i)
        f = self._gate(z_f, c, w_f)
        new_c = f * c + i * self.activation(z_c)
        o = self._gate(z_o, new_c if self.output_peephole == "new" else c, w_o)
        h = o * self.activation(new_c)
        return h, [h, new_c]

    def _gate(self, z, c, weight):
        """The gate; `weight` is its part of `peephole_kernel`, `(1, ...)`."""
        if self.peephole is not None:
            z = z + (ops.matmul(c, weight[0]) if self.peephole == "full" else c * weight)
        return self.recurrent_activation(z)

    # The next three are what PeepholeConvLSTM2DCell changes.

    def _transform(self, x, kernel):
        return ops.matmul(x, kernel)

    def _window(self, kind):
        return ()

    def _peephole_shape(self):
        return (3, self.units, self.units) if self.peephole == "full" else (3, self.units)

    def _weight(self, kind, shape):
        name = kind if kind in ("kernel", "bias") else f"{kind}_kernel"
        initializer, regularizer, constraint = (
            getattr(self, f"{kind}_{part}") for part in ("initializer", "regularizer", "constraint")
        )
        if kind == "bias" and self.unit_forget_bias:
            initializer = self._forget_bias_one
        return self.add_weight(name=name, shape=shape, initializer=initializer, regularizer=regularizer, constraint=constraint)

    def _forget_bias_one(self, shape, dtype=None):
        units, start = self.units, self.bias_initializer
        return ops.concatenate([start((units,), dtype=dtype), ops.ones((units,), dtype), start((2 * units,), dtype=dtype)])

    def get_config(self):
        return {
            **super().get_config(),
            "peephole": self.peephole,
            "output_peephole": self.output_peephole,
            "peephole_initializer": keras.initializers.serialize(self.peephole_initializer),
            "peephole_regularizer": keras.regularizers.serialize(self.peephole_regularizer),
            "peephole_constraint": keras.constraints.serialize(self.peephole_constraint),
            "unconditional": self.unconditional,
        }


@keras.saving.register_keras_serializable(package="videorec")
class PeepholeLSTM(InputTermRNN, CellRNN):
    """LSTM with peepholes: the gates see the cell state.

        i_t = sigma(x_t W_xi + h_{t-1} W_hi + w_ci o c_{t-1} + b_i)
        f_t = sigma(x_t W_xf + h_{t-1} W_hf + w_cf o c_{t-1} + b_f)
        c_t = f_t o c_{t-1} + i_t o tanh(x_t W_xc + h_{t-1} W_hc + b_c)
        o_t = sigma(x_t W_xo + h_{t-1} W_ho + w_co o c_t + b_o)
        h_t = o_t o tanh(c_t)

    with the elementwise product o: Graves 2013 (arXiv 1308.0850), as written in Shi et al. 2015 (arXiv 1506.04214),
    equation 2. Without peepholes this is `keras.layers.LSTM`, with the same weights in the same order.

    Args:
        units: size of h and c.
        peephole: `"diagonal"`, the papers' product w o c; `"full"`, a linear transform c V with a matrix for each gate; None.
        output_peephole: `"new"`, o_t sees c_t as above; `"old"`, it sees c_{t-1} like the other gates.
        unconditional: the layer has no input and hence no input kernel: it runs on from an initial state (the bottom
            layer of a forecaster; Shi et al. 2015, figure 3).
        name, dtype, trainable: as in every Keras layer.
        **options: `peephole_initializer` (default: uniform in +-0.05), `peephole_regularizer`, `peephole_constraint`, and
            with the meaning and defaults of `keras.layers.LSTM`: `return_sequences`, `return_state`, `go_backwards`,
            `stateful`, `unroll`, `zero_output_for_mask`; `activation`, `recurrent_activation`, `use_bias`,
            `unit_forget_bias`, `seed`; initializers, regularizers and constraints; `dropout` and `recurrent_dropout`
            (a mask is the same at all steps of a sequence and for all gates).

    Call arguments:
        sequences: tensor `(B, T, n)`. If unconditional: the list of the initial h and c, each `(B, u)`.
        initial_state: list of h and c, each `(B, u)`. Default: zeros.
        mask: boolean tensor `(B, T)`; where it is False the state stays.
        training: whether dropout is on.
        steps: if unconditional, and only then: the number of steps T.

    Returns:
        h: `(B, T, u)` with `return_sequences`, else `(B, u)`; with `return_state` followed by the last h and c.

    Raises:
        ValueError: an unknown option; an input where there is none to take, or none where it is needed.

    Example:

    >>> encoder = PeepholeLSTM(32, return_state=True)
    >>> forecaster = PeepholeLSTM(32, unconditional=True, return_sequences=True)
    >>> _, h, c = encoder(np.random.random((2, 10, 8)))
    >>> forecaster([h, c], steps=5).shape
    (2, 5, 32)
    """

    cell_class = PeepholeLSTMCell
    input_axes = 3

    def __init__(self, units, peephole="diagonal", output_peephole="new", unconditional=False, **options):
        options.update(peephole=peephole, output_peephole=output_peephole, unconditional=unconditional)
        super().__init__(units, **options)
        if unconditional and (self.go_backwards or self.stateful):
            raise ValueError(
                "An unconditional layer runs forward from the state it is given: go_backwards and stateful must be False. "
                f"Received: go_backwards={self.go_backwards}, stateful={self.stateful}"
            )
        self.unconditional = unconditional
        self.input_spec = None if unconditional else keras.layers.InputSpec(ndim=self.input_axes)

    @property
    def causal(self):
        """Whether the output of a step depends on the steps up to it alone; without an input there are none."""
        return not (self.go_backwards or self.unconditional)

    def build(self, sequences_shape, initial_state_shape=None):
        if self.unconditional:
            self.cell.build(states_shape=sequences_shape)
        else:
            super().build(sequences_shape)
            self.input_spec = keras.layers.InputSpec(shape=(None, None, *sequences_shape[2:]))

    def call(self, sequences, initial_state=None, mask=None, training=False, steps=None):
        self._check_call(sequences, initial_state, mask, steps)
        if self.unconditional:
            # The loop of keras.layers.RNN runs over a sequence: this one says how many steps, and the cell ignores it.
            states, mask = sequences, None
            nothing = ops.zeros((ops.shape(states[0])[0], steps, 1), dtype=self.compute_dtype)
            return super().call(nothing, initial_state=states, training=training)
        if mask is not None:
            # As many axes as the input: JAX would broadcast fewer against the last axes of a state, not the first.
            mask = ops.expand_dims(mask, axis=tuple(range(2, self.input_axes)))
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def _check_call(self, sequences, initial_state, mask, steps):
        if not self.unconditional:
            if steps is not None:
                raise ValueError(f"steps is for an unconditional layer: the input has its own. Received: steps={steps}")
            return
        if not isinstance(sequences, (list, tuple)) or len(sequences) != 2:
            raise ValueError(f"An unconditional layer is called on [h, c], its initial state. Received: {sequences}")
        if initial_state is not None or any(x is not None for x in tree.flatten(mask)):
            raise ValueError(
                "An unconditional layer takes its initial state as the first argument, and no mask. "
                f"Received: initial_state={initial_state}, mask={mask}"
            )
        if not isinstance(steps, int) or steps < 1:
            raise ValueError(f"An unconditional layer needs the number of steps, an int above 0. Received: steps={steps}")

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, steps, *positions, _ = sequences_shape
        state = (batch, *positions, self.cell.units)
        output = (batch, steps, *positions, self.cell.units) if self.return_sequences else state
        return (output, state, state) if self.return_state else output

    def compute_output_spec(self, sequences, initial_state=None, mask=None, training=False, steps=None):
        self._check_call(sequences, initial_state, mask, steps)
        if self.unconditional:
            batch, *rest = sequences[0].shape
            shapes = self.compute_output_shape((batch, steps, *rest))
        else:
            shapes = self.compute_output_shape(sequences.shape)
        return tree.map_shape_structure(lambda s: keras.KerasTensor(s, dtype=self.compute_dtype), shapes)
