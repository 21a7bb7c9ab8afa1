"""Which frames of a video make its clips, in a TensorFlow graph: the indices of `videorec.data.sampling`, for exports.

The number of frames is known when the graph runs, and places are float64 as there, so that no index is another.
"""

import tensorflow as tf

from videorec.config import Data
from videorec.data import sampling


def drawn(count: tf.Tensor, data: Data, clips: int) -> tf.Tensor:
    """`(V, T)` int32: what `videorec.data.clips.ClipReader.plain_clips` reads of a video.

    Args:
        count: pictures of the video, a scalar int32 from 1 on.
        data: settings of one stream (`Data.of`).
        clips: V, spread evenly; 0: one every `data.hop` pictures, V = ceil(count / hop).
    """
    span = sampling.span(data.frames, data.step)
    if clips == 0:
        starts = tf.minimum(tf.range(0, count, data.hop), tf.maximum(count - span, 0))
        return _windows(starts, count, data, data.step)
    if data.sampling == "first":
        return _windows(tf.zeros(clips, tf.int32), count, data, data.step)
    middles = tf.constant([(k + 0.5) / clips for k in range(clips)], tf.float64)
    if data.sampling == "dense":
        room = tf.cast(tf.maximum(count - span + 1, 1), tf.float64)
        return _windows(tf.cast(middles * room, tf.int32), count, data, data.step)
    spread = tf.minimum(_places(middles, count, data.frames), count - 1)
    held = _windows(tf.zeros(clips, tf.int32), count, data, 1)
    return tf.where(count < data.frames, held, spread)


def _places(middles: tf.Tensor, count: tf.Tensor, frames: int) -> tf.Tensor:
    """`(V, T)`: one place in each of `frames` equal parts of the video."""
    parts = tf.range(frames, dtype=tf.float64) + middles[:, None]
    # A divisor that the optimizer of graphs cannot know: it would multiply with the reciprocal, which rounds differently.
    divisor = tf.cast(tf.where(count < 0, 1, frames), tf.float64)
    return tf.cast(parts * tf.cast(count, tf.float64) / divisor, tf.int32)


def _windows(starts: tf.Tensor, count: tf.Tensor, data: Data, step: int) -> tf.Tensor:
    """`sampling.window` from each start."""
    indices = starts[:, None] + step * tf.range(data.frames)
    return indices % count if data.short == "repeat" else tf.minimum(indices, count - 1)
