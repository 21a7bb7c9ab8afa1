"""Features of clips: filling the cache, and reading it in place of decoding."""

import logging
import math
import zlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from videorec.data import augment, pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.features.store import FeatureStore
from videorec.inference.framewise import Framewise
from videorec.models import hosts

log = logging.getLogger(__name__)


def fill(
    store: FeatureStore,
    videos: Sequence[Video],
    views: int,
    backbone: keras.Model,
    reader: ClipReader,
    batch: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[int, int]:
    """Compute what the store lacks; returns the numbers of entries (reused, made).

    Several processes compute a share each. What does not lie in this one's folder then (the folder of another host is its
    own) or could not be read is this one's again.
    """
    missing = store.missing(videos, views)
    if hosts.count() > 1:
        _compute(store, missing[hosts.index() :: hosts.count()], backbone, reader, batch, seed, progress)
        hosts.agree()
        _compute(store, store.missing(videos, views), backbone, reader, batch, seed, progress)
        hosts.agree()
    else:
        _compute(store, missing, backbone, reader, batch, seed, progress)
    reused = views * len(videos) - len(missing)
    log.info("feature cache %s: %d clips reused, %d computed", store.folder, reused, len(missing))
    return reused, len(missing)


def _compute(store, missing: Sequence[tuple[Video, int]], backbone, reader, batch: int, seed: int, progress) -> None:
    if not missing:
        return
    store.make_room(len(missing))
    framewise, done = Framewise(backbone), 0
    for clips, index, readable in _views(missing, reader, seed).batch(batch).prefetch(2):
        features = framewise.features(clips)
        for row, (i, ok) in enumerate(zip(index.numpy(), readable.numpy(), strict=True)):
            if ok:
                store.write(store.path(*missing[i]), {name: array[row] for name, array in features.items()})
        done += len(index)
        reader.problems.check()
        progress(done, len(missing))


@pipeline.unconverted
def _views(entries: Sequence[tuple[Video, int]], reader: ClipReader, seed: int) -> tf.data.Dataset:
    """`(clip, index, readable)` of each entry, decoded in parallel."""
    views = tf.constant([view for _, view in entries], tf.int32)
    keys = tf.constant([_stable(video) for video, _ in entries], tf.int32)

    def choose(index):
        video, view = entries[index]
        return video, (seed, view, _stable(video)) if view else None

    def load(index):
        chance = augment.clip_seed(seed, views[index], keys[index])
        inputs, readable = pipeline.clip_in_graph(choose, [index], reader, chance, plain=views[index] == 0)
        return inputs, index, readable

    return tf.data.Dataset.range(len(entries)).map(load, num_parallel_calls=pipeline.workers(reader.data))


def _stable(video: Video) -> int:
    """A number of the video that does not depend on its place in the manifest."""
    return zlib.crc32(video.name.encode("utf-8", "surrogateescape")) & 0x7FFFFFFF


def load_features(
    store: FeatureStore, videos: Sequence[Video], views: int, shapes: dict[str, tuple[int, ...]]
) -> pipeline.Load:
    """Read stored features in place of decoding: epoch e shows view (e + index) mod `views` of each video.

    Args:
        shapes: `(T, ...)` of each of the backbone's outputs, by name.
    """
    names = sorted(shapes)

    def read(index, epoch):
        features = store.wanted(videos[index], int(epoch + index) % views)
        if features is None:  # its video could not be read when the cache was filled
            return [*(np.zeros(4 * math.prod(shapes[name]), np.uint8) for name in names), np.float32(0)]
        return [*(features[name].reshape(-1).view(np.uint8) for name in names), np.float32(1)]

    def load(index, epoch):
        *features, readable = tf.numpy_function(read, [index, epoch], [tf.uint8] * len(names) + [tf.float32])
        inputs = {name: as_float32(x, shapes[name]) for name, x in zip(names, features, strict=True)}
        return inputs, tf.ensure_shape(readable, ())

    return load


def as_float32(content: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """The bytes `(N,)` uint8 of an array of this shape, float16 or float32 as their number tells -> float32.

    (TensorFlow converts float16 several times faster than NumPy does.)
    """
    return tf.cond(
        tf.equal(tf.size(content), 2 * math.prod(shape)),
        lambda: tf.cast(tf.bitcast(tf.reshape(content, (*shape, 2)), tf.float16), tf.float32),
        lambda: tf.bitcast(tf.reshape(content, (*shape, 4)), tf.float32),
    )
