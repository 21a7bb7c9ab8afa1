"""The two AlexNet-like networks of the Caffe era: CaffeNet and LRCN's hybrid of it with Zeiler and Fergus's network."""

import keras
from keras import layers

from videorec.layers import LocalResponseNormalization

FC_SIZE = 227  # fc6 fixes the size of the last map, and so the size of the frame


def caffenet(input_shape, include_top: bool, weights=None) -> keras.Model:
    """CaffeNet (the BVLC reference model) up to pool5, or to fc6.

    Args:
        input_shape: `(H, W, 3)`; `(227, 227, 3)` with `include_top`.
        include_top: end at fc6 `(B, 4096)` instead of pool5 `(B, H', W', 256)`; 40,086,912 parameters then.
        weights: None only: there is no download for it.
    """
    # filters, kernel, stride, pad, groups of conv1 to conv5
    table = [(96, 11, 4, 0, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2)]
    return _network("caffenet", table, input_shape, include_top)


def caffenet_hybrid(input_shape, include_top: bool, weights=None) -> keras.Model:
    """LRCN's CNN (Donahue et al. 2015, `train_test_lstm_RGB.prototxt`) up to pool5, or to fc6.

    Maps of 111, 55, 26, 13, 13 and 6 for a frame of 227.

    Args:
        input_shape: `(H, W, 3)`; `(227, 227, 3)` with `include_top`.
        include_top: end at fc6 `(B, 4096)` instead of pool5 `(B, H', W', 384)`; 60,937,856 parameters then.
        weights: None only: there is no download for it.
    """
    table = [(96, 7, 2, 0, 1), (384, 5, 2, 0, 2), (512, 3, 1, 1, 1), (512, 3, 1, 1, 2), (384, 3, 1, 1, 2)]
    return _network("caffenet_hybrid", table, input_shape, include_top)


def _network(name, table, input_shape, include_top) -> keras.Model:
    frame = keras.Input(input_shape, name="scaled_frame")
    x = frame
    for number, (filters, kernel, stride, pad, groups) in enumerate(table, start=1):
        if pad:
            x = layers.ZeroPadding2D(pad, name=f"pad{number}")(x)
        x = layers.Conv2D(filters, kernel, stride, groups=groups, activation="relu", name=f"conv{number}")(x)
        if number in (1, 2, 5):
            x = pool(x, f"pool{number}")
        if number in (1, 2):
            x = LocalResponseNormalization(size=5, alpha=1e-4, beta=0.75, name=f"norm{number}")(x)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(4096, activation="relu", name="fc6")(x)
    return keras.Model(frame, x, name=name)


def pool(x, name: str):
    """3 x 3 maximum with stride 2. Caffe rounds the output size up: an even map gets one more row or column at its end
    (zeros are below no value after a ReLU, so they never win)."""
    extra = [(0, 1 - size % 2) for size in x.shape[1:3]]
    if extra != [(0, 0), (0, 0)]:
        x = layers.ZeroPadding2D(extra, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, 2, name=name)(x)
