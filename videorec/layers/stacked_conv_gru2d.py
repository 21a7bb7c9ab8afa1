"""`StackedConvGRU2D`: convolutional GRUs over the maps of several depths of a CNN, each seeing the one below."""

import keras
from keras import ops

from videorec.layers.conv_gru2d import ConvRNN2D
from videorec.layers.stacked_conv_gru2d_cell import StackedConvGRU2DCell, check_list, with_level_below
from videorec.layers.steps import each_step


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
        filters: channels of the states, one number per level, from the bottom.
        kernel_size: int or pair for all levels; or, where it has as many entries as `filters`, an int or pair per level.
        return_sequences: return the states of all steps instead of the last ones.
        return_state: return the last states too.
        go_backwards: read from the last step to the first; returned sequences are in that order.
        unroll: copies of the step in the graph instead of a loop; needs a known T.
        **kwargs: `use_bias`, `reset_after`, `activation`, `recurrent_activation`, the initializers and regularizers,
            `dropout` (of the percepts), `recurrent_dropout` and `seed` as in `ConvGRU2D`, the same for all levels; and
            those of `keras.layers.Layer`.

    Call arguments:
        inputs: list of tensors `(B, T, H_l, W_l, C_l)`, one per level; H and W are known and do not grow. A vector per
            step is a map of 1 x 1.
        initial_state: list of tensors `(B, H_l, W_l, filters_l)`. Default: zeros.
        mask: boolean tensor `(B, T)`, False where the step is to be skipped: the states stay as they are.
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

    @property
    def causal(self):
        """Whether the output of a step depends on no later one."""
        return not self.go_backwards

    def build(self, inputs_shape, initial_state_shape=None):
        check_list(inputs_shape, len(self.cells))
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
                x = each_step(lambda maps: with_level_below(*maps), [x, sequences[-1]])  # (B, T, H, W, C + F)
            state = None if initial_state is None else initial_state[level]
            sequence, state = self.levels[level](x, initial_state=state, mask=mask, training=training)
            sequences.append(sequence)  # (B, T, H_l, W_l, f_l); at the top (B, H_l, W_l, f_l) where not returned
            states.append(state)  # (B, H_l, W_l, f_l)
        outputs = sequences if self.return_sequences else list(states)
        return (outputs, states) if self.return_state else outputs

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
