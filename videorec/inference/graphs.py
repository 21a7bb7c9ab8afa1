"""A model as TensorFlow graphs of named inputs, and a SavedModel of such graphs."""

from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import tensorflow as tf

Tensors = dict[str, tf.Tensor]
Graph = tf.types.experimental.ConcreteFunction


def input_names(streams: Iterable[str], single: str = "frames") -> dict[str, str]:
    """What an export calls the input of each stream: `single` where there is one, else as the stream."""
    streams = list(streams)
    return dict(zip(streams, streams if len(streams) > 1 else (single,), strict=True))


def trace(predict: Callable[[Tensors], Tensors], specs: dict[str, tf.TensorSpec]) -> Graph:
    """`predict({stream: tensor})` as a graph whose inputs have the names of `specs`, one a stream.

    Each call makes a function of its own: where an older one has a graph for any batch, TensorFlow takes that for a batch of 1
    too, and recurrent loops over it do not convert to TFLite.
    """

    @tf.function(autograph=False)
    def function(**given):
        return predict({stream: given[spec.name] for stream, spec in specs.items()})

    return function.get_concrete_function(**{spec.name: spec for spec in specs.values()})


def save(model: keras.Model, signatures: dict[str, Graph], folder: Path, assets: Iterable[Path] = ()) -> None:
    """Write a SavedModel of graphs over the model's weights, and copies of files in its folder `assets`."""
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]  # tracked, so that they are saved
    module.assets = [tf.saved_model.Asset(str(path)) for path in assets]
    tf.saved_model.save(module, str(folder), signatures=signatures)
