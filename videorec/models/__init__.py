"""The models, by name: `build("lrcn", {"rgb": (16, 224, 224, 3)}, classes=101, units=256)`."""

import dataclasses

import keras

from videorec.config import Experiment, Model, Recogniser, UserError, nearest
from videorec.models import targets
from videorec.models.attention_lstm import AttentionLSTM
from videorec.models.conv_lstm import ConvLSTM
from videorec.models.convlstm_forecaster import ConvLSTMForecaster
from videorec.models.convlstm_stack import ConvLSTMStack
from videorec.models.fc_lstm import FCLSTM
from videorec.models.fclstm_forecaster import FCLSTMForecaster
from videorec.models.frame_average import FrameAverage
from videorec.models.gru_rcn import GRURCN
from videorec.models.lrcn import LRCN
from videorec.models.multi_lstm import MultiLSTM
from videorec.models.seq2seq_attention import Seq2SeqAttention
from videorec.models.short_snippets_lstm import ShortSnippetsLSTM
from videorec.models.short_snippets_pooling import ShortSnippetsPooling
from videorec.models.streams import STREAMS, check
from videorec.models.two_stream import TwoStream, part
from videorec.models.visual_attention import VisualAttention

_ALL = (
    AttentionLSTM,
    ConvLSTM,
    ConvLSTMForecaster,
    ConvLSTMStack,
    FCLSTM,
    FCLSTMForecaster,
    FrameAverage,
    GRURCN,
    LRCN,
    MultiLSTM,
    Seq2SeqAttention,
    ShortSnippetsLSTM,
    ShortSnippetsPooling,
    TwoStream,
    VisualAttention,
)
CLASSES: dict[str, type[Model]] = {cls.name: cls for cls in _ALL}


def names() -> list[str]:
    """The names that `build` knows."""
    return sorted(CLASSES)


def build(name: str, streams: dict[str, tuple] | None = None, classes: int = 101, **hyperparameters) -> keras.Model:
    """A functional Keras model from named streams of raw `uint8` frames to `steps` and `probabilities`, or to `frames`.

    Args:
        name: one of `names()`.
        streams: shape `(T, H, W, 3)` of each stream (`rgb`, `flow`); T may be None. Default: 16 frames, 224 x 224,
            of RGB (of both for `two_stream`); for models that forecast, `(10, 64, 64, 1)`.
        classes: number of classes.
        **hyperparameters: fields of the model's dataclass, `CLASSES[name]`. The parts `rgb` and `flow` of `two_stream` are
            such dataclasses, or names for their defaults: `rgb="lrcn", flow=ShortSnippetsLSTM(layers=2)`.

    Raises:
        UserError: an unknown model or hyperparameter, a target that the model cannot learn, or settings that do not go
            together.
    """
    cls = _by_name(name)
    known = [field.name for field in dataclasses.fields(cls)]
    for key, value in hyperparameters.items():
        if key not in known:
            raise UserError(f"{name} has no hyperparameter {key!r}. {nearest(key, known)}")
        if key in STREAMS and isinstance(value, str):
            hyperparameters[key] = _by_name(value)()
    if streams is None:
        shape = (10, 64, 64, 1) if cls.task == "forecasting" else (16, 224, 224, 3)
        streams = dict.fromkeys(STREAMS if cls is TwoStream else STREAMS[:1], shape)
    return from_config(cls(**hyperparameters), streams, classes)


def _by_name(name: str) -> type[Model]:
    if name not in CLASSES:
        raise UserError(f"No model is called {name!r}. {nearest(str(name), CLASSES)}")
    return CLASSES[name]


def from_config(model: Model, streams: dict[str, tuple], classes: int) -> keras.Model:
    """As `build`, from the model's dataclass."""
    if model.task == "forecasting":
        return model.build(streams, classes)
    check(streams)
    for stream, (frames, *_) in streams.items():
        reader = part(model, stream)
        if frames is not None and frames < reader.least_frames:
            least = f"{reader.name} with these settings needs clips of at least {reader.least_frames} frames"
            raise UserError(f"{least}. Received: {frames} frames of {stream}")
        if frames is None and not reader.any_length:
            raise UserError(f"{reader.name} with these settings needs a fixed number of frames. Received: None for {stream}")
    if classes < 1:
        raise UserError(f"A model needs at least one class. Received: classes={classes}")
    targets.check(model, CLASSES)
    network = model.build(streams, classes)
    return targets.on_steps(network, model) if isinstance(model, Recogniser) else network


def for_experiment(experiment: Experiment, classes: int) -> keras.Model:
    """The recogniser of an experiment; T stays open wherever the model allows it, so that exports take any length."""
    data, model = experiment.data, experiment.model
    frames = {stream: None if part(model, stream).any_length else data.of(stream).frames for stream in data.streams}
    return from_config(model, {stream: (frames[stream], *data.crop, 3) for stream in data.streams}, classes)


def untrained(model: Model) -> Model:
    """The same model, its backbones (its parts' too) with random weights at the start: for weights that come from elsewhere."""
    parts = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    changes = {name: untrained(value) for name, value in parts.items() if isinstance(value, Model)}
    return dataclasses.replace(model, **changes, **{"weights": None} if hasattr(model, "weights") else {})
