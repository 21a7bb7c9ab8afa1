"""Frames as they come, raw or encoded, to the size that the pipeline gives them, in a graph."""

import tensorflow as tf

from videorec.config import Footage
from videorec.data.graph_resize import resize_in_graph


def checked(value: tf.Tensor, holds: tf.Tensor, *message) -> tf.Tensor:
    """The value, where `holds` is true when the graph runs; else the graph fails with the message."""
    with tf.control_dependencies([tf.debugging.Assert(holds, list(message), summarize=8)]):
        return tf.identity(value)


def check_frames(frames: tf.Tensor, name: str) -> tf.Tensor:
    """The frames, `(B, N, H, W, 3)` or encoded `(B, N)`; the graph fails on videos without frames and frames without pixels."""
    sizes = tf.shape(frames)
    rule = f"{name} must hold at least one frame of each video, and a frame at least one pixel. Received the shape"
    return checked(frames, tf.reduce_min(sizes[1:]) > 0, rule, sizes)


def resized(frames: tf.Tensor, data: Footage) -> tf.Tensor:
    """`(B, T, H, W, 3)` uint8 of any size -> `(B, T, *data.resize, 3)` uint8."""
    shape = tf.shape(frames)
    flat = tf.reshape(frames, (-1, shape[2], shape[3], 3))  # (B * T, H, W, 3)
    return tf.reshape(resize_in_graph(flat, data), (shape[0], frames.shape[1] or shape[1], *data.resize, 3))


def decoded(images: tf.Tensor, data: Footage, name: str, numbers: tf.Tensor) -> tf.Tensor:
    """Encoded frames `(B, T)`, each of its own size -> `(B, T, *data.resize, 3)` uint8, several at a time.

    The graph fails on what is no picture, naming its place.

    Args:
        name: of the input, for that message.
        numbers: `(T,)` of the frames in their videos, for that message.
    """
    shape = tf.shape(images)
    flat, count = tf.reshape(images, (-1,)), tf.size(images, tf.int64)

    def decode(index):
        frame = tf.io.decode_image(flat[index], channels=3, expand_animations=False)
        return index, resize_in_graph(frame[None], data)[0]

    # A broken picture is left out, and shows by its missing index; the last element is there in every case.
    last = tf.data.Dataset.from_tensors((count, tf.zeros((*data.resize, 3), tf.uint8)))
    pictures = tf.data.Dataset.range(count).map(decode, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
    indices, frames = pictures.concatenate(last).batch(count + 1).get_single_element()
    broken = tf.argmax(tf.cast(tf.not_equal(indices, tf.range(tf.size(indices, tf.int64))), tf.int32), output_type=tf.int32)
    rule = f"{name} must be encoded pictures, JPEG or PNG. The first that cannot be decoded, video and frame from 0:"
    whole = tf.equal(tf.size(indices, tf.int64), count + 1)
    frames = checked(frames, whole, rule, broken // shape[1], numbers[broken % shape[1]])
    return tf.reshape(frames[:-1], (shape[0], images.shape[1] or shape[1], *data.resize, 3))
