"""Every number among the settings has bounds, which hold on the command line, in config.json and in Python alike."""

import dataclasses
import importlib
import json
import math
import pkgutil
import typing

import pytest
from annotated_types import Ge, Gt, Le, Lt

import evaluate
import export
import predict
from videorec import models, terminal, tools
from videorec.config import Experiment, UserError, bounds, task_of
from videorec.config import file as config_file
from videorec.models import CLASSES
from videorec.tools import benchmark

EXPERIMENTS = {name: config_file.from_dict({"model": {"name": name}}, CLASSES) for name in models.names()}
# Numbers that may be anything finite, with the reason.
FREE = {
    "data.values": "what a picture or array holds; the first must be below the second",
    "values": "the same, of prepare",
    "evaluate.thresholds": "rates of rain, which must lie within those of evaluate.dbz",
    "evaluate.dbz": "reflectivities are negative too",
}


def options_of_scripts() -> dict[str, type]:
    names = [f"{room.__name__}.{file.name}" for room in (tools, export) for file in pkgutil.iter_modules(room.__path__)]
    modules = [predict, *map(importlib.import_module, [*names, f"{benchmark.__name__}.__main__"])]
    classes = {module.__name__: module.Options for module in modules if hasattr(module, "Options")}
    return classes | {f"evaluate.{section.__name__}": options for section, options in evaluate.OPTIONS.items()}


SCRIPTS = options_of_scripts()


def numbers(settings: type | object, prefix: str = "") -> dict[str, list]:
    """`{data.crop: [(int, (Ge(1),)), (int, (Ge(1),))]}` of every field with numbers."""
    hints, known = typing.get_type_hints(settings if isinstance(settings, type) else type(settings), include_extras=True), {}
    for field in dataclasses.fields(settings):
        inner = hints[field.name] if isinstance(settings, type) else getattr(settings, field.name)
        if dataclasses.is_dataclass(inner):
            known |= numbers(inner, f"{prefix}{field.name}.")
        elif limits := bounds.numbers_of(hints[field.name]):
            known[prefix + field.name] = limits
    return known


def unbounded(settings: type | object) -> set[str]:
    return {name for name, limits in numbers(settings).items() if not all(bounds for _, bounds in limits)}


def least(kind: type, limits: tuple, step: float = 0) -> float:
    """The least value that is accepted, or one a step above it; 0 where nothing bounds it."""
    lows = [bound.ge if isinstance(bound, Ge) else bound.gt + 1e-3 for bound in limits if isinstance(bound, Ge | Gt)]
    return kind(max(lows, default=0) + step)


def most(limits: tuple) -> list:
    """The greatest value that is accepted, where there is one."""
    return [bound.le for bound in limits if isinstance(bound, Le)]


def beyond(kind: type, limits: tuple) -> list:
    """The values just outside."""
    step = 1 if kind is int else 1e-3
    outside = {Ge: lambda b: b.ge - step, Le: lambda b: b.le + step, Gt: lambda b: b.gt, Lt: lambda b: b.lt}
    values = [kind(outside[type(bound)](bound)) for bound in limits]
    return [*values, 2**63] if kind is int else [*values, math.inf, -math.inf, math.nan]


def cases(settings) -> list[tuple[str, list, bool]]:
    """`(setting, values, whether they are accepted)` for every number of the settings."""
    rows = []
    for name, limits in numbers(settings).items():
        # Of two weights one must be above 0: the others are a little above their bounds.
        good = [least(*limit, step=0 if place == 0 else 1 if limit[0] is int else 1e-3) for place, limit in enumerate(limits)]
        rows += [(name, [first, *good[1:]], True) for first in (good[0], *most(limits[0][1]))]
        for place, limit in enumerate(limits):
            rows += [(name, [*good[:place], bad, *good[place + 1 :]], False) for bad in beyond(*limit)]
    return rows


def with_value(tree: dict, name: str, value: list) -> dict:
    """The tree of config.json with a setting changed."""
    *sections, last = name.split(".")
    tree = json.loads(json.dumps(tree))
    inner = tree
    for section in sections:
        inner = inner[section]
    inner[last] = value if isinstance(inner[last], list) or name in LISTS else value[0]
    return tree


LISTS = {"data.values", "data.size"}  # their default is null


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_number_of_an_experiment_has_bounds(name):
    assert unbounded(EXPERIMENTS[name]) <= FREE.keys()
    assert {"train.seed", "train.epochs", "evaluate.batch", "data.frames"} <= numbers(EXPERIMENTS[name]).keys()


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_number_of_a_script_has_bounds(script):
    assert unbounded(SCRIPTS[script]) <= FREE.keys()


def own_cases(name: str) -> list:
    """Of the first model of each task those of all sections; of the others those of the model."""
    first = next(other for other in EXPERIMENTS if task_of(EXPERIMENTS[other].model) == task_of(EXPERIMENTS[name].model))
    return [case for case in cases(EXPERIMENTS[name]) if name == first or case[0].startswith("model.")]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_config_json_holds_them(name):
    tree = config_file.to_dict(EXPERIMENTS[name])
    for setting, value, accepted in own_cases(name):
        changed = with_value(tree, setting, value)
        if accepted:
            assert isinstance(config_file.from_dict(changed, CLASSES), Experiment)
            continue
        with pytest.raises(UserError, match=rf"{setting.split('.')[-1]} must be .*\. Received: "):
            config_file.from_dict(changed, CLASSES)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_command_line_holds_them(name):
    for setting, value in {setting: value for setting, value, accepted in own_cases(name) if not accepted}.items():
        option = f"--{setting.replace('_', '-')}"
        args = [f"{option}={value[0]}"] if len(value) == 1 else [option, *map(str, value)]
        with pytest.raises(UserError, match=rf"{option.split('.')[-1]} must be .*\. Received: "):
            terminal.parse(EXPERIMENTS[name], args, description="", prog="train.py")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"units": 0}, "units must be 1 or more. Received: 0"),
        ({"dropout": 1.5}, "dropout must be 0 or more and below 1. Received: 1.5"),
        ({"uniform_init": -1.0}, "uniform_init must be above 0 and finite. Received: -1.0"),
    ],
)
def test_models_hold_them(settings, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        models.build("lrcn", {"rgb": (4, 32, 32, 3)}, 3, backbone="tiny", weights=None, **settings)
