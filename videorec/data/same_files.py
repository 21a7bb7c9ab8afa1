"""A video is its file: links, other spellings, hard links and copies of one file are one video.

Of files of one size some bytes are compared, then a hash of the whole; files of a size of their own are not opened. A folder of
frames is its pictures, whatever they are called. Empty files, texts, and arrays of one value throughout are not compared: such
are alike without being one recording.
"""

import dataclasses
import hashlib
import logging
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path

from videorec.config import UserError
from videorec.data.file_kinds import IMAGE_SUFFIXES, is_hidden, reason_not_to_open
from videorec.storage import files

log = logging.getLogger(__name__)

SAMPLE = 4096  # bytes from each of five places of a file, before it is read whole
EXAMPLES = 3  # named in one message
COPIES = " and copies"  # end of the name of a group that is made here


def representatives(paths: Iterable[str]) -> dict[str, str]:
    """For each path the first one of the same video; its own where there is no other. What cannot be read has no other."""
    there = {path: _status(path) for path in dict.fromkeys(paths)}
    classes = _divided(there, lambda path: _place(path, there[path]))
    firsts = {group[0]: there[group[0]] for group in classes}
    same = {first: first for first in firsts}
    for kind in (_files_of, _folders_of):
        for group in kind(firsts):
            for path in group:
                same[path] = group[0]
    return {path: same[group[0]] for group in classes for path in group}


def check(videos: Sequence, same: dict[str, str]) -> None:
    """Refuse a video on two sides of a split, and say which are listed several times; split None is on no side.

    Segments of one file that do not overlap are several videos; on two sides they are counted in the log.

    Args:
        videos: with path, labels and split; with start and end where they may be segments.
        same: what `representatives` gives of their paths.

    Raises:
        UserError: naming both.
    """
    recordings = _by_file(videos, same)
    pairs = [pair for recording in recordings for pair in _overlaps(recording)]
    crossing = [pair for pair in pairs if _on_two_sides(*pair)]
    if crossing:
        raise UserError(
            "A video must not sit on both sides of a split, whatever its file is called there (links, copies, other "
            f"spellings), or the test measures memory. {len(crossing)} of {len(videos)} do: "
            f"{_listed(crossing, _split)}. Take one of them away, or give both one split."
        )
    apart = [_one_of_each_side(recording) for recording in recordings if len({video.split for video in recording} - {None}) > 1]
    if apart:
        rule = "where they are alike the test measures memory; give such rows one group to keep them together"
        log.warning("files with segments on two sides of the split: %d: %s; %s", len(apart), _listed(apart, _split), rule)
    again = [pair for pair in pairs if _segment(pair[0]) == _segment(pair[1])]
    two = [pair for pair in again if set(pair[0].labels) != set(pair[1].labels)]
    if two:
        log.warning(
            "%d of %d videos are in two classes: %s", len(two), len(videos), _listed(two, lambda video: ";".join(video.labels))
        )
    rest = [pair for pair in again if set(pair[0].labels) == set(pair[1].labels)]
    if rest:
        how = "as a link, a copy or in another spelling"
        log.warning("%d of %d videos are listed before, %s: %s", len(rest), len(videos), how, _listed(rest))


def in_one_group(videos: Sequence, same: dict[str, str]) -> list:
    """The same videos, those of one file in one group, so that no split that is drawn divides them; see `check`."""
    leader: dict[str, str] = {}

    def find(group: str) -> str:
        while leader.setdefault(group, group) != group:
            group = leader[group]
        return group

    alone = {}  # groups of videos that have none
    for recording in _by_file(videos, same):
        for pair in _overlaps(recording):
            one, other = (video.group or alone.setdefault(id(video), f"{_name(video)}{COPIES}") for video in pair)
            leader[find(other)] = find(one)
    groups = [video.group or alone.get(id(video)) for video in videos]
    return [_moved(video, group if group not in leader else find(group)) for video, group in zip(videos, groups, strict=True)]


# === Recordings ===


def _by_file(videos: Sequence, same: dict[str, str]) -> list[list]:
    """The videos of each file that has several, each list by start."""
    groups = defaultdict(list)
    for video in videos:
        groups[same[video.path]].append(video)
    return [sorted(group, key=_segment) for group in groups.values() if len(group) > 1]


def _overlaps(recording: Sequence) -> Iterator[tuple]:
    """Pairs that overlap, each video but the first in one at most: enough to connect all that overlap."""
    last = recording[0]
    for video in recording[1:]:
        if _segment(video)[0] < _segment(last)[1]:
            yield last, video
        last = max(last, video, key=lambda one: _segment(one)[1])


def _segment(video) -> tuple[float, float]:
    start, end = getattr(video, "start", None), getattr(video, "end", None)
    return start or 0.0, float("inf") if end is None else end


def _on_two_sides(one, other) -> bool:
    return None not in (one.split, other.split) and one.split != other.split


def _one_of_each_side(recording: Sequence) -> tuple:
    sides = {video.split: video for video in reversed(recording) if video.split is not None}
    return tuple(sides.values())


def _split(video) -> str:
    return video.split


def _name(video) -> str:
    return getattr(video, "name", video.path)


def _moved(video, group: str | None):
    return video if video.group == group else dataclasses.replace(video, group=group)


def _listed(pairs: Sequence[tuple], what: Callable | None = None) -> str:
    def named(video) -> str:
        return f"{what(video)}: {_name(video)}" if what else _name(video)

    listed = "; ".join(" and ".join(map(named, pair)) for pair in pairs[:EXAMPLES])
    return f"{listed}; ..." if len(pairs) > EXAMPLES else listed


# === Files ===


def _divided(paths: Iterable[str], key: Callable[[str], Hashable | None]) -> list[list[str]]:
    """The paths by key, in order; one whose key is None, or cannot be made, stays alone."""
    groups = defaultdict(list)
    for path in paths:
        try:
            own = key(path)
        except OSError:
            own = None
        groups[(path,) if own is None else (None, own)].append(path)
    return list(groups.values())


def _several(groups: Iterable[list[str]], key: Callable[[str], Hashable | None]) -> list[list[str]]:
    """Each group of several paths divided further."""
    return [part for group in groups if len(group) > 1 for part in _divided(group, key) if len(part) > 1]


def _status(path: str) -> os.stat_result | None:
    """What the operating system says of a path, asked once; None of what is remote, and where there is nothing."""
    try:
        return None if files.is_remote(path) else os.stat(path)
    except (OSError, ValueError):
        return None


def _place(path: str, status: os.stat_result | None) -> Hashable:
    """Where the operating system keeps it; a name where there is nothing."""
    if status is None:
        return path if files.is_remote(path) else os.path.abspath(path)
    return status.st_dev, status.st_ino


def _files_of(there: dict[str, os.stat_result | None]) -> list[list[str]]:
    local = [path for path, status in there.items() if status and stat.S_ISREG(status.st_mode)]
    sizes = _several([local], lambda path: there[path].st_size or None)
    equal = _several(_several(sizes, lambda path: _sample([path])), lambda path: _hash([path]))
    return [group for group in equal if not reason_not_to_open(Path(group[0]))]


def _folders_of(there: dict[str, os.stat_result | None]) -> list[list[str]]:
    def size(folder: str) -> Hashable | None:
        names = _pictures(folder)
        return (len(names), *map(os.path.getsize, _ends(names))) if names else None

    local = [path for path, status in there.items() if status and stat.S_ISDIR(status.st_mode)]
    equal = _several([local], size)
    return _several(_several(equal, lambda path: _sample(_ends(_pictures(path)))), lambda path: _hash(_pictures(path)))


def _pictures(folder: str) -> list[str]:
    names = (name for name in os.listdir(folder) if not is_hidden(name))
    return [os.path.join(folder, name) for name in sorted(names) if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES]


def _ends(names: Sequence[str]) -> list[str]:
    return [names[0], names[len(names) // 2], names[-1]]


def _sample(paths: Sequence[str]) -> bytes | None:
    """A hash of what lies in five places of each file; None where the second half is one value, which says nothing."""
    digest, blank = hashlib.blake2b(), True
    for path in paths:
        size = os.path.getsize(path)
        with open(path, "rb", buffering=0) as file:
            for quarter in range(5):
                file.seek(max(size // 2, size - SAMPLE) if quarter == 4 else quarter * size // 4)
                chunk = file.read(SAMPLE)
                digest.update(chunk)
                blank = blank and (quarter < 2 or _is_one_value(chunk))
    return None if blank else digest.digest()


def _is_one_value(chunk: bytes) -> bool:
    """Whether the bytes repeat every 16: a number of any type, again and again."""
    return chunk[16:] == chunk[:-16]


def _hash(paths: Sequence[str]) -> bytes:
    digest = hashlib.blake2b()
    for path in paths:
        with open(path, "rb") as file:
            own = hashlib.file_digest(file, "blake2b").digest()
        digest.update(own)
    return digest.digest()
