"""Work on all steps of a sequence at once, and recurrent layers that do so with their inputs."""

import contextlib
import math

from keras import ops, tree


def each_step(function, sequences):
    """`function` of every step: `(B, T, ...)` becomes `(B * T, ...)` for it, and its outputs `(B, T, ...)` again.

    Args:
        function: from a nest of tensors `(N, ...)` to one of such tensors, each row from its own row alone.
        sequences: nest of tensors `(B, T, ...)`; B and T may be unknown.
    """
    outputs = function(tree.map_structure(lambda x: ops.reshape(x, (-1, *ops.shape(x)[2:])), sequences))
    first = tree.flatten(sequences)[0]
    (batch, time), shape = first.shape[:2], ops.shape(first)
    # -1 stands for the unknown axis: the known ones then stay static. With both unknown, both are read at run time.
    steps = (-1, time) if time is not None else (shape[0], -1 if batch is not None else shape[1])
    return tree.map_structure(lambda x: ops.reshape(x, (*steps, *ops.shape(x)[1:])), outputs)


class InputTermCell:
    """Base of a cell that takes only one term of its input, which depends on no state; to be named before the Keras class.

    By itself the cell is called on inputs. In a layer's loop (`InputTermRNN`) it is called on their terms, which the layer
    makes for all steps before it: one large product in place of many small ones, and one gradient of the kernel in place of
    a sum over the steps. The terms of all steps lie in memory then, as many numbers a step as the gates have.

    A subclass has `kernel` (None without an input), `dropout` (of the input, a rate) and three methods:

    - `input_term(inputs)`: the term of inputs `(N, ...)`, or what stands in its place without any
    - `input_mask(inputs)`: the dropout mask of the inputs of a step, the same for all steps of a sequence
    - `step(term, states, training)`: what `call` returns

    Attributes:
        least_products: terms are made before the loop where each number of them is a sum of at least so many products. With
            fewer, writing the terms of all steps to memory and reading them again takes longer on a CPU than the larger
            product gains; and the terms would be larger than anything else that is kept.
    """

    least_products = 64
    _on_terms = False

    def call(self, inputs, states, training=False):
        if not self._on_terms:
            if training and self.dropout:
                inputs = inputs * self.input_mask(inputs)
            inputs = self.input_term(inputs)
        return self.step(inputs, states, training)

    @property
    def terms_first(self):
        """Whether a layer makes the terms of all steps before its loop."""
        return self.kernel is not None and math.prod(self.kernel.shape[:-1]) >= self.least_products

    def input_terms(self, sequences, training):
        """The terms `(B, T, ...)` of sequences `(B, T, ...)`."""
        if training and self.dropout:
            sequences = sequences * ops.expand_dims(self.input_mask(sequences[:, 0]), 1)
        # Steps first, as the loop wants them: it is the input that is transposed then, not its larger terms.
        return _swapped(each_step(self.input_term, _swapped(sequences)))

    @contextlib.contextmanager
    def on_terms(self):
        """While the block runs, `call` takes terms in place of inputs."""
        self._on_terms = True
        try:
            yield
        finally:
            self._on_terms = False


class InputMapsCell(InputTermCell):
    """Base of such a cell whose terms are convolutions of maps.

    Terms come first where the input is wide (3 x 3 windows of 228 channels or more, as those of a CNN's maps), and in float32
    only: in bfloat16 a train step took 1.3 to 1.5 times as long that way on an H100 (maps of 28 x 28 x 256, JAX).
    """

    least_products = 2048

    @property
    def terms_first(self):
        return super().terms_first and self.compute_dtype == "float32"


class InputTermRNN:
    """Base of a layer around an `InputTermCell`; to be named before `keras.layers.RNN`."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not self.cell.terms_first:
            return super().inner_loop(sequences, initial_state, mask, training=training)
        terms = self.cell.input_terms(sequences, training)
        with self.cell.on_terms():
            return super().inner_loop(terms, initial_state, mask, training=training)


def _swapped(x):
    """`(T, B, ...)` from `(B, T, ...)`, or back."""
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))
