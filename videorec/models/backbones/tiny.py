"""A small CNN for quick starts, trained from scratch."""

import keras
from keras import layers

# Settings of a recogniser on this CNN, all of it trained: for the small forms of models.
TINY = {"backbone": "tiny", "tap": "fc", "weights": None, "trainable_from": "all"}


def tiny(input_shape, include_top: bool, weights=None) -> keras.Model:
    """Four convolutions down to 1/8 of the frame: 5.3 million multiplications for a frame of 64 x 64.

    It has no normalisation (short runs on correlated frames give BatchNorm poor statistics) and no pooling: the last
    map, and `fc` after it, keep *where* something is, which a recurrent layer needs to see motion. The `pooled` tap is
    mostly blind to that.

    Args:
        input_shape: `(H, W, 3)`.
        include_top: end at `fc` `(B, 64)` instead of the map `(B, H / 8, W / 8, 64)`.
        weights: None only: there is no download for it.
    """
    frame = keras.Input(input_shape, name="scaled_frame")
    x = frame
    for number, (filters, stride) in enumerate([(16, 2), (32, 2), (64, 2), (64, 1)], start=1):
        x = layers.Conv2D(
            filters, 3, stride, padding="same", activation="relu", kernel_initializer="he_normal", name=f"conv{number}"
        )(x)
    if include_top:
        x = layers.Conv2D(16, 1, activation="relu", kernel_initializer="he_normal", name="squeeze")(x)
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(64, activation="relu", kernel_initializer="he_normal", name="fc")(x)
    return keras.Model(frame, x, name="tiny")
