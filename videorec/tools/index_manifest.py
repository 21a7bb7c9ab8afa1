"""The rows of a manifest: the videos of a folder, divided into train, val and test, and what that gives."""

import dataclasses
import logging
import os
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from videorec.config import UserError, nearest
from videorec.data import folders, labels, manifest, same_files, splitting
from videorec.data.file_kinds import is_utf8
from videorec.data.manifest import SPLITS, Video

log = logging.getLogger("index")


def read(source: Path, group: str | None) -> list[Video]:
    """The videos of a folder, or of a manifest without its splits.

    Raises:
        UserError: the folder holds none, or `group` does not match a path.
    """
    if source.suffix != ".csv":
        return _that_can_be_written(folders.class_folders(source.resolve(), group))
    folder = source.resolve().parent
    videos = [dataclasses.replace(video, split=None) for video in manifest.read(source.resolve())]
    if group is None:
        return videos
    below = [os.path.relpath(video.path, folder) for video in videos]
    groups = [splitting.group_of(path, group) for path in below]
    return [dataclasses.replace(video, group=name) for video, name in zip(videos, groups, strict=True)]


def _that_can_be_written(videos: list[Video]) -> list[Video]:
    """Without those whose name is not UTF-8, which is what a manifest is."""
    kept = [video for video in videos if is_utf8(video.path)]
    left_out = [video.path for video in videos if not is_utf8(video.path)]
    if left_out:
        examples = ", ".join(ascii(os.path.basename(path)) for path in left_out[:3])
        log.warning("left out: %d files whose names are not UTF-8, first %s. Rename them", len(left_out), examples)
    return kept


def without(videos: list[Video], exclude: tuple[str, ...]) -> list[Video]:
    """The videos of all other classes.

    Raises:
        UserError: an unknown class, or no video is left.
    """
    exclude = labels.all_canonical(exclude)
    known = {label for video in videos for label in video.labels}
    for name in exclude:
        if name not in known:
            raise UserError(f"--exclude: no class is called {name!r}. {nearest(name, known)}")
    left = [video for video in videos if not set(video.labels) & set(exclude)]
    if not left:
        raise UserError(f"No video is left after --exclude {' '.join(exclude)}.")
    return left


def divide(videos: list[Video], val: float, test: float, seed: int) -> list[Video]:
    """Splits by group. Folders train, val and test are kept; without val it is taken from train, as train.py does.

    Videos of one file (copies, links) are in one group.

    Args:
        videos: without splits, or all of them with one.
        val, test: below 1 a share of the videos, from 1 on a number of groups.
        seed: of the choice.

    Raises:
        UserError: more groups are asked for than can be spared; a group or a file on two sides.
    """
    same = same_files.representatives(video.path for video in videos)
    divided = _divide(same_files.in_one_group(videos, same), val, test, seed)
    same_files.check(divided, same)
    manifest.check_groups(divided)
    return divided


def _divide(videos: list[Video], val: float, test: float, seed: int) -> list[Video]:
    if videos[0].split is None:
        return splitting.assign(videos, val, test, seed)
    given = {video.split for video in videos}
    log.info("the split into the folders %s is kept", ", ".join(name for name in SPLITS if name in given))
    if "val" not in given:
        train = [video for video in videos if video.split == "train"]
        divided = splitting.assign(train, val, 0.0, seed)
        videos = divided + [video for video in videos if video.split != "train"]
    return videos


def show(videos: list[Video], console: Console) -> None:
    """A table of classes x splits, with the videos and groups of each split below."""
    table = Table("class", show_footer=False)
    for name in (*SPLITS, "all"):
        table.add_column(name, justify="right")
    for label, counts in splitting.describe(videos):
        table.add_row(label, *_cells([counts[split] for split in SPLITS]))
    table.add_section()
    members = [[video for video in videos if video.split == split] for split in SPLITS]
    table.add_row("videos", *_cells([len(part) for part in members]))
    if any(video.group is not None for video in videos):
        # A video without a group is a group of its own.
        sizes = [len({video.group or video.name for video in part}) for part in members]
        table.add_row("groups", *_cells(sizes))
    else:
        log.info("no groups: each video is one of its own. Videos of one recording or actor need --group, or a group column")
    console.print(table)


def _cells(counts: list[int]) -> list[str]:
    return [str(count) if count else "-" for count in (*counts, sum(counts))]


def warn_of_missing(videos: list[Video], wanted: dict[str, float]) -> None:
    """Name splits without a video, classes without one in a split, and labels that one could take for another.

    Args:
        videos: divided.
        wanted: the amount asked for, by split; a split of 0 may be empty.
    """
    labels.warn_of_alike(Counter(label for video in videos for label in video.labels), "labels")
    table = splitting.describe(videos)
    used = {video.split for video in videos}
    for split in SPLITS:
        missing = [label for label, counts in table if not counts[split]]
        if split not in used:
            if wanted.get(split):
                log.warning("%s has no video at all", split)
        elif missing:
            more = " ..." if len(missing) > 10 else ""
            log.warning("no %s video of %d of the classes: %s%s", split, len(missing), ", ".join(missing[:10]), more)
    if len(table) < 2:
        log.warning("only one class, %s: training needs at least two", table[0][0])
