"""`SpatialAttentionLSTMCell`: one step of an LSTM that chooses where in the frame to look."""

import math

import keras
from keras import initializers, layers, ops, regularizers

from videorec.layers.attention_rnn import AttentionCell
from videorec.layers.cell_arguments import fresh

SETTINGS = (
    "units layers score attention_units attention_layers initial_state_from shared_initial_state query_layer dropout "
    "recurrent_dropout unit_forget_bias return_coefficients"
).split()
INITIALIZERS = ("kernel_initializer", "recurrent_initializer", "bias_initializer")
REGULARIZERS = ("kernel_regularizer", "recurrent_regularizer", "bias_regularizer")


@keras.saving.register_keras_serializable(package="videorec")
class SpatialAttentionLSTMCell(AttentionCell, keras.layers.Layer):
    """One step of `SpatialAttentionLSTM`, with its arguments.

    Call arguments:
        inputs: tensor `(B, H, W, D)` or `(B, K, D)`, the regions of a frame.
        states: list `[h_1, c_1, h_2, c_2, ...]` from the bottom layer up, each `(B, units)`.
        training: whether dropout is on.

    Returns:
        `(output, new_states)`. Output: h of the top layer, `(B, units)`; with `return_coefficients` the pair of it and
        the coefficients `(B, K)`.

    Attributes:
        cells: `keras.layers.LSTMCell`s from the bottom up.
        location_kernel: `(units, K)`, the rows W_i as columns; score "location".
        query_projection: `Dense` without bias, units to D (score "dot") or W_d, units to a (score "additive").
        feature_projections: list of `Dense`: W_c and b, then the extra attention layers; score "additive".
        score_projection: `Dense` to 1: U and c; score "additive".
        state_projections: `Dense` layers of h_0 and c_0, in the order of the states (one pair if shared).
    """

    def __init__(
        self,
        units,
        layers=1,
        score="location",
        attention_units=None,
        attention_layers=1,
        initial_state_from="mean",
        shared_initial_state=False,
        query_layer=-1,
        dropout=0.0,
        recurrent_dropout=0.0,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        return_coefficients=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units, self.layers, self.score = units, layers, score
        self.attention_units, self.attention_layers = attention_units, attention_layers
        self.initial_state_from, self.shared_initial_state = initial_state_from, shared_initial_state
        self.query_layer, self.dropout, self.recurrent_dropout = query_layer, dropout, recurrent_dropout
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer, self.unit_forget_bias = initializers.get(bias_initializer), unit_forget_bias
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer, self.return_coefficients = regularizers.get(bias_regularizer), return_coefficients
        self._check_arguments()
        self.cells = [self._lstm_cell(i) for i in range(layers)]
        pairs = 0 if initial_state_from == "zeros" else 1 if shared_initial_state else layers
        names = [f"{state}_{i}" for i in range(pairs) for state in ("hidden", "memory")]
        self.state_projections = [self._dense(units, name, activation="tanh") for name in names]
        self.state_size, self.output_size = [units] * (2 * layers), units

    def _check_arguments(self):
        if min(self.units, self.layers, self.attention_layers) < 1:
            raise ValueError(
                "units, layers and attention_layers must be at least 1. Received: "
                f"units={self.units}, layers={self.layers}, attention_layers={self.attention_layers}"
            )
        if self.score not in ("location", "additive", "dot"):
            raise ValueError(f"score must be 'location', 'additive' or 'dot'. Received: score={self.score!r}")
        if self.score != "additive" and (self.attention_units is not None or self.attention_layers != 1):
            raise ValueError(
                "attention_units and attention_layers belong to score='additive'. Received: "
                f"score={self.score!r}, attention_units={self.attention_units}, attention_layers={self.attention_layers}"
            )
        if self.initial_state_from not in ("mean", "first_frame", "zeros"):
            raise ValueError(
                "initial_state_from must be 'mean', 'first_frame' or 'zeros'. "
                f"Received: initial_state_from={self.initial_state_from!r}"
            )
        if not -self.layers <= self.query_layer < self.layers:
            raise ValueError(
                f"query_layer must be an index of the {self.layers} LSTM layers. Received: query_layer={self.query_layer}"
            )

    def _lstm_cell(self, i):
        return layers.LSTMCell(
            self.units,
            kernel_initializer=fresh(self.kernel_initializer),
            recurrent_initializer=fresh(self.recurrent_initializer),
            bias_initializer=fresh(self.bias_initializer),
            unit_forget_bias=self.unit_forget_bias,
            **{name: getattr(self, name) for name in REGULARIZERS},
            dropout=self.dropout if i else 0.0,
            recurrent_dropout=self.recurrent_dropout,
            dtype=self.dtype_policy,
            name=f"lstm_{i}",
        )

    def _dense(self, units, name, **options):
        return layers.Dense(
            units,
            kernel_initializer=fresh(self.kernel_initializer),
            bias_initializer=fresh(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            dtype=self.dtype_policy,
            name=name,
            **options,
        )

    def build(self, inputs_shape):
        if len(inputs_shape) not in (3, 4) or None in inputs_shape[1:]:
            raise ValueError(
                "SpatialAttentionLSTM needs maps (B, T, H, W, D) or regions (B, T, K, D) with known H, W, K and D. "
                f"Received: a frame of shape {tuple(inputs_shape)}"
            )
        self.places, size = self.count_places(inputs_shape[1:]), inputs_shape[-1]
        self._build_score(size)
        for i, cell in enumerate(self.cells):
            cell.build((None, self.units if i else size))
        for projection in self.state_projections:
            projection.build((None, size))

    def _build_score(self, size):
        hidden = self.attention_units or size
        if self.score == "location":
            self.location_kernel = self.add_weight(
                shape=(self.units, self.places),
                name="location_kernel",
                initializer=fresh(self.kernel_initializer),
                regularizer=self.kernel_regularizer,
            )
        else:
            width = size if self.score == "dot" else hidden
            self.query_projection = self._dense(width, "query", use_bias=False)
            self.query_projection.build((None, self.units))
        if self.score == "additive":
            last = self.attention_layers - 1
            activations = ["tanh" if 0 < i < last else None for i in range(last + 1)]
            self.feature_projections = [self._dense(hidden, f"feature_{i}", activation=a) for i, a in enumerate(activations)]
            for i, projection in enumerate(self.feature_projections):
                projection.build((None, None, hidden if i else size))
            self.score_projection = self._dense(1, "score")
            self.score_projection.build((None, None, hidden))

    def get_initial_state(self, batch_size=None, frame=None):
        """The states before the first frame: zeros, or with "first_frame" those computed from `frame` `(B, H, W, D)`."""
        if self.initial_state_from == "zeros":
            return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in self.state_size]
        if self.initial_state_from == "first_frame" and frame is not None:
            return self.states_from(ops.mean(frame, axis=tuple(range(1, len(frame.shape) - 1))))
        raise ValueError(
            f"The initial state is computed from the clip: initial_state_from={self.initial_state_from!r}. For 'first_frame' "
            "pass that frame, get_initial_state(frame=frame); a state known beforehand needs initial_state_from='zeros'."
        )

    def states_from(self, features):
        """h_0 and c_0 of all layers from the mean `(B, D)` of regions."""
        states = [projection(features) for projection in self.state_projections]
        return states * self.layers if self.shared_initial_state else states

    def count_places(self, frame_shape):
        """The number of regions of a frame of shape `(..., D)`."""
        return math.prod(frame_shape[:-1])

    def step(self, inputs, states, training):
        """h `(B, units)`, coefficients `(B, K)`, and the list of the new states."""
        regions = ops.reshape(inputs, (-1, self.places, inputs.shape[-1]))  # (B, K, D)
        scores = self._scores(regions, states[2 * (self.query_layer % self.layers)])
        # float32: sums of half precision exponentials are coarse.
        coefficients = ops.cast(ops.softmax(ops.cast(scores, "float32")), self.compute_dtype)  # (B, K)
        x = ops.matmul(coefficients[:, None], regions)[:, 0]  # (B, D)
        new_states = []
        for i, cell in enumerate(self.cells):
            x, pair = cell(x, states[2 * i : 2 * i + 2], training=training)
            new_states.extend(pair)
        return x, coefficients, new_states

    def _scores(self, regions, hidden):
        """`(B, K)` from regions `(B, K, D)` and the previous hidden state `(B, units)`."""
        if self.score == "location":
            return ops.matmul(hidden, self.location_kernel)
        query = self.query_projection(hidden)
        if self.score == "dot":
            return ops.matmul(regions, query[:, :, None])[..., 0]
        for projection in self.feature_projections:
            regions = projection(regions)  # (B, K, a)
        return self.score_projection(ops.tanh(regions + query[:, None]))[..., 0]

    def get_config(self):
        own = {name: getattr(self, name) for name in SETTINGS}
        own |= {name: initializers.serialize(getattr(self, name)) for name in INITIALIZERS}
        own |= {name: regularizers.serialize(getattr(self, name)) for name in REGULARIZERS}
        return {**super().get_config(), **own}


class FirstFrameStateCell:
    """Makes a cell whose first states come from the first frame one that starts without it: for streams.

    Args:
        cell: a `SpatialAttentionLSTMCell` with `initial_state_from="first_frame"`.
    """

    def __init__(self, cell):
        self.cell = cell

    def get_initial_state(self, batch_size=None):
        """Zeros in place of the cell's states, and whether a frame was seen, `(B, 1)` (1 or 0)."""
        return [ops.zeros((batch_size, size), dtype=self.cell.compute_dtype) for size in (*self.cell.state_size, 1)]

    def __call__(self, inputs, states):
        """As the cell's, `(output, new_states)`."""
        *states, seen = states
        states = ops.cond(ops.all(seen > 0), lambda: states, lambda: self._begun(inputs, states, seen))
        output, states = self.cell(inputs, states)
        return output, [*states, ops.ones_like(seen)]

    def _begun(self, inputs, states, seen):
        """The states with those of the clips that begin with this frame."""
        first = self.cell.get_initial_state(frame=inputs)
        return [ops.where(seen > 0, state, start) for state, start in zip(states, first, strict=True)]
