"""Where figures are kept: those of a run's own data in its folder, those of other data below it in folders of their own."""

import dataclasses
import itertools
import json
import os
import re
from pathlib import Path

from videorec.config import UserError
from videorec.config.base import Source
from videorec.data.selection import NAMING
from videorec.storage import files

FOLDER = "results"
ABOUT = "data.json"  # whose figures a folder holds
SUFFIX = re.compile(r"\.(csv|json|npy|npz|h5|hdf5|nc|nc4|mp4|avi)$", re.IGNORECASE)  # of one file that is a data set
LONGEST = 80  # characters of a name


def folder_of(run: str | Path, data: Source, own: bool) -> Path:
    """The folder of an evaluation's files.

    Args:
        run: the run folder.
        data: what was measured on.
        own: whether that is the run's own.

    Returns:
        The run folder, or `results/NAME` in it: NAME is that of the data's folder or file; with a number where other data of
        this name were measured before.

    Raises:
        UserError: it cannot be written.
    """
    if own:
        return Path(run)
    about = json.loads(json.dumps(_identity(data)))
    for number in itertools.count(1):
        folder = Path(run) / FOLDER / (plain_name(data.path) + (f"-{number}" if number > 1 else ""))
        try:
            if not folder.exists():
                files.write(folder / ABOUT, (json.dumps(about, indent=2) + "\n").encode())
                return folder
            if _read(folder / ABOUT) == about:
                return folder
        except OSError as error:
            raise UserError(f"The results cannot be written to {folder}: {error}. Choose another folder with --out") from error


def _identity(data: Source) -> dict:
    """The settings that say which videos there are, with true paths."""
    settings = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
    named = {name: settings[name] for name in ("path", "videos", *NAMING) if settings.get(name) is not None}
    return {name: _true_path(value) if name in ("path", "videos") else value for name, value in named.items()}


def _true_path(path: str) -> str:
    """A path that names the same from everywhere, as JSON can hold it; words such as `synthetic` stay."""
    place = os.path.expanduser(path)
    whole = path if files.is_remote(path) or not os.path.exists(place) else os.path.realpath(place)
    return whole.encode("utf-8", "backslashreplace").decode()


def _read(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def plain_name(path: str) -> str:
    """The name of a folder after the last part of a path, without its suffix: letters, digits, `_`, `.` and `-`."""
    whole = path.rstrip("/") if files.is_remote(path) else os.path.abspath(os.path.expanduser(path)).replace(os.sep, "/")
    name = SUFFIX.sub("", whole.rsplit("/", 1)[-1])
    name = re.sub(r"[^\w.-]+", "_", name).strip("._-")[:LONGEST]
    # Names that begin so are unfinished files, which a remote run leaves out.
    return f"data_{name}" if not name or name.startswith("new_") else name
