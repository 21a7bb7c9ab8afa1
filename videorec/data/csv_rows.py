"""CSV files, local or remote: rows with their file and line for messages, and the mistakes that all such files can have.

The first line names the columns, in any case and order, separated by commas, semicolons or tabs: it tells by which.
"""

import csv
import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from videorec.config import UserError, nearest
from videorec.data.text_files import read_text
from videorec.storage import files

log = logging.getLogger(__name__)

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# What people call the columns, for messages alone: which of them is meant is for the file to say.
ALIKE = (
    {"path", "video", "file", "filename", "file_name", "filepath", "file_path", "video_path", "name", "clip"},
    {"label", "labels", "class", "classes", "class_name", "category", "action", "activity", "target", "tag"},
    {"start", "begin", "from", "t_start", "start_time", "start_sec", "onset"},
    {"end", "stop", "to", "t_end", "end_time", "end_sec", "offset"},
    {"split", "subset", "set", "partition", "fold"},
    {"group", "subject", "actor", "scene", "recording", "person"},
)


def read_rows(path: str | Path, needed: Sequence[str], known: Sequence[str] | None = None) -> list[tuple[dict, str]]:
    """Each row that is not empty, its values without blanks around them, with its file and line.

    Args:
        needed: columns that there must be, lower case.
        known: columns that there may be. Default: any.

    Raises:
        UserError: the file cannot be read (see `text_files.read_text`) or has no row; a column is missing, unknown or named
            twice; a row has too few or too many values; a quote is never closed, or a value holds a line break.
    """
    columns, lines = _table(path, needed)
    _check_columns(path, columns, needed, known)
    rows = [(dict(zip(columns, _fitted(values, columns, where), strict=True)), where) for values, where in lines]
    if not rows:
        raise UserError(f"{path} has no rows: expected a line with the names of the columns, and a line for each entry.")
    for row, _ in rows if "" in columns else ():
        del row[""]
    return rows


def column_names(path: str | Path) -> list[str]:
    """The names of the columns, lower case.

    Raises:
        UserError: as `read_rows`, but for columns.
    """
    return _table(path, ("label",))[0]


def _table(path: str | Path, needed: Sequence[str]) -> tuple[list[str], list[tuple[list[str], str]]]:
    """The names of the columns, and the values of each row that is not empty, with file and line."""
    text = read_text(path)
    told = text.partition("\n")[0].strip().lower()
    if told in [f"sep={separator}".strip() for separator in SEPARATORS]:  # as Excel writes and wants it
        separator, skipped = told.removeprefix("sep=") or "\t", 1
    else:
        separator, skipped = _separator(path, next((line for line in text.splitlines() if line.strip()), ""), needed), 0
    rows = [(values, where) for values, where in _rows(path, text, separator) if any(values)][skipped:]
    columns = [name.lower() for name in rows[0][0]] if rows else []
    while columns and not columns[-1]:
        columns.pop()  # a separator at the end of the line
    return _without_numbers(path, columns, rows[1:])


def _separator(path: str | Path, header: str, needed: Sequence[str]) -> str:
    used = [separator for separator in SEPARATORS if separator in header]
    if len(used) < 2:
        return used[0] if used else ","
    names = {separator: [name.strip(' "').lower() for name in header.split(separator)] for separator in used}
    fitting = [separator for separator in used if set(needed) <= set(names[separator])]
    if len(fitting) != 1:
        several = " and ".join(SEPARATORS[separator] for separator in used)
        raise UserError(
            f"{path}: one kind of separator is expected between the names of the columns ({','.join(needed)}). "
            f"Received {several}: {header.strip()}"
        )
    return fitting[0]


def _rows(path: str | Path, text: str, separator: str) -> Iterator[tuple[list[str], str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        first = reader.line_num + 1
        where = f"{path}, line {first}"
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(f'{where}: a quote (") is not closed, or stands inside a value: {error}.') from error
        values = [value.strip() for value in values]
        for value in values if reader.line_num > first else ():
            if "\n" in value or "\r" in value:
                raise UserError(
                    f'{where}: a value must not hold a line break. Is a quote (") not closed? Received: {value[:60]!r}'
                )
        yield values, where


def _without_numbers(path: str | Path, columns: list[str], rows: list) -> tuple[list[str], list]:
    """Without a first column that has no name and counts the rows, as pandas writes it."""
    if columns[:1] == [""] and [values[0] for values, _ in rows] == [str(k) for k in range(len(rows))]:
        log.info("%s: the first column has no name and counts the rows: it is not used", path)
        return columns[1:], [(values[1:], where) for values, where in rows]
    return columns, rows


def _fitted(values: list[str], columns: list[str], where: str) -> list[str]:
    """As many values as columns; empty ones at the end are left out."""
    expected, width = len(columns), len(values)
    while width > expected and not values[width - 1]:
        width -= 1
    if width != expected:
        raise UserError(f"{where}: expected {expected} values ({','.join(columns)}), got {width}")
    if [value.lower() for value in values[:width]] == columns:
        raise UserError(f"{where}: the names of the columns once more. Were two tables joined? Remove the line.")
    nameless = [value for name, value in zip(columns, values, strict=False) if value and not name] if "" in columns else []
    if nameless:
        raise UserError(f"{where}: {nameless[0]!r} is in a column without a name.")
    return values[:width]


def _check_columns(path: str | Path, columns: list[str], needed: Sequence[str], known: Sequence[str] | None) -> None:
    missing = [name for name in needed if name not in columns]
    if missing:
        raise UserError(
            f"{path}: the first line must name the columns {','.join(needed)}. Received: {_shown(columns)}"
            f"{_renamed(columns, missing)}"
        )
    for name in columns:
        if name and columns.count(name) > 1:
            raise UserError(f"{path}: column {name} is named twice: {','.join(columns)}")
        if name and known is not None and name not in known:
            raise UserError(f"{path}: unknown column {name!r}. {nearest(name, known)}")


def _renamed(columns: list[str], missing: Sequence[str]) -> str:
    """Which columns may be meant; that there are none, where no name is like one."""
    meant = {name: [c for c in columns for kind in ALIKE if {c, name} <= kind] for name in missing}
    pairs = [f"{' or '.join(others)} to {name}" for name, others in meant.items() if others]
    if pairs:
        return f". Rename {', '.join(pairs)}"
    names = set().union(*ALIKE)
    if names & set(columns):
        return ""
    return f". Is that a row already? The names come first, separated by {', '.join(SEPARATORS.values())}"


def _shown(columns: list[str]) -> str:
    """What cannot be seen appears with backslashes."""
    return ",".join(name if name.isprintable() else ascii(name) for name in columns)


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
        point = " (with a point: 1.5)" if "," in text else ""
        raise UserError(f"{where}: {name} must be a number, 0 or more{point}. Received: {text!r}")
    return value + 0.0  # -0.0 is 0.0


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write a file in UTF-8, whole or not at all; None becomes an empty value.

    Raises:
        UserError: it cannot be written, or a value has no letters in UTF-8.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    try:
        files.write(path, text.getvalue().encode("utf-8"))
    except UnicodeEncodeError as error:
        line = text.getvalue()[: error.start].count("\n") + 1
        value = text.getvalue().splitlines()[line - 1]
        raise UserError(f"{path} is written in UTF-8, and row {line} is not: {value!a}. Rename the file.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error}") from error
