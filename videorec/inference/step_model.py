"""`StepModel`: a causal model one step at a time, on the same weights, with its memory as inputs and outputs."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops, tree

from videorec.config import UserError, nearest
from videorec.inference.step_layers import check_each_step, is_network, joins_steps, step_cell, why_not_causal

# `(cell, sequences (B, t, ...), states) -> (outputs (B, t, ...), new states)`
Loop = Callable[[Any, Any, list], tuple[Any, list]]


@dataclass(frozen=True)
class _Steps:
    """A sequence in the graph: `(B, t, ...)`, or None where a stream that has ended has nothing left; and its delay."""

    tensor: Any
    delay: int = 0


@dataclass(frozen=True)
class _Joined:
    """What a layer made of all steps: no stream has it before its end."""

    layer: str


class StepModel:
    """A causal functional model, run step by step.

    The model's graph is run again on fewer steps: every temporal layer is replaced by its cell, with states to carry, and
    all others stay as they are. All weights are the model's own.

    The outputs of a step are those of the model for the same frame, or, where a layer awaits later predictions
    (`MultipleOutput`), for the frame `delays[name]` steps before; the first ones then mean nothing, and `end` gives the last.

    Args:
        model: functional, `{stream: (B, T, ...)}` to `{name: (B, T, ...)}`: a whole model, or a head from
            `videorec.models.split.cut`.
        outputs: names of the outputs that are wanted. Default: all that have a step for each frame; those that join the
            steps of a clip (a mean, the last one) are left out.

    Attributes:
        model: `keras.Model`; inputs `{stream: (B, 1, ...)}` and the states `{state: (B, ...)}`; outputs `{name: (B, 1, ...)}`
            and the new states, by the same names.
        delays: `{name: steps}` of every output.
        left_out: `{name: layer}`, the outputs that a layer joins over time.

    Raises:
        UserError: a model that is not causal, a layer that is not known to treat each step alone, or no output that streams.

    Example:

    >>> step = StepModel(models.build("lrcn", {"rgb": (None, 224, 224, 3)}, classes=101))
    >>> states = step.initial_states(1)
    >>> for frame in frames:  # (224, 224, 3)
    ...     rgb = keras.ops.convert_to_tensor(frame[None, None])  # Keras takes arrays or tensors, not both
    ...     result = step.model({"rgb": rgb, **states})
    ...     states = {name: result[name] for name in states}
    ...     result["steps"]  # (1, 1, 101)
    """

    def __init__(self, model: keras.Model, outputs: Sequence[str] | None = None):
        _check_kind(model)
        self._network = model if outputs is None else _with_outputs(model, outputs)
        self.inputs = dict(zip(_input_names(model), model.inputs, strict=True))
        self._cells = []  # `(names of its states, cell)` of each temporal layer, in the order of the graph
        frame = {name: ops.zeros((1, 1, *x.shape[2:]), x.dtype) for name, x in self.inputs.items()}
        results = self._results(frame, None, one_step)
        self.delays = {name: x.delay for name, x in results.items() if isinstance(x, _Steps)}
        self.left_out = {name: x.layer for name, x in results.items() if isinstance(x, _Joined)}
        _check_outputs(model, self.delays, self.left_out, outputs)
        self.model = self._functional()

    def initial_states(self, batch_size: int) -> dict:
        """The states before the first frame: `{state: (batch_size, ...)}`."""
        states = {}
        for names, cell in self._cells:
            states |= zip(names, tree.flatten(cell.get_initial_state(batch_size=batch_size)), strict=True)
        return states

    def run(self, inputs: dict, states: dict, loop: Loop) -> tuple[dict, dict]:
        """Several steps at once.

        Args:
            inputs: `{stream: (B, t, ...)}`.
            states: as before the first of these steps.
            loop: runs a cell over t steps, `(cell, sequences, states) -> (outputs, new states)`.

        Returns:
            `{name: (B, t, ...)}`, and the states after the last step.
        """
        new_states = {}
        results = self._results(inputs, states, loop, new_states)
        return {name: results[name].tensor for name in self.delays}, new_states

    def end(self, states: dict) -> dict:
        """`{name: (B, delay, ...)}`: the frames that delayed outputs still await, from what is known at the end; where fewer
        than `delay` steps were run, the first are about frames before the first, and mean nothing."""
        results = self._results(dict.fromkeys(self.inputs), states, None)
        return {name: results[name].tensor for name, delay in self.delays.items() if delay}

    def _results(self, inputs, states, loop, new_states=None) -> dict:
        """A `_Steps` or `_Joined` of every output."""
        values = [_Steps(inputs[name]) for name in self.inputs]
        new_states = {} if new_states is None else new_states
        return _through_graph(self._network, values, _Run(self._cells, states, loop, new_states))

    def _functional(self) -> keras.Model:
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
        self._run = step.run
        self.built = True

    def call(self, inputs, states):
        return self._run(inputs, states, one_step)


def one_step(cell, sequences, states):
    """The `Loop` over one step."""
    outputs, states = cell(tree.map_structure(lambda x: x[:, 0], sequences), states)
    return tree.map_structure(lambda y: y[:, None], outputs), states


class _Run:
    """One pass through the graph: what stands at each of its nodes, `_Steps` and `_Joined` in and out.

    Args:
        cells: list of `(names of states, cell)`, filled by the first pass.
        states: by name; None: the initial ones, in the first pass.
        loop: over the steps; None: the stream has ended.
        new_states: to fill, by name.
    """

    def __init__(self, cells: list, states: dict | None, loop: Loop | None, new_states: dict):
        self.cells, self.states, self.loop, self.new_states = cells, states, loop, new_states
        self.known = iter(list(cells))  # the same layers come in the same order in every pass

    def __call__(self, layer, *args, **kwargs) -> list:
        values = [x for x in tree.flatten((args, kwargs)) if isinstance(x, _Steps | _Joined)]
        count = len(tree.flatten(layer.output))
        joined = next((x for x in values if isinstance(x, _Joined)), None)
        if joined:
            return [joined] * count
        if is_network(layer):
            return tree.flatten(_through_graph(layer, _in_order(layer, args[0]), self))
        if reason := why_not_causal(layer):
            raise UserError(f"The model cannot run step by step because of its layer {layer.name}: {reason}.")
        if joins_steps(layer):
            return [_Joined(layer.name)] * count
        if kwargs.get("mask") is not None:
            raise UserError(f"The layer {layer.name} is given a mask: a model that runs step by step takes none.")
        delay = _common_delay(layer, values)
        cell = step_cell(layer)
        if cell is not None:
            return self._temporal(layer, cell, args, kwargs, delay, count)
        if any(x.tensor is None for x in values):
            return [_Steps(None, delay)] * count
        check_each_step(layer, [x.tensor.shape for x in values])
        return [_Steps(y, delay) for y in _each_step(layer, args, kwargs)]

    def _temporal(self, layer, cell, args, kwargs, delay, count) -> list:
        own = len(tree.flatten(args[0]))
        if len([x for x in tree.flatten((args, kwargs)) if isinstance(x, _Steps)]) > own:
            raise UserError(f"The layer {layer.name} starts from a state that is an input: it cannot run step by step.")
        if delay:
            raise UserError(
                f"The layer {layer.name} has a memory, and what it reads is {delay} steps late: what comes before the first "
                "frame would enter its states. Choose other outputs."
            )
        names, states = self._states(layer, cell, args[0])
        late = getattr(cell, "delay", 0)
        if self.loop is None:  # at the end only a late layer has frames left
            return [_Steps(cell.flush(states) if late else None, late)] * count
        outputs, states = self.loop(cell, _tensors(args[0]), states)
        self.new_states |= zip(names, tree.flatten(states), strict=True)
        steps = [_Steps(y, late) for y in tree.flatten(outputs)]
        return steps + [_Joined(layer.name)] * (count - len(steps))  # return_state: those of the last step

    def _states(self, layer, cell, sequences) -> tuple[tuple[str, ...], list]:
        """The names of the layer's states, and their values in the cell's own structure."""
        if self.states is not None:
            names, _ = next(self.known)
            structure = cell.get_initial_state(batch_size=1)
            return names, tree.pack_sequence_as(structure, [self.states[name] for name in names])
        states = cell.get_initial_state(batch_size=ops.shape(tree.flatten(_tensors(sequences))[0])[0])
        taken = {name for names, _ in self.cells for name in names}
        names = tuple(_free(f"{layer.name}_state{i}", taken) for i in range(len(tree.flatten(states))))
        self.cells.append((names, cell))
        return names, states


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number after it where layers of two networks share it."""
    number = 1
    while (candidate := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return candidate


def _tensors(values):
    return tree.map_structure(lambda x: x.tensor if isinstance(x, _Steps) else x, values)


def _each_step(layer, args, kwargs) -> list:
    """The outputs of a layer that treats each step alone, the number of steps static where it is so in the inputs."""
    args, kwargs = _tensors((args, kwargs))
    time = tree.flatten(args)[0].shape[1]
    outputs = tree.flatten(layer(*args, **kwargs))
    if time is None:
        return outputs
    return [ops.reshape(y, (-1, time, *y.shape[2:])) if y.shape[1] is None else y for y in outputs]


def _common_delay(layer, values) -> int:
    delays = sorted({x.delay for x in values})
    if len(delays) > 1:
        raise UserError(
            f"The layer {layer.name} reads sequences of different delay, {' and '.join(map(str, delays))} steps: it cannot run "
            "step by step. Choose other outputs."
        )
    return delays[0]


# === The graph of a functional model ===


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


def _through_graph(network, values: list, run: _Run):
    """The network's outputs, in its own structure; every layer's are what `run` says."""
    return network._run_through_graph(values, call_fn=run)


def _input_names(network) -> list[str]:
    """The names of its inputs, in the order of `network.inputs`."""
    names = {id(tensor): name for name, tensor in network.input.items()}
    return [names[id(tensor)] for tensor in network.inputs]


def _in_order(network, values) -> list:
    """What a network in the graph is called on, in the order of its inputs."""
    if isinstance(values, dict) and isinstance(network.input, dict):
        return [values[name] for name in _input_names(network)]
    if isinstance(values, dict) or isinstance(network.input, dict):
        raise UserError(f"The inputs of {network.name} are named on one side only: it cannot run step by step.")
    return tree.flatten(values)


def _with_outputs(model, outputs) -> keras.Model:
    for name in outputs:
        if name not in model.output:
            raise UserError(f"{model.name} has no output {name!r}. {nearest(name, model.output)}")
    return keras.Model(model.input, {name: model.output[name] for name in outputs}, name=model.name)


def _check_outputs(model, delays, left_out, outputs) -> None:
    joined = ", ".join(f"{name} (joined by {layer})" for name, layer in left_out.items())
    if outputs is not None and left_out:
        raise UserError(f"Outputs that join the steps of a clip are not known step by step. Received: {joined}")
    if not delays:
        raise UserError(f"No output of {model.name} has a step for each frame: {joined or 'it has none'}")
