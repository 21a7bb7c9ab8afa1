"""The presets: an experiment a file, whose docstring holds its command. To list them none is imported, nor Keras."""

import ast
import dataclasses
import importlib
import itertools
import pkgutil
from collections.abc import Sequence
from pathlib import Path

from videorec.config import Experiment, UserError, nearest
from videorec.config.dense import STARTS, with_dense_labels


def names() -> list[str]:
    """Of all presets: the files of this package."""
    return sorted(_files())


def summaries() -> dict[str, str]:
    """`{name: first line of its docstring}` of every preset."""
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in sorted(_files().items())}
    return {name: ast.get_docstring(tree).splitlines()[0] for name, tree in trees.items()}


def _files() -> dict[str, Path]:
    return {file.name: Path(file.module_finder.path, f"{file.name}.py") for file in pkgutil.iter_modules(__path__)}


def load(name: str, args: Sequence[str] = ()) -> Experiment:
    """The experiment of a preset; it is called after the preset where it has no name of its own.

    Args:
        name: the preset.
        args: the settings that the command line adds, see `suited`.

    Raises:
        UserError: there is no such preset; with the nearest.
    """
    if name not in (known := names()):
        raise UserError(f"No preset is called {name!r}. {nearest(name, known)}")
    experiment = importlib.import_module(f"{__name__}.{name}").EXPERIMENT
    return suited(dataclasses.replace(experiment, name=experiment.name or name), args)


def suited(experiment: Experiment, args: Sequence[str]) -> Experiment:
    """With `--model.target dense` or `labels` in `args` the experiment has the sections of such labels instead of those of
    clips, so that the parser knows them."""
    return with_dense_labels(experiment) if experiment.model.tasks.get(_target(args)) in STARTS else experiment


def _target(args: Sequence[str]) -> str | None:
    """The value of --model.target, as `--model.target X` or `--model.target=X`."""
    words = [word for arg in args for word in (arg.split("=", 1) if arg.startswith("--model.target=") else [arg])]
    return next((value for option, value in itertools.pairwise(words) if option == "--model.target"), None)
