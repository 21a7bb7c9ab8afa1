"""The rows of each batch that one of several processes computes."""

import dataclasses
from collections.abc import Collection

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Part:
    """A process's part of every batch: as many neighbouring rows as each of the others.

    A batch whose rows cannot be divided evenly among all devices is filled up with its last row, which then counts with weight
    0; losses that divide by the number of rows are weighted so that they stay what they are.

    Args:
        index: of the process, from 0.
        processes: how many there are.
        devices: of all of them, as many in each.
    """

    index: int = 0
    processes: int = 1
    devices: int = 1

    def filled(self, rows: int) -> int:
        """Rows of a batch of all processes, with those that fill it up."""
        return -(-rows // self.devices) * self.devices

    def batch(self, rows: int) -> int:
        """Rows of such a batch that are this process's."""
        return self.filled(rows) // self.processes

    def rows(self, count: int, batch: int, evenly: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """This process's rows of all batches of an epoch, one after the other.

        Args:
            count: rows of the epoch, N.
            batch: rows of a batch, before it is filled up; the last may have fewer.
            evenly: see below.

        Returns:
            Arrays `(M,)`: positions (int64, below N), whether they count (float32, 1 or 0), and their weight in a loss that
            divides by the rows of its batch: n' / n, where n of the batch's n' rows count. `evenly`, for means over the whole
            epoch in place of steps: N' / N for all.
        """
        if self.devices == 1:
            return np.arange(count), np.ones(count, np.float32), np.ones(count, np.float32)
        positions, counts, gains = [], [], []
        for start in range(0, count, batch):
            size = min(batch, count - start)
            share = self.batch(size)
            own = np.arange(self.index * share, (self.index + 1) * share)
            positions.append(start + np.minimum(own, size - 1))
            counts.append((own < size).astype(np.float32))
            gains.append(counts[-1] * np.float32(self.filled(size) / size))
        if not positions:
            return np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32)
        counts = np.concatenate(counts)
        gains = counts * np.float32(self._all(count, batch) / count) if evenly else np.concatenate(gains)
        return np.concatenate(positions).astype(np.int64), counts, gains

    def _all(self, count: int, batch: int) -> int:
        """Rows of an epoch, with those that fill up."""
        whole, rest = divmod(count, batch)
        return whole * self.filled(batch) + self.filled(rest)

    def of_batches(self, batches: tf.data.Dataset, losses: Collection[str]) -> tf.data.Dataset:
        """The same for batches `(inputs, targets)` or `(inputs, targets, weights)` that were read whole.

        Args:
            losses: names of the outputs that have a loss.
        """

        def own(inputs, targets, weights=None):
            size = tf.shape(tf.nest.flatten(inputs)[0])[0]
            filled = -(-size // self.devices) * self.devices
            share = filled // self.processes
            rows = self.index * share + tf.range(share)
            counts = tf.cast(rows < size, tf.float32)
            gain = tf.cast(filled / size, tf.float32)
            inputs, targets, weights = tf.nest.map_structure(
                lambda x: tf.gather(x, tf.minimum(rows, size - 1)), (inputs, targets, weights or {})
            )
            return inputs, targets, {name: _weighted(weights.get(name), counts, gain, name in losses) for name in targets}

        return batches.map(own)


WHOLE = Part()
"""All rows: one process, one device."""


def _weighted(weights: tf.Tensor | None, counts: tf.Tensor, gain, of_loss: bool) -> tf.Tensor:
    factors = counts * gain if of_loss else counts
    if weights is None:
        return factors
    return weights * tf.reshape(factors, [-1] + [1] * (len(weights.shape) - 1))
