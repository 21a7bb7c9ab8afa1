"""Write a manifest for a folder of videos: one sub-folder a class, divided into train, val and test by group.

    python -m videorec.tools.index videos/
    python -m videorec.tools.index videos/ --group '_g(\\d+)_' --test 5
    python -m videorec.tools.index videos/manifest.csv --overwrite --seed 1

The manifest is what train.py takes: python train.py lrcn --data.path videos/manifest.csv
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import PositiveOrZero, Seed

log = logging.getLogger("index")


@dataclass(frozen=True)
class Options:
    """Where the videos are, and how they are divided into train, val and test."""

    source: tyro.conf.Positional[Path]
    """Folder with one sub-folder a class; or a manifest (.csv), whose split column is made anew."""
    out: Path | None = None
    """The manifest to write. Default: manifest.csv in the folder of the videos (or of the manifest that is read)."""
    group: str | None = None
    """Regular expression whose first match in a video's path (CLASS/VIDEO) is its group: same recording, same actor.
    Its first parenthesis counts where it has one. Groups are never divided. Begin with [^/]* instead of .* for a group that
    spans several classes. Replaces the group column of a manifest."""
    exclude: tuple[str, ...] = ()
    """Class names to leave out."""
    val: PositiveOrZero = 0.15
    """Validation videos: below 1 a share of the videos, from 1 on a number of groups. 0: none; train.py, which would take its
    share of training, needs --data.val 0 too."""
    test: PositiveOrZero = 0.15
    """Test videos: below 1 a share of the videos, from 1 on a number of groups."""
    seed: Seed = 0
    """Seed of the choice."""
    overwrite: bool = False
    """Replace the manifest where it exists."""


def main(args: list[str]) -> int:
    """List -> divide -> write -> show."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.index")
    source = options.source.expanduser()
    folder = source.parent if source.suffix == ".csv" else source
    out = (options.out or folder / "manifest.csv").expanduser()
    _check_shares(options)
    _check_places(options, source, out)

    from videorec.data import manifest  # with NumPy and OpenCV, which take a moment to import: not for --help
    from videorec.tools import index_manifest

    videos = index_manifest.without(index_manifest.read(source, options.group), options.exclude)
    videos = index_manifest.divide(videos, options.val, options.test, options.seed)
    # Resolved, because manifest paths become relative only where they begin with the manifest's own real folder.
    manifest.write(out.resolve(), videos)
    index_manifest.show(videos, terminal.console())
    index_manifest.warn_of_missing(videos, {"val": options.val, "test": options.test})
    log.info("written: %s   |   python train.py lrcn --data.path %s%s", out, out, "" if options.val else " --data.val 0")
    return 0


def _check_shares(options: Options) -> None:
    for name, amount in (("--val", options.val), ("--test", options.test)):
        if amount >= 1 and amount != int(amount):
            raise UserError(f"{name} must be a share, 0 or more and below 1, or a number of groups. Received: {amount:g}")
    shares = [amount for amount in (options.val, options.test) if amount < 1]
    if sum(shares) >= 1:
        raise UserError(f"--val and --test together must be below 1. Received: {options.val:g} and {options.test:g}")


def _check_places(options: Options, source: Path, out: Path) -> None:
    if out.exists() and not options.overwrite:
        raise UserError(f"{out} exists already. Replace it with --overwrite, or write elsewhere with --out FILE.csv")
    if not (source.is_file() if source.suffix == ".csv" else source.is_dir()):
        what = "is a file that is no .csv" if source.is_file() else "does not exist"
        raise UserError(
            f"A folder with one sub-folder a class, or a manifest (.csv), is expected. Received: {source}, which {what}."
        )
    if not out.parent.is_dir():
        raise UserError(f"The folder {out.parent} of --out does not exist.")


if __name__ == "__main__":
    terminal.run(main)
