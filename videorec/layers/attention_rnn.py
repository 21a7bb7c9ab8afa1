"""`AttentionRNN` and `AttentionCell`: what the attention LSTMs share, whatever they attend to."""

from keras import ops, tree

from videorec.layers.cell_rnn import CellRNN


class AttentionCell:
    """Base of a cell that weighs places for its input, and may return the weights; to be named before the Keras class.

    A subclass has `units`, `return_coefficients` (bool), `state_size` and two methods:

    - `step(inputs, states, training) -> (h, coefficients, new_states)`, h `(B, units)`, coefficients `(B, places)`
    - `count_places(frame_shape) -> int`, from the shape of a frame without the batch size
    """

    def call(self, inputs, states, training=False):
        # In the layer's loop `states` begins with the last output, see `AttentionRNN.inner_loop`.
        size = len(self.state_size)
        in_loop = len(states) > size
        output, coefficients, new_states = self.step(inputs, list(states[-size:]), training)
        if not in_loop:
            return (output, coefficients) if self.return_coefficients else output, new_states
        if self.return_coefficients:
            output = ops.concatenate([output, coefficients], axis=-1)
        return output, [output, *new_states]


class AttentionRNN(CellRNN):
    """Base of a layer around an `AttentionCell`: returns the coefficients after the output where the cell returns them.

    Inside the loop an output and its coefficients are one tensor, since `keras.layers.RNN` takes one.
    """

    def call(self, sequences, initial_state=None, mask=None, training=False):
        outputs = super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        if not self.cell.return_coefficients:
            return outputs
        joined, *states = outputs if self.return_state else [outputs]
        hidden, coefficients = joined[..., : self.cell.units], joined[..., self.cell.units :]
        if mask is not None and self.return_sequences:
            counts = ops.cast(ops.flip(mask, axis=1) if self.go_backwards else mask, "bool")
            coefficients = ops.where(counts[:, :, None], coefficients, 0.0)
        return (hidden, coefficients, *states)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """RNN's loop, with the last output as an additional first state.

        At a masked step Keras's JAX loop returns the first state as the last output; TensorFlow's keeps the output itself.
        """
        cell = self.cell
        width = cell.units + (cell.count_places(sequences.shape[2:]) if cell.return_coefficients else 0)
        nothing = ops.zeros((ops.shape(initial_state[0])[0], width), dtype=cell.compute_dtype)
        last, outputs, states = super().inner_loop(sequences, [nothing, *initial_state], mask, training)
        return last, outputs, list(states[1:])

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, time, *frame = sequences_shape
        leading = (batch, time) if self.return_sequences else (batch,)
        shapes = [(*leading, self.cell.units)]
        if self.cell.return_coefficients:
            shapes.append((*leading, self.cell.count_places(frame)))
        if self.return_state:
            shapes += [(batch, size) for size in self.state_size]
        return shapes[0] if len(shapes) == 1 else tuple(shapes)

    def compute_mask(self, _, mask):
        """For Keras's implicit masks: only whole sequences keep it."""
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        others = self.cell.return_coefficients + (len(self.state_size) if self.return_state else 0)
        return [mask] + [None] * others if others else mask
