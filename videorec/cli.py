"""The command line of train.py: a preset, and its settings from the dataclasses."""

import shutil
import sys
import textwrap

from videorec import configs, terminal
from videorec.config import Experiment

QUICKSTART = "quickstart"


def parse_experiment(args: list[str], description: str, prog: str = "python train.py") -> Experiment:
    """`[PRESET] [--name NAME] [--data.X ...] [--model.X ...] [--train.X ...]`; without a preset: the quick start.

    Only the preset that is chosen is imported; `--help` in its place lists all.

    Raises:
        UserError: an unknown preset or option, or a wrong value.
        SystemExit: after the help.
    """
    if args and args[0] in terminal.HELP:
        print(_list(description, prog))
        sys.exit()
    preset, *settings = args if args and not args[0].startswith("-") else (QUICKSTART, *args)
    return terminal.parse(configs.load(preset, settings), settings, description=description, prog=f"{prog} {preset}")


def _list(description: str, prog: str) -> str:
    """The help without a preset: each with the first line of its docstring."""
    presets = configs.summaries()
    indent = 4 + max(map(len, presets))
    width = max(60, shutil.get_terminal_size().columns)
    lines = [
        textwrap.fill(f"  {name:{indent - 2}}{summary}", width, subsequent_indent=" " * indent, break_on_hyphens=False)
        for name, summary in presets.items()
    ]
    usage = f"usage: {prog} [PRESET] [--name NAME] [--data.X ...] [--model.X ...] [--train.X ...] [--evaluate.X ...]"
    return "\n".join([usage, "", description.strip(), "", f"presets ({prog} PRESET --help: the settings of one):", *lines])
