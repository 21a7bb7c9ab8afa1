"""`StepModel`: a causal model one step at a time, on the same weights, with its memory as inputs and outputs."""

import functools
import inspect
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from videorec.config import UserError, nearest
from videorec.inference.step_run import Loop, Memory, Run, input_names, step_of
from videorec.inference.step_values import Lost, Running, Steps, WholeClipError

BUFFER = 256  # states
ANSWERS = ("probabilities", "frames")  # what a model is for: without it nothing streams


class StepModel:
    """A causal functional model, run step by step.

    The model's graph is run again on fewer steps: every temporal layer is replaced by its cell, with states to carry, and every
    layer that joins the steps of a clip by a running one (a mean by a sum and a count, ...); all others stay as they are. All
    weights are the model's own. After t frames the outputs are those of the model for a clip of these t frames:

    - outputs with a step a frame: those for this frame, or, where a layer awaits later predictions (`MultipleOutput`), for
      the frame `delays[name]` steps before; the first ones then mean nothing, and `end` gives the last;
    - `running` outputs, which join the steps (`probabilities` of a clip, a forecast): their value for the frames so far. They
      are a function of the states alone: `answer` makes them from the states at any time.

    How far back a model looks:

    - Most models never forget the first frame. Begin again, with the initial states, where something new starts.
    - Attention over all states of a sequence (`attention_lstm`, `seq2seq_attention`) sees the last `buffer` of them. Its
      coefficients `(B, ..., buffer)` end with the latest state's, and are 0 at the front until there are so many.
    - Weights that hang on the number of frames T (`short_snippets_pooling`, local) see the last T frames. Until there are T,
      the last frame is held, as where a short video is read (`data.short`).
    - A kernel over several frames (`short_snippets_pooling`, time_domain) needs as many: until then the last one is held.

    Args:
        model: functional, `{stream: (B, T, ...)}` to `{name: (B, ...)}`: a whole model, or a head from
            `videorec.models.split.cut`.
        outputs: names of the outputs that are wanted. Default: all that stream.
        buffer: most states that attention looks back at.

    Attributes:
        model: `keras.Model`; inputs `{stream: (B, 1, ...)}` and the states `{state: (B, ...)}`; outputs `{name: (B, 1, ...)}`,
            running ones as the clip's model gives them (`probabilities (B, C)`), and the new states, by the same names. Like
            all Keras models it casts what it is given: pictures of floats in [0, 1] become black. `Stream` refuses them.
        delays: `{name: steps}` of every output.
        running: names of the outputs that join the steps.
        left_out: `{name: reason}`, the outputs that do not stream.

    Raises:
        UserError: a model whose `probabilities` (or `frames`), or all of whose outputs do not stream, with the layer and the
            reason; an output in `outputs` that does not.
        ValueError: `buffer` below 1.

    Example:

    >>> step = StepModel(models.build("lrcn", {"rgb": (None, 224, 224, 3)}, classes=101))
    >>> states = step.initial_states(1)
    >>> for frame in frames:  # (224, 224, 3)
    ...     rgb = keras.ops.convert_to_tensor(frame[None, None])  # Keras takes arrays or tensors, not both
    ...     result = step.model({"rgb": rgb, **states})
    ...     states = {name: result[name] for name in states}
    ...     result["probabilities"]  # (1, 101), of the frames so far
    """

    def __init__(self, model: keras.Model, outputs: Sequence[str] | None = None, buffer: int = BUFFER):
        if buffer < 1:
            raise ValueError(f"buffer must be 1 or more. Received: {buffer}")
        _check_kind(model)
        self._network = model if outputs is None else _with_outputs(model, outputs)
        self.inputs = dict(zip(input_names(model), model.inputs, strict=True))
        self._memory, results = self._first_pass(buffer)
        self.left_out = {name: x.reason for name, x in results.items() if isinstance(x, Lost)}
        results = {name: x for name, x in results.items() if name not in self.left_out}
        self.running = tuple(name for name, x in results.items() if isinstance(x, Running))
        self.delays = {name: x.delay if isinstance(x, Steps) else 0 for name, x in results.items()}
        _check_outputs(model, self.delays, self.left_out, outputs)
        self._examples = {name: x.tensor for name, x in results.items()}  # for their shapes and types

    def initial_states(self, batch_size: int) -> dict:
        """The states before the first frame: `{state: (batch_size, ...)}`."""
        return self._memory.initial_states(batch_size)

    def nothing(self, name: str, batch_size: int) -> np.ndarray:
        """An output for no frames: `(batch_size, 0, ...)`."""
        x = self._examples[name]
        return np.zeros((batch_size, 0, *x.shape[2:]), keras.backend.standardize_dtype(x.dtype))

    def run(self, inputs: dict, states: dict, loop: Loop, answers: bool = True) -> tuple[dict, dict]:
        """Several steps at once.

        Args:
            inputs: `{stream: (B, t, ...)}`.
            states: as before the first of these steps.
            loop: runs a cell over t steps, `(cell, inputs, states) -> (outputs, new states)`.
            answers: whether the running outputs are wanted: after each step `(B, t, ...)`.

        Returns:
            `{name: (B, t, ...)}`, and the states after the last step.

        Raises:
            ValueError: states that are not this model's.
        """
        self._check_states(states)
        run = Run(self._memory, states, loop, answers)
        results = run.through(self._network, [self._steps(name, inputs[name]) for name in self.inputs])
        names = [name for name in self.delays if answers or name not in self.running]
        return {name: results[name].tensor for name in names}, run.new_states

    def answer(self, states: dict) -> dict:
        """The running outputs for the frames so far, `{name: (B, ...)}`; after at least one frame.

        Raises:
            ValueError: states that are not this model's.
        """
        results = self._without_frames(states, answers=True)
        return {name: _only_step(results[name].tensor) for name in self.running}

    def end(self, states: dict) -> dict:
        """`{name: (B, delay, ...)}`: the frames that delayed outputs still await, from what is known at the end; where fewer
        than `delay` steps were run, the first are about frames before the first, and mean nothing.

        Raises:
            ValueError: states that are not this model's.
        """
        results = self._without_frames(states, answers=False)
        return {name: results[name].tensor for name, delay in self.delays.items() if delay}

    def _without_frames(self, states, answers) -> dict:
        self._check_states(states)
        run = Run(self._memory, states, None, answers)
        return run.through(self._network, [self._steps(name, None) for name in self.inputs])

    def _first_pass(self, buffer) -> tuple[Memory, dict]:
        """What each layer does with steps, and the outputs for a black frame."""
        memory = Memory(buffer)
        frames = [self._steps(name, ops.zeros((1, 1, *x.shape[2:]), x.dtype)) for name, x in self.inputs.items()]
        while True:
            try:
                results = Run(memory, None, one_step).through(self._network, frames)
                return memory, {name: _as_output(x) for name, x in results.items()}
            except WholeClipError as needed:
                memory = Memory(buffer, held=[*memory.held, needed.layer])

    def _steps(self, name, tensor) -> Steps:
        return Steps(tensor, length=self.inputs[name].shape[1])

    def _check_states(self, states) -> None:
        expected = {name: tuple(x.shape[1:]) for name, x in self.initial_states(1).items()}
        given = {name: tuple(x.shape[1:]) for name, x in states.items()}
        if given != expected:
            others = {name: given.get(name, "none") for name, shape in expected.items() if given.get(name) != shape}
            others |= {name: shape for name, shape in given.items() if name not in expected}
            raise ValueError(
                f"The states must be those of {self._network.name}, as initial_states gives them (without the batch size: "
                f"{expected}). Received: {others}"
            )

    @functools.cached_property
    def model(self) -> keras.Model:
        """See the class."""
        streams = {name: keras.Input((1, *x.shape[2:]), dtype=x.dtype, name=name) for name, x in self.inputs.items()}
        states = {
            name: keras.Input(state.shape[1:], dtype=keras.backend.standardize_dtype(state.dtype), name=name)
            for name, state in self.initial_states(1).items()
        }
        outputs, new_states = _StepLayer(self)(streams, states)
        return keras.Model(streams | states, outputs | new_states, name=f"{self._network.name}_step")


class _StepLayer(keras.layers.Layer):
    """One step as a layer, which has the model's weights."""

    def __init__(self, step: StepModel):
        super().__init__(name="step", autocast=False, dtype="float32")  # each layer inside casts for itself
        self.network = step._network
        self._run, self._running = step.run, step.running
        self.built = True

    def call(self, inputs, states):
        outputs, new_states = self._run(inputs, states, one_step)
        return outputs | {name: _only_step(outputs[name]) for name in self._running}, new_states


def _as_output(x):
    """What a value is as an output of the model: steps of windows, and a forecast's last steps alone, are none."""
    if isinstance(x, Steps) and x.when:
        return Lost(f"the layer {x.when.layer.name} makes windows, which end at some frames only")
    if isinstance(x, Running) and x.tail is not None:
        return Lost(f"only the last {x.tail} steps of this output are known then")
    return x


def one_step(cell, inputs, states):
    """The `Loop` over one step."""
    outputs, states = cell(step_of(inputs, 0), states)
    return [ops.expand_dims(y, 1) for y in outputs], states


def _only_step(x):
    """`(B, 1, ...)` as `(B, ...)`; not by an index, which TFLite lacks for six axes."""
    return ops.reshape(x, (-1, *ops.shape(x)[2:]))


# === What is refused ===


def _check_kind(model) -> None:
    run = getattr(model, "_run_through_graph", None)
    if run is None or not {"inputs", "call_fn"} <= set(inspect.signature(run).parameters):
        raise UserError(
            "Only a functional Keras model can run step by step, with a Keras whose Functional has "
            f"_run_through_graph(inputs, call_fn) (3.15 has). Received: a {type(model).__name__} of Keras {keras.__version__}"
        )
    if not isinstance(model.input, dict) or not isinstance(model.output, dict):
        raise UserError(f"A model that runs step by step has named inputs and outputs: dicts. Received: {model.name}")
    for name, x in model.input.items():
        if len(x.shape) < 2 or None in x.shape[2:]:
            raise UserError(f"A model that runs step by step reads frames of one size. Received: {name} {tuple(x.shape)}")


def _with_outputs(model, outputs) -> keras.Model:
    for name in outputs:
        if name not in model.output:
            raise UserError(f"{model.name} has no output {name!r}. {nearest(name, model.output)}")
    return keras.Model(model.input, {name: model.output[name] for name in outputs}, name=model.name)


def _check_outputs(model, delays, left_out, outputs) -> None:
    wanted = [name for name in left_out if name in (outputs or ANSWERS)] or ([] if delays else list(left_out))
    if wanted or not delays:
        reason = left_out[wanted[0]] if wanted else "it has no outputs"
        names = " and ".join(wanted) or "Nothing"
        others = f" What streams: {', '.join(delays)} (name them as outputs)." if delays and outputs is None else ""
        raise UserError(f"{names} of {model.name} cannot run step by step, because {reason}.{others}")
