"""How long training waits for its input."""

import time

import tensorflow as tf


class Waiting:
    """A clock around a data set: the seconds that whoever iterates it waited for the next batch.

    Attributes:
        seconds: so far.
    """

    def __init__(self):
        self.seconds = 0.0

    def around(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """The same batches. The clock is read in the call that asks for a batch, before and after: nothing runs ahead of it.

        (It is Python's: `tf.timestamp` is refused where `train.deterministic` is on.)
        """
        clock = tf.data.Dataset.range(1).repeat().map(_now)
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False  # TensorFlow would let the clock run ahead
        return tf.data.Dataset.zip(clock, dataset).map(self._note).with_options(options)

    @tf.autograph.experimental.do_not_convert
    def _note(self, asked, *batch):
        with tf.control_dependencies(tf.nest.flatten(batch)):
            added = tf.numpy_function(self._add, [asked], tf.float64)
        with tf.control_dependencies([added]):
            batch = tf.nest.map_structure(tf.identity, batch)
        return batch if len(batch) > 1 else batch[0]

    def _add(self, asked):
        waited = time.monotonic() - asked
        self.seconds += waited
        return waited


@tf.autograph.experimental.do_not_convert
def _now(_):
    return tf.numpy_function(time.monotonic, [], tf.float64)
