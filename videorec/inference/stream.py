"""`Stream`: a causal model over a sequence that comes in pieces, in memory that does not grow with its length."""

import contextlib
import functools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from videorec.inference.framewise import AT_ONCE
from videorec.inference.step_model import BUFFER, StepModel, one_step
from videorec.inference.step_run import step_of
from videorec.models import backend
from videorec.models.split import backbone_layers

MOST_CONSTANT = 256 * 2**20  # bytes: TensorFlow's graphs end at 2 GB, and large CNNs gain little


class Stream:
    """Runs a causal model over a sequence in pieces of any length, and carries its memory from one to the next.

    For every output with a step a frame, all pieces' results one after the other, with those of the end, are what the model
    gives for the whole sequence. For `running` outputs, which join the steps (`probabilities` of a clip), it is the answer
    after each frame: what the model gives for the frames so far. Within a piece, what treats each frame alone (the CNN) takes
    all its frames together, and only the memories go step by step.

    What must see a number of frames first, or looks back at a number of them, is described in `StepModel`.

    Args:
        model: as for `StepModel`.
        outputs: names of the outputs that are wanted, as for `StepModel`.
        at_once: most frames that go through the model at a time; longer pieces are parted.
        buffer: most states that attention looks back at.
        answers: whether `push` gives the running outputs after each frame. Off, only `answer` makes them, when it is asked:
            for forecasts, and other answers that are expensive or wanted only now and then.
        constant: whether the weights of the model's CNNs, up to 256 MB of them, become constants of the graphs. A frame then
            takes a small CNN about half the time; the weights are held twice, and later changes of them are not seen.

    Attributes:
        delays: `{name: steps}`: how many frames later than its frame an output comes.
        running: names of the outputs that join the steps.
        left_out: `{name: reason}`, the outputs that do not stream.

    Raises:
        UserError: a model that cannot run step by step, see `StepModel`; Keras runs on another backend than TensorFlow.
        ValueError: `at_once` or `buffer` below 1; inputs that do not fit the model, or each other, or the pieces before.

    Example:

    >>> stream = Stream(model)
    >>> for piece in pieces:  # (t, H, W, 3)
    ...     results = stream.push({"rgb": piece[None]})  # {"steps": (1, t, C), "probabilities": (1, t, C), ...}
    >>> results = stream.end()
    """

    def __init__(
        self,
        model: keras.Model,
        outputs: Sequence[str] | None = None,
        at_once: int = AT_ONCE,
        buffer: int = BUFFER,
        answers: bool = True,
        constant: bool = False,
    ):
        if at_once < 1:
            raise ValueError(f"at_once must be 1 or more. Received: {at_once}")
        backend.check("A stream")
        self._model = StepModel(model, outputs, buffer)
        self._at_once = at_once
        cnns = backbone_layers(model).values() if constant else ()
        weights = [weight for cnn in cnns for weight in cnn.variables]
        self._constant = weights if sum(weight.value.numpy().nbytes for weight in weights) <= MOST_CONSTANT else []
        self.delays, self.running, self.left_out = self._model.delays, self._model.running, self._model.left_out
        self._pushed = [name for name in self.delays if answers or name not in self.running]
        self.reset()

    def push(self, inputs: dict) -> dict[str, np.ndarray]:
        """The outputs that become complete with these frames.

        Args:
            inputs: `{stream: (B, t, ...)}`, arrays or tensors of the model's types, t from 0.

        Returns:
            `{name: (B, t', ...)}`: t' = t, or, of delayed outputs near the start, less. Of running outputs the answer after
            each of the t frames.
        """
        inputs = self._checked(inputs)
        batch, time = next(iter(inputs.values())).shape[:2]
        if self._states is None:
            self._states, self._batch = self._model.initial_states(batch), batch
        if time == 0:
            return {name: self._model.nothing(name, self._batch) for name in self._pushed}
        size = max(self._at_once // max(batch, 1), 1)
        if time <= size:
            return self._part(inputs)
        parts = [self._part({k: x[:, start : start + size] for k, x in inputs.items()}) for start in range(0, time, size)]
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in self._pushed}

    def answer(self) -> dict[str, np.ndarray]:
        """The running outputs for the frames so far: `{name: (B, ...)}`, with the shapes that the model gives for a clip.

        Raises:
            ValueError: no frame came since the last end.
        """
        if not self._seen:
            raise ValueError("An answer needs at least one frame. Received: none since the beginning")
        return {name: x.numpy() for name, x in self._answer(self._states).items()}

    def end(self) -> dict[str, np.ndarray]:
        """What delayed outputs still lack, `{name: (B, rest, ...)}` of every output (rest may be 0). The next `push` begins
        another sequence.

        Raises:
            ValueError: no piece came since the last end.
        """
        if self._states is None:
            raise ValueError("A stream ends after at least one piece. Received: none")
        late = self._model.end(self._states)
        rest = {name: x.numpy()[:, max(self.delays[name] - self._seen, 0) :] for name, x in late.items()}
        rest = {name: rest.get(name, self._model.nothing(name, self._batch)) for name in self._pushed}
        self.reset()
        return rest

    def reset(self) -> None:
        """Forget what came: the next `push` begins another sequence. (After `end` it does so anyway.)"""
        self._states, self._batch, self._seen = None, None, 0

    # Concrete functions: TensorFlow's look at the arguments of others takes as long as a small network.

    @functools.cached_property
    def _run_step(self):
        return self._compiled(1, one_step)

    @functools.cached_property
    def _run_piece(self):
        return self._compiled(None, over_steps)

    @functools.cached_property
    def _answer(self):
        return tf.function(lambda states: self._model.answer(states), autograph=False).get_concrete_function(
            self._state_specs()
        )

    def _compiled(self, time, loop):
        """The model over pieces of `time` steps (None: any), traced once."""
        types = {name: tf.TensorSpec((None, time, *x.shape[2:]), x.dtype) for name, x in self._model.inputs.items()}
        values = [(weight, weight.numpy()) for weight in self._constant]

        def run(inputs, states):
            constants = [(weight, tf.constant(value)) for weight, value in values]  # here, in the graph: it is then folded
            with keras.StatelessScope(state_mapping=constants) if constants else contextlib.nullcontext():
                return self._model.run(inputs, states, loop, answers=set(self._pushed) == set(self.delays))

        return tf.function(run, autograph=False).get_concrete_function(types, self._state_specs())

    def _state_specs(self) -> dict[str, tf.TensorSpec]:
        states = self._model.initial_states(1).items()
        return {name: tf.TensorSpec((None, *x.shape[1:]), x.dtype, name=name) for name, x in states}

    def _part(self, inputs: dict) -> dict[str, np.ndarray]:
        time = next(iter(inputs.values())).shape[1]
        run = self._run_step if time == 1 else self._run_piece
        outputs, self._states = run(inputs, self._states)
        # The first results of a delayed output are about frames before the first.
        complete = {name: x.numpy()[:, max(self.delays[name] - self._seen, 0) :] for name, x in outputs.items()}
        self._seen += time
        return complete

    def _checked(self, inputs) -> dict[str, tf.Tensor]:
        specs = self._model.inputs
        if set(inputs) != set(specs):
            raise ValueError(f"The model reads {', '.join(specs)}. Received: {', '.join(inputs) or 'nothing'}")
        inputs = {name: _fitting(name, tf.convert_to_tensor(x), specs[name]) for name, x in inputs.items()}
        sizes = {tuple(x.shape[:2]) for x in inputs.values()}
        if len(sizes) > 1:
            raise ValueError(f"All streams of a piece have the same batch size and length. Received: {sorted(sizes)}")
        batch = next(iter(sizes))[0]
        if self._batch not in (None, batch):
            raise ValueError(f"All pieces of a sequence have the same batch size, {self._batch} here. Received: {batch}")
        return inputs


def _fitting(name, x, spec) -> tf.Tensor:
    """An input in the model's type: numbers of any precision where it reads such, but no others for pictures."""
    if x.dtype.is_floating and tf.as_dtype(spec.dtype).is_floating:
        x = tf.cast(x, spec.dtype)
    if len(x.shape) != len(spec.shape) or x.shape[2:] != spec.shape[2:] or x.dtype != spec.dtype:
        expected = f"(B, t, {', '.join(map(str, spec.shape[2:]))}) {spec.dtype}"
        raise ValueError(f"{name} must be {expected}. Received: {tuple(x.shape)} {x.dtype.name}")
    if x.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(x))):
        raise ValueError(
            f"{name} must be finite: one frame of NaN or infinity would stay in the memory. Received: such numbers"
        )
    return x


def over_steps(cell, inputs, states):
    """A cell over t steps in TensorFlow's loop: `(outputs (B, t, ...), states after the last)`. t may be unknown."""
    time = tf.shape(next(x for x in tree.flatten(inputs) if x is not None))[1]

    def body(t, states, arrays):
        outputs, new_states = cell(step_of(inputs, t), states)
        new_states = [tf.ensure_shape(new, old.shape) for new, old in zip(new_states, states, strict=True)]
        return t + 1, new_states, [array.write(t, y) for array, y in zip(arrays, outputs, strict=True)]

    example, _ = cell(step_of(inputs, 0), states)  # for its structure alone: nothing uses its values, so that it is not run
    arrays = [tf.TensorArray(y.dtype, time, element_shape=y.shape) for y in example]
    _, last, arrays = tf.while_loop(lambda t, *_: t < time, body, (0, states, arrays))
    stacked = [array.stack() for array in arrays]  # (t, B, ...)
    return [tf.transpose(y, [1, 0, *range(2, len(y.shape))]) for y in stacked], last
