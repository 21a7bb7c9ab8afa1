"""What differs between Keras's backends: TensorFlow, on which all runs, and JAX, on which models are trained and measured."""

import contextlib
from collections.abc import Iterator

import keras
from keras import tree

from videorec.config import UserError

TRAINING = ("tensorflow", "jax")


def on_jax() -> bool:
    """Whether Keras computes with JAX (KERAS_BACKEND=jax)."""
    return keras.backend.backend() == "jax"


def check(what: str, backends: tuple[str, ...] = ("tensorflow",)) -> None:
    """What this command does must be possible on the backend that was chosen.

    Args:
        what: the subject of the message: "export.tflite".
        backends: on which it is.

    Raises:
        UserError: it is not.
    """
    chosen = keras.backend.backend()
    if chosen not in backends:
        raise UserError(
            f"{what} runs on Keras's backend {' or '.join(backends)}. Received: {chosen} (KERAS_BACKEND, or "
            "~/.keras/keras.json). Put KERAS_BACKEND=tensorflow before the command: a run is the same on both."
        )


def without_xla(model: keras.Model) -> keras.Model:
    """The model, predicting without XLA, which would compile again for every other number of clips or frames.

    On JAX nothing is changed: all that it compiles is compiled by XLA.
    """
    if not on_jax():
        model.jit_compile = False
    return model


def without_cudnn(model: keras.Model) -> keras.Model:
    """The model, whose LSTMs of half precision JAX computes in a loop of its own.

    Keras would hand them to JAX's cuDNN LSTM, which is one of float32 and does not check what it gets. (The loop is no slower.)
    To be called again on what is loaded or copied: Keras does not save the setting.
    """
    for layer in model._flatten_layers() if on_jax() else ():
        if hasattr(layer, "use_cudnn") and layer.compute_dtype != "float32":
            layer.use_cudnn = False
    return model


@contextlib.contextmanager
def errors_of_steps() -> Iterator[None]:
    """While `fit` runs, what goes wrong in a step of JAX, in place of what Keras meets when it tidies up.

    (With averages of the weights it asks for those of the step that failed, which are gone: a TypeError without a word of the
    first error.)
    """
    try:
        yield
    except TypeError as error:
        first = error.__context__ if on_jax() and error.__cause__ is None else None
        if first is None:
            raise
        raise first from None


def jit(wanted: bool) -> bool:
    """Whether training steps are compiled by XLA: where it is wanted, and always on JAX."""
    return wanted or on_jax()


def taken(inputs):
    """Batches of tf.data as the backend takes them: TensorFlow's tensors as they are, for JAX as NumPy arrays."""
    return tree.map_structure(keras.ops.convert_to_numpy, inputs) if on_jax() else inputs
