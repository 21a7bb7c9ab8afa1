"""The files of a report: how they are made, and written."""

import io
import json
from pathlib import Path

from matplotlib.figure import Figure

from videorec.config import UserError
from videorec.storage import files


def as_json(results: dict) -> bytes:
    """The content of `results.json`.

    Raises:
        ValueError: a number that JSON has not (NaN, infinity): None says that a figure is not defined.
    """
    return (json.dumps(results, indent=2, allow_nan=False) + "\n").encode()


def as_png(figure: Figure) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def write_files(contents: dict[str, bytes], folder: str | Path) -> None:
    """Files by name into a folder, local or remote, each whole or not at all.

    Raises:
        UserError: they cannot be written.
    """
    try:
        for name, content in contents.items():
            files.write(files.join(folder, name), content)
    except OSError as error:
        raise UserError(f"The results cannot be written to {folder}: {error}. Choose another folder with --out") from error


def as_csv(text: str) -> bytes:
    """The content of a CSV file: UTF-8; names of files that are not appear with backslashes."""
    return text.encode("utf-8", "backslashreplace")
