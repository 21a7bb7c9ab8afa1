"""The videos of several runs as those of one: what one of them was trained on is not new to all of them together."""

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from videorec.config import UserError
from videorec.data.labels import canonical
from videorec.data.record import Entry, Record, below, some
from videorec.storage import files

log = logging.getLogger(__name__)

SEEN = ("train", "val", "test", None)  # by what it was to a run, the most seen first
TEST = "test"


@dataclass(frozen=True)
class Known:
    """What a run knows of its videos.

    Args:
        name: of the run, for messages.
        base: the folder that the paths of the record start from.
    """

    name: str
    base: str
    record: Record

    def from_base(self, base: str) -> Iterator[Entry]:
        """The entries, their paths as they are from another folder on."""
        for entry in self.record.entries:
            yield dataclasses.replace(entry, path=below(base, files.join(self.base, entry.path)))


def check_same_videos(first: Known, other: Known) -> None:
    """Both must be of the same videos at the same places, or nobody can tell which of the one the other has seen.

    Raises:
        UserError: they are not.
    """
    mine, theirs = ({entry.key for entry in one.from_base(first.base)} for one in (first, other))
    if mine != theirs:
        odd = sorted(key[0] for key in mine ^ theirs)
        raise UserError(
            "Runs that become one must be of the same videos, or nobody can tell which of them were seen in training. "
            f"{first.name}: {len(mine)} videos, {other.name}: {len(theirs)}, {len(odd)} of them in one alone: {some(odd)}. "
            "Train both with one --data.path"
        )


def join(each: Sequence[Known]) -> Record:
    """The videos of all, in the order of the first, with paths as its own. Each is in the split of the run that has seen most
    of it, train before val before test; and so is its group, which no split divides."""
    entries: dict[tuple, Entry] = {}
    split: dict[tuple, str | None] = {}
    for known in each:
        for entry in known.from_base(each[0].base):
            entries.setdefault(entry.key, entry)
            for name in _names(entry):
                split[name] = _most_seen(split.get(name), entry.split)
    joined = []
    for entry in entries.values():
        seen = split[_names(entry)[0]]
        # A video that no run used stays so; its group says nothing about it.
        joined.append(dataclasses.replace(entry, split=seen and _most_seen(*map(split.get, _names(entry)))))
    return Record(tuple(joined))


def _names(entry: Entry) -> list[tuple]:
    """What a split is known by: the video, and its group where it has one."""
    return [entry.key, *([("group", canonical(entry.group))] if entry.group is not None else [])]


def _most_seen(*splits: str | None) -> str | None:
    return min(splits, key=SEEN.index)


def tell(first: Known, joined: Record) -> None:
    """Say how many videos of the first run are in another split of all together, and warn where none is left to test on."""
    before = {entry.key: entry.split for entry in first.from_base(first.base)}
    changed = [(before.get(entry.key), entry) for entry in joined.entries if before.get(entry.key) != entry.split]
    for old in (TEST, "val"):
        moved = [entry.path for split, entry in changed if split == old]
        if moved:
            count = sum(split == old for split in before.values())
            rule = "%d of the %d %s videos of %s were seen by another member in its training, and are no %s videos of all: %s"
            log.warning(rule, len(moved), count, old, first.name, old, some(moved))
    left = sum(entry.split == TEST for entry in joined.entries)
    if not left or any(split == TEST for split, _ in changed):
        rule = (
            "%d test videos are left. Members of one manifest with splits (videorec.tools.index writes one) have all in common"
        )
        log.warning(rule, left)
