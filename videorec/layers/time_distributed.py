"""`TimeDistributed`: a layer applied to every frame, with time folded into the batch."""

import keras
from keras import ops, tree


@keras.saving.register_keras_serializable(package="videorec")
class TimeDistributed(keras.layers.TimeDistributed):
    """Applies a layer to every time step: `(B, T, ...)` becomes `(B * T, ...)` for the layer, and back.

    Keras's own layer puts T copies of the inner graph side by side where T is known, and returns wrong values where it is
    not (Keras 3.14 to 3.16: it then loops over the batch axis). Folding needs one copy, and is right for any B and T. The
    weights are the same, so files load into either.

    Args:
        layer: the layer or model to apply to each step. It may return a nest (list or dict) of tensors, each with the
            batch axis first.

    Call arguments:
        inputs: tensor `(B, T, ...)`.
        training: passed to the inner layer where it takes it.
        mask: time mask `(B, T)`. It describes the steps, not what is inside a step: it is passed on unchanged to the
            next layer (with a single output tensor) and never given to the inner layer.

    Returns:
        Tensor `(B, T, ...)`, or the inner layer's nest of such tensors.

    Raises:
        ValueError: the input has no time axis, or nothing after it.

    Example:

    >>> TimeDistributed(keras.layers.Conv2D(16, 3))(np.random.random((2, 10, 32, 32, 3))).shape
    (2, 10, 30, 30, 16)
    """

    def build(self, input_shape):
        # Not super().build(): Keras's would call the inner layer's build with the batch size, which here is B * T.
        if not self.layer.built:
            self.layer.build(self._inner_shape(input_shape))
            self.layer.built = True

    def call(self, inputs, training=None, mask=None):
        shape = ops.shape(inputs)
        frames = ops.reshape(inputs, (-1, *shape[2:]))  # (B * T, ...)
        kwargs = {"training": training} if self.layer._call_has_training_arg else {}
        outputs = self.layer(frames, **kwargs)
        batch, time = inputs.shape[:2]
        # -1 stands for the unknown axis: the known ones then stay static. With both unknown, both are read at run time.
        steps = (-1, time) if time is not None else (shape[0], -1 if batch is not None else shape[1])
        return tree.map_structure(lambda x: ops.reshape(x, (*steps, *ops.shape(x)[1:])), outputs)  # (B, T, ...)

    def compute_output_shape(self, input_shape):
        outputs = self.layer.compute_output_shape(self._inner_shape(input_shape))
        return tree.map_shape_structure(lambda shape: (*input_shape[:2], *shape[1:]), outputs)

    def compute_output_spec(self, inputs, training=None, mask=None):
        frames = keras.KerasTensor(self._inner_shape(inputs.shape), dtype=inputs.dtype)
        kwargs = {"training": training} if self.layer._call_has_training_arg else {}
        outputs = self.layer.compute_output_spec(frames, **kwargs)
        # The dtype is the inner layer's own, which may differ from this wrapper's policy.
        return tree.map_structure(lambda x: keras.KerasTensor((*inputs.shape[:2], *x.shape[1:]), dtype=x.dtype), outputs)

    @staticmethod
    def _inner_shape(shape):
        if len(shape) < 3:
            raise ValueError(f"TimeDistributed needs an input of shape (batch, time, ...). Received: shape={tuple(shape)}")
        batch, time = shape[:2]
        return (None if batch is None or time is None else batch * time, *shape[2:])
