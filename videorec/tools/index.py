"""Write a manifest for a folder of videos: one sub-folder a class, cut into train, val and test by group.

    python -m videorec.tools.index videos/
    python -m videorec.tools.index videos/ --group '_g(\\d+)_' --test 5
    python -m videorec.tools.index videos/manifest.csv --overwrite --seed 1

The manifest is what train.py takes: python train.py lrcn --data.path videos/manifest.csv
"""

import dataclasses
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

from videorec import terminal
from videorec.config import UserError, nearest
from videorec.data import folders, manifest, splitting
from videorec.data.manifest import SPLITS, Video

log = logging.getLogger("index")


@dataclass(frozen=True)
class Options:
    """Where the videos are, and how they are cut into train, val and test."""

    source: tyro.conf.Positional[Path]
    """Folder with one sub-folder a class; or a manifest (.csv), whose split column is made anew."""
    out: Path | None = None
    """The manifest to write. Default: manifest.csv in the folder of the videos (or of the manifest that is read)."""
    group: str | None = None
    """Regular expression whose first match in a video's path (CLASS/VIDEO) is its group: same recording, same actor.
    Its first parenthesis counts where it has one. Groups are never cut. Begin with [^/]* instead of .* for a group that
    spans several classes. Replaces the group column of a manifest."""
    exclude: tuple[str, ...] = ()
    """Class names to leave out."""
    val: float = 0.15
    """Validation videos: below 1 a share of the videos, from 1 on a number of groups."""
    test: float = 0.15
    """Test videos: below 1 a share of the videos, from 1 on a number of groups."""
    seed: int = 0
    """Seed of the cut."""
    overwrite: bool = False
    """Replace the manifest where it exists."""


def main(args: list[str]) -> int:
    """Find -> cut -> write -> show."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.index")
    _check_shares(options)
    source = options.source.expanduser()
    folder = source.parent if source.suffix == ".csv" else source
    out = (options.out or folder / "manifest.csv").expanduser()
    if out.exists() and not options.overwrite:
        raise UserError(f"{out} exists already. Replace it with --overwrite, or write elsewhere with --out FILE.csv")
    if not out.parent.is_dir():
        raise UserError(f"The folder {out.parent} of --out does not exist." if options.out else _no_source(source))
    videos = _cut(_without(find(source, options.group), options.exclude), options)
    # Resolved, because manifest paths become relative only where they begin with the manifest's own real folder.
    manifest.write(out.resolve(), videos)
    show(videos, Console())
    _warn_of_missing(videos, {"val": options.val, "test": options.test})
    log.info("written: %s   |   python train.py lrcn --data.path %s", out, out)
    return 0


def _check_shares(options: Options) -> None:
    for name, amount in (("--val", options.val), ("--test", options.test)):
        if not (0 <= amount < 1 or (amount >= 1 and amount == int(amount))):
            raise UserError(f"{name} must be a share, 0 or more and below 1, or a number of groups. Received: {amount:g}")
    shares = [amount for amount in (options.val, options.test) if amount < 1]
    if sum(shares) >= 1:
        raise UserError(f"--val and --test together must be below 1. Received: {options.val:g} and {options.test:g}")


def _no_source(source: Path) -> str:
    what = "is a file that is no .csv" if source.exists() else "does not exist"
    return f"A folder with one sub-folder a class, or a manifest (.csv), is expected. Received: {source}, which {what}."


def find(source: Path, group: str | None) -> list[Video]:
    """The videos of a folder, or of a manifest without its splits.

    Raises:
        UserError: nothing there, or `group` does not match a path.
    """
    if source.suffix != ".csv":
        if not source.is_dir():
            raise UserError(_no_source(source))
        return folders.class_folders(source.resolve(), group)
    folder = source.resolve().parent
    videos = [dataclasses.replace(video, split=None) for video in manifest.read(source.resolve())]
    if group is None:
        return videos
    below = [os.path.relpath(video.path, folder) for video in videos]
    groups = [splitting.group_of(path, group) for path in below]
    return [dataclasses.replace(video, group=name) for video, name in zip(videos, groups, strict=True)]


def _without(videos: list[Video], exclude: tuple[str, ...]) -> list[Video]:
    known = {label for video in videos for label in video.labels}
    for name in exclude:
        if name not in known:
            raise UserError(f"--exclude: no class is called {name!r}. {nearest(name, known)}")
    left = [video for video in videos if not set(video.labels) & set(exclude)]
    if not left:
        raise UserError(f"No video is left after --exclude {' '.join(exclude)}.")
    return left


def _cut(videos: list[Video], options: Options) -> list[Video]:
    """Splits by group. Folders train, val and test are kept; without val it is cut off train, as train.py does."""
    if videos[0].split is None:
        return splitting.assign(videos, options.val, options.test, options.seed)
    given = {video.split for video in videos}
    log.info("the split into the folders %s is kept", ", ".join(name for name in SPLITS if name in given))
    if "val" not in given:
        train = [video for video in videos if video.split == "train"]
        cut = splitting.assign(train, options.val, 0.0, options.seed)
        videos = cut + [video for video in videos if video.split != "train"]
    manifest.check_groups(videos)
    return videos


# === Report ===


def show(videos: list[Video], console: Console) -> None:
    """A table of classes x splits, with the videos and groups of each split below."""
    table = Table("class", show_footer=False)
    for name in (*SPLITS, "all"):
        table.add_column(name, justify="right")
    for label, counts in splitting.describe(videos):
        table.add_row(terminal.rich_escape(label), *_cells([counts[split] for split in SPLITS]))
    table.add_section()
    members = [[video for video in videos if video.split == split] for split in SPLITS]
    table.add_row("videos", *_cells([len(part) for part in members]))
    if any(video.group is not None for video in videos):
        # A video without a group is a group of its own.
        sizes = [len({video.group or video.name for video in part}) for part in members]
        table.add_row("groups", *_cells(sizes))
    else:
        log.info("no groups: each video is cut by itself. Videos of one recording or actor need --group, or a group column")
    console.print(table)


def _cells(counts: list[int]) -> list[str]:
    return [str(count) if count else "-" for count in (*counts, sum(counts))]


def _warn_of_missing(videos: list[Video], wanted: dict[str, float]) -> None:
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


if __name__ == "__main__":
    terminal.run(main)
