"""What the models share: from named streams of `uint8` frames to features."""

from collections.abc import Sequence

import keras
from keras import layers, tree

from videorec.config import Recogniser, UserError
from videorec.layers import BackgroundSubtraction, FrameDifferences, RunningBackgroundSubtraction, TimeDistributed
from videorec.models.backbones import build as build_backbone
from videorec.models.split import BACKGROUND

STREAMS = ("rgb", "flow")


def check(streams: dict[str, tuple]) -> None:
    """Raises UserError unless `streams` maps `rgb`, `flow` or both to a shape `(T or None, H, W, 3)`."""
    if not streams or any(name not in STREAMS for name in streams):
        raise UserError(f"The streams of a model are rgb, flow, or both. Received: {', '.join(streams) or 'none'}")
    for name, shape in streams.items():
        if len(shape) != 4 or None in tuple(shape)[1:] or shape[3] != 3:
            raise UserError(f"A stream is (frames or None, height, width, 3). Received: {name}={tuple(shape)}")


def single(streams: dict[str, tuple], model: str) -> tuple[str, tuple]:
    """Name and shape of the only stream.

    Raises:
        UserError: several streams.
    """
    if len(streams) > 1:
        raise UserError(
            f"{model} takes one stream, rgb or flow. Received: {', '.join(streams)}. two_stream takes both, with a model "
            "for each of them."
        )
    return next(iter(streams.items()))


def frame_features(
    stream: str,
    shape: tuple,
    model: Recogniser,
    layer: str | None = None,
    radius: int | None = None,
    background: bool = False,
    past: int | None = None,
):
    """The input of a stream, and the features of each of its frames by the model's backbone.

    Args:
        stream, shape: name and shape `(T, H, W, 3)` of the stream.
        model: whose backbone and tap.
        layer: a layer of the backbone whose output is taken instead of the tap's.
        radius: of the differences from the mean, see `FrameDifferences`.
        background: the features are those less their median over all frames, see `BackgroundSubtraction`.
        past: background: less their average over about so many frames before, see `RunningBackgroundSubtraction`.

    Returns:
        `keras.Input` `(B, T, H, W, 3)` uint8, and the features `(B, T, D)` or `(B, T, H', W', C)`.
    """
    frames = keras.Input(shape, dtype="uint8", name=stream)  # (B, T, H, W, 3)
    tap, outputs = (model.tap, None) if layer is None else ("map", [layer])
    backbone = build_backbone(model.backbone, shape[1:], tap, model.weights, model.trainable_from, stream, outputs)
    features = TimeDistributed(backbone, name=f"{stream}_backbone")(frames)
    if background:
        name = f"{stream}{BACKGROUND}"
        subtraction = BackgroundSubtraction(name=name) if past is None else RunningBackgroundSubtraction(past, name=name)
        features = subtraction(features)
    return frames, _with_differences(features, model, radius=radius)


def level_features(stream: str, shape: tuple, model: Recogniser, levels: Sequence[str]):
    """As `frame_features`, with several taps: the outputs of the layers `levels`, and that of the tap unless it is `map`.

    Returns:
        `keras.Input` `(B, T, H, W, 3)` uint8, and a list of features `(B, T, H', W', C)` or `(B, T, D)`.
    """
    frames = keras.Input(shape, dtype="uint8", name=stream)  # (B, T, H, W, 3)
    settings = (model.tap, model.weights, model.trainable_from, stream, levels)
    backbone = build_backbone(model.backbone, shape[1:], *settings)
    features = tree.flatten(TimeDistributed(backbone, name=f"{stream}_backbone")(frames))
    return frames, [_with_differences(x, model, f"level{k}_differences") for k, x in enumerate(features, start=1)]


def _with_differences(features, model: Recogniser, name: str = "differences", radius: int | None = None):
    if not model.differences:
        return features
    return FrameDifferences(model.differences, radius, name=name)(features)


def maps(features, name: str = "one_place"):
    """Features as a map a frame: a vector `(B, T, D)` becomes a map of one place `(B, T, 1, 1, D)`."""
    if len(features.shape) == 5:
        return features
    return layers.Reshape((-1, 1, 1, features.shape[-1]), name=name)(features)


def vectors(features, name: str = "flatten_map"):
    """Features as a vector a frame: a map `(B, T, H', W', C)` becomes `(B, T, H' * W' * C)`, so that a place in the
    frame stays a place in the vector."""
    if len(features.shape) == 3:
        return features
    height, width, channels = features.shape[2:]
    return layers.Reshape((-1, height * width * channels), name=name)(features)
