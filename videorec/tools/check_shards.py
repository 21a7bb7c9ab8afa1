"""A check of very many videos in shards, on Apache Beam."""

import typing
from dataclasses import astuple, dataclass, fields
from types import NoneType

from videorec.config import UserError
from videorec.data.index import INDEX
from videorec.data.manifest import Video
from videorec.reports.sharded import work
from videorec.reports.sharded.maker import Maker
from videorec.reports.sharded.work import How
from videorec.storage import files
from videorec.tools import check_files
from videorec.tools.check_report import Report, as_text


@dataclass(frozen=True)
class Checks(Maker):
    """Reads files from end to end. An item is `[path, [the start of each of its segments]]`.

    Args:
        workers: files that a machine reads at once.
        max_pixels: of a frame.
    """

    workers: int
    max_pixels: int

    @property
    def columns(self):
        hints = typing.get_type_hints(check_files.Row)
        kinds = {
            name: [kind for kind in typing.get_args(hint) or (hint,) if kind is not NoneType] for name, hint in hints.items()
        }
        return [(field.name, kinds[field.name][0]) for field in fields(check_files.Row)]

    def as_text(self, row):
        plain = [x.encode("utf-8", "backslashreplace").decode() if isinstance(x, str) else x for x in row]  # as in one file
        return as_text(plain)

    def answer(self, items, on_item):
        rows, report = [], Report()
        facts = INDEX.fill([path for path, _ in items], self.max_pixels, self.workers, lambda done, total: None)
        for path, starts in items:
            row, kinds = check_files.check(path, facts[path], [Video(path, (), start) for start in starts])
            report.add(row, kinds)
            rows.append(astuple(row))
            on_item()
        INDEX.forget()
        return rows, report.as_dict()


def fill(report: Report, by_file: dict[str, list[Video]], workers: int, max_pixels: int, out: str, how: How) -> None:
    """Read the files whose shards are not in the folder yet, and add what all shards say to a report.

    Args:
        by_file: the manifest's rows by file.
        workers, max_pixels: as for `Checks`.
        out: the folder.
        how: it is filled.

    Raises:
        UserError: as `work.fill`; videos that are not local.
    """
    remote = next((path for path in by_file if files.is_remote(path)), None)
    if remote:
        raise UserError(f"Videos that are checked must be local, or on a disk that all machines share. Received: {remote}")
    items = ([path, [video.start for video in rows]] for path, rows in by_file.items())
    what = {"--max-pixels": (str(max_pixels), str(max_pixels))}
    done = work.fill(out, "checked", Checks(workers, max_pixels), what, items, how, _failed)
    for account in done.accounts():
        report.join(account)


def _failed(account: dict) -> bool:
    return any(kind in account["listed"] for kind in check_files.FAULTS)
