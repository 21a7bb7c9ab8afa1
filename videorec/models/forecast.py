"""What the forecasting models share: from `rgb` to frames in [0, 1], and checks of their settings."""

import keras
from keras import layers

from videorec.config import UserError, bounds
from videorec.config.forecasting import Forecaster


def shape_of(streams: dict[str, tuple], model: Forecaster) -> tuple:
    """The shape `(J or None, H, W, C)` of the frames that a forecasting model sees.

    Raises:
        UserError: a setting of the model out of its bounds, another stream than `rgb`, or an unknown size.
    """
    bounds.check(model)
    if list(streams) != ["rgb"]:
        raise UserError(f"{model.name} takes one stream, rgb. Received: {', '.join(streams) or 'none'}")
    shape = tuple(streams["rgb"])
    if len(shape) != 4 or None in shape[1:]:
        raise UserError(f"Sequences are (frames or None, height, width, channels). Received: rgb={shape}")
    return shape


def frames_input(shape: tuple, model: Forecaster, name: str = "rgb"):
    """`keras.Input` `(B, T, H, W, C)` of the type `model.pixels`, and its frames from 0 to 1 in the type of the layers."""
    frames = keras.Input(shape, dtype=model.pixels, name=name)  # (B, T, H, W, C)
    scale = 1 / 255 if model.pixels == "uint8" else 1.0
    return frames, layers.Rescaling(scale, name=f"scale_{name}")(frames)


def relative(frames, residual: str | None):
    """What a model with `residual` reads and what its forecast is added to: the frames `(B, J, H, W, C)` less the last of
    them or their mean, and that frame `(B, 1, H, W, C)` in float32. Without `residual`: the frames as they are, and None."""
    if residual is None:
        return frames, None
    start = keras.ops.mean(frames, axis=1, keepdims=True) if residual == "mean" else frames[:, -1:]
    return layers.Subtract(name="relative_rgb")([frames, start]), keras.ops.cast(start, "float32")


def last_layer(residual: str | None) -> dict:
    """Options of the layer that gives the pixels: from 0 to 1, or with `residual` changes, next to none at the beginning."""
    if residual is None:
        return {"activation": "sigmoid", "dtype": "float32"}
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=1e-3), "dtype": "float32"}


def check_patch(shape: tuple, patch: int) -> None:
    """Raises UserError unless whole patches fill the frames `(J, H, W, C)`."""
    _, height, width, _ = shape
    if height % patch or width % patch:
        raise UserError(
            f"patch must divide the height and the width of the frames. Received: patch {patch}, frames of {height} x {width}. "
            "Choose another model.patch, or another size of the frames"
        )
