"""The graph of a functional model, walked from its outputs back."""

from collections.abc import Iterator

import keras


def node_of(tensor: keras.KerasTensor):
    """The call that made a tensor: `node.operation` on `node.input_tensors`, one of several where a layer is shared."""
    operation, node, _ = tensor._keras_history
    return operation._inbound_nodes[node]


def last_layers(tensor: keras.KerasTensor) -> Iterator[keras.layers.Layer]:
    """The layers that make a tensor with weights of their own, and no layer with weights after them: the classifier of logits;
    several where the tensor joins theirs. Of a model inside, those inside it."""
    operation, _, number = tensor._keras_history
    if isinstance(operation, keras.Model):
        yield from last_layers(operation.outputs[number])
    elif operation.weights:
        yield operation
    else:
        for source in node_of(tensor).input_tensors:
            yield from last_layers(source)
