"""`TimeDistributed`: a layer applied to every frame, with time folded into the batch."""

import keras
from keras import tree

from videorec.layers.steps import each_step


@keras.saving.register_keras_serializable(package="videorec")
class TimeDistributed(keras.layers.TimeDistributed):
    """Applies a layer to every time step: `(B, T, ...)` becomes `(B * T, ...)` for the layer, and back.

    Keras's own layer puts T copies of the inner graph side by side where T is known, and returns wrong values where it is
    not (Keras 3.14 to 3.16: it then loops over the batch axis). Folding needs one copy, and is right for any B and T. The
    weights are the same, so files load into either.

    Args:
        layer: the layer or model to apply to each step. It may take and return a nest (list or dict) of tensors, each with
            the batch axis first.

    Call arguments:
        inputs: tensor `(B, T, ...)`, or the inner layer's nest of such tensors.
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
            self.layer.build(self._inner_shapes(input_shape))
            self.layer.built = True

    def call(self, inputs, training=None, mask=None):
        kwargs = {"training": training} if self.layer._call_has_training_arg else {}
        return each_step(lambda frames: self.layer(frames, **kwargs), inputs)

    def compute_output_shape(self, input_shape):
        outputs, steps = self.layer.compute_output_shape(self._inner_shapes(input_shape)), _steps(input_shape)
        return tree.map_shape_structure(lambda shape: (*steps, *shape[1:]), outputs)

    def compute_output_spec(self, inputs, training=None, mask=None):
        frames = tree.map_structure(lambda x: keras.KerasTensor(self._inner_shape(x.shape), dtype=x.dtype), inputs)
        kwargs = {"training": training} if self.layer._call_has_training_arg else {}
        outputs, steps = self.layer.compute_output_spec(frames, **kwargs), tree.flatten(inputs)[0].shape[:2]
        # The dtype is the inner layer's own, which may differ from this wrapper's policy.
        return tree.map_structure(lambda x: keras.KerasTensor((*steps, *x.shape[1:]), dtype=x.dtype), outputs)

    def _inner_shapes(self, shapes):
        return tree.map_shape_structure(self._inner_shape, shapes)

    @staticmethod
    def _inner_shape(shape):
        if len(shape) < 3:
            raise ValueError(f"TimeDistributed needs an input of shape (batch, time, ...). Received: shape={tuple(shape)}")
        batch, time = shape[:2]
        return (None if batch is None or time is None else batch * time, *shape[2:])


def _steps(shapes) -> tuple:
    """Batch and time of the first of a nest of shapes."""
    steps = []
    tree.map_shape_structure(lambda shape: steps.append(tuple(shape[:2])), shapes)
    return steps[0]
