"""The command line of train.py: the presets, and the settings of one from the dataclasses."""

import dataclasses
import importlib
import itertools
import pkgutil

import tyro

from videorec import configs
from videorec.config import Experiment, UserError, nearest
from videorec.config.dense import with_dense_labels

QUICKSTART = "quickstart"
DENSE_TARGETS = ("dense", "labels")


def presets() -> dict[str, tuple[str, Experiment]]:
    """`{name: (first line of its docstring, experiment)}` for every file in `videorec/configs`."""
    found = {}
    for module in pkgutil.iter_modules(configs.__path__):
        preset = importlib.import_module(f"videorec.configs.{module.name}")
        experiment = dataclasses.replace(preset.EXPERIMENT, name=preset.EXPERIMENT.name or module.name)
        found[module.name] = (preset.__doc__.splitlines()[0], experiment)
    return found


def parse_experiment(args: list[str], description: str, prog: str = "train.py") -> Experiment:
    """`[PRESET] [--name NAME] [--data.X ...] [--model.X ...] [--train.X ...]`; without a preset: the quick start."""
    if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
        args = [QUICKSTART, *args]
    known = presets()
    if args[0] not in ("-h", "--help") and args[0] not in known:
        raise UserError(f"No preset is called {args[0]!r}. {nearest(args[0], known)}")
    if _target(args[1:]) in DENSE_TARGETS:  # labels of moments instead of those of clips: other settings
        text, experiment = known[args[0]]
        known[args[0]] = text, with_dense_labels(experiment)
    return tyro.extras.overridable_config_cli(known, args=args, description=description, prog=prog)


def _target(args: list[str]) -> str | None:
    """The value of --model.target, as `--model.target X` or `--model.target=X`."""
    words = [word for arg in args for word in (arg.split("=", 1) if arg.startswith("--model.target=") else [arg])]
    return next((value for option, value in itertools.pairwise(words) if option == "--model.target"), None)
