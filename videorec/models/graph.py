"""The graph of a functional model: what ends it, and where it can be divided."""

from collections.abc import Iterator

import keras
from keras import tree


def last_layers(tensor: keras.KerasTensor) -> Iterator[keras.layers.Layer]:
    """The layers that make a tensor with weights of their own, and no layer with weights after them: the classifier of logits;
    several where the tensor joins theirs. Of a model inside, those inside it."""
    operation, node, number = tensor._keras_history
    if isinstance(operation, keras.Model):
        yield from last_layers(operation.outputs[number])
    elif getattr(operation, "weights", ()):  # an operation of keras.ops has none
        yield operation
    else:
        for source in operation._inbound_nodes[node].input_tensors:
            yield from last_layers(source)


def divided(network: keras.Model) -> tuple[keras.Model, keras.Model]:
    """`(lower, upper)` such that `upper(lower(x))` equals `network(x)`, and `lower` is all that no training changes.

    A layer belongs to `upper` where it is trained or comes after one that is. What it takes from below is an output of `lower`,
    a list; several where the two are joined at several places, or where an output of the network changes in no training.

    Args:
        network: of one input, some of whose layers are trained.
    """
    x = network.input
    start = keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name)
    changing, crossing = set(), {}  # by identity: tensors of `upper`; those of `lower`, each with what stands for it above

    def above(x):
        if not isinstance(x, keras.KerasTensor) or id(x) in changing:
            return x
        return crossing.setdefault(id(x), (x, keras.Input(batch_shape=x.shape, dtype=x.dtype)))[1]

    def call(layer, *args, **kwargs):
        trained = getattr(layer, "trainable_weights", ())
        if not trained and not any(id(x) in changing for x in tree.flatten((args, kwargs))):
            return layer(*args, **kwargs)
        args, kwargs = tree.map_structure(above, (args, kwargs))
        outputs = layer(*args, **kwargs)
        changing.update(map(id, tree.flatten(outputs)))
        return outputs

    outputs = tree.map_structure(above, network._run_through_graph([start], call_fn=call))
    ends, inputs = map(list, zip(*crossing.values(), strict=True))
    return keras.Model(start, ends, name=network.name), keras.Model(inputs, outputs, name=network.name)


def entrances(network: keras.Model) -> list[str]:
    """The layers with a kernel before which all that later layers take is one tensor, by name: where blocks begin."""
    calls = []

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        sources = [x for x in tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor)]
        calls.append((layer, set(map(id, sources)), set(map(id, tree.flatten(outputs)))))
        return outputs

    ends = network._run_through_graph(network.inputs, call_fn=call)
    wanted, names = {id(x) for x in tree.flatten(ends)}, []  # what is made before the layer, and needed from it on
    for layer, sources, made in reversed(calls):
        wanted = (wanted - made) | sources
        if len(wanted) == 1 and hasattr(layer, "kernel"):
            names.append(layer.name)
    return names[::-1]
