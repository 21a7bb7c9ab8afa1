"""Which of some data a run has seen: trained on, or validated with."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from videorec.config import UserError
from videorec.config.base import Source
from videorec.data import same_files
from videorec.data.record import Record, size_of, some
from videorec.storage import files

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What is known of a run's own data.

    Args:
        data: its settings.
        base: the folder of its data.
        record: of its videos; None: an older run without one.
        drawn: the record as it would be drawn of the data of now; raises UserError where they are not at hand.
        seed: which a split that is drawn follows from.
        size: bytes of a video by its path.
    """

    data: Source
    base: str
    record: Record | None
    drawn: Callable[[], Record]
    seed: int
    size: Callable[[str], int | None] = size_of


def seen_in_training(paths: Sequence[str], size: Callable, trained: Trained) -> dict[str, list[str]] | None:
    """Of other data, those that the run was trained on or validated with; None where its own are not known.

    A file is compared with the run's own; where those are gone, by name and size, or by the end of its path where sizes are not
    known or those of prepared pictures.
    """
    try:
        record = trained.record or trained.drawn()
    except UserError as error:
        log.warning("whether the run was trained on some of these is not known: %s", error)
        return None
    in_order = (entry for split in ("val", "train") for entry in record.entries if entry.split == split)
    held = {files.join(trained.base, entry.path): entry for entry in in_order}
    same = same_files.representatives([*held, *paths])
    of_file = {same[place]: entry.split for place, entry in held.items()}
    gone = [entry for place, entry in held.items() if files.is_remote(place) or not os.path.exists(place)]
    alike = (size is size_of) == (trained.size is size_of)  # prepared pictures have other sizes than their videos
    named = {(os.path.basename(e.path), e.size) if alike and e.size is not None else _end(e.path): e.split for e in gone}
    seen: dict[str, list[str]] = {"train": [], "val": []}
    for path in paths:
        names = (os.path.basename(path), size(path) if alike else None), _end(path), os.path.basename(path)
        split = of_file.get(same[path]) or next((named[name] for name in names if name in named), None)
        if split:
            seen[split].append(path)
    return seen


def _end(path: str) -> str:
    """The last two parts of a path, CLASS/VIDEO; the only one of a shorter one."""
    return "/".join(path.replace(os.sep, "/").split("/")[-2:])


def tell_seen(seen: dict[str, list[str]] | None, count: int, path: str) -> None:
    """Warn of other data that the run has seen."""
    if seen and any(seen.values()):
        train, val = seen["train"], seen["val"]
        rule = "%s: of these %d videos, %d trained the run and %d validated it: the figures say little about new videos. %s"
        log.warning(rule, path, count, len(train), len(val), some([*train, *val]))
