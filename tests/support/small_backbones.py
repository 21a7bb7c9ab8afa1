"""Frozen backbones that cost next to nothing, as models `{stream: frames} -> {output: features}`."""

import keras

from videorec.layers import TimeDistributed


def backbone(frame, outputs, stream: str = "rgb") -> keras.Model:
    """A CNN over each frame of any number.

    Args:
        frame: `keras.Input` of one frame.
        outputs: of the CNN; several become `{stream}_0`, `{stream}_1`, ...
    """
    frames = keras.Input((None, *frame.shape[1:]), dtype="uint8", name=stream)
    features = TimeDistributed(keras.Model(frame, outputs), name=f"{stream}_backbone")(frames)
    named = {f"{stream}_{i}": x for i, x in enumerate(features)} if isinstance(features, list) else {stream: features}
    return keras.Model({stream: frames}, named)


def averages(side: int) -> keras.Model:
    """Four features that tell the halves of a frame `side x side` apart, so that cropping and mirroring show."""
    frame = keras.Input((side, side, 3), dtype="uint8")
    x = keras.layers.AveragePooling2D(side // 2)(keras.layers.Rescaling(1 / 255)(frame))
    return backbone(frame, keras.layers.Dense(4)(keras.layers.Flatten()(x)))
