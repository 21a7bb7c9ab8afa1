"""The models, by name: `build("lrcn", {"rgb": (16, 224, 224, 3)}, classes=101, units=256)`."""

import dataclasses

import keras

from videorec.config import Experiment, Model, UserError, nearest
from videorec.models.attention_lstm import AttentionLSTM
from videorec.models.conv_lstm import ConvLSTM
from videorec.models.fc_lstm import FCLSTM
from videorec.models.frame_average import FrameAverage
from videorec.models.gru_rcn import GRURCN
from videorec.models.lrcn import LRCN
from videorec.models.short_snippets_lstm import ShortSnippetsLSTM
from videorec.models.short_snippets_pooling import ShortSnippetsPooling
from videorec.models.streams import check
from videorec.models.visual_attention import VisualAttention

_ALL = (
    AttentionLSTM,
    ConvLSTM,
    FCLSTM,
    FrameAverage,
    GRURCN,
    LRCN,
    ShortSnippetsLSTM,
    ShortSnippetsPooling,
    VisualAttention,
)
CLASSES: dict[str, type[Model]] = {cls.name: cls for cls in _ALL}


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
    for name, (frames, *_) in streams.items():
        if frames is not None and frames < model.least_frames:
            least = f"{model.name} with these settings needs clips of at least {model.least_frames} frames"
            raise UserError(f"{least}. Received: {frames} frames of {name}")
        if frames is None and not model.any_length:
            raise UserError(f"{model.name} with these settings needs a fixed number of frames. Received: None for {name}")
    if classes < 1:
        raise UserError(f"A model needs at least one class. Received: classes={classes}")
    return model.build(streams, classes)


def for_experiment(experiment: Experiment, classes: int) -> keras.Model:
    """The model of an experiment; T stays open wherever the model allows it, so that exports take any length."""
    data, model = experiment.data, experiment.model
    frames = None if model.any_length else data.frames
    return from_config(model, {data.stream: (frames, *data.crop, 3)}, classes)
