"""States and gates of recurrent cells, on a few clips."""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from videorec.models.backend import on_jax, taken
from videorec.training import sections
from videorec.training.board.inside import noted, parts
from videorec.training.curves import Curves
from videorec.training.feed import Feed

CLIPS = 4
EDGE = 0.05  # a gate below it, or above 1 minus it, is as good as shut or open: little gradient passes


class States(keras.callbacks.Callback):
    """After epochs while the budget lasts: histograms of hidden states and gates, and the share of gates that are saturated.

    Args:
        curves: whose writers are used.
        feed: whose model answers the first clips of its validation set (of training where there is none).
    """

    def __init__(self, curves: Curves, feed: Feed):
        super().__init__()
        self._curves, self._feed, self._clips = curves, feed, None
        cells = [(name, part) for name, part in parts(feed.model) if hasattr(part, "recurrent_activation")]
        cells = [(name, part) for name, part in cells if not isinstance(part, keras.layers.RNN)]
        self._cells = list({id(part): (name, part) for name, part in cells}.values())

    def on_epoch_end(self, epoch, logs=None):
        """Answer the clips again, and look at the cells."""
        if not self._cells or not self._curves.showing:
            return
        with self._curves.budget.spending():
            if self._clips is None:
                batches = self._feed.train(range(1)) if self._feed.val is None else self._feed.val
                inputs = next(iter(batches.take(1)))[0]
                self._clips = tree.map_structure(lambda x: x[:CLIPS], taken(inputs))
            with self._curves.writer.as_default(epoch + 1):
                for name, seen in observed(self._feed.model, self._clips, self._cells).items():
                    self._show(name, seen)

    def _show(self, name: str, seen: dict[str, np.ndarray]) -> None:
        for kind, values in seen.items():
            tf.summary.histogram(f"{sections.MODEL}/{name}: {kind}", values)
        gates = seen["gates"]
        tf.summary.scalar(f"{sections.MODEL}/{name}: share of gates shut", np.mean(gates < EDGE))
        tf.summary.scalar(f"{sections.MODEL}/{name}: share of gates open", np.mean(gates > 1 - EDGE))


def observed(model: keras.Model, inputs, cells) -> dict[str, dict[str, np.ndarray]]:
    """`{cell: {"states": values, "gates": values}}` of all steps while a model answers.

    Args:
        inputs: of a few clips.
        cells: `(name, cell)` of each; the gates are what its `recurrent_activation` gives.
    """
    seen = {}
    with contextlib.ExitStack() as stack:
        for number, (name, cell) in enumerate(cells):
            name = name if [other for other, _ in cells].count(name) == 1 else f"{name} {number}"
            lists = seen[name] = {"states": [], "gates": []}
            stack.enter_context(noted(cell, "recurrent_activation", lambda _, x, to=lists["gates"]: to.append(x)))
            stack.enter_context(noted(cell, "call", lambda _, x, to=lists["states"]: to.append(x[0])))
        for layer in {id(layer): layer for _, layer in parts(model)}.values():
            if hasattr(layer, "use_cudnn"):  # a GPU's fused LSTM calls no cell
                stack.enter_context(_set(layer, "use_cudnn", False))
            if on_jax() and isinstance(layer, keras.layers.RNN):  # in JAX's loop a cell sees no values
                stack.enter_context(_set(layer, "unroll", True))
        model(inputs, training=False)
    return {name: {kind: _flat(x) for kind, x in lists.items()} for name, lists in seen.items() if lists["gates"]}


@contextlib.contextmanager
def _set(layer, name: str, value: bool):
    before = getattr(layer, name)
    setattr(layer, name, value)
    try:
        yield
    finally:
        setattr(layer, name, before)


def _flat(tensors: list) -> np.ndarray:
    return np.concatenate([keras.ops.convert_to_numpy(keras.ops.cast(x, "float32")).ravel() for x in tensors])
