"""CSV files, local or remote: rows with their file and line for messages, and the mistakes that all such files can have."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from videorec.config import UserError, nearest
from videorec.storage import files


def read_rows(path: str | Path, needed: Sequence[str], known: Sequence[str] | None = None) -> list[tuple[dict, str]]:
    """Each row, its values stripped, with its file and line.

    Args:
        needed: columns that there must be.
        known: columns that there may be. Default: any.

    Raises:
        UserError: the file cannot be read or has no row, a column is missing or unknown, a row has too few or too many values.
    """
    try:
        reader = csv.DictReader(io.StringIO(files.read(path).decode("utf-8-sig"), newline=""))
        rows = [(row, f"{path}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    columns = reader.fieldnames or []
    if any(name not in columns for name in needed):
        raise UserError(f"{path}: the first line must name the columns {','.join(needed)}. Received: {','.join(columns)}")
    for name in columns:
        if known is not None and name not in known:
            raise UserError(f"{path}: unknown column {name!r}. {nearest(name, known)}")
    if not rows:
        raise UserError(f"{path} has no rows: expected a line with the names of the columns, and a line for each entry.")
    for row, where in rows:
        came = sum(value is not None for name, value in row.items() if name is not None) + len(row.get(None, ()))
        if came != len(columns):
            raise UserError(f"{where}: expected {len(columns)} values ({','.join(columns)}), got {came}")
    return [({key: value.strip() for key, value in row.items()}, where) for row, where in rows]


def number(text: str, name: str, where: str) -> float:
    """A finite number, 0 or more.

    Raises:
        UserError: it is none, naming the column and where it was read.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise UserError(f"{where}: {name} must be a number, 0 or more. Received: {text!r}")
    return value


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write a file whole or not at all; None becomes an empty value.

    Raises:
        UserError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    try:
        files.write(path, text.getvalue().encode())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error}") from error
