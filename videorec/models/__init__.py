"""The models, by name: `build("lrcn", {"rgb": (16, 224, 224, 3)}, classes=101, units=256)`."""

import dataclasses

import keras

from videorec.config import Model, UserError, nearest
from videorec.models.frame_average import FrameAverage
from videorec.models.lrcn import LRCN
from videorec.models.streams import check

CLASSES: dict[str, type[Model]] = {cls.name: cls for cls in (FrameAverage, LRCN)}


def names() -> list[str]:
    """The names that `build` knows."""
    return sorted(CLASSES)


def build(name: str, streams: dict[str, tuple] | None = None, classes: int = 101, **hyperparameters) -> keras.Model:
    """A functional Keras model from named streams of raw `uint8` frames to `steps` and `probabilities`.

    Args:
        name: one of `names()`.
        streams: shape `(T, H, W, 3)` of each stream (`rgb`, `flow`); T may be None. Default: 16 RGB frames, 224 x 224.
        classes: number of classes.
        **hyperparameters: fields of the model's dataclass, `CLASSES[name]`.

    Raises:
        UserError: an unknown model or hyperparameter, or settings that do not go together.
    """
    if name not in CLASSES:
        raise UserError(f"No model is called {name!r}. {nearest(str(name), CLASSES)}")
    known = [field.name for field in dataclasses.fields(CLASSES[name])]
    for key in hyperparameters:
        if key not in known:
            raise UserError(f"{name} has no hyperparameter {key!r}. {nearest(key, known)}")
    streams = {"rgb": (16, 224, 224, 3)} if streams is None else streams
    return from_config(CLASSES[name](**hyperparameters), streams, classes)


def from_config(model: Model, streams: dict[str, tuple], classes: int) -> keras.Model:
    """As `build`, from the model's dataclass."""
    check(streams)
    if classes < 1:
        raise UserError(f"A model needs at least one class. Received: classes={classes}")
    return model.build(streams, classes)
