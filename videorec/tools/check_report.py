"""What a check of videos says: on the terminal, and a row a file in a CSV file."""

import contextlib
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from rich.console import Console

from videorec.config import UserError
from videorec.reports.spreadsheet import cell
from videorec.tools.check_files import FAULTS, KINDS, Row


class Report:
    """Counts all files, and keeps the paths of those with problems, and these."""

    def __init__(self):
        self.files, self.frames, self.seconds = 0, 0, 0.0
        self.listed: dict[str, list[tuple[str, str]]] = {kind: [] for kind in KINDS}

    @property
    def has_faults(self) -> bool:
        """Whether a file cannot be read whole."""
        return any(self.listed[kind] for kind in FAULTS)

    def add(self, row: Row, kinds: list[str]) -> None:
        """Note one file; it is listed once, under its worst problem."""
        self.files += 1
        self.frames += row.frames
        self.seconds += row.seconds or 0.0
        if kinds:
            self.listed[kinds[0]].append((row.path, row.problem))

    def join(self, counts: dict) -> None:
        """Add what another report counted, its `as_dict`."""
        self.files += counts["files"]
        self.frames += counts["frames"]
        self.seconds += counts["seconds"]
        for kind, rows in counts["listed"].items():
            self.listed[kind] += [(path, problem) for path, problem in rows]

    def as_dict(self) -> dict:
        """What it counted, as JSON values."""
        listed = {kind: rows for kind, rows in self.listed.items() if rows}
        return {"files": self.files, "frames": self.frames, "seconds": self.seconds, "listed": listed}

    def show(self, console: Console, took: float) -> None:
        """The problem files by kind, and a line that sums up."""
        for kind, title in KINDS.items():
            if self.listed[kind]:
                console.print(f"{title} ({len(self.listed[kind])})", style="bold")
            for path, problem in self.listed[kind]:
                console.print(f"  {path}: {problem}", soft_wrap=True, highlight=False)
        hours = f"{self.seconds / 3600:.2f} hours" if self.seconds >= 360 else f"{self.seconds:.1f} seconds"
        rest = sum(len(rows) for kind, rows in self.listed.items() if kind not in ("unreadable", "damaged"))
        parts = [f"{self.files} videos", hours, f"{self.frames} frames", f"{len(self.listed['unreadable'])} unreadable"]
        parts += [f"{len(self.listed['damaged'])} damaged"]
        parts += [f"{rest} otherwise odd", f"checked in {took:.1f} s ({self.files / max(took, 1e-3):.1f} videos/s)"]
        console.print(", ".join(parts), highlight=False, soft_wrap=True)


@contextlib.contextmanager
def writer(path: Path | None) -> Iterator[Callable[[Row], None]]:
    """`with writer(path) as write: write(row)`: rows go to the CSV file as they come, or nowhere without a path."""
    if path is None:
        yield lambda row: None
        return
    try:
        file = open(path, "w", newline="", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 -- closed below
    except OSError as error:
        raise UserError(f"The report {path} cannot be written: {error}") from error
    with file:
        table = csv.writer(file)
        table.writerow(field.name for field in fields(Row))
        yield lambda row: table.writerow(as_text(astuple(row)))


def as_text(row: Sequence) -> list:
    """The cells of a row."""
    return [_cell(value) for value in row]


def _cell(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return cell(value)
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
