"""An experiment as JSON: how a run folder keeps it, and what differs between two."""

import dataclasses
import json
import types
import typing

from videorec.config import bounds, dense
from videorec.config.base import Model
from videorec.config.errors import UserError, nearest
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
    if bounds.holds_settings(value):
        return [_tree(part) for part in value]
    if not dataclasses.is_dataclass(value):
        return value
    fields = {field.name: _tree(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return {"name": value.name, **fields} if isinstance(value, Model) else fields


def from_dict(tree: dict, models: dict[str, type[Model]]) -> Experiment:
    """The inverse of `to_dict`; fields that are absent keep their default. What means the same is read as the same.

    Raises:
        UserError: a name that no field and no model has, a value of another type than its setting, or out of its bounds.
    """
    for name, part in {"an experiment": tree, "model": _part(tree, "model"), "train": _part(tree, "train")}.items():
        _must_hold_settings(part, name)
    tree = {**tree, "train": _usual_warmup(_part(tree, "train")), "model": _no_background(_part(tree, "model"))}
    tree = _balance_of_loss(tree)
    model = _fill(Model, _part(tree, "model"), "model", models)
    sections = SECTIONS[task_of(model)]
    experiment = _fill(Experiment, {"model": {}, **{name: {} for name in sections}, **tree}, "", models, sections)
    bounds.check(experiment)
    return experiment


def _part(tree, name: str):
    return tree.get(name, {}) if isinstance(tree, dict) else {}


def _must_hold_settings(values, place: str) -> None:
    if not isinstance(values, dict):
        raise UserError(f"{place} must be settings by their names: {{...}}. Received: {_shown(values)}")


def _usual_warmup(train: dict) -> dict:
    """Files of version 0.1.0 always hold a number, 1 where none was given, with schedules that have no warm-up too."""
    cosine, epochs = train.get("schedule", "cosine") == "cosine", train.get("warmup_epochs")
    return {**train, "warmup_epochs": None} if epochs == 1 or (epochs and not cosine) else train


def _balance_of_loss(tree: dict) -> dict:
    """`data.balance` weight is what `train.class_balance` 1 was called before there was more of it than all and nothing."""
    data, train = _part(tree, "data"), tree["train"]
    if not isinstance(data, dict) or data.get("balance") != "weight" or "class_balance" in train:
        return tree
    return {**tree, "data": {**data, "balance": "none"}, "train": {**train, "class_balance": 1.0}}


def _no_background(model):
    """A `change_grid` of before there was a background has none; a file written by hand has few of the settings."""
    old = isinstance(model, dict) and model.get("name") == "change_grid" and "radius" in model and "background" not in model
    return {**model, "background": False} if old else model


def _fill(cls, values: dict, section: str, models: dict[str, type[Model]], sections: dict | None = None):
    _must_hold_settings(values, section)
    if issubclass(cls, Model):
        values = dict(values)
        name = values.pop("name", None)
        if not isinstance(name, str) or name not in models:
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
    part = next(iter(typing.get_args(hint)), None)
    if typing.get_origin(hint) is tuple and dataclasses.is_dataclass(part):
        if not isinstance(value, list | tuple):
            raise UserError(f"{section} must be a list of settings: [{{...}}, ...]. Received: {_shown(value)}")
        return tuple(_fill(part, one, f"{section}.{number}", models) for number, one in enumerate(value))
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    if value is None and types.NoneType not in kinds and any(typing.get_origin(kind) is tuple for kind in kinds):
        return ()
    if not any(_is(value, kind) for kind in kinds):
        raise UserError(f"{section} must be {' or '.join(map(_named, kinds))}. Received: {_shown(value)}")
    return tuple(value) if isinstance(value, list) else value


# === Types ===

NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", types.NoneType: "null"}


def _is(value, kind) -> bool:
    """Whether a value of JSON is of a type; a whole number is a number too, but true and false are none."""
    if typing.get_origin(kind) is typing.Literal:
        return any(value == choice and type(value) is type(choice) for choice in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)
        if not isinstance(value, list | tuple):
            return False
        inner = inner[:1] * len(value) if Ellipsis in inner else inner
        return len(value) == len(inner) and all(map(_is, value, inner))
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _named(kind) -> str:
    """A type, in words."""
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(json.dumps(choice) for choice in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)
        if Ellipsis in inner:
            return f"a list, each of it {_named(inner[0])}"
        return f"a list of {len(inner)}, each of it {_named(inner[0])}"
    return NAMES[kind]


def _shown(value) -> str:
    return bounds.in_short(json.dumps(value, default=str))


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
