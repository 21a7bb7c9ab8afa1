"""Which devices compute, and whether they do it in the same way each time; on Keras's backends TensorFlow and JAX."""

import contextlib
import os

import tensorflow as tf

from videorec.models import backend

DETERMINISTIC = "--xla_gpu_deterministic_ops=true"


def leave_to_jax() -> None:
    """On JAX, TensorFlow leaves GPUs alone: it reads files, and would take the memory that JAX needs.

    Call it before anything is computed; where TensorFlow has begun already nothing is changed.
    """
    if backend.on_jax():
        with contextlib.suppress(RuntimeError):  # TensorFlow has begun
            tf.config.set_visible_devices([], "GPU")


def make_deterministic() -> None:
    """The same seed, the same numbers: TensorFlow's operations, and on JAX those that XLA compiles for a GPU.

    XLA reads its flags when it begins: call it before anything is computed.
    """
    tf.config.experimental.enable_op_determinism()
    flags = os.environ.get("XLA_FLAGS", "")
    if backend.on_jax() and DETERMINISTIC not in flags.split():
        os.environ["XLA_FLAGS"] = f"{flags} {DETERMINISTIC}".strip()
