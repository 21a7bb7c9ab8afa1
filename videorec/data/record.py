"""The record of a run's videos, `videos.csv`: which split each was in, so that it stays there whatever happens to the data.

Columns: `path,label,start,end,group,split,size`. Paths start from the folder of the data, so that a folder that moved is the
same data; a path elsewhere is absolute. `split` is empty of videos that were left out; `size` is bytes of a file, or of all
pictures of a folder. Names that are not UTF-8 keep their bytes.
"""

import csv
import io
import logging
import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from videorec.config import UserError
from videorec.data import manifest
from videorec.data.csv_rows import number
from videorec.data.file_kinds import IMAGE_SUFFIXES, is_hidden
from videorec.data.text_files import read_text
from videorec.storage import files

log = logging.getLogger(__name__)

NAME = "videos.csv"
COLUMNS = ("path", "label", "start", "end", "group", "split", "size")
EXAMPLES = 3  # named in one message


@dataclass(frozen=True)
class Entry:
    """One video, segment of one, or file or sequence of a forecaster, as the run used it."""

    path: str
    """From the data's folder on, with `/`; absolute, or a URL, where it lies elsewhere."""
    labels: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None
    group: str | None = None
    split: str | None = None
    """None: left out."""
    size: int | None = None
    """Bytes; None where they were not to be had."""

    @property
    def key(self) -> tuple:
        """What it is known by."""
        return self.path, self.start, self.end


@dataclass(frozen=True)
class Record:
    """All videos of a run; without any for data that are made on the fly."""

    entries: tuple[Entry, ...] = ()

    @cached_property
    def by_key(self) -> dict[tuple, Entry]:
        """The entries by `Entry.key`; of several of one file the first, which is in the same split."""
        return {entry.key: entry for entry in reversed(self.entries)}

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels of training, sorted."""
        return tuple(sorted({label for entry in self.entries if entry.split == "train" for label in entry.labels}))

    def to_bytes(self) -> bytes:
        """The content of `videos.csv`."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for entry in self.entries:
            times = (None if x is None else manifest.seconds(x) for x in (entry.start, entry.end))
            writer.writerow([entry.path, _joined(entry.labels), *times, entry.group, entry.split, entry.size])
        return text.getvalue().encode("utf-8", "surrogateescape")


def read(path: str | Path) -> Record | None:
    """The record in a file; None where there is no such file.

    Raises:
        UserError: the file is damaged, naming the line.
    """
    if not os.path.lexists(path):
        return None
    text = read_text(path, names=True)
    if not text.endswith("\n"):
        raise UserError(f"{path} is damaged: its last line has no end. {_remedy(path)}")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    entries: list[Entry] = []
    try:
        if tuple(next(reader, ())) != COLUMNS:
            raise UserError(f"{path} is damaged: its first line must be {','.join(COLUMNS)}. {_remedy(path)}")
        entries += (_entry(row, f"{path}, line {reader.line_num}") for row in reader)
    except (csv.Error, ValueError) as error:
        raise UserError(f"{path} is damaged, line {reader.line_num}: {error}. {_remedy(path)}") from error
    return Record(tuple(entries))


def _remedy(path: str | Path) -> str:
    return (
        "It says which videos the run was trained on: bring it back from a copy of the run. Where there is none, remove "
        f"{path}: the split is then drawn anew, which is the same as long as no video came or went."
    )


def _entry(row: list[str], where: str) -> Entry:
    if len(row) != len(COLUMNS):
        raise ValueError(f"expected {len(COLUMNS)} values ({','.join(COLUMNS)}), got {len(row)}")
    path, label, start, end, group, split, size = row
    if not path or split not in ("", *manifest.SPLITS):
        raise ValueError(f"expected a path, and a split that is {', '.join(manifest.SPLITS)} or empty, got {path!a}, {split!a}")
    times = (number(x, "start or end", where) if x else None for x in (start, end))
    return Entry(path, _apart(label), *times, group or None, split or None, int(size) if size else None)


def _joined(labels: Iterable[str]) -> str:
    """`a;b`; a `;` within a label has a backslash before it."""
    return ";".join(re.sub(r"([\\;])", r"\\\1", label) for label in labels)


def _apart(text: str) -> tuple[str, ...]:
    if "\\" not in text:
        return tuple(filter(None, text.split(";")))
    parts = re.findall(r"(?:[^\\;]|\\.)+", text, re.DOTALL)
    return tuple(re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in parts)


# === What lies on the disk ===


def base_of(path: str, videos: str | None = None) -> str:
    """The folder that paths of a record start from: that of the videos, of the table, or the folder itself."""
    base = str(videos or (os.path.dirname(path) or "." if path.endswith((".csv", ".json")) else path))
    return base.rstrip("/") if files.is_remote(base) else os.path.expanduser(base)


def below(base: str, path: str) -> str:
    """A video's path as a record names it, see `Entry.path`."""
    if files.is_remote(base) or files.is_remote(path):
        return path.removeprefix(f"{base}/") if files.is_remote(path) else os.path.abspath(path)
    start = os.path.join(base, "")
    spelled = path.startswith(start)
    relative = path[len(start) :].lstrip(os.sep) if spelled else os.path.relpath(path, base)
    inside = spelled or relative.split(os.sep, 1)[0] != os.pardir
    return posixpath.normpath((relative if inside else os.path.abspath(path)).replace(os.sep, "/"))


def size_of(path: str) -> int | None:
    """Bytes of a local file, or of all pictures of a folder; None where there is none, and of what is remote."""
    if files.is_remote(path):
        return None
    try:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return status.st_size
        with os.scandir(path) as inside:
            pictures = [x for x in inside if not is_hidden(x.name) and os.path.splitext(x.name)[1].lower() in IMAGE_SUFFIXES]
            return sum(picture.stat().st_size for picture in pictures)
    except (OSError, ValueError):
        return None


def entry_of(video, base: str, size: Callable[[str], int | None] = size_of) -> Entry:
    """The entry of anything with path, labels, split and group, and maybe start and end."""
    times = getattr(video, "start", None), getattr(video, "end", None)
    return Entry(below(base, video.path), tuple(video.labels), *times, video.group, video.split, size(video.path))


def some(names: Sequence[str]) -> str:
    """A few of many, for a message."""
    more = f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
    return ", ".join(names[:EXAMPLES]) + more
