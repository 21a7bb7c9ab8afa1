"""GoogLeNet: what Beyond Short Snippets and visual attention look through."""

import keras
from keras import layers

from videorec.layers import LocalResponseNormalization
from videorec.models.backbones.caffenet import pool

MEAN = (104.0, 117.0, 123.0)  # B, G and R: what Caffe's release subtracts

# Filters of each block: 1 x 1; 3 x 3 and what its input is reduced to; the same of 5 x 5; 1 x 1 after the pooling.
BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet(input_shape, include_top: bool = False, weights=None) -> keras.Model:
    """GoogLeNet (Szegedy et al. 2015, arXiv 1409.4842, table 1) up to its last map `(B, H', W', 1024)`, in the form of Caffe's
    release; 7 x 7 of a frame of 224; 5,973,552 parameters, with the classifier of 1000 classes 6,998,552.

    Layers are called as in Caffe, with `_` for `/`. The two classifiers at its sides, which only train, are left out.

    Args:
        input_shape: `(H, W, 3)`.
        include_top: False only: the classifier is no tap.
        weights: None only: there is no download for it.
    """
    frame = keras.Input(input_shape, name="scaled_frame")
    x = layers.ZeroPadding2D(3, name="conv1_pad")(frame)
    x = layers.Conv2D(64, 7, 2, activation="relu", name="conv1_7x7_s2")(x)
    x = LocalResponseNormalization(name="pool1_norm1")(pool(x, "pool1_3x3_s2"))
    x = _conv(_conv(x, 64, 1, "conv2_3x3_reduce"), 192, 3, "conv2_3x3")
    x = pool(LocalResponseNormalization(name="conv2_norm2")(x), "pool2_3x3_s2")
    for name, filters in BLOCKS.items():
        x = _inception(x, f"inception_{name}", *filters)
        if name in ("3b", "4e"):
            x = pool(x, f"pool{name[0]}_3x3_s2")
    return keras.Model(frame, x, name="googlenet")


def _inception(x, name, one, before_three, three, before_five, five, after_pool):
    """Four ways through a block, side by side."""
    pooled = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    ways = [
        _conv(x, one, 1, f"{name}_1x1"),
        _conv(_conv(x, before_three, 1, f"{name}_3x3_reduce"), three, 3, f"{name}_3x3"),
        _conv(_conv(x, before_five, 1, f"{name}_5x5_reduce"), five, 5, f"{name}_5x5"),
        _conv(pooled, after_pool, 1, f"{name}_pool_proj"),
    ]
    return layers.Concatenate(name=f"{name}_output")(ways)


def _conv(x, filters, size, name):
    return layers.Conv2D(filters, size, padding="same", activation="relu", name=name)(x)
