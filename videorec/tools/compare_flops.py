"""Count the arithmetic of a model: the operations of its graph."""

import tensorflow as tf


def flops_a_frame(model, shapes: dict[str, tuple[int, int, int, int]]) -> float:
    """Floating-point operations of the convolutions and matrix products of a clip, divided by the frames of its
    longer stream.

    A multiplication and its addition are two operations. What is left out (biases, activations, pooling, scaling) has no
    sum over channels, and is a small share. The loops over time are unrolled: in a loop's body TensorFlow knows no shapes.

    Args:
        model: a Keras model with a dict of streams as input.
        shapes: of the clip, `(T, H, W, 3)` by the stream's name; whole, since some layers see it only once.
    """
    loops = [(layer, layer.unroll) for layer in model._flatten_layers() if hasattr(layer, "unroll")]
    clip = {name: tf.TensorSpec((1, *shape), model.input[name].dtype, name=name) for name, shape in shapes.items()}
    nested = tf.config.functions_run_eagerly()
    try:
        tf.config.run_functions_eagerly(True)  # Keras puts a grouped convolution in a graph of its own: not so
        for layer, _ in loops:
            layer.unroll = True  # also keeps cuDNN away, which hides a whole LSTM in one operation
        graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(clip).graph
    finally:
        tf.config.run_functions_eagerly(nested)
        for layer, unroll in loops:
            layer.unroll = unroll
    return sum(2 * _multiplications(operation) for operation in graph.get_operations()) / max(
        shape[0] for shape in shapes.values()
    )


def _multiplications(operation) -> int:
    """Of one operation of a TensorFlow graph: the elements of its output, times the products summed in each."""
    if any(attribute.type == "func" for attribute in operation.op_def.attr):
        raise RuntimeError(f"{operation.name} ({operation.type}) hides a graph, whose operations would not be counted.")
    if operation.type in ("Conv2D", "Conv3D", "DepthwiseConv2dNative"):
        kernel, channels = operation.inputs[1].shape, operation.outputs[0].shape[-1]  # groups: the kernel is smaller
        summed = kernel.num_elements() // channels
    elif operation.type in ("MatMul", "BatchMatMulV2"):
        transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        summed = operation.inputs[0].shape[-2 if transposed else -1]
    else:
        return 0
    return operation.outputs[0].shape.num_elements() * summed
