"""Draw the pictures of docs/papers, in a checkout of the project.

    python -m videorec.tools.drawings                 all of them
    python -m videorec.tools.drawings lrcn            docs/drawings/lrcn.svg

NAME.py beside this file draws NAME.svg.
"""

import importlib
import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from videorec import terminal
from videorec.config import UserError, nearest
from videorec.storage import files

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
OUT = HERE.parents[2] / "docs" / "drawings"
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("__init__", "__main__", "canvas"))


@dataclass(frozen=True)
class Options:
    """What is drawn."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Of the drawings. Default: all."""


def main(args: list[str]) -> int:
    """Draw what the command line names."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.drawings")
    for name in options.names:
        if name not in NAMES:
            raise UserError(f"No drawing is called {name!r}. {nearest(name, NAMES)}")
    if not OUT.is_dir():
        raise UserError(f"The drawings lie in a checkout of the project. There is no folder {OUT}")
    for name in options.names or NAMES:
        drawing = importlib.import_module(f"videorec.tools.drawings.{name}").draw()
        files.write(OUT / f"{name}.svg", drawing.svg().encode())
    log.info("written: %s", OUT)
    return 0


if __name__ == "__main__":
    terminal.run(main)
