"""What the training loop is fed."""

import contextlib
import dataclasses
from collections.abc import Callable, Collection

import keras
import tensorflow as tf

from videorec.data.part import Part
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
    parts: Callable[[Part, range], tuple[tf.data.Dataset, tf.data.Dataset | None]] | None = None
    """The batches of training and validation, of which a process reads its part alone; None: it has to read them whole."""

    def steps(self, batch: int) -> int:
        """Training steps an epoch."""
        return -(-self.clips // batch)

    def of_part(self, part: Part, epochs: range, losses: Collection[str]) -> tuple[tf.data.Dataset, tf.data.Dataset | None]:
        """A process's rows of the batches of training and validation, filled up and weighted as `Part` says.

        Args:
            part: of the process.
            epochs: of training.
            losses: names of the outputs that have a loss.
        """
        if self.parts is not None:
            return self.parts(part, epochs)
        training = part.of_batches(self.train(epochs), losses)
        return training, None if self.val is None else part.of_batches(self.val, losses)
