"""`StepCell`: what carries a memory from step to step, in one form for all kinds of layers."""

from keras import ops, tree


class StepCell:
    """One step of what has a memory.

    Its outputs are first those with a value a step, then, from `result`, those that join all steps so far. The latter are a
    function of the states alone (and of inputs that join the steps themselves), so that they can be asked for at any time.

    Attributes:
        delay: how many steps late the outputs with a value a step are.
    """

    delay = 0

    def get_initial_state(self, batch_size=None) -> list:
        """The states before the first step, a flat list of tensors `(batch_size, ...)`."""
        raise NotImplementedError

    def count_sequences(self, count: int) -> int:
        """How many of the layer's `count` outputs have a value a step."""
        return 0

    def update(self, inputs, states: list) -> tuple[list, list]:
        """A step: the outputs with a value a step, and the new states.

        Args:
            inputs: a nest of tensors `(B, ...)`.
            states: flat list.
        """
        raise NotImplementedError

    def result(self, states: list, inputs=None) -> list:
        """The outputs that join all steps so far.

        Args:
            states: after the last step.
            inputs: as of the last step; what has a value a step may be None.
        """
        return []

    def flush(self, states: list) -> list:
        """The last `delay` values `(B, delay, ...)` of each late output, when the stream ends."""
        raise NotImplementedError

    def __call__(self, inputs, states):
        outputs, states = self.update(inputs, states)
        return outputs + self.result(states, inputs), states


class Silent:
    """A `StepCell` whose result is not asked for."""

    def __init__(self, cell: StepCell):
        self.cell = cell

    def __call__(self, inputs, states):
        return self.cell.update(inputs, states)


class Recurrent(StepCell):
    """A recurrent layer.

    Args:
        cell: one step of the layer, `(inputs, states) -> (outputs, new states)`.
        frame: inputs of a step, with which the cell is tried.
        sequences: whether the layer returns its outputs of all steps, or else the last ones.
        states: whether it returns its last states too.
    """

    def __init__(self, cell, frame, sequences: bool = True, states: bool = False):
        self.cell, self.sequences, self.returns_states = cell, sequences, states
        self.delay = getattr(cell, "delay", 0)
        self.structure = cell.get_initial_state(batch_size=1)
        self.own = len(tree.flatten(self.structure))
        self.extra = []  # last outputs that are no states, kept as such
        if sequences:
            return
        start = cell.get_initial_state(batch_size=ops.shape(tree.flatten(frame)[0])[0])
        outputs, new = cell(frame, start)
        places = {id(state): index for index, state in enumerate(tree.flatten(new))}
        outputs = tree.flatten(outputs)
        self.extra = [y for y in outputs if id(y) not in places]
        extra = iter(range(self.own, self.own + len(self.extra)))
        self.places = [places[id(y)] if id(y) in places else next(extra) for y in outputs]

    def get_initial_state(self, batch_size=None):
        own = tree.flatten(self.cell.get_initial_state(batch_size=batch_size))
        return own + [ops.zeros((batch_size, *y.shape[1:]), dtype=y.dtype) for y in self.extra]

    def count_sequences(self, count):
        return count - (self.own if self.returns_states else 0) if self.sequences else 0

    def update(self, inputs, states):
        outputs, new = self.cell(inputs, tree.pack_sequence_as(self.structure, states[: self.own]))
        outputs, new = tree.flatten(outputs), tree.flatten(new)
        if self.sequences:
            return outputs, new
        kept = [y for y, place in zip(outputs, self.places, strict=True) if place >= self.own]
        return [], new + kept

    def result(self, states, inputs=None):
        outputs = [] if self.sequences else [states[place] for place in self.places]
        return outputs + (states[: self.own] if self.returns_states else [])

    def flush(self, states):
        return tree.flatten(self.cell.flush(tree.pack_sequence_as(self.structure, states)))


class JoinedGates:
    """The cell of `keras.layers.ConvLSTM2D` with one convolution for all gates: Keras copies the kernels of the four gates
    apart at every step, which for one frame costs more than the convolutions.

    Args:
        cell: of the layer, with the channels last.
    """

    def __init__(self, cell):
        self.cell, self.get_initial_state = cell, cell.get_initial_state

    def __call__(self, inputs, states):
        cell, dtype = self.cell, self.cell.compute_dtype
        h, c = states
        kernel, recurrent_kernel = (ops.cast(kernel, dtype) for kernel in (cell.kernel, cell.recurrent_kernel))
        z = cell.input_conv(ops.cast(inputs, dtype), kernel, padding=cell.padding) + cell.recurrent_conv(h, recurrent_kernel)
        z = z + ops.cast(cell.bias, dtype) if cell.use_bias else z
        z_i, z_f, z_c, z_o = ops.split(z, 4, axis=-1)
        c = cell.recurrent_activation(z_f) * c + cell.recurrent_activation(z_i) * cell.activation(z_c)
        h = cell.recurrent_activation(z_o) * cell.activation(c)
        return h, [h, c]


class Gated(StepCell):
    """A cell over windows, which moves on only where a window counts.

    Args:
        cell: its inputs, together with `counts` and `replaces` (see `When`), are this one's.
    """

    def __init__(self, cell: StepCell):
        self.cell, self.delay = cell, cell.delay

    def get_initial_state(self, batch_size=None):
        return self.cell.get_initial_state(batch_size)

    def count_sequences(self, count):
        return self.cell.count_sequences(count)

    def update(self, inputs, states):
        inputs, counts, replaces = inputs
        initial = self.cell.get_initial_state(ops.shape(counts)[0])
        start = [where(replaces, first, state) for first, state in zip(initial, states, strict=True)]
        outputs, new = self.cell.update(inputs, start)
        return outputs, [where(counts, after, before) for after, before in zip(new, states, strict=True)]

    def result(self, states, inputs=None):
        return self.cell.result(states, None if inputs is None else inputs[0])


def where(condition, x, y):
    """`ops.where` with a condition `(B, 1)` about whole examples `(B, ...)`."""
    return ops.where(ops.reshape(condition, (-1, *[1] * (len(y.shape) - 1))), x, y)
