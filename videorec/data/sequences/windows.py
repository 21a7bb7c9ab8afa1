"""tf.data pipelines of forecasting: windows of J + K frames, split into what the model sees and what it is to forecast.

The order of the windows and every random choice follow from (seed, epoch, index) alone, so that a run that was interrupted
goes on with exactly the data it would have seen.
"""

import dataclasses
import functools
import os
from typing import Literal, Protocol

import numpy as np
import tensorflow as tf

from videorec.config import UserError, bounds
from videorec.config.forecasting import Sequences
from videorec.data.pipeline import epoch_order, unconverted
from videorec.data.record import Record
from videorec.data.seen import Trained
from videorec.data.sequences.files import FileSequences
from videorec.data.sequences.moving_mnist import MovingMNIST

Pixels = Literal["uint8", "float32"]
MOVING_MNIST_ONLY = ("digits", "protocol", "test_file", "train_sequences", "test_sequences")
FILES_ONLY = ("key", "axes", "values", "hop", "test_hop", "val", "test")


class SequenceSet(Protocol):
    """Windows of `J + K` frames, numbered from 0 in each split.

    Attributes:
        shape: `(H, W, C)` of a frame.
        files: names of the files of each split; empty where nothing is split by file.
        classes: of labelled frames; empty where frames are forecast.
        failure: what a pipeline could not read, for `pipeline.own_errors`.
    """

    shape: tuple[int, int, int]
    files: dict[str, list[str]]
    classes: tuple[str, ...]
    failure: UserError | None

    def windows(self, split: str) -> int:
        """How many windows `train` (in an epoch), `val` or `test` has."""

    def name(self, split: str, index: int) -> str:
        """Which sequence a window is of, and its first frame."""

    def window(self, split: str, index: int, epoch: int = 0) -> np.ndarray:
        """`(J + K, H, W, C)`: uint8 from 0 to 255, or float32 in [0, 1] with NaN where masked."""

    def record(self) -> Record:
        """The files, or sequences, of each split, as a run keeps them."""

    def describe(self) -> str:
        """The protocol in a line: what is trained on, what the test set is."""


def open_sequences(
    data: Sequences, horizon: int, seed: int, record: Record | None = None, trained: Trained | None = None
) -> SequenceSet:
    """What `data.path` names.

    Args:
        horizon: K.
        seed: of the training sequences that are made on the fly, or of the split by file.
        record: of the run that goes on, whose split stays; None: the split is drawn.
        trained: what a run that is to be measured was trained on, see `FileSequences`.

    Raises:
        UserError: an option out of its range or without effect, nothing there, or files that cannot be used.
    """
    made = data.path == "moving_mnist"
    _check(data, horizon, FILES_ONLY if made else MOVING_MNIST_ONLY)
    return MovingMNIST(data, horizon, seed) if made else FileSequences(data, horizon, seed, record, trained)


def _check(data: Sequences, horizon: int, without_effect: tuple[str, ...]) -> None:
    bounds.check(data, "--data.")
    if horizon < 1:
        raise UserError(f"--model.horizon must be 1 or more. Received: {horizon}")
    defaults = {field.name: field.default for field in dataclasses.fields(Sequences)}
    for name in without_effect:
        if getattr(data, name) != defaults[name]:
            raise UserError(f"--data.{name.replace('_', '-')} has no effect with --data.path {data.path}: leave it out.")


# === Batches ===


@unconverted
def training(
    source: SequenceSet, data: Sequences, horizon: int, pixels: Pixels, batch: int, epochs: range, seed: int
) -> tf.data.Dataset:
    """Batches of `({"rgb": (B, J, H, W, C)}, {"frames": (B, K, H, W, C)})` for `epochs`, `ceil(N / batch)` an epoch.

    The windows of all files are shuffled together, in another order each epoch; with `data.flip` half of them are mirrored.
    Inputs are uint8 (rounded) or float32 as `pixels` says, and 0 where masked; targets are float32 in [0, 1], NaN where masked.
    """
    count = source.windows("train")

    def load(index, epoch):
        mirror = data.flip and np.random.default_rng([seed, int(epoch), int(index)]).random() < 0.5
        return _load(source, data, pixels, "train", int(index), int(epoch), mirror)

    def one_epoch(epoch):
        order = tf.data.Dataset.from_tensor_slices(epoch_order(count, epoch, seed))
        return _examples(order, functools.partial(_in_graph, load, source, data, horizon, pixels, epoch=epoch)).batch(batch)

    return tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(one_epoch).prefetch(2)


@unconverted
def evaluation(
    source: SequenceSet, data: Sequences, horizon: int, pixels: Pixels, batch: int, split: str = "test"
) -> tf.data.Dataset:
    """Batches of `(inputs, targets, index of the window)`, in order, never mirrored; inputs and targets as in `training`."""

    def load(index, _):
        return _load(source, data, pixels, split, int(index), 0, False)

    def example(index):
        return (*_in_graph(load, source, data, horizon, pixels, index, tf.constant(0, tf.int64)), index)

    order = tf.data.Dataset.range(source.windows(split))
    return _examples(order, example).batch(batch).prefetch(2)


def _examples(order: tf.data.Dataset, example) -> tf.data.Dataset:
    return order.map(example, num_parallel_calls=os.cpu_count() or 1, deterministic=True)


def _in_graph(load, source, data, horizon, pixels, index, epoch) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    def guarded(index, epoch):
        try:
            return load(index, epoch)
        except UserError as error:
            source.failure = error
            raise

    seen, ahead = tf.numpy_function(guarded, [index, epoch], [tf.as_dtype(pixels), tf.float32])
    seen = tf.ensure_shape(seen, (data.frames, *source.shape))
    return {"rgb": seen}, {"frames": tf.ensure_shape(ahead, (horizon, *source.shape))}


def _load(source, data, pixels, split: str, index: int, epoch: int, mirror: bool) -> tuple[np.ndarray, np.ndarray]:
    """`(J, H, W, C)` inputs and `(K, H, W, C)` targets of one window."""
    frames = source.window(split, index, epoch)
    if mirror:
        frames = frames[:, :, ::-1]
    seen, ahead = np.split(frames, [data.frames])
    return as_inputs(seen, pixels), as_targets(ahead)


def as_inputs(frames: np.ndarray, pixels: Pixels) -> np.ndarray:
    """Frames, uint8 or float32 in [0, 1], as a model takes them; masked pixels (NaN) become 0."""
    if pixels == "float32":
        return np.nan_to_num(as_targets(frames), nan=0.0)
    if frames.dtype == np.uint8:
        return np.ascontiguousarray(frames)
    return np.rint(np.nan_to_num(frames, nan=0.0) * 255).astype(np.uint8)


def as_targets(frames: np.ndarray) -> np.ndarray:
    """Frames, uint8 or float32 in [0, 1], as float32 in [0, 1]; NaN stays."""
    return frames.astype(np.float32) / 255 if frames.dtype == np.uint8 else np.ascontiguousarray(frames)
