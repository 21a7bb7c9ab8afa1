"""A frame made small, as features: no weights."""

import keras
from keras import layers


def thumbnail(input_shape, include_top: bool, weights=None) -> keras.Model:
    """Means over squares of 2, 4 and 8 pixels: the last map is `(B, H / 8, W / 8, 3)`, rounded up.

    Args:
        input_shape: `(H, W, 3)`.
        include_top: no other than False: there is no layer after the map.
        weights: None only: there are none.
    """
    frame = keras.Input(input_shape, name="scaled_frame")
    x = frame
    for number in (1, 2, 3):
        x = layers.AveragePooling2D(2, padding="same", name=f"halved{number}")(x)
    return keras.Model(frame, x, name="thumbnail")
