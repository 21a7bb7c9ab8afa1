"""`Run`: one pass through the graph of a model that runs step by step."""

import dataclasses
from collections.abc import Callable
from typing import Any

from keras import layers, ops, tree

from videorec.config import UserError
from videorec.inference.step_cells import Gated, Silent, StepCell
from videorec.inference.step_layers import (
    ATTENTION,
    check_causal,
    check_each_step,
    check_stateless,
    is_network,
    step_cell,
    takes_last,
)
from videorec.inference.step_values import Lost, Running, StepError, Steps, When, WholeClipError
from videorec.inference.step_windows import Attention, HeldClip, Windows
from videorec.layers import AttentionDecoder, NextFrameConvLSTM2D

# `(cell, inputs (B, t, ...), states) -> (outputs (B, t, ...), new states)`
Loop = Callable[[Any, Any, list], tuple[list, list]]


@dataclasses.dataclass
class Node:
    """What the first pass decided about a call of a layer.

    Attributes:
        cell: one step of a layer with a memory; None for others.
        states: the names of its states.
        lost: why the call has no outputs, or None.
    """

    cell: StepCell | None = None
    states: tuple[str, ...] = ()
    lost: Lost | None = None


@dataclasses.dataclass
class Memory:
    """What all passes through a graph share.

    Attributes:
        buffer: most steps that attention looks back at.
        nodes: in the order of the graph; filled by the first pass.
        held: layers that see a whole clip again at every step.
    """

    buffer: int
    nodes: list[Node] = dataclasses.field(default_factory=list)
    held: list = dataclasses.field(default_factory=list)

    def initial_states(self, batch_size) -> dict:
        """`{state: (batch_size, ...)}`."""
        states = {}
        for node in self.nodes:
            if node.cell is not None:
                states |= zip(node.states, node.cell.get_initial_state(batch_size), strict=True)
        return states

    def named(self, layer, count: int) -> tuple[str, ...]:
        """Names for the states of a layer, with a number after them where layers of two networks share its name."""
        taken = {name for node in self.nodes for name in node.states}
        return tuple(_free(f"{layer.name}_state{i}", taken) for i in range(count))


class Run:
    """What stands at each node of the graph: `Steps`, `Running` and `Lost`, in and out.

    Args:
        memory: its `nodes` are filled where `states` is None.
        states: by name; None: the initial ones, in the first pass.
        loop: over the steps; None: no frame comes.
        answers: whether what joins the steps is asked for.

    Attributes:
        new_states: by name.
    """

    def __init__(self, memory: Memory, states: dict | None, loop: Loop | None, answers: bool = True):
        self.memory, self.states, self.loop, self.answers = memory, states, loop, answers
        self.new_states = {}
        self._known = iter(list(memory.nodes))  # the same calls come in the same order in every pass

    def through(self, network, values: list):
        """The network's outputs, in its own structure; every layer's are what this gives."""
        return network._run_through_graph(values, call_fn=self)

    def __call__(self, layer, *args, **kwargs) -> list:
        if is_network(layer):
            return tree.flatten(self.through(layer, in_order(layer, args[0])))
        values = [x for x in tree.flatten((args, kwargs)) if isinstance(x, Steps | Running | Lost)]
        count = len(tree.flatten(layer.output))
        node = self._decided(layer, args, kwargs, values) if self.states is None else next(self._known)
        if node.lost:
            return [node.lost] * count
        if isinstance(node.cell, HeldClip):
            (clip,) = self._temporal(layer, node, args, values, 1)
            args = tree.map_structure(lambda x: clip if isinstance(x, Steps) else x, args)
            return self._running(layer, args, kwargs, [clip], count)
        if node.cell is not None:
            return self._temporal(layer, node, args, values, count)
        if isinstance(values[0], Running):
            return self._running(layer, args, kwargs, values, count)
        tensors = _each_step(layer, args, kwargs) if values[0].tensor is not None else [None] * count
        return [dataclasses.replace(values[0], tensor=y) for y in tensors]

    # === What the first pass decides ===

    def _decided(self, layer, args, kwargs, values) -> Node:
        node = Node(lost=next((x for x in values if isinstance(x, Lost)), None))
        if not node.lost:
            try:
                node.cell = self._cell(layer, args, kwargs, values)
            except StepError as refusal:
                node.lost = Lost(f"the layer {layer.name} {refusal}")
        if node.cell is not None:
            node.states = self.memory.named(layer, len(node.cell.get_initial_state(1)))
        self.memory.nodes.append(node)
        return node

    def _cell(self, layer, args, kwargs, values) -> StepCell | None:
        """One step of a layer with a memory, or None for one without."""
        if all(isinstance(x, Running) for x in values):
            check_stateless(layer)
            _check_tail(layer, args, values)
            return None
        if type(layer) in ATTENTION:
            return self._attention(layer, args, kwargs, values)
        check_causal(layer)
        if any(isinstance(x, Running) for x in values):
            raise StepError("reads a sequence, or starts one, together with what joins its steps")
        if kwargs.get("mask") is not None:
            raise StepError("is given a mask, and a model that runs step by step takes none")
        delay, when = _common_delay(values), _common_windows(values)
        if any(layer is held for held in self.memory.held) or type(layer) is layers.Flatten:
            return _whole_clip(values[0])
        cell = step_cell(layer, args, step_of(tree.map_structure(lambda x: x.tensor, args[0]), 0))
        if cell is None:
            check_each_step(layer, [x.tensor.shape for x in values])
            return None
        if len(values) > len(tree.flatten(args[0])):
            raise StepError("starts from a state that is an input")
        if delay:
            raise StepError(
                f"has a memory, and what it reads is {delay} steps late: what comes before the first frame would enter its "
                "states"
            )
        if when and isinstance(cell, Windows):
            raise StepError("makes windows of windows")
        return Gated(cell) if when else cell

    def _attention(self, layer, args, kwargs, values) -> StepCell:
        """Attention of what joins the steps over sequences of them."""
        sequences = [x for x in values if isinstance(x, Steps)]
        if isinstance(values[0], Steps) or (isinstance(layer, AttentionDecoder) and len(sequences) > 1):
            raise StepError("asks at every step, and would see later ones")
        if any(x.delay or x.when for x in sequences) or kwargs.get("mask") is not None:
            raise StepError("looks back at a sequence that is late, in windows, or masked")

        def call(tensors, mask):
            tensors = iter(tensors)
            given = tree.map_structure(lambda x: next(tensors) if isinstance(x, Steps | Running) else x, (args, kwargs))
            return layer(*given[0], **given[1] | {"mask": mask})

        frames = [x.tensor[:, 0] if isinstance(x, Steps) else None for x in values]
        return Attention(frames, call, self.memory.buffer)

    # === A step ===

    def _temporal(self, layer, node, args, values, count) -> list:
        cell, inputs = node.cell, _inputs(node.cell, args, values)
        sequences = cell.count_sequences(count)
        first = self.states is None
        states = cell.get_initial_state(batch_size=1) if first else [self.states[name] for name in node.states]
        if self.loop is None:
            steps = cell.flush(states) if cell.delay else [None] * sequences
            joined = self._answers(cell, states, inputs) if self.answers else [None] * (count - sequences)
        else:
            outputs, new = self.loop(cell if self.answers else Silent(cell), inputs, states)
            self.new_states |= zip(node.states, new, strict=True)
            size = len(outputs) if not self.answers else len(outputs) - (count - sequences)
            steps, joined = outputs[:size], outputs[size:] if self.answers else [None] * (count - sequences)
        length = next(x.length for x in values if isinstance(x, Steps))
        if isinstance(cell, Windows):
            value, counts, replaces = steps if self.loop else (None, None, None)
            return [Steps(value, 0, length, When(layer, counts, replaces))]
        when = next(x.when for x in values if isinstance(x, Steps))
        tail = layer.horizon if isinstance(layer, NextFrameConvLSTM2D) else None
        return [Steps(y, cell.delay, length, when) for y in steps] + [Running(y, tail) for y in joined]

    @staticmethod
    def _answers(cell, states, inputs) -> list:
        """What joins the steps, `(B, 1, ...)`, without a new one."""
        joined = step_of(inputs, 0) if _is_attention(cell) else None
        return [ops.expand_dims(y, 1) for y in cell.result(states, joined)]

    @staticmethod
    def _running(layer, args, kwargs, values, count) -> list:
        """Any layer, on what joins the steps: the values after each step as if they were so many clips."""
        if any(x.tensor is None for x in values):
            return [Running(None)] * count
        first = values[0].tensor
        steps = (-1, first.shape[1]) if first.shape[1] is not None else ops.shape(first)[:2]
        args, kwargs = tree.map_structure(
            lambda x: ops.reshape(x.tensor, (-1, *x.tensor.shape[2:])) if isinstance(x, Running) else x, (args, kwargs)
        )
        outputs = tree.flatten(layer(*args, **kwargs))  # (B * t, ...)
        return [Running(ops.reshape(y, (*steps, *ops.shape(y)[1:]))) for y in outputs]


def step_of(inputs, t):
    """Step t of a nest of `(B, t, ...)`; None where nothing is given."""
    return tree.map_structure(lambda x: x if x is None else x[:, t], inputs)


def in_order(network, values) -> list:
    """What a network in the graph is called on, in the order of its inputs."""
    if isinstance(values, dict) and isinstance(network.input, dict):
        return [values[name] for name in input_names(network)]
    if isinstance(values, dict) or isinstance(network.input, dict):
        raise UserError(f"The inputs of {network.name} are named on one side only: it cannot run step by step.")
    return tree.flatten(values)


def input_names(network) -> list[str]:
    """The names of its inputs, in the order of `network.inputs`."""
    names = {id(tensor): name for name, tensor in network.input.items()}
    return [names[id(tensor)] for tensor in network.inputs]


def _free(name: str, taken: set[str]) -> str:
    number = 1
    while (candidate := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return candidate


def _inputs(cell, args, values):
    """What a cell reads: a nest of `(B, t, ...)`."""
    if _is_attention(cell):
        return [x.tensor for x in values]
    inputs = tree.map_structure(lambda x: x.tensor, args[0])
    return [inputs, values[0].when.counts, values[0].when.replaces] if isinstance(cell, Gated) else inputs


def _is_attention(cell) -> bool:
    return isinstance(cell, Attention)


def _each_step(layer, args, kwargs) -> list:
    """The outputs of a layer that treats each step alone, the number of steps static where it is so in the inputs."""
    args, kwargs = tree.map_structure(lambda x: x.tensor if isinstance(x, Steps) else x, (args, kwargs))
    time = tree.flatten(args)[0].shape[1]
    outputs = tree.flatten(layer(*args, **kwargs))
    if time is None:
        return outputs
    return [ops.reshape(y, (-1, time, *y.shape[2:])) if y.shape[1] is None else y for y in outputs]


# === What is refused ===


def _whole_clip(x: Steps) -> StepCell:
    if x.length is None:
        raise StepError("joins all steps into one vector, which needs a model of a fixed number of frames")
    if x.when:
        raise WholeClipError(x.when.layer)
    return HeldClip(x.length, x.tensor[:, 0])


def _check_tail(layer, args, values) -> None:
    tail = next((x.tail for x in values if x.tail is not None), None)
    if tail is not None and not 0 < (takes_last(layer, args) or 0) <= tail:
        raise StepError(f"reads more than the last {tail} steps, which are all that is known then")


def _common_delay(values) -> int:
    delays = sorted({x.delay for x in values})
    if len(delays) > 1:
        raise StepError(f"reads sequences of different delay, {' and '.join(map(str, delays))} steps")
    return delays[0]


def _common_windows(values) -> When | None:
    first, *others = [x.when and x.when.layer for x in values]
    if any(other is not first for other in others):
        raise StepError("reads windows together with what has others, or none")
    return values[0].when
