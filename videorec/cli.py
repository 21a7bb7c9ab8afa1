"""The command line of train.py: a preset or another run's settings, and single settings; and the list of all commands."""

import ast
import json
import pkgutil
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from videorec import __version__, configs, terminal, tools
from videorec.config import Experiment, UserError
from videorec.config import file as config_file
from videorec.storage import files, outside

QUICKSTART = "quickstart"
SCRIPT = re.compile(r"terminal\.run\(main\)")
MAIN = ("train", "evaluate", "predict")
ROOT = Path(__file__).resolve().parents[1]  # of the checkout, where train.py lies


def parse_experiment(args: list[str], description: str, prog: str = "python train.py") -> Experiment:
    """`[PRESET | --config FILE] [--name NAME] [--data.X ...] [--model.X ...] [--train.X ...] [--print-config]`; without a
    preset: the quick start.

    Only the preset that is chosen is imported; `--help` in its place lists all. `--print-config` prints the settings as JSON,
    a file for `--config`, and ends the script.

    Raises:
        UserError: an unknown preset or option, a wrong value, or a file that holds no settings.
        SystemExit: after the help, or the settings.
    """
    if args and args[0] in terminal.HELP:
        print(_list(description, prog))
        sys.exit()
    args, shown = [word for word in args if word != "--print-config"], "--print-config" in args
    args, file = _without_config(args)
    if file is None:
        preset, *settings = args if args and not args[0].startswith("-") else (QUICKSTART, *args)
        default, prog = configs.load(preset, settings), f"{prog} {preset}"
    else:
        default, settings, prog = configs.suited(load_config(file), args), args, f"{prog} --config {file}"
    experiment = terminal.parse(default, settings, description=description, prog=prog)
    if file is not None:
        _check_name(experiment, file)
    if shown:
        sys.stdout.write(config_file.as_text(experiment))
        sys.exit()
    return experiment


def _without_config(args: Sequence[str]) -> tuple[list[str], str | None]:
    """The words without `--config FILE` (or `--config=FILE`), and the file.

    Raises:
        UserError: no file, more than one, or a preset beside it.
    """
    left, given, words = [], [], iter(args)
    for word in words:
        if word == "--config" or word.startswith("--config="):
            given.append(word.partition("=")[2] or next(words, ""))
        else:
            left.append(word)
    if not given:
        return left, None
    if len(given) > 1 or not given[0] or given[0].startswith("-"):
        raise UserError(f"--config takes one file: --config runs/NAME/config.json. Received: {' '.join(given) or 'none'}")
    if left and not left[0].startswith("-"):
        raise UserError(f"Give a preset or --config, not both. Received: {left[0]} and --config {given[0]}")
    return left, given[0]


def load_config(file: str) -> Experiment:
    """The settings in a run's config.json, or in a file that --print-config wrote; of a run's folder those of the run.

    Raises:
        UserError: no such file, or it holds no settings.
    """
    from videorec import models  # Keras takes seconds to import: not for --help of a preset

    if not files.is_remote(file) and Path(file).is_dir():
        file = str(Path(file) / "config.json")
    if not files.exists(file):
        raise UserError(f"--config must be a file of settings, as runs/NAME/config.json. Received: {file}, which is not there")
    with outside.reading(file, "Take the config.json of a run, or what --print-config writes"):
        return config_file.from_dict(json.loads(files.read(file)), models.CLASSES)


def _check_name(experiment: Experiment, file: str) -> None:
    """A run that takes the settings of another has a place of its own.

    Raises:
        UserError: it has that of the other.
    """
    own = files.join(experiment.runs, experiment.name)
    if files.is_remote(file) or files.is_remote(own):
        same = file.removesuffix("/config.json").rstrip("/") == own
    else:
        same = Path(own).resolve() in (Path(file).resolve(), Path(file).resolve().parent)
    if same:
        raise UserError(
            f"{file} are the settings of the run {own}: give the new run a name of its own with --name. To go on with "
            f"{own} itself, repeat the command that trained it"
        )


# === Lists ===


def _list(description: str, prog: str) -> str:
    """The help without a preset: each with the first line of its docstring."""
    usage = f"usage: {prog} [PRESET | --config FILE] [--name NAME] [--data.X ...] [--model.X ...] [--train.X ...]"
    usage += " [--evaluate.X ...] [--print-config]"
    title = f"presets ({prog} PRESET --help: the settings of one):"
    return "\n".join([usage, "", description.strip(), "", title, *_rows(configs.summaries())])


def overview() -> str:
    """Every command of the project with what it does."""
    lines = [f"videorec {__version__}: recurrent video models in Keras", ""]
    main = scripts([ROOT])
    if main.keys() >= set(MAIN):
        lines += listed("Commands", "python", {f"{name}.py": main[name] for name in MAIN})
        lines += ["", *listed("Exports", "python -m export", scripts([ROOT / "export"]))]
    else:
        lines += ["train.py, evaluate.py, predict.py and export/ are in a checkout of the project."]
    lines += ["", *listed("Tools", "python -m videorec.tools", scripts(tools.__path__))]
    return "\n".join([*lines, "", "--help after any of them shows what it takes; python train.py --help lists the models."])


def listed(title: str, prefix: str, summaries: dict[str, str]) -> list[str]:
    """A heading and a line a command: `python train.py`, `python -m export.onnx`."""
    joint = "." if " -m " in prefix else " "
    return [f"{title}:", *_rows({f"{prefix}{joint}{name}": summary for name, summary in summaries.items()})]


def _rows(summaries: dict[str, str]) -> list[str]:
    indent = 4 + max(map(len, summaries))
    width = max(60, shutil.get_terminal_size().columns)
    return [
        textwrap.fill(f"  {name:{indent - 2}}{summary}", width, subsequent_indent=" " * indent, break_on_hyphens=False)
        for name, summary in summaries.items()
    ]


def scripts(folders: Iterable[str | Path]) -> dict[str, str]:
    """`{name: first sentence of its docstring}` of the files there that can be run; none is imported."""
    summaries = {}
    for module in pkgutil.iter_modules(map(str, folders)):
        path = Path(module.module_finder.path, module.name, "__main__.py")
        text = (path if module.ispkg and path.exists() else path.parent.with_suffix(".py")).read_text(encoding="utf-8")
        if module.name != "__main__" and SCRIPT.search(text):
            summaries[module.name] = ast.get_docstring(ast.parse(text)).splitlines()[0].split(". ")[0].rstrip(".") + "."
    return summaries


def refuse_words(args: Sequence[str], prog: str) -> None:
    """A script that takes nothing.

    Raises:
        UserError: words other than those that ask for help.
    """
    if words := [word for word in args if word not in terminal.HELP]:
        raise UserError(f"{prog} takes no options; it lists the commands. Received: {' '.join(words)}")
