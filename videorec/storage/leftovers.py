"""Files that are being written: their names say which process writes them, so that what a killed one left is removed later."""

import contextlib
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

# Whether a process of another machine still lives cannot be asked: what it left goes after this time.
FOREIGN_SECONDS = 24 * 3600.0
_NAME = re.compile(r"\..*\.tmp-(?P<host>\w*)-(?P<process>\d+)-[0-9a-f]{8}(\.\w+)?")
# As version 0.1.0 named them, without the machine or without the process.
_OLD_NAME = re.compile(r"\..*\.[0-9a-f]{8}\.tmp|.*\.zip\.\d+\.tmp|\.unfinished-.*-\d+-\w+|\.writing-\w+|\..*\.[0-9a-f]{8}\.mp4")


def unfinished_name(name: str, suffix: str = "") -> str:
    """A hidden name for what becomes `name` when it is whole, another one at each call.

    Args:
        suffix: what it must end in for those who tell files by it, `.mp4`.
    """
    return f".{name}.tmp-{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{suffix}"


@contextlib.contextmanager
def working_folder(parent: str | Path, name: str) -> Iterator[Path]:
    """A folder in `parent` for unfinished files, removed at the end; what killed processes left goes before."""
    sweep(parent)
    folder = Path(parent) / unfinished_name(name)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: str | Path, below: bool = False) -> None:
    """Remove what killed processes left in a local folder, there or not.

    Args:
        below: in its sub-folders too.
    """
    for path in list(_unfinished(folder, below)):
        if not _is_being_written(path):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _unfinished(folder: str | Path, below: bool) -> Iterator[Path]:
    """What has such a name; of the rest, which may be a million files, no path is made."""
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            hinted = name.startswith(".") or name.endswith(".tmp")  # as both patterns want it
            if hinted and (_NAME.fullmatch(name) or _OLD_NAME.fullmatch(name)):
                yield Path(place, name)
        if not below:
            return


def _is_being_written(path: Path) -> bool:
    parts = _NAME.fullmatch(path.name)
    if parts and parts["host"] == _host() and os.name == "posix":
        return is_alive(int(parts["process"]))
    try:
        return time.time() - path.lstat().st_mtime < FOREIGN_SECONDS
    except FileNotFoundError:
        return False


def is_alive(process: int) -> bool:
    """Whether a process of this machine exists (POSIX)."""
    try:
        os.kill(process, 0)  # asks only
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    """This machine's name, as a part of a file's name."""
    return re.sub(r"\W|-", "_", socket.gethostname(), flags=re.ASCII)
