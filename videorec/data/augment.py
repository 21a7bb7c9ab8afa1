"""Random changes of a clip, the same for all its frames: pure functions of `(T, H, W, 3)` uint8 clip and seed.

Stateless: the seed is made from (seed, epoch, index), so that a resumed run sees what the uninterrupted one would have.
"""

import math

import tensorflow as tf

from videorec.config import Footage
from videorec.data import flow

GREY = (0.299, 0.587, 0.114)  # luma of R, G, B (ITU-R BT.601)


def clip_seed(seed: int, epoch: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """`(2,)` int32 seed of one clip in one epoch."""
    base = tf.stack([tf.constant(seed, tf.int32), tf.cast(epoch, tf.int32)])
    return tf.random.experimental.stateless_fold_in(base, tf.cast(index, tf.int32))


def cropped(clip: tf.Tensor, data: Footage, seed: tf.Tensor | None = None, plain: tf.Tensor | None = None) -> tf.Tensor:
    """What the model sees of a clip of one stream: `(..., H, W, 3)` uint8 -> `(..., *data.crop, 3)` uint8.

    Args:
        clip: of `data.resize`.
        data: settings of this stream alone (`Data.of`).
        seed: a clip `(T, H, W, 3)` is augmented with it. None: its centre, which evaluation and every export see.
        plain: bool; where it is true, the centre in spite of the seed.
    """
    if seed is None:
        part = centre_crop(clip, data.crop)
    elif plain is None:
        part = augment(clip, seed, data)
    else:
        part = tf.cond(plain, lambda: centre_crop(clip, data.crop), lambda: augment(clip, seed, data))
    return tf.ensure_shape(part, (*clip.shape[:-3], *data.crop, 3))


def augment(clip: tf.Tensor, seed: tf.Tensor, data: Footage) -> tf.Tensor:
    """Crop, mirror and colour jitter as `data` (of one stream) says: `(T, H, W, 3)` uint8 -> `(T, *data.crop, 3)` uint8.

    The same seed makes the same crop and mirroring in every stream. Colours of flow pictures mean motion: only the sign of
    what is mirrored changes. A crop that is scaled keeps the motion in px of the frame before.
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    clip = random_crop(clip, seeds[0], data.crop, data.crop_scale, data.crop_aspect)
    if data.stream == "flow":
        clip = to_uint8(clip)  # signs change in whole levels; colours are rounded once, at the end
    if data.flip:
        clip = tf.cond(heads(seeds[1]), lambda: mirror(clip, data), lambda: clip)
    if data.flip_vertical:
        clip = tf.cond(heads(seeds[3]), lambda: upside_down(clip, data), lambda: clip)
    if data.color and data.stream == "rgb":
        clip = color_jitter(clip, seeds[2], data.color)
    return to_uint8(clip)


def random_crop(
    clip: tf.Tensor, seed: tf.Tensor, size: tuple[int, int], scale: tuple[float, float], aspect: tuple[float, float]
) -> tf.Tensor:
    """A random part of `scale` of the area, resized to `size`; with scale (1, 1) a random place at full scale.

    Args:
        clip: `(T, H, W, 3)` uint8, at least `size` where scale is (1, 1).
        size: `(height, width)` of the result.
        scale: least and most share of the area, in (0, 1].
        aspect: least and most of the part's width to height, over that of the clip, where scale is not (1, 1).

    Returns:
        `(T, *size, 3)`, uint8 where scale is (1, 1), else float32, not yet rounded.
    """
    shape = tf.shape(clip)
    height, width = shape[1], shape[2]
    u = tf.random.stateless_uniform([4], seed)
    if scale == (1.0, 1.0):
        crop_h, crop_w = tf.constant(size[0]), tf.constant(size[1])
    else:
        share = scale[0] + (scale[1] - scale[0]) * u[0]
        low, high = math.log(aspect[0]), math.log(aspect[1])
        ratio = tf.exp(0.5 * (low + (high - low) * u[1]))
        side = tf.sqrt(share)
        crop_h = tf.cast(tf.cast(height, tf.float32) * tf.minimum(side / ratio, 1.0), tf.int32)
        crop_w = tf.cast(tf.cast(width, tf.float32) * tf.minimum(side * ratio, 1.0), tf.int32)
    top = tf.cast(u[2] * tf.cast(height - crop_h + 1, tf.float32), tf.int32)
    left = tf.cast(u[3] * tf.cast(width - crop_w + 1, tf.float32), tf.int32)
    part = clip[:, top : top + crop_h, left : left + crop_w]
    if scale != (1.0, 1.0):
        part = tf.image.resize(part, size)
    return tf.ensure_shape(part, [clip.shape[0], *size, 3])


def mirror(clip: tf.Tensor, data: Footage) -> tf.Tensor:
    """Left and right exchanged in `(..., H, W, 3)`, uint8 where it is flow; in flow pictures u (channel 0) changes its sign."""
    mirrored = tf.reverse(clip, [-2])
    return mirrored if data.stream == "rgb" else _negate(mirrored, 0, data.flow.encoding)


def upside_down(clip: tf.Tensor, data: Footage) -> tf.Tensor:
    """Top and bottom exchanged in `(..., H, W, 3)`, uint8 where it is flow; in flow pictures v (channel 1) changes its sign."""
    turned = tf.reverse(clip, [-3])
    return turned if data.stream == "rgb" else _negate(turned, 1, data.flow.encoding)


def _negate(pictures: tf.Tensor, channel: int, encoding: str) -> tf.Tensor:
    channels = tf.unstack(pictures, axis=-1)
    channels[channel] = flow.negated(channels[channel], encoding)
    return tf.stack(channels, axis=-1)


def heads(seed: tf.Tensor) -> tf.Tensor:
    """True with probability 1/2."""
    return tf.random.stateless_uniform([], seed) < 0.5


def color_jitter(clip: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Brightness, contrast and saturation each by a factor in [1 - strength, 1 + strength]; float32, not yet rounded."""
    brightness, contrast, saturation = tf.unstack(tf.random.stateless_uniform([3], seed, 1 - strength, 1 + strength))
    x = tf.cast(tf.reshape(clip, (-1, 3)), tf.float32)  # (T * H * W, 3)
    # Saturation mixes a pixel with its grey, contrast with the clip's mean grey: together one matrix and an offset.
    to_grey = tf.tile(tf.constant(GREY)[:, None], (1, 3))
    matrix = brightness * contrast * (saturation * tf.eye(3) + (1 - saturation) * to_grey)
    offset = brightness * (1 - contrast) * tf.tensordot(tf.reduce_mean(x, axis=0), tf.constant(GREY), 1)
    return tf.reshape(tf.matmul(x, matrix) + offset, tf.shape(clip))


def to_uint8(clip: tf.Tensor) -> tf.Tensor:
    """Rounded and clipped to 0..255."""
    return clip if clip.dtype == tf.uint8 else tf.saturate_cast(tf.round(clip), tf.uint8)


def centre_crop(clip: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """The middle `(..., *size, 3)` of `(..., H, W, 3)`."""
    shape = tf.shape(clip)
    top, left = (shape[-3] - size[0]) // 2, (shape[-2] - size[1]) // 2
    return clip[..., top : top + size[0], left : left + size[1], :]


def crops(clip: tf.Tensor, number: int, data: Footage) -> tf.Tensor:
    """The crops of an evaluation: `(T, H, W, 3)` -> `(number, T, *data.crop, 3)`.

    1: centre; 2: centre, then mirrored; 3: left (or top), centre, right (or bottom); 10: four corners and centre, then each of
    them mirrored.
    """
    shape, size = tf.shape(clip), data.crop
    bottom, right = shape[1] - size[0], shape[2] - size[1]
    middle = (bottom // 2, right // 2)
    if number in (1, 2):
        corners = [middle]
    elif number == 3:
        corners = [(bottom * k // 2, right * k // 2) for k in range(3)]
    else:
        corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), middle]
    parts = [clip[:, top : top + size[0], left : left + size[1]] for top, left in corners]
    if number in (2, 10):
        parts += [mirror(part, data) for part in parts]
    return tf.ensure_shape(tf.stack(parts), [number, clip.shape[0], *size, 3])
