"""Run train.py or evaluate.py as a child process: what it prints is passed on and kept."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from videorec.training.interrupts import sigterm_as_ctrl_c

ROOT = Path(__file__).resolve().parents[2]  # of the repository


def run(name: str, args: Sequence[str], log: BinaryIO) -> int:
    """Run a script of the repository in a process of its own and wait for it.

    Ctrl-C reaches the child by itself, SIGTERM is passed on; either way the child may save its state first.

    Args:
        name: `train.py` or `evaluate.py`.
        args: its command line.
        log: file that its output is written to, beside standard output.

    Returns:
        Its exit status; negative where a signal ended it.

    Raises:
        KeyboardInterrupt: after the child has ended.
    """
    columns = str(shutil.get_terminal_size().columns)
    child = subprocess.Popen(
        [sys.executable, str(ROOT / name), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": columns},
    )
    with child, sigterm_as_ctrl_c(child.terminate):
        try:
            _copy(child.stdout, log)
        except KeyboardInterrupt:
            _copy(child.stdout, log)
            raise
    return child.returncode


def _copy(source: BinaryIO, log: BinaryIO) -> None:
    """Everything to standard output and the log, as it comes."""
    while part := source.read1():
        sys.stdout.buffer.write(part)
        sys.stdout.flush()
        log.write(part)
        log.flush()


def describe(status: int) -> str:
    """`failed with status 2`, `was ended by SIGKILL`."""
    if status >= 0:
        return f"failed with status {status}"
    return f"was ended by {signal.Signals(-status).name}"
