"""A folder of shards: which are finished, making the others here or on Apache Beam, and what all of them say.

`rows-00042-of-00100.parquet` holds the rows of a run of items. `_done/00042.json` is written after it, with its size and the
account of its items: where both are there, the shard is finished.
"""

import functools
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from videorec import terminal
from videorec.config import UserError
from videorec.data import beam
from videorec.reports.sharded import plan, table
from videorec.reports.sharded.maker import Maker
from videorec.reports.sharded.plan import DONE, Shard
from videorec.storage import files

log = logging.getLogger(__name__)

Failed = Callable[[dict], bool]  # of an account
READERS = 16  # small files that are asked for at once: those of a store far away take long one by one


@dataclass(frozen=True)
class How:
    """How a folder is filled.

    Args:
        form, size: of a shard: its format, and items in it.
        again: make shards anew in which something failed.
        runner, arguments: of Apache Beam; None: this process.
    """

    form: table.Format
    size: int
    again: bool
    runner: str | None
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """What is the same for all shards, and travels to every machine."""

    out: str
    maker: Maker
    form: table.Format
    stem: str
    count: int
    plan: str

    def place(self, shard: Shard) -> str:
        """Of the rows."""
        return files.join(self.out, f"{self.stem}-{shard.number:05d}-of-{self.count:05d}.{self.form}")

    def account(self, shard: Shard) -> str:
        """Path of the account of a finished shard."""
        return files.join(self.out, DONE, f"{shard.number:05d}.json")

    def reason(self, shard: Shard) -> str:
        """Path of why a shard could not be made."""
        return files.join(self.out, DONE, f"{shard.number:05d}.txt")


def make(shard: Shard, job: Job, on_item: Callable[[], None] = lambda: None) -> None:
    """Make one shard, on any machine.

    Raises:
        UserError, OSError: something is not to be had, and no shard can be made.
    """
    rows, account = job.maker.answer(plan.read_items(job.out, shard), on_item)
    content = table.content(job.form, job.maker.columns, rows, job.maker.as_text)
    files.write(job.place(shard), content)
    side = {"plan": job.plan, "size": len(content), "account": account}
    files.write(job.account(shard), json.dumps(side).encode())


def _make_or_note(shard: Shard, job: Job) -> None:
    """Make a shard on a machine of Beam's. What would stop it a second time too is noted, and stops no other shard."""
    try:
        make(shard, job)
    except UserError as error:
        files.write(job.reason(shard), str(error).encode("utf-8", "backslashreplace"))


class Work:
    """The shards of a folder.

    Args:
        job, shards: all of them.
    """

    def __init__(self, job: Job, shards: Sequence[Shard]):
        self.job, self.shards = job, shards
        self.missing = list(shards)

    def look(self, again: Failed = lambda account: False) -> None:
        """Note which shards are missing.

        Args:
            again: whether a finished shard with this account is to be made anew.
        """

        def is_missing(shard: Shard) -> bool:
            account = self._account(shard)
            return account is None or again(account)

        there = self._done()
        with ThreadPoolExecutor(READERS) as pool:
            absent = pool.map(lambda shard: f"{shard.number:05d}.json" not in there or is_missing(shard), self.shards)
            self.missing = [shard for shard, missing in zip(self.shards, absent, strict=True) if missing]

    def accounts(self) -> Iterator[dict]:
        """Those of all shards, in order, once they are finished; none is kept."""
        for shard in self.shards:
            account = self._account(shard)
            if account is None:
                raise UserError(f"{self.job.account(shard)} is not there any more, or damaged: the same command makes it anew")
            yield account

    def here(self) -> None:
        """Make what is missing in this process, a shard after the other."""
        total, done = sum(shard.items for shard in self.missing), 0
        with terminal.Bar("videos") as bar:

            def one_more() -> None:
                nonlocal done
                done += 1
                bar(done, total)

            for shard in self.missing:
                make(shard, self.job, one_more)

    def on_beam(self, runner: str, arguments: Sequence[str]) -> None:
        """Make what is missing on Apache Beam.

        Raises:
            UserError: as `videorec.data.beam.each`; what stopped a shard; or the shards are not in the folder afterwards.
        """
        others = len(self.shards) - len(self.missing)
        wanted = {f"{shard.number:05d}.json" for shard in self.missing}
        for shard in self.missing:  # what is counted meanwhile is new
            files.remove(self.job.account(shard))
            files.remove(self.job.reason(shard))
        beam.each(self.missing, _make_or_note, self.job, runner, arguments, functools.partial(self._count, wanted, others))
        self.look()
        for shard in self.missing:
            if files.exists(self.job.reason(shard)):
                raise UserError(files.read(self.job.reason(shard)).decode())
            raise UserError(f"{runner} ended without {self.job.place(shard)}: do its machines see that folder?")

    def _count(self, wanted: set[str], others: int) -> tuple[int, int]:
        return others + len(wanted & self._done()), len(self.shards)

    def _done(self) -> set[str]:
        try:
            return set(files.names(files.join(self.job.out, DONE)))
        except FileNotFoundError:
            return set()

    def _account(self, shard: Shard) -> dict | None:
        """The account of a finished shard; None where it is to be made."""
        try:
            side = json.loads(files.read(self.job.account(shard)))
            whole = side["plan"] == self.job.plan and side["size"] == files.size(self.job.place(shard))
            return side["account"] if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def fill(
    out: str, stem: str, maker: Maker, what: dict[str, tuple[str, str]], items: Iterable[list], how: How, failed: Failed
) -> Work:
    """Make what is missing in the folder `out`; the finished work.

    Args:
        stem: what the names of the files begin with.
        what, items: as for `plan.begin`.
        failed: whether an account tells of something that could not be done.

    Raises:
        UserError: the folder holds something else; pyarrow or Beam is missing; nothing can be written.
    """
    table.check(how.form)
    if how.runner is not None:
        beam.check(how.runner)
    shards, digest = plan.begin(out, what, items, how.form, how.size)
    work = Work(Job(out, maker, how.form, stem, len(shards), digest), shards)
    work.look(failed if how.again else lambda account: False)
    count, missing = len(shards), len(work.missing)
    if not missing:
        log.info("all %d shards are there: nothing to do", count)
        return work
    log.info("%d of %d shards are there, %d are to be made", count - missing, count, missing)
    try:
        work.here() if how.runner is None else work.on_beam(how.runner, how.arguments)
    except (OSError, UserError, KeyboardInterrupt) as error:
        work.look()
        kept = f"{count - len(work.missing)} of {count} shards are finished and kept: the same command goes on."
        if isinstance(error, KeyboardInterrupt):
            log.info("interrupted; %s", kept)
            raise
        what = str(error) if isinstance(error, UserError) else f"{out} cannot be written: {error}"
        raise UserError(f"{what}. {kept}") from error
    return work
