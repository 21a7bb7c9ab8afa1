"""Draws the pictures of docs/papers: `python -m docs.drawings [NAME ...]`, all without names; NAME.py here draws NAME.svg."""

import argparse
import importlib
import sys
from pathlib import Path

from videorec.storage import files

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("__main__", "canvas"))


def main(args=None) -> int:
    """Draw what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m docs.drawings", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    for name in parser.parse_args(args).names or NAMES:
        drawing = importlib.import_module(f"docs.drawings.{name}").draw()
        files.write(HERE / f"{name}.svg", drawing.svg().encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
