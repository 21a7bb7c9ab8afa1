"""What of a prepared folder is finished, what is missing, and making that in parallel threads or on Apache Beam."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

import cv2
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from videorec import terminal
from videorec.config import UserError
from videorec.data import beam
from videorec.data.prepared import shards
from videorec.data.prepared.shards import Shard
from videorec.storage import files

log = logging.getLogger("prepare")


class Work:
    """The shards of a prepared folder: those that are finished, with what their JSON files hold, and the others.

    Args:
        out: the folder.
        all_shards: in order.
        max_unreadable: share of unreadable videos above which the run stops.

    Raises:
        UserError: there are more of them already.
    """

    def __init__(self, out: str, all_shards: list[Shard], max_unreadable: float):
        self.out, self.shards, self.max_unreadable = out, all_shards, max_unreadable
        self.videos = sum(len(shard.videos) for shard in all_shards)
        self.sides: dict[int, dict] = {}
        self._unreadable: dict[int, list[tuple[str, str]]] = {}
        self._count = 0

    def look(self, verify: bool = False) -> None:
        """Note the finished shards. With `verify` those whose bytes have changed, or that lack a video, are not finished."""
        present = set(files.names(self.out))
        for shard in self.missing:
            side = shards.finished(shard, self.out, present)
            if side and not (verify and self._is_to_be_made_again(shard, side)):
                self.add(shard, side)

    def _is_to_be_made_again(self, shard: Shard, side: dict) -> bool:
        if any(shards.problem_of(entry) for entry in side["videos"]):
            return True
        if shards.is_intact(shard, self.out, side):
            return False
        log.warning("damaged, made again: %s", shard.file)
        return True

    def add(self, shard: Shard, side: dict) -> None:
        """Note a finished shard.

        Raises:
            UserError: too many videos could not be read.
        """
        self.sides[shard.number] = side
        reasons = [shards.problem_of(entry) for entry in side["videos"]]
        pairs = zip(shard.videos, reasons, strict=True)
        self._unreadable[shard.number] = [(video.name, reason) for (_, video), reason in pairs if reason]
        self._count += len(self._unreadable[shard.number])
        if self._count > self.max_unreadable * self.videos:
            path, reason = self.unreadable[0]
            raise UserError(
                f"{self._count} of {self.videos} videos cannot be read, more than --max-unreadable "
                f"{self.max_unreadable:g}. First: {path}: {reason}. Finished shards are kept: raise the setting, or mend the "
                "videos and run again with --verify."
            )

    @property
    def missing(self) -> list[Shard]:
        """The shards that are to be made."""
        return [shard for shard in self.shards if shard.number not in self.sides]

    @property
    def unreadable(self) -> list[tuple[str, str]]:
        """`(path, reason)` of the videos in finished shards that could not be read, in order."""
        return [pair for number in sorted(self._unreadable) for pair in self._unreadable[number]]


def in_threads(work: Work, workers: int) -> None:
    """Make what is missing; 0 workers: one a core. What is unfinished when this ends is removed.

    Raises:
        OSError: the disk is full, for example.
        UserError: too many videos could not be read.
    """
    import tensorflow  # noqa: F401 -- once, before the threads need it

    cv2.setNumThreads(0)  # shards are made in parallel; OpenCV's own threads would fight for the same cores
    stop, missing = threading.Event(), work.missing
    pool = ThreadPoolExecutor(min(workers or os.cpu_count() or 1, len(missing)))
    with shards.working_folder(work.out) as working, _bar(missing) as advance:
        try:
            jobs = {pool.submit(shards.make, shard, work.out, working, stop, advance): shard for shard in missing}
            for job in as_completed(jobs):
                work.add(jobs[job], job.result())
        finally:  # after Ctrl-C, or with a full disk, the others stop at their next picture
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def on_beam(work: Work, runner: str, arguments: list[str]) -> None:
    """Make what is missing on Apache Beam.

    Args:
        runner, arguments: as for `videorec.data.beam.each`.

    Raises:
        UserError: Beam is not installed, or the shards are not in the folder afterwards.
    """
    beam.each(work.missing, _make_alone, work.out, runner, arguments)
    work.look()
    if work.missing:
        raise UserError(f"{runner} ended without {work.missing[0].file} in {work.out}: do its machines see that folder?")


def _make_alone(shard: Shard, out: str) -> None:
    """Make one shard, on a machine of Beam's."""
    cv2.setNumThreads(0)  # Beam works in parallel; OpenCV's own threads would fight for the same cores
    with shards.working_folder(out) as working:
        shards.make(shard, out, working)


@contextlib.contextmanager
def _bar(missing: list[Shard]) -> Iterator[Callable[[], None]]:
    """A progress bar; gives the function to call after each video."""
    console = terminal.console(stderr=True)
    columns = [BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]} left"), TimeRemainingColumn()]
    with Progress(*columns, transient=True, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("preparing", total=sum(len(shard.videos) for shard in missing), rate="")
        began = time.monotonic()

        def advance():
            progress.advance(task)
            rate = progress.tasks[0].completed / max(time.monotonic() - began, 1e-3)
            progress.update(task, rate=f"{rate:.1f} videos/s")

        yield advance
