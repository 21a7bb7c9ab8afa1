"""What the training loop is fed."""

import contextlib
import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from videorec.training.waiting import Waiting


@dataclasses.dataclass
class Feed:
    """A model and its batches: the whole model on frames, or its head on cached features."""

    model: keras.Model
    """What is trained; shares its weights with the whole model."""
    train: Callable[[range], tf.data.Dataset]
    """Batches of the given epochs."""
    val: tf.data.Dataset | None
    """Batches of the validation set, or None without one."""
    clips: int
    """Training clips (or windows) an epoch."""
    own_errors: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext
    """While its context lasts, what the batches cannot read raises its own UserError in place of TensorFlow's error."""
    waiting: Waiting = dataclasses.field(default_factory=Waiting)
    """The clock around what training iterates."""

    def steps(self, batch: int) -> int:
        """Training steps an epoch."""
        return -(-self.clips // batch)
