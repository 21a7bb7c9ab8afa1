"""Which videos a run is measured on: those of its own split, or other data, and which of these it has seen in training."""

import dataclasses
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from videorec.config import Footage, UserError, nearest
from videorec.config.base import Source
from videorec.data import same_files, verdicts
from videorec.data.labels import all_canonical, canonical
from videorec.data.record import Entry, Record, entry_of, some
from videorec.data.seen import Trained, seen_in_training, tell_seen
from videorec.data.splitting import VideoSet, complete_splits
from videorec.storage import files

log = logging.getLogger(__name__)

ALL = "all"  # the split of a source that names none
# Settings beside `path` and `videos` that say which videos there are, and what they show.
NAMING = ("official_split", "class_list", "file", "table_fps", "key", "digits", "protocol", "test_file")


@dataclass(frozen=True)
class Selection:
    """What is measured.

    Args:
        split: `train`, `val` or `test`; `all` of another source that names no splits.
        own: whether they are the run's own data.
        seen: of other data, the names of those that were trained on (`train`) or validated with (`val`); None: not known.
    """

    videos: list
    split: str
    own: bool = True
    seen: dict[str, list[str]] | None = field(default_factory=dict)

    def protocol(self) -> dict:
        """What the figures mean nothing without; numbers of videos are null where they are not known."""
        if self.own:
            return {"own_data": True}
        seen = {f"{split}_videos": None if self.seen is None else len(self.seen[split]) for split in ("train", "val")}
        return {"own_data": False, "trained_on_videos": seen["train_videos"], "validated_on_videos": seen["val_videos"]}


def select(videos: Sequence, data: Footage, base: str, size: Callable, split: str, trained: Trained) -> Selection:
    """The videos of one split of the run's own data, by its record, or of other data; all where those name no splits.

    Args:
        videos: all that `data` names, those of one file in one group, with the split that the source gives.
        base: the folder of `data`.
        size: bytes of a video by its path.

    Raises:
        UserError: another `data.val` than the run's, or no video in that split.
    """
    if data.val != trained.data.val:
        raise UserError(f"--data.val is the run's, {trained.data.val:g}: its split stays what it was. Received: {data.val:g}")
    entries = [entry_of(video, base, size) for video in videos]
    if is_own(entries, base, data, trained):
        if trained.record is None:
            tell_drawn_anew()
            videos = complete_splits(list(videos), trained.seed, data.val)
        else:
            videos = by_record(videos, entries, trained.record, data)
        return Selection(_of_split(videos, split, data.path), split)
    if all(video.split is None for video in videos):
        log.info("%s names no splits: all %d videos", data.path, len(videos))
        chosen, split = list(videos), ALL
    else:
        videos = complete_splits(list(videos), trained.seed, data.val) if split == "val" else videos
        chosen = _of_split(videos, split, data.path)
    seen = seen_in_training([video.path for video in chosen], size, trained)
    tell_seen(seen, len(chosen), data.path)
    return Selection(chosen, split, False, seen)


def _of_split(videos: Sequence, split: str, path: str) -> list:
    chosen = [video for video in videos if video.split == split]
    if not chosen:
        known = sorted({video.split for video in videos} - {None})
        nowhere = sum(video.split is None for video in videos)
        more = f" {nowhere} are in no split of the run; a folder or table of them alone is measured whole." if nowhere else ""
        raise UserError(f"{path} has no {split} videos. Choose --evaluate.split {' or '.join(known) or 'another'}.{more}")
    return chosen


# === The run's own split ===


def going_on(videos: Sequence, data: Footage, base: str, size: Callable, record: Record) -> VideoSet:
    """The videos of a run that goes on, in its split and with its classes.

    Raises:
        UserError: no training video is left, or a label that the run does not know.
    """
    videos = by_record(videos, [entry_of(video, base, size) for video in videos], record, data)
    used = [video for video in videos if video.split]
    if not any(video.split == "train" for video in used):
        raise UserError(f"No training video of the run is in {data.path}. Is --data.path still the run's data?")
    for video in used:
        unknown = [label for label in video.labels if label not in record.classes]
        if unknown:
            rule = f"{video.path} has the label {unknown[0]!r}, which the run does not learn"
            raise UserError(f"{rule}. {nearest(unknown[0], record.classes)} Give the run another --name to learn it.")
    kept = verdicts.kept(used, data)
    return VideoSet(tuple(kept), record.classes, others(videos, kept), base, record, size)


def others(videos: Sequence, used: Sequence) -> tuple:
    """The videos that are not used."""
    paths = {video.path for video in used}
    return tuple(video for video in videos if video.path not in paths)


def by_record(videos: Sequence, entries: Sequence[Entry], record: Record, data: Source) -> list:
    """The same videos, each in its split of the record; in none where it is not there. What differs is said.

    Args:
        entries: of the videos.
        data: their source; what `exclude` leaves out is not missing.
    """
    tell_changes(entries, record, data.path, frozenset(all_canonical(getattr(data, "exclude", ()))))
    splits = [entry.split if entry else None for entry in map(record.by_key.get, (entry.key for entry in entries))]
    return [dataclasses.replace(video, split=split) for video, split in zip(videos, splits, strict=True)]


def tell_changes(entries: Sequence[Entry], record: Record, path: str, left_out: frozenset[str] = frozenset()) -> None:
    """Name what differs from the record.

    Args:
        entries: what is there now.
        path: what the source is called.
        left_out: labels that do not count.
    """
    known = [record.by_key.get(entry.key) for entry in entries]
    pairs = [(new, old) for new, old in zip(entries, known, strict=True) if old]
    there = {entry.key for entry in entries}
    changed = {
        "gone since the run was made": [
            f"{_name(old)} ({old.split or 'left out'})"
            for old in record.entries
            if old.key not in there and not left_out & set(old.labels)
        ],
        "new since the run was made, in none of its splits": [
            _name(new) for new, old in zip(entries, known, strict=True) if old is None
        ],
        "of another size than when the run was made": [
            f"{_name(new)} ({old.split or 'left out'}, {old.size:,} -> {new.size:,} bytes)"
            for new, old in pairs
            if None not in (new.size, old.size) and new.size != old.size
        ],
        "with other labels than when the run was made (those of now count)": [
            f"{_name(new)} ({';'.join(old.labels)} -> {';'.join(new.labels)})"
            for new, old in pairs
            if set(new.labels) - left_out != set(old.labels) - left_out
        ],
        "in another group than when the run was made (the split stays)": [
            f"{_name(new)} ({old.group} -> {new.group})" for new, old in pairs if _regrouped(new.group, old.group)
        ],
    }
    for what, names in changed.items():
        if names:
            log.warning("%s: %d %s: %s", path, len(names), what, some(names))


def _name(entry: Entry) -> str:
    times = "" if entry.start is None and entry.end is None else f"[{entry.start or 0:g}-{entry.end or ''}s]"
    return f"{entry.path}{times}"


def _regrouped(new: str | None, old: str | None) -> bool:
    """Groups that only say that files are copies of each other come and go with the copies."""
    made = any(group and group.endswith(same_files.COPIES) for group in (new, old))
    return not made and canonical(new) != canonical(old)


def is_own(entries: Sequence[Entry], base: str, data: Source, trained: Trained) -> bool:
    """Whether `data` are what the run was trained on: named by the same settings, or the same files elsewhere.

    Files elsewhere are the same where names, sizes, labels and splits are those of the record, and contents those of the run's
    own files. Where these are gone, half of the record must be there.
    """
    if is_named_alike(data, trained.data):
        return True
    if trained.record is None or _named_otherwise(data, trained.data) or not _same_table(data.path, trained.data.path):
        return False
    known = [trained.record.by_key.get(entry.key) for entry in entries]
    alike = sum(map(_alike, entries, known))
    # Where the run's own place is empty, the data moved, and may have changed since as they may in their place.
    moved = not files.exists(os.path.expanduser(trained.data.path))
    if 2 * alike < len(trained.record.entries) or not (moved or alike == len(entries)):
        return False
    pairs = [(files.join(trained.base, entry.path), files.join(base, entry.path)) for entry in entries]
    pairs = [pair for pair in pairs if files.exists(pair[0])]
    same = same_files.representatives(path for pair in pairs for path in pair)
    if any(same[old] != same[new] for old, new in pairs):
        return False
    if pairs:
        log.info("%s holds the same files as %s: the run's split counts", data.path, trained.data.path)
    else:
        rule = "%s is taken for the run's own data, which are not at %s any more, by names and sizes: the run's split counts"
        log.warning(rule, data.path, trained.data.path)
    return True


def is_named_alike(data: Source, own: Source) -> bool:
    """Whether the settings name the same data."""
    places = [(one.path, getattr(one, "videos", None)) for one in (data, own)]
    return not _named_otherwise(data, own) and all(map(_same_place, *places))


def _named_otherwise(data: Source, own: Source) -> bool:
    return any(getattr(data, name, None) != getattr(own, name, None) for name in NAMING)


def _same_table(one: str, own: str) -> bool:
    """Whether both are no tables, or tables of the same content; where the run's own is gone, of the same name."""
    tables = [path.endswith((".csv", ".json")) for path in (one, own)]
    if not all(tables):
        return not any(tables)
    one, own = map(os.path.expanduser, (one, own))
    if not files.exists(own):
        return os.path.basename(one) == os.path.basename(own)
    return files.read(one) == files.read(own)


def tell_drawn_anew() -> None:
    """Of a run that has no record."""
    log.info("the run has no list of its videos (videos.csv): its split is drawn anew from the data of now")


def _same_place(one: str | None, other: str | None) -> bool:
    if not one or not other or files.is_remote(one) or files.is_remote(other):
        return one == other
    return os.path.realpath(os.path.expanduser(one)) == os.path.realpath(os.path.expanduser(other))


def _alike(new: Entry, old: Entry | None) -> bool:
    if old is None or new.size is None or (new.size, set(new.labels)) != (old.size, set(old.labels)):
        return False
    return None in (new.split, old.split) or new.split == old.split or (new.split, old.split) == ("train", "val")
