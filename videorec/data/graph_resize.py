"""Resize frames in a TensorFlow graph to the very pixels that the decoder gets from OpenCV: for exports, and for prepared
pictures.

OpenCV has three ways for uint8 (modules/imgproc/src/resize.cpp; 4.11 and 5.0 agree), each with its own rounding; the functions
below name the one that they follow. The order of the operations counts: sums of float32 come out differently in another.
"""

import functools

import tensorflow as tf

from videorec.config import Footage

LINEAR_ONE = 2048  # of OpenCV's bilinear weights, which are integers


def resize_in_graph(frames: tf.Tensor, data: Footage) -> tf.Tensor:
    """`(N, H, W, 3)` uint8 of any size -> `(N, *data.resize, 3)` uint8, as `videorec.data.resize.resize_frame` does."""
    return tf.ensure_shape(_resizing(*data.resize, data.fit)(frames), (None, *data.resize, 3))


@functools.cache
def _resizing(target_h: int, target_w: int, fit: str):
    """The function that resizes so, traced once for all graphs that call it."""

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)], autograph=False)
    def resize(frames):
        if fit == "crop":
            frames = _centre_of_aspect(frames, target_h, target_w)
        height, width = tf.shape(frames)[1], tf.shape(frames)[2]
        same = tf.equal(height, target_h) & tf.equal(width, target_w)
        shrinks = (height >= target_h) & (width >= target_w)
        whole = tf.equal(height % target_h, 0) & tf.equal(width % target_w, 0)
        ways = [
            lambda: frames,
            lambda: _mean_of_blocks(frames, target_h, target_w),
            lambda: _mean_of_areas(frames, target_h, target_w),
            lambda: _bilinear(frames, target_h, target_w),
        ]
        return tf.switch_case(tf.where(same, 0, tf.where(shrinks & whole, 1, tf.where(shrinks, 2, 3))), ways)

    return resize


def _centre_of_aspect(frames: tf.Tensor, target_h: int, target_w: int) -> tf.Tensor:
    """The middle of `(N, H, W, 3)` that has the aspect ratio of the target."""
    height, width = tf.shape(frames)[1], tf.shape(frames)[2]
    keep_h = tf.minimum(height, _rounded_ratio(width * target_h, target_w))
    keep_w = tf.minimum(width, _rounded_ratio(height * target_w, target_h))
    top, left = (height - keep_h) // 2, (width - keep_w) // 2
    return frames[:, top : top + keep_h, left : left + keep_w]


def _rounded_ratio(a: tf.Tensor, b: int) -> tf.Tensor:
    """`round(a / b)` of integers from 0 on, halves to the even one, as Python does."""
    below, rest = a // b, a % b
    up = tf.logical_or(2 * rest > b, tf.logical_and(tf.equal(2 * rest, b), tf.equal(below % 2, 1)))
    return below + tf.cast(up, a.dtype)


def _mean_of_blocks(frames: tf.Tensor, target_h: int, target_w: int) -> tf.Tensor:
    """Both sides shrink by whole numbers (`resizeAreaFast_`): the mean of a block, halves to the even number; of 2 x 2 pixels,
    halves up."""
    shape = tf.shape(frames)
    count, block_h, block_w = shape[0], shape[1] // target_h, shape[2] // target_w
    rows = tf.reshape(tf.cast(frames, tf.int32), (count, target_h, block_h, target_w * block_w * 3))
    blocks = tf.reshape(tf.reduce_sum(rows, axis=2), (count, target_h, target_w, block_w, 3))
    sums = tf.reduce_sum(blocks, axis=3)  # (N, h, w, 3)
    share = 1.0 / tf.cast(block_h * block_w, tf.float32)
    mean = tf.cast(tf.round(tf.cast(sums, tf.float32) * share), tf.int32)
    two_by_two = tf.logical_and(tf.equal(block_h, 2), tf.equal(block_w, 2))
    return tf.cast(tf.where(two_by_two, (sums + 2) // 4, mean), tf.uint8)


# === Both sides shrink, not both by whole numbers ===


def _mean_of_areas(frames: tf.Tensor, target_h: int, target_w: int) -> tf.Tensor:
    """The mean of the area that a pixel covers (`resizeArea_`): first along rows, then along columns, in float32."""
    columns = tf.transpose(frames, (2, 0, 1, 3))  # (W, N, H, 3)
    columns = _weighted_sums(columns, *_covered(tf.shape(frames)[2], target_w))  # (w, N, H, 3)
    rows = _weighted_sums(tf.transpose(columns, (2, 1, 0, 3)), *_covered(tf.shape(frames)[1], target_h))  # (h, N, w, 3)
    return tf.saturate_cast(tf.round(tf.transpose(rows, (1, 0, 2, 3))), tf.uint8)


def _covered(size: tf.Tensor, target: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Which pixels each of `target` pixels covers, and their weights: `(K, target)` int32 and float32, K the most that one
    covers; the surplus has weight 0 (`computeResizeAreaTab`, in float64)."""
    last = tf.cast(size, tf.float64)
    scale = 1.0 / (target / last)
    begin = tf.range(target, dtype=tf.float64) * scale
    end = begin + scale
    width = tf.minimum(scale, last - begin)
    high = tf.minimum(tf.floor(end), last - 1)
    low = tf.minimum(tf.math.ceil(begin), high)
    before, after = low - begin, end - high
    first = tf.where(before > 1e-3, low - 1, low)  # the pixel before is covered in part
    most = tf.cast(tf.reduce_max(high - first), tf.int32) + 1
    index = first + tf.cast(tf.range(most), tf.float64)[:, None]
    weight = tf.where(index < low, before / width, 1.0 / width)
    tail = tf.where(after > 1e-3, tf.minimum(tf.minimum(after, 1.0), width) / width, 0.0)
    weight = tf.where(index < high, weight, tf.where(tf.equal(index, high), tail, 0.0))
    return tf.cast(tf.minimum(index, last - 1), tf.int32), tf.cast(weight, tf.float32)


def _weighted_sums(lines: tf.Tensor, index: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """`(S, ...)` -> `(target, ...)` float32: sums of `lines[index] * weight`, one of the K after the other."""
    shape = tf.concat([tf.shape(index)[1:], tf.shape(lines)[1:]], axis=0)

    def add(k, total):
        part = tf.cast(tf.gather(lines, index[k]), tf.float32)
        return k + 1, total + part * weight[k][:, None, None, None]

    start = (tf.constant(0), tf.zeros(shape))
    return tf.while_loop(lambda k, total: k < tf.shape(index)[0], add, start)[1]


# === A side grows ===


def _bilinear(frames: tf.Tensor, target_h: int, target_w: int) -> tf.Tensor:
    """Bilinear in integers, with weights of 11 bits (`resizeGeneric_` of `HResizeLinear` and `VResizeLinear`)."""
    left, right, a0, a1 = _neighbours(tf.shape(frames)[2], target_w, True)
    columns = tf.transpose(frames, (2, 0, 1, 3))  # (W, N, H, 3)
    lines = _at(columns, left) * _weights(a0) + _at(columns, right) * _weights(a1)  # (w, N, H, 3)
    lines = tf.transpose(lines, (2, 1, 0, 3)) // 16  # (H, N, w, 3)
    above, below, b0, b1 = _neighbours(tf.shape(frames)[1], target_h, False)
    first = _at(lines, above) * _weights(b0) // 65536
    second = _at(lines, below) * _weights(b1) // 65536
    return tf.transpose(tf.cast((first + second + 2) // 4, tf.uint8), (1, 0, 2, 3))


def _neighbours(size: tf.Tensor, target: int, holds_border: bool) -> tuple[tf.Tensor, ...]:
    """`(target,)` int32 each: the two pixels that each pixel lies between, and their weights; where it lies outside of the
    first or the last one, that one for both, with all the weight of the nearer one where `holds_border`."""
    last = tf.cast(size, tf.float64)
    place = tf.cast((tf.range(target, dtype=tf.float64) + 0.5) * (1.0 / (target / last)) - 0.5, tf.float32)
    floor = tf.floor(place)
    share, index = place - floor, tf.cast(floor, tf.int32)
    if holds_border:
        share = tf.where(tf.logical_or(index < 0, index >= size - 1), 0.0, share)
    first, second = tf.clip_by_value(index, 0, size - 1), tf.clip_by_value(index + 1, 0, size - 1)
    weights = [tf.cast(tf.round(part * LINEAR_ONE), tf.int32) for part in (1.0 - share, share)]
    return first, second, *weights


def _at(lines: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.gather(lines, index), tf.int32)


def _weights(values: tf.Tensor) -> tf.Tensor:
    return values[:, None, None, None]
