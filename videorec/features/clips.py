"""Features of clips: filling the cache, and reading it in place of decoding."""

import logging
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
    """Compute what the store lacks; returns the numbers of entries (reused, made)."""
    wanted = [(video, view) for video in videos for view in range(views)]
    missing = [entry for entry in wanted if store.features(*entry) is None]
    if missing:
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
    log.info("feature cache %s: %d clips reused, %d computed", store.folder, len(wanted) - len(missing), len(missing))
    return len(wanted) - len(missing), len(missing)


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
        features = store.features(videos[index], int(epoch + index) % views)
        if features is None:  # its video could not be read when the cache was filled
            return [*(np.zeros(shapes[name], np.float32) for name in names), np.float32(0)]
        return [*(features[name] for name in names), np.float32(1)]

    def load(index, epoch):
        *features, readable = tf.numpy_function(read, [index, epoch], [tf.float32] * (len(names) + 1))
        inputs = {name: tf.ensure_shape(x, shapes[name]) for name, x in zip(names, features, strict=True)}
        return inputs, tf.ensure_shape(readable, ())

    return load
