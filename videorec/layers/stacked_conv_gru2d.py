"""`StackedConvGRU2D`: convolutional GRUs over the maps of several depths of a CNN, each seeing the one below."""

import keras
from keras import ops

from videorec.layers.conv_gru2d import ConvGRU2DCell, ConvRNN2D


def _fresh(option):
    """A copy of an initializer: one instance would start all its kernels from the same random numbers."""
    return option.clone() if isinstance(option, keras.initializers.Initializer) else option


@keras.saving.register_keras_serializable(package="videorec")
class ConvGRU2DLevelCell(ConvGRU2DCell):
    """One step of one level: `ConvGRU2DCell` whose z and r also see the state of the level below.

    Args:
        filters, kernel_size: as in `ConvGRU2DCell`.
        lower_filters: channels of the level below, 0 at the bottom.
        **kwargs: those of `ConvGRU2DCell`. The kernel's initializer and regularizer serve `lower_kernel` too.

    Call arguments:
        inputs: tensor `(B, H, W, C + lower_filters)`: the percept and, behind its channels, the state of the level below
            pooled to H x W. In one tensor, because `keras.layers.RNN` hands a cell a single one.
        states, training: as in `ConvGRU2DCell`.
    """

    def __init__(self, filters, kernel_size, lower_filters=0, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.lower_filters = lower_filters

    def build(self, inputs_shape, states_shape=None):
        super().build((*inputs_shape[:3], inputs_shape[3] - self.lower_filters))
        self.lower_kernel = None
        if self.lower_filters:
            self.lower_kernel = self.add_weight(
                shape=(*self.kernel_size, self.lower_filters, 2 * self.filters),
                initializer=_fresh(self.kernel_initializer),
                regularizer=self.kernel_regularizer,
                name="lower_kernel",
            )

    def call(self, inputs, states, training=False):
        if not self.lower_filters:
            return self._step(inputs, states, training)
        x, lower = ops.split(inputs, [self.channels], axis=-1)
        return self._step(x, states, training, self._conv(lower, self.lower_kernel))

    def get_config(self):
        return {**super().get_config(), "lower_filters": self.lower_filters}


def _check_list(shapes, levels):
    if isinstance(shapes[0], int | None) or len(shapes) != levels:
        raise ValueError(f"The input must be a list of {levels} tensors, one a level. Received: inputs_shape={shapes}")


def pooling(below, size):
    """How max-pooling brings `below` rows (or columns) to `size`: the rows it looks at, and its window = stride.

    The window is below / size rounded up, with padding; where that gives another size, rounded down, without the last
    rows (15 -> 7, as CNNs pool).
    """
    up, down = -(-below // size), below // size
    if -(-below // up) == size:
        return below, up
    if down and below // down == size:
        return size * down, down
    raise ValueError(
        "Each level's maps must be as large as the level below's max-pooled by a whole number, e.g. 28, 14, 7 or 15, 8 or "
        f"7, 1. Received: {below} rows or columns below {size}"
    )


def with_level_below(x, lower):
    """The input of a level: percept `(B, H, W, C)`, and `(B, H', W', F)` of the level below max-pooled to it."""
    (rows, height), (columns, width) = (pooling(lower.shape[axis], x.shape[axis]) for axis in (1, 2))
    lower = lower[:, :rows, :columns]
    window = (height, width)
    if window != (1, 1):  # strides explicitly: left out, Keras fails on JAX
        lower = ops.max_pool(lower, window, strides=window, padding="same", data_format="channels_last")
    return ops.concatenate([x, lower], axis=-1)  # (B, H, W, C + F)


@keras.saving.register_keras_serializable(package="videorec")
class StackedConvGRU2DCell(keras.layers.Layer):
    """One step of `StackedConvGRU2D`, all levels: see there for the equations and the arguments.

    Call arguments:
        inputs: list of a percept a level, `(B, H_l, W_l, C_l)`.
        states: list of the states before the step, `(B, H_l, W_l, filters_l)`.
        training: whether dropout is on.

    Returns:
        The list of the new states, as outputs and as states.

    Raises:
        ValueError: an argument is out of range, the number of percepts is not that of the levels, or their sizes grow
            or cannot be pooled to one another.
    """

    def __init__(self, filters, kernel_size, seed=None, dtype=None, name=None, trainable=True, **options):
        if isinstance(filters, int) or not len(filters):
            raise ValueError(f"filters must hold one number a level. Received: filters={filters}")
        levels = len(filters)
        if not isinstance(kernel_size, int) and len(kernel_size) not in (2, levels):
            raise ValueError(
                f"kernel_size must be an int or a pair for all levels, or hold one of them for each of the {levels} levels. "
                f"Received: kernel_size={kernel_size}"
            )
        super().__init__(dtype=dtype, name=name, trainable=trainable)
        self.filters, self.kernel_size, self.seed = list(filters), kernel_size, seed
        one_each = not isinstance(kernel_size, int) and len(kernel_size) == levels
        self.cells = [
            ConvGRU2DLevelCell(
                self.filters[level],
                kernel_size[level] if one_each else kernel_size,
                lower_filters=self.filters[level - 1] if level else 0,
                seed=None if seed is None else seed + level,
                dtype=self.dtype_policy,
                name=f"level_{level}",
                **{option: _fresh(value) for option, value in options.items()},
            )
            for level in range(levels)
        ]

    def build(self, inputs_shape, states_shape=None):
        _check_list(inputs_shape, len(self.cells))
        below = None
        for cell, shape in zip(self.cells, inputs_shape, strict=True):
            shape = tuple(shape)
            if len(shape) == 4 and None not in shape[1:]:  # otherwise the cell says what is wrong
                if below:
                    pooling(below[0], shape[1]), pooling(below[1], shape[2])
                below = shape[1:3]
                shape = (*shape[:3], shape[3] + cell.lower_filters)
            cell.build(shape)

    def call(self, inputs, states, training=False):
        outputs = []
        for cell, x, state in zip(self.cells, inputs, states, strict=True):
            if outputs:
                x = with_level_below(x, outputs[-1])  # h_t^{l-1}: of this step
            output, _ = cell(x, [state], training=training)
            outputs.append(output)
        return outputs, list(outputs)

    def get_initial_state(self, batch_size=None):
        return [state for cell in self.cells for state in cell.get_initial_state(batch_size)]

    def compute_output_shape(self, inputs_shape, states_shape=None):
        shapes = [(*shape[:3], filters) for shape, filters in zip(inputs_shape, self.filters, strict=True)]
        return shapes, list(shapes)

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "seed": self.seed}
        options = self.cells[0].get_config()
        del options["lower_filters"]
        return {**options, **super().get_config(), **own}


@keras.saving.register_keras_serializable(package="videorec")
class StackedConvGRU2D(keras.layers.Layer):
    """Stacked GRU-RCN, Ballas et al., ICLR 2016 (arXiv 1511.06432).

    At level l, with the percept x^l (the maps of one depth of a CNN) and s^l = h_t^{l-1}, the state of the level below
    at the same time step, max-pooled to the size of level l (no s at the bottom level):

    z_t^l = sigma(W_z * x_t^l + W_zl * s^l + U_z * h_{t-1}^l)
    r_t^l = sigma(W_r * x_t^l + W_rl * s^l + U_r * h_{t-1}^l)
    h~_t^l = tanh(W * x_t^l + U * (r_t^l o h_{t-1}^l))
    h_t^l = (1 - z_t^l) o h_{t-1}^l + z_t^l o h~_t^l

    The candidate h~ does not see the level below. Weights of level l: `cells[l].kernel`, `.recurrent_kernel` and `.bias`
    as in `ConvGRU2D`, and `.lower_kernel` `(k, k, filters_{l-1}, 2 filters_l)` in the order z, r, None at the bottom.

    To stream, `cell` makes one step: `cell(percepts, states) -> (outputs, states)`, from
    `cell.get_initial_state(batch_size)`. `keras.layers.Bidirectional` does not take lists: for both directions use two
    layers, as below.

    Args:
        filters: sequence of the channels of the states, one a level, from the bottom.
        kernel_size: int or pair for all levels; or, where it has as many entries as `filters`, one int or pair a level.
        return_sequences: return the states of all steps instead of the last ones.
        return_state: return the last states too.
        go_backwards: read from the last step to the first; returned sequences are in that order.
        unroll: copies of the step in the graph instead of a loop; needs a known T.
        **kwargs: `use_bias`, `reset_after`, `activation`, `recurrent_activation`, the initializers and regularizers,
            `dropout` (of the percepts), `recurrent_dropout` and `seed` as in `ConvGRU2D`, the same for all levels; and
            those of `keras.layers.Layer`.

    Call arguments:
        inputs: list of tensors `(B, T, H_l, W_l, C_l)`, one a level; H and W do not grow, and are known. A vector per
            step is a map of 1 x 1.
        initial_state: list of tensors `(B, H_l, W_l, filters_l)`. Default: zeros.
        mask: `(B, T)`, False where the step is to be skipped: the states stay as they are.
        training: whether dropout is on.

    Returns:
        List of the levels' last states `(B, H_l, W_l, filters_l)`, or with `return_sequences` of sequences
        `(B, T, H_l, W_l, filters_l)`; with `return_state` a tuple of that list and the list of the last states.

    Raises:
        ValueError: see `StackedConvGRU2DCell`.

    Example:

    >>> percepts = [keras.random.normal(shape) for shape in [(2, 10, 14, 14, 512), (2, 10, 7, 7, 512), (2, 10, 1, 1, 4096)]]
    >>> forward = StackedConvGRU2D((256, 256, 512), (3, 3, 1))
    >>> backward = StackedConvGRU2D((256, 256, 512), (3, 3, 1), go_backwards=True)
    >>> [keras.ops.concatenate(states, -1).shape for states in zip(forward(percepts), backward(percepts))]
    [(2, 14, 14, 512), (2, 7, 7, 512), (2, 1, 1, 1024)]
    """

    def __init__(
        self,
        filters,
        kernel_size,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        unroll=False,
        name=None,
        dtype=None,
        trainable=True,
        activity_regularizer=None,
        **kwargs,
    ):
        super().__init__(name=name, dtype=dtype, trainable=trainable, activity_regularizer=activity_regularizer)
        self.cell = StackedConvGRU2DCell(filters, kernel_size, dtype=self.dtype_policy, trainable=trainable, **kwargs)
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.unroll = go_backwards, unroll
        top = len(self.cells) - 1
        self.levels = [  # a level reads the level below's whole sequence
            ConvRNN2D(
                cell,
                return_sequences=return_sequences or level < top,
                return_state=True,
                unroll=unroll,
                dtype=self.dtype_policy,
                name=f"level_{level}",
            )
            for level, cell in enumerate(self.cells)
        ]

    @property
    def cells(self):
        return self.cell.cells

    def build(self, inputs_shape, initial_state_shape=None):
        _check_list(inputs_shape, len(self.cells))
        times = {shape[1] for shape in inputs_shape} - {None}
        if any(len(shape) != 5 for shape in inputs_shape) or len(times) > 1:
            raise ValueError(
                "Each level's input must have the shape (batch, time, height, width, channels), with the same time. "
                f"Received: inputs_shape={inputs_shape}"
            )
        self.cell.build([(shape[0], *shape[2:]) for shape in inputs_shape])
        for level, shape in zip(self.levels, inputs_shape, strict=True):
            level.build((*shape[:4], shape[4] + level.cell.lower_filters))

    def call(self, inputs, initial_state=None, mask=None, training=False):
        # Without an explicit mask, Keras hands over a list of what the inputs carry, one an input.
        mask = next((m for m in keras.tree.flatten(mask) if m is not None), None)
        if self.go_backwards:
            inputs = [ops.flip(x, axis=1) for x in inputs]
            mask = None if mask is None else ops.flip(mask, axis=1)
        sequences, states = [], []
        for level, x in enumerate(inputs):
            if level:
                x = self._with_level_below(x, sequences[-1])
            state = None if initial_state is None else initial_state[level]
            sequence, state = self.levels[level](x, initial_state=state, mask=mask, training=training)
            sequences.append(sequence)  # (B, T, H_l, W_l, f_l); at the top (B, H_l, W_l, f_l) where not returned
            states.append(state)  # (B, H_l, W_l, f_l)
        outputs = sequences if self.return_sequences else list(states)
        return (outputs, states) if self.return_state else outputs

    @staticmethod
    def _with_level_below(x, lower):
        """`with_level_below` for whole sequences."""
        steps = ops.shape(x)[:2]
        frames = with_level_below(*(ops.reshape(maps, (-1, *maps.shape[2:])) for maps in (x, lower)))  # (B * T, ...)
        return ops.reshape(frames, (*steps, *frames.shape[1:]))  # (B, T, H, W, C + F)

    def compute_mask(self, inputs, previous_mask):
        return None  # masks are passed explicitly: none travels with the outputs

    def compute_output_shape(self, inputs_shape, initial_state_shape=None):
        sequences = [(*shape[:4], filters) for shape, filters in zip(inputs_shape, self.cell.filters, strict=True)]
        states = [(shape[0], *shape[2:]) for shape in sequences]
        outputs = sequences if self.return_sequences else states
        return (outputs, states) if self.return_state else outputs

    def get_config(self):
        names = ("return_sequences", "return_state", "go_backwards", "unroll")
        return {**self.cell.get_config(), **super().get_config(), **{name: getattr(self, name) for name in names}}
