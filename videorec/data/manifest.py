"""The video manifest: one row a video (or a segment of one), with its labels, split and group.

CSV columns: `path,label[,start,end,split,group]` (see `csv_rows`). `a;b` in `label` means two labels. `start` and `end` are
seconds.
A group (same scene, same actor, same recording) never sits on both sides of a split.
"""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from videorec.config import UserError
from videorec.data import labels
from videorec.data.csv_rows import number, read_rows, write_rows
from videorec.data.spelling import Spelling
from videorec.storage import files, remote

SPLITS = ("train", "val", "test")
COLUMNS = ("path", "label", "start", "end", "split", "group")


@dataclass(frozen=True)
class Video:
    """One row of the manifest. `path` is a file or a folder of frames; `start`, `end` are seconds or None."""

    path: str
    labels: tuple[str, ...]
    start: float | None = None
    end: float | None = None
    split: str | None = None
    group: str | None = None

    @property
    def name(self) -> str:
        """The path, with the segment where there is one, exactly: unique within a manifest."""
        if self.start is None and self.end is None:
            return self.path
        return f"{self.path}[{seconds(self.start or 0)}-{'' if self.end is None else seconds(self.end)}s]"


def seconds(value: float) -> str:
    """The shortest usual text that is exactly this number: 1.5, 4, 1234.5671."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def read(path: str | Path, videos: str | Path | None = None, labelled: bool = True) -> list[Video]:
    """Read a manifest; relative video paths start from `videos`, or from the manifest's own folder.

    Args:
        labelled: False: labels may be missing.

    Raises:
        UserError: the file cannot be read; naming file and line, for an unknown column, a missing value, a wrong number, a URL
            that is not fetched or a duplicate row.
    """
    base = videos or os.path.dirname(path) or "."
    base = base if files.is_remote(base) else Path(base)
    needed = ("path", "label") if labelled else ("path",)
    spelled = Spelling(path)
    rows = [_parse(row, where, base, needed, spelled) for row, where in read_rows(path, needed, COLUMNS)]
    spelled.report()
    _check_duplicates(path, rows)
    return rows


def _parse(row: dict, where: str, base: str | Path, needed: tuple[str, ...], spelled: Spelling) -> Video:
    names = labels.labels(row.get("label", ""), where)
    if not row["path"] or ("label" in needed and not names):
        raise UserError(f"{where}: {' and '.join(needed)} must not be empty. Received: {row}")
    path = files.join(base, spelled.here(base, row["path"], where))
    remote.check_scheme(path, where)
    split = row.get("split", "").lower() or None
    if split is not None and split not in SPLITS:
        raise UserError(f"{where}: split must be one of {', '.join(SPLITS)} or empty. Received: {split!r}")
    start, end = (number(row[key], key, where) if row.get(key) else None for key in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        raise UserError(f"{where}: end must come after start. Received: start={start}, end={end}")
    return Video(path, names, start, end, split, row.get("group") or None)


def _check_duplicates(path: str | Path, rows: list[Video]) -> None:
    seen = set()
    for video in rows:
        if video.name in seen:
            raise UserError(f"{path}: {video.name} is listed twice; several labels of one video go in one row, as `a;b`.")
        seen.add(video.name)


def write(path: str | Path, videos: list[Video]) -> None:
    """Write a manifest; video paths become relative to its folder where they lie below it."""
    rows = ((_below(path, v.path), labels.joined(v.labels), v.start, v.end, v.split, v.group) for v in videos)
    write_rows(path, COLUMNS, rows)


def _below(manifest: str | Path, video: str) -> str:
    """A video's path as the manifest names it."""
    if files.is_remote(video):
        return video.removeprefix(f"{os.path.dirname(manifest)}/")
    if files.is_remote(manifest):
        return os.path.abspath(video)
    base, video = Path(manifest).parent.resolve(), Path(video).parent.resolve() / Path(video).name
    return str(video.relative_to(base) if video.is_relative_to(base) else video)


def check_groups(videos: list[Video]) -> None:
    """A group must lie within one split.

    Raises:
        UserError: naming the groups that do not, with a video on each side.
    """
    sides = defaultdict(dict)
    for video in videos:
        if video.group is not None and video.split is not None:
            sides[labels.canonical(video.group)].setdefault(video.split, video.path)
    crossing = {group: paths for group, paths in sides.items() if len(paths) > 1}
    if crossing:
        group, paths = next(iter(crossing.items()))
        example = ", ".join(f"{split}: {path}" for split, path in paths.items())
        raise UserError(
            f"A group (same scene, actor or recording) must not sit on both sides of a split, or the test measures "
            f"memory. {len(crossing)} do: {', '.join(sorted(crossing)[:5])}. First: {group} ({example}). Give each group "
            "one split, or empty the split column to have the videos split anew."
        )
