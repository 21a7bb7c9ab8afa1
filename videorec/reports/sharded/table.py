"""Rows of typed columns as the content of a file: CSV, or Parquet where pyarrow is installed."""

import csv
import importlib.util
import io
from collections.abc import Callable, Sequence
from typing import Literal

from videorec.config import UserError

Format = Literal["parquet", "csv"]
Column = tuple[str, type]  # name, and str, int or float; values of any column may be None
INSTALL = "pip install pyarrow (it comes with apache-beam)"


def check(form: Format) -> None:
    """Raises:
    UserError: pyarrow is needed, and missing.
    """
    if form == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise UserError(f"--format parquet needs pyarrow: {INSTALL}. --format csv needs nothing")


def content(form: Format, columns: Sequence[Column], rows: Sequence[Sequence], as_text: Callable[[Sequence], list]) -> bytes:
    """The bytes of a file.

    Args:
        rows: a value a column.
        as_text: the cells of a row in a CSV file.
    """
    return _parquet(columns, rows) if form == "parquet" else _csv(columns, rows, as_text)


def _csv(columns: Sequence[Column], rows: Sequence[Sequence], as_text: Callable[[Sequence], list]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(name for name, _ in columns)
    writer.writerows(map(as_text, rows))
    return file.getvalue().encode("utf-8", "surrogateescape")


def _parquet(columns: Sequence[Column], rows: Sequence[Sequence]) -> bytes:
    """Texts must be UTF-8 there: bytes of a name that are not become `\\udcff`."""
    import pyarrow
    import pyarrow.parquet

    kinds = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in columns])
    arrays = []
    for number, (_, kind) in enumerate(columns):
        values = [row[number] for row in rows]
        if kind is str:
            values = [value and value.encode("utf-8", "backslashreplace").decode() for value in values]
        arrays.append(pyarrow.array(values, kinds[kind]))
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), buffer, compression="zstd")
    return buffer.getvalue().to_pybytes()
