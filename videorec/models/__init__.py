"""The models, by name: `build("lrcn", {"rgb": (16, 224, 224, 3)}, classes=101, units=256)`.

A model is one file here that defines a `videorec.config.Model` with a name; it is found by itself.
"""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator

import keras

from videorec.config import Experiment, Model, Recogniser, UserError, bounds, nearest
from videorec.config.forecasting import Forecaster
from videorec.models import backbones, targets
from videorec.models.streams import STREAMS, check

CLASSES: dict[str, type[Model]] = {}


def discover() -> None:
    """Enter the models of every file of this package in `CLASSES`; again where `__path__` has another folder now.

    Raises:
        ValueError: two models of one name.
    """
    modules = [importlib.import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__)]
    for module in modules:
        for cls in vars(module).values():
            if not (isinstance(cls, type) and issubclass(cls, Model) and cls.__module__ == module.__name__ and cls.name):
                continue
            other = CLASSES.setdefault(cls.name, cls)
            if other is not cls:
                raise ValueError(f"Two models are called {cls.name!r}, in {other.__module__} and {module.__name__}: rename one")


discover()


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
        UserError: an unknown model or hyperparameter, one out of its bounds, a target that the model cannot learn, or settings
            that do not go together.
    """
    cls = _by_name(name)
    known = [field.name for field in dataclasses.fields(cls)]
    for key, value in hyperparameters.items():
        if key not in known:
            raise UserError(f"{name} has no hyperparameter {key!r}. {nearest(key, known)}")
        if key in STREAMS and isinstance(value, str):
            hyperparameters[key] = _by_name(value)()
    return from_config(cls(**hyperparameters), cls.default_streams if streams is None else streams, classes)


def _by_name(name: str) -> type[Model]:
    if name not in CLASSES:
        raise UserError(f"No model is called {name!r}. {nearest(str(name), CLASSES)}")
    return CLASSES[name]


def from_config(model: Model, streams: dict[str, tuple], classes: int) -> keras.Model:
    """As `build`, from the model's dataclass."""
    bounds.check(model)
    targets.check(model, CLASSES)
    if isinstance(model, Forecaster):  # takes frames of any channels, and checks them itself
        return model.build(streams, classes)
    check(streams)
    for stream, (frames, *_) in streams.items():
        reader = model.part(stream)
        if frames is not None and frames < reader.least_frames:
            least = f"{reader.name} with these settings needs clips of at least {reader.least_frames} frames"
            raise UserError(f"{least}. Received: {frames} frames of {stream}")
        if frames is None and not reader.any_length:
            raise UserError(f"{reader.name} with these settings needs a fixed number of frames. Received: None for {stream}")
    if classes < 1:
        raise UserError(f"A model needs at least one class. Received: classes={classes}")
    network = model.build(streams, classes)
    return targets.on_steps(network, model) if isinstance(model, Recogniser) else network


def for_experiment(experiment: Experiment, classes: int) -> keras.Model:
    """The model of an experiment on videos; T stays open wherever the model allows it, so that exports take any length."""
    data, model = experiment.data, experiment.model
    frames = {stream: None if model.part(stream).any_length else data.of(stream).frames for stream in data.streams}
    return from_config(model, {stream: (frames[stream], *data.crop, 3) for stream in data.streams}, classes)


def untrained(model: Model) -> Model:
    """The same model, its backbones (its parts' too) with random weights at the start: for weights that come from elsewhere."""
    return _without_weights(model)


def _without_weights(value):
    """Settings of any kind, without the weights of the models in them."""
    if bounds.holds_settings(value):
        return tuple(map(_without_weights, value))
    if not dataclasses.is_dataclass(value):
        return value
    changes = {field.name: _without_weights(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **changes | ({"weights": None} if "weights" in changes else {}))


def export_tolerance(model: Model) -> float:
    """Largest difference between Keras and an export, of probabilities and of frames from 0 to 1: the most that the model, its
    parts and their backbones allow."""
    inner = [export_tolerance(part) for part in _parts(model)]
    backbone = getattr(model, "backbone", None)
    own = [backbones.find(backbone).export_tolerance] if backbone else []
    return max([model.export_tolerance, *own, *inner])


def _parts(settings) -> Iterator[Model]:
    """The models that a model is made of: in its fields, and in tuples of settings in them."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        for part in value if bounds.holds_settings(value) else [value]:
            if isinstance(part, Model):
                yield part
            elif dataclasses.is_dataclass(part):
                yield from _parts(part)
