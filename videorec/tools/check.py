"""Read every video from end to end and say what is wrong with it. Training, evaluation and prediction see the same.

    python -m videorec.tools.check videos/
    python -m videorec.tools.check videos/manifest.csv --out report.csv
    python -m videorec.tools.check videos/manifest.csv --out report/ --runner DirectRunner    on Apache Beam, in shards

Exit status: 0 where every video can be read whole, 1 where one cannot, or where a file or group is on two sides of the split.
What was read once is kept, and read again only where the file changed.
"""

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from annotated_types import Ge, Le

from videorec import terminal
from videorec.config import Data, UserError
from videorec.config.bounds import Count, CountOrZero
from videorec.data import beam

log = logging.getLogger("check")


@dataclass(frozen=True)
class Options:
    """Which videos, and where the report goes."""

    source: tyro.conf.Positional[str]
    """What --data.path of train.py takes: a folder with one sub-folder a class, a manifest (.csv), or a folder with the
    UCF101 or HMDB51 lists."""
    videos: str | None = None
    """Folder that relative video paths start from. Default: the folder of the source."""
    workers: CountOrZero = 0
    """Videos read at once; 0: one a core."""
    max_pixels: Count = 64_000_000
    """Videos and pictures with more pixels a frame count as unreadable, as --data.max-pixels of train.py."""
    out: str | None = None
    """Write a row for every video, good or not, to this CSV file; with --runner to this folder, local or remote, in files of
    --videos-per-shard each. Those that are there already, of the same videos, are kept."""
    format: Literal["parquet", "csv"] | None = None
    """Of the files with --runner; Parquet needs pyarrow. Default: csv."""
    videos_per_shard: Annotated[int, Ge(1), Le(100_000)] | None = None
    """Of a file with --runner. Default: 1000."""
    again: bool = False
    """With --runner: read the videos again in shards with some that cannot be read whole."""
    runner: str | None = None
    """Check with Apache Beam, on this runner (DirectRunner, FlinkRunner, SparkRunner ...), whose machines must see the videos
    under the same names. Beam's own options follow as --NAME=VALUE."""


def main(args: list[str]) -> int:
    """List -> decode -> report."""
    options, rest = beam.parse(Options, args, description=__doc__, prog="python -m videorec.tools.check")

    from videorec.data import sources  # OpenCV takes a moment to import: not for --help
    from videorec.reports.sharded.work import How
    from videorec.tools import check_files, check_report, check_shards

    _validate(options, set(sources.BUILT_IN))
    videos = sources.find(Data(path=options.source, videos=options.videos))
    clean = _sides_are_clean(videos)
    files = check_files.by_file(videos)
    report, began, workers = check_report.Report(), time.monotonic(), options.workers or os.cpu_count() or 1
    if options.runner:
        size = options.videos_per_shard or 1000
        how = How(options.format or "csv", size, options.again, options.runner, tuple(rest))
        check_shards.fill(report, files, workers, options.max_pixels, options.out, how)
    else:
        with check_report.writer(options.out) as write:
            for row, kinds in check_files.check_all(files, workers, options.max_pixels):
                report.add(row, kinds)
                write(row)
    report.show(terminal.console(), time.monotonic() - began)
    if options.out:
        terminal.console().print(f"written: {options.out}", soft_wrap=True)
    return 1 if not clean or report.has_faults else 0


def _sides_are_clean(videos: list) -> bool:
    """Whether training would take the splits as they are given; says what it would refuse."""
    from videorec.data import manifest, same_files

    try:
        manifest.check_groups(videos)
        same_files.check(videos, same_files.representatives(video.path for video in videos))
    except UserError as error:
        log.error("%s", error)
        return False
    return True


def _validate(options: Options, built_in: set[str]) -> None:
    if options.runner and not options.out:
        raise UserError("--runner needs --out FOLDER, where the rows go")
    if options.again and not options.runner:
        raise UserError("--again is for --runner: what was read once is kept until the file changes")
    sharded = {"--format": options.format, "--videos-per-shard": options.videos_per_shard}
    without = [name for name, value in sharded.items() if value]
    if without and not options.runner:
        raise UserError(f"{without[0]} is for --runner: without it --out is one CSV file")
    source = Path(options.source).expanduser()
    if options.source not in built_in and not (source.is_dir() or (source.suffix == ".csv" and source.exists())):
        what = "is a file that is no .csv" if source.exists() else "does not exist"
        raise UserError(f"A folder of videos or a manifest (.csv) is expected. Received: {options.source}, which {what}.")
    if options.out and os.path.exists(options.out) and source.is_file() and os.path.samefile(options.out, source):
        raise UserError(f"--out would replace the manifest itself. Received: {options.out}")


if __name__ == "__main__":
    terminal.run(main)
