"""The command lines: presets and settings from the dataclasses, messages without tracebacks, exit statuses."""

import dataclasses
import importlib
import itertools
import logging
import pkgutil
import sys
from collections.abc import Callable

import tyro
from rich.console import Console
from rich.progress import Progress

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


def run(main: Callable[[list[str]], int | None]) -> None:
    """Run a script: a `UserError` becomes a message and status 2, Ctrl-C status 130, anything else a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("absl", "tensorflow", "h5py", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        status = main(sys.argv[1:])
    except UserError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {rich_escape(str(error))}", soft_wrap=True)
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status or 0)


def rich_escape(text: str) -> str:
    """Square brackets in paths and messages are no markup."""
    return text.replace("[", r"\[")


class Bar:
    """A progress bar for work that reports `(done, total)`; appears at the first report."""

    def __init__(self, title: str):
        console = Console(stderr=True)
        self._progress = Progress(transient=True, console=console, disable=not console.is_terminal)
        self._title, self._task = title, None

    def __call__(self, done: int, total: int) -> None:
        """Report."""
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(self._title, total=total)
        self._progress.update(self._task, completed=done, total=total)
        if done >= total:
            self._progress.stop()
            self._task = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._progress.stop()
