"""The files of a report."""

from pathlib import Path

from videorec.config import UserError
from videorec.storage import files


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
