"""An experiment as JSON: how a run folder keeps it, and what differs between two."""

import dataclasses
import json
import types
import typing

from videorec.config import dense
from videorec.config.base import Model, UserError, nearest
from videorec.config.experiment import Experiment, task_of
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.config.recognition import Data, Evaluate, Train

# The classes of an experiment's sections, by its task.
SECTIONS = {
    "recognition": {"data": Data, "train": Train, "evaluate": Evaluate},
    "forecasting": {"data": Sequences, "train": ForecastTrain, "evaluate": ForecastEvaluate},
    "dense": dense.SECTIONS,
    "anticipation": dense.SECTIONS,
}


def to_dict(experiment: Experiment) -> dict:
    """The experiment as plain JSON types; a model's registered name is stored beside its hyperparameters."""
    return _tree(experiment)


def _tree(value):
    if not dataclasses.is_dataclass(value):
        return value
    fields = {field.name: _tree(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return {"name": value.name, **fields} if isinstance(value, Model) else fields


def from_dict(tree: dict, models: dict[str, type[Model]]) -> Experiment:
    """The inverse of `to_dict`; fields that are absent keep their default. What means the same is read as the same.

    Raises:
        UserError: a name that no field and no model has.
    """
    tree = {**tree, "train": _usual_warmup(tree.get("train", {}))}
    model = _fill(Model, tree.get("model", {}), "model", models)
    sections = SECTIONS[task_of(model)]
    return _fill(Experiment, {"model": {}, **{name: {} for name in sections}, **tree}, "", models, sections)


def _usual_warmup(train: dict) -> dict:
    """Files of version 0.1.0 always hold a number, 1 where none was given, with schedules that have no warm-up too."""
    cosine, epochs = train.get("schedule", "cosine") == "cosine", train.get("warmup_epochs")
    return {**train, "warmup_epochs": None} if epochs == 1 or (epochs and not cosine) else train


def _fill(cls, values: dict, section: str, models: dict[str, type[Model]], sections: dict | None = None):
    if issubclass(cls, Model):
        values = dict(values)
        name = values.pop("name", None)
        if name not in models:
            raise UserError(f"No model is called {name!r}. {nearest(str(name), models)}")
        cls = models[name]
    hints = typing.get_type_hints(cls) | (sections or {})
    known = {f.name for f in dataclasses.fields(cls)}
    for key in values:
        if key not in known:
            raise UserError(f"{section or 'an experiment'} has no setting {key!r}. {nearest(key, known)}")
    return cls(**{key: _as_type(value, hints[key], f"{section}.{key}".lstrip("."), models) for key, value in values.items()})


def _as_type(value, hint, section: str, models: dict[str, type[Model]]):
    """JSON has dicts where the dataclasses have dataclasses, and lists (in older files also null) where they have tuples."""
    if dataclasses.is_dataclass(hint):
        return _fill(hint, value, section, models)
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if not any(typing.get_origin(option) is tuple for option in options):
        return value
    if value is None and types.NoneType not in options:
        return ()
    return tuple(value) if isinstance(value, list) else value


def as_text(experiment: Experiment) -> str:
    """The content of `config.json`."""
    return json.dumps(to_dict(experiment), indent=2) + "\n"


def differences(old: dict, new: dict, prefix: str = "") -> list[str]:
    """One line `data.frames: 16 -> 8` for every setting that differs between two trees of `to_dict`."""
    lines = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += differences(a, b, f"{prefix}{key}.")
        elif _plain(a) != _plain(b):
            lines.append(f"{prefix}{key}: {_plain(a)} -> {_plain(b)}")
    return lines


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
