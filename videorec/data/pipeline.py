"""tf.data pipelines: videos in, batches of uint8 clips (or cached features) with labels and weights out.

The order of the data and every random choice follow from (seed, epoch, index) alone, so that a run that was
interrupted goes on with exactly the data it would have seen.
"""

import contextlib
import functools
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import tensorflow as tf

from videorec.config import Data, Footage
from videorec.data import augment
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.part import WHOLE, Part
from videorec.data.pictures import Unreadable
from videorec.data.resize import resize_frame

cv2.setNumThreads(0)  # the pipeline decodes files in parallel; OpenCV's own threads would fight for the same cores
sys.setswitchinterval(5e-4)  # s; of 5e-3, who trains waits for Python's lock while many threads read
log = logging.getLogger(__name__)

OUTPUTS = ("steps", "probabilities")  # of every recogniser
# (index of the video, epoch) -> (inputs by name, 1.0 or 0.0 where the video cannot be read)
Load = Callable[[tf.Tensor, tf.Tensor], tuple[dict[str, tf.Tensor], tf.Tensor]]


# For functions that build a pipeline: TensorFlow would translate the Python of all they call, which takes a second, to find
# branches on tensors. There are none but tf.cond.
unconverted = tf.autograph.experimental.do_not_convert


def workers(data: Data) -> int:
    """Videos decoded at once."""
    return data.workers or os.cpu_count() or 1


def one_hot(videos: Sequence[Video], classes: Sequence[str]) -> np.ndarray:
    """`(N, C)` float32 targets."""
    position = {name: k for k, name in enumerate(classes)}
    targets = np.zeros((len(videos), len(classes)), np.float32)
    for row, video in zip(targets, videos, strict=True):
        row[[position[label] for label in video.labels]] = 1.0
    return targets


def class_shares(videos: Sequence[Video]) -> np.ndarray:
    """`(N,)` float32: one over the number of videos of the video's class, scaled to mean 1."""
    counts = Counter(label for video in videos for label in video.labels)
    share = np.array([np.mean([1 / counts[label] for label in video.labels]) for video in videos], np.float32)
    return share / share.mean()


@contextlib.contextmanager
def own_errors(source) -> Iterator[None]:
    """While the block runs, a file that cannot be read in the pipeline raises its UserError in place of TensorFlow's error.

    Args:
        source: anything whose attribute `failure` takes the UserError.
    """
    source.failure = None
    try:
        yield
    except tf.errors.OpError as error:
        if source.failure is None:
            raise
        raise source.failure from error


@unconverted
def training(
    videos: Sequence[Video],
    classes: Sequence[str],
    data: Data,
    load: Load,
    batch: int,
    epochs: range,
    seed: int,
    outputs: Sequence[str] = OUTPUTS,
    part: Part = WHOLE,
    class_weights: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Batches of `(inputs, targets, weights)` for `epochs`, `ceil(N / batch)` an epoch.

    Targets and weights are dicts with an entry for each of the model's `outputs`, as Keras wants it; those of `steps` (the
    loss; `rgb_steps` and `flow_steps` of two streams) and `probabilities` (the metrics) are used. Class weights go to the loss
    alone, a video that cannot be read has weight 0 everywhere.

    Args:
        part: of one of several processes: of each batch its rows alone are read.
        class_weights: `(C,)`; a video of several labels counts their mean. None: all count 1.
    """
    labels = one_hot(videos, classes)
    draw = tf.math.log(tf.constant(class_shares(videos))) if data.balance == "sample" else None
    factors = np.ones(len(videos)) if class_weights is None else labels @ class_weights / labels.sum(axis=1)
    targets, loss_weight = tf.constant(labels), tf.constant(factors, tf.float32)
    positions, counts, gains = part.rows(len(videos), batch)

    def sample(epoch, index, counted, gain):
        inputs, readable = load(index, epoch)
        of_loss, of_metrics = readable * loss_weight[index] * gain, readable * counted
        weights = {name: of_loss if name.endswith("steps") else of_metrics for name in outputs}
        return inputs, dict.fromkeys(outputs, targets[index]), weights

    def one_epoch(epoch):
        order = tf.gather(epoch_order(len(videos), epoch, seed, draw), positions)
        rows = tf.data.Dataset.from_tensor_slices((order, counts, gains))
        clips = rows.map(functools.partial(sample, epoch), num_parallel_calls=workers(data), deterministic=True)
        return clips.batch(part.batch(batch))

    return tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(one_epoch).prefetch(2)


def epoch_order(count: int, epoch: tf.Tensor, seed: int, log_shares: tf.Tensor | None = None) -> tf.Tensor:
    """`(count,)` int64 indices of one epoch: a permutation, or draws with the given log shares (class-balanced)."""
    key = tf.stack([tf.constant(seed, tf.int32), tf.cast(epoch, tf.int32)])
    if log_shares is None:
        return tf.random.experimental.stateless_shuffle(tf.range(count, dtype=tf.int64), key)
    return tf.random.stateless_categorical(log_shares[None], count, key)[0]


def load_frames(videos: Sequence[Video], data: Data, reader: ClipReader, seed: int) -> Load:
    """Decode one clip of a video and augment it as `data` says; the epoch keys the random choices."""

    def load(index, epoch):
        chance = augment.clip_seed(seed, epoch, index) if data.augment else None
        return clip_in_graph(lambda i, e: (videos[i], (seed, e, i) if data.augment else None), [index, epoch], reader, chance)

    return load


def clip_in_graph(
    choose: Callable,
    arguments: list[tf.Tensor],
    reader: ClipReader,
    seed: tf.Tensor | None = None,
    plain: tf.Tensor | None = None,
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Read one clip and crop it: inputs `{stream: (T, *data.crop, 3)}` uint8, and 1.0, or 0.0 where it cannot be read.

    Args:
        choose: of the values of `arguments`: the video, and what `read_clip` takes as its key.
        seed, plain: as for `augment.cropped`.
    """
    data = reader.data

    def read(*values):
        clip, readable = read_clip(*choose(*values), reader)
        return [*clip.values(), readable]

    types = [tf.string if reader.encoded else tf.uint8] * len(data.streams) + [tf.float32]
    *clip, readable = tf.numpy_function(read, arguments, types)
    parts = [data.of(name) for name in data.streams]
    inputs = {
        part.stream: augment.cropped(pixels(pictures, reader, part), part, seed, plain)
        for pictures, part in zip(clip, parts, strict=True)
    }
    return inputs, tf.ensure_shape(readable, ())


def pixels(pictures: tf.Tensor, reader: ClipReader, data: Data) -> tf.Tensor:
    """One stream of a clip as it was read -> `(T, *data.resize, 3)` uint8: prepared JPEGs `(T,)` are decoded and resized."""
    if reader.encoded:
        pictures = resized(decoded(tf.ensure_shape(pictures, (data.frames,))), data)
    return tf.ensure_shape(pictures, (data.frames, *data.resize, 3))  # (T, H, W, 3)


def decoded(jpegs: tf.Tensor) -> tf.Tensor:
    """`(T,)` JPEGs of one size -> `(T, H, W, 3)` uint8."""
    decode = functools.partial(tf.io.decode_jpeg, channels=3, dct_method="INTEGER_FAST")
    return tf.map_fn(decode, jpegs, fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8))


def resized(pictures: tf.Tensor, data: Footage) -> tf.Tensor:
    """`(T, H, W, 3)` uint8 -> `(T, *data.resize, 3)`, by OpenCV as frames of videos: several times faster than in a graph."""

    def resize(frames):
        return np.stack([resize_frame(frame, *data.resize, data.fit) for frame in frames])

    return tf.numpy_function(resize, [pictures], tf.uint8)


def read_clip(video: Video, key: tuple | None, reader: ClipReader) -> tuple[dict[str, np.ndarray], np.float32]:
    """A random clip, or the plain one without `key`, and 1; black pictures and 0 where the video cannot be read."""
    try:
        clip = next(reader.plain_clips(video, 1)) if key is None else reader.training_clip(video, key)
        return {name: np.ascontiguousarray(pictures) for name, pictures in clip.items()}, np.float32(1)
    except Unreadable as error:
        reader.problems.add_unreadable(video.name, str(error))
        return _black(reader), np.float32(0)


def _black(reader: ClipReader) -> dict[str, np.ndarray]:
    parts = {name: reader.data.of(name) for name in reader.data.streams}
    if not reader.encoded:
        return {name: np.zeros((part.frames, *part.resize, 3), np.uint8) for name, part in parts.items()}
    jpeg = cv2.imencode(".jpg", np.zeros((*reader.data.resize, 3), np.uint8))[1].tobytes()
    return {name: np.array([jpeg] * part.frames, object) for name, part in parts.items()}


@unconverted
def evaluation(videos: Sequence[Video], data: Data, reader: ClipReader, clips: int, crops: int, batch: int) -> tf.data.Dataset:
    """Batches of `({stream}, index of the video, 1 or 0)`: every crop of every clip, videos in order.

    Args:
        clips: a video; 0: one every `data.hop` frames.
        crops: 1, 2, 3 or 10 a clip.
    """
    parts = {name: data.of(name) for name in data.streams}

    def read(index):
        video = videos[index]
        try:
            for clip in reader.plain_clips(video, clips):
                yield {name: np.ascontiguousarray(x) for name, x in clip.items()}, index, np.float32(1)
        except Unreadable as error:
            reader.problems.add_unreadable(video.name, str(error))
            yield _black(reader), index, np.float32(0)

    def spec(part):
        return tf.TensorSpec((part.frames,), tf.string) if reader.encoded else _spec(part)

    signature = (
        {name: spec(part) for name, part in parts.items()},
        tf.TensorSpec((), tf.int64),
        tf.TensorSpec((), tf.float32),
    )

    def views_of(index):
        return tf.data.Dataset.from_generator(read, args=(index,), output_signature=signature)

    def crop(clip, index, readable):
        inputs = {name: augment.crops(pixels(clip[name], reader, part), crops, part) for name, part in parts.items()}
        return inputs, tf.repeat(index, crops), tf.repeat(readable, crops)  # inputs: (crops, T, h, w, 3)

    parallel = workers(data)
    flat = tf.data.Dataset.range(len(videos)).interleave(
        views_of, cycle_length=parallel, num_parallel_calls=parallel, deterministic=True
    )
    return flat.map(crop, num_parallel_calls=parallel).unbatch().batch(batch).prefetch(2)


def _spec(part: Data) -> tf.TensorSpec:
    return tf.TensorSpec((part.frames, *part.resize, 3), tf.uint8)


@unconverted
def validation(
    dataset: tf.data.Dataset,
    videos: Sequence[Video],
    classes: Sequence[str],
    batch: int,
    outputs: Sequence[str] = OUTPUTS,
    counts: np.ndarray | None = None,
    gains: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Evaluation batches of one clip a video in the form that `fit` validates on.

    Args:
        counts, gains: of a process's part of the videos, from `Part.rows`.
    """
    targets, ones = tf.constant(one_hot(videos, classes)), np.ones(len(videos), np.float32)
    factors = {name: gains if name.endswith("steps") else counts for name in outputs}
    factors = {name: tf.constant(ones if factor is None else factor) for name, factor in factors.items()}

    def with_targets(inputs, index, weight):
        weights = {name: weight * tf.gather(factor, index) for name, factor in factors.items()}
        return inputs, dict.fromkeys(outputs, tf.gather(targets, index)), weights

    dataset = dataset.map(with_targets)
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-len(videos) // batch)))
