"""`StackedConvGRU2DCell`: one step of all levels of a stacked ConvGRU."""

import keras
from keras import ops

from videorec.layers.cell_arguments import fresh
from videorec.layers.conv_gru2d_cell import ConvGRU2DCell


@keras.saving.register_keras_serializable(package="videorec")
class ConvGRU2DLevelCell(ConvGRU2DCell):
    """One step of one level: `ConvGRU2DCell` whose z and r also see the state of the level below.

    Args:
        filters, kernel_size: as in `ConvGRU2DCell`.
        lower_filters: channels of the level below, 0 at the bottom.
        **kwargs: those of `ConvGRU2DCell`. The kernel's initializer and regularizer serve `lower_kernel` too.

    Call arguments:
        inputs: tensor `(B, H, W, C + lower_filters)`: the percept and, after its channels, the state of the level below
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
                initializer=fresh(self.kernel_initializer),
                regularizer=self.kernel_regularizer,
                name="lower_kernel",
            )

    def input_term(self, inputs):
        if not self.lower_filters:
            return super().input_term(inputs)
        x, lower = ops.split(inputs, [self.channels], axis=-1)
        x_gates, x_candidate = ops.split(super().input_term(x), [2 * self.filters], axis=-1)
        return ops.concatenate([x_gates + self._conv(lower, self.lower_kernel), x_candidate], axis=-1)

    def input_mask(self, inputs):
        mask = super().input_mask(inputs)
        if not self.lower_filters:
            return mask
        return ops.concatenate([mask, ops.ones((*ops.shape(mask)[:-1], self.lower_filters), mask.dtype)], axis=-1)

    def get_config(self):
        return {**super().get_config(), "lower_filters": self.lower_filters}


def check_list(shapes, levels):
    """Raises a ValueError unless `shapes` are those of a list of tensors, one per level."""
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
        inputs: list of percepts, one per level, `(B, H_l, W_l, C_l)`.
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
                **{option: fresh(value) for option, value in options.items()},
            )
            for level in range(levels)
        ]

    def build(self, inputs_shape, states_shape=None):
        check_list(inputs_shape, len(self.cells))
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
