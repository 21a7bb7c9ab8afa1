"""Resize frames in a TensorFlow graph as the decoder does with OpenCV: for exports, and for prepared pictures."""

import functools

import tensorflow as tf

from videorec.config import Data


def resize_in_graph(frames: tf.Tensor, data: Data) -> tf.Tensor:
    """`(N, H, W, 3)` uint8 of any size -> `(N, *data.resize, 3)` uint8, as `videorec.data.resize.resize_frame` does."""
    target_h, target_w = data.resize
    if data.fit == "crop":
        h, w = tf.shape(frames)[1], tf.shape(frames)[2]
        keep_h = tf.minimum(h, tf.cast(tf.round(w * target_h / target_w), tf.int32))
        keep_w = tf.minimum(w, tf.cast(tf.round(h * target_w / target_h), tf.int32))
        top, left = (h - keep_h) // 2, (w - keep_w) // 2
        frames = frames[:, top : top + keep_h, left : left + keep_w]
    h, w = tf.shape(frames)[1], tf.shape(frames)[2]
    shrinks = tf.logical_and(h >= target_h, w >= target_w)

    def resized():
        area = functools.partial(tf.image.resize, frames, data.resize, method="area")
        bilinear = functools.partial(tf.image.resize, frames, data.resize, method="bilinear")
        return tf.saturate_cast(tf.round(tf.cond(shrinks, area, bilinear)), tf.uint8)

    same = tf.logical_and(tf.equal(h, target_h), tf.equal(w, target_w))
    return tf.ensure_shape(tf.cond(same, lambda: frames, resized), (None, *data.resize, 3))
