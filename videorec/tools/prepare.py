"""Decode videos once, ahead of training: their frames, and the motion between them, as JPEGs in TFRecord files.

    python -m videorec.tools.prepare videos/ prepared/
    python -m videorec.tools.prepare videos/manifest.csv prepared/ --stream both --short-side 240
    python train.py lrcn --data.path prepared/

A run that was stopped goes on where it was: finished shards are kept. Where all is there, nothing is done. With --runner,
Apache Beam makes the same files on as many machines as it has; further options go to Beam:

    python -m videorec.tools.prepare s3://b/videos.csv s3://b/prepared --runner FlinkRunner --flink_master=host:8081

Exit status: 0 where every video could be read, 1 where one could not (the others are prepared all the same).
"""

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro
from annotated_types import Ge, Le

from videorec import terminal
from videorec.config import Data, Flow, UserError
from videorec.config.bounds import Count, CountOrZero, Positive, Share
from videorec.config.footage import ShortSide
from videorec.data import beam

PROG = "python -m videorec.tools.prepare"


@dataclass(frozen=True)
class Options:
    """Which videos, what is stored of them, and where."""

    source: tyro.conf.Positional[str]
    """What --data.path of train.py takes: a folder with one sub-folder a class, a manifest (.csv), or a folder with the
    UCF101 or HMDB51 lists."""
    out: tyro.conf.Positional[str]
    """Folder of the prepared pictures; made where it is absent. May be remote (s3://, az://, hdfs://)."""
    videos: str | None = None
    """Folder that relative video paths start from. Default: the folder of the source."""
    official_split: Literal[1, 2, 3] = 1
    """Which of the three official splits of UCF101 or HMDB51. Prepared from the folder of all videos, they serve all three:
    train.py --data.path LISTS --data.videos OUT."""
    group: str | None = None
    """For a folder without a manifest: the group of a video, as --data.group of train.py."""
    exclude: tuple[str, ...] = ()
    """Class names to leave out."""
    stream: Literal["rgb", "flow", "both"] = "rgb"
    """Frames, the motion between them, or both."""
    short_side: ShortSide = 256
    """Short side of the stored frames, in px; smaller videos keep their size. 256 serves crops up to 224. Where training
    resizes to less, store less: half the side is a quarter of the disk and of the time."""
    quality: Annotated[int, Ge(1), Le(100)] = 90
    """JPEG quality of the frames, 1 to 100."""
    fps: Positive | None = None
    """Rate of the stored frames, by time stamps. Default: every frame of the file; training can then choose a rate."""
    values: tuple[float, float] | None = None
    """Folders of pictures: the stored values that become 0 and 255, as --data.values of train.py, which must be given the same.
    Default: pictures must be of 8 bits."""
    flow: Flow = field(default_factory=Flow)
    """How motion is measured and encoded: what train.py is to be given as --data.flow. Its short side is by default that of the
    frames, its rate --fps."""
    videos_per_shard: Count = 32
    """Videos in a file."""
    workers: CountOrZero = 0
    """Shards made at once; 0: one a core."""
    max_unreadable: Share = 0.01
    """Share of unreadable videos above which the run stops."""
    verify: bool = False
    """Read finished shards whole: those whose bytes have changed, or with videos that could not be read, are made again."""
    runner: str | None = None
    """Make the shards with Apache Beam, on this runner (DirectRunner, FlinkRunner, SparkRunner ...). Beam's own options
    follow as --NAME=VALUE."""


def main(args: list[str]) -> int:
    """List -> make what is missing -> report."""
    options, rest = beam.parse(Options, args, description=__doc__, prog=PROG)
    _check(options)

    from videorec.data import flow  # OpenCV takes a moment to import: not for --help
    from videorec.data.prepared import work
    from videorec.data.prepared.records import Settings
    from videorec.tools import prepare_videos

    streams = ("rgb", "flow") if options.stream == "both" else (options.stream,)
    if "flow" in streams and options.flow.method != "stored":
        flow.check_method(options.flow.method)
    settings = Settings(
        streams=streams,
        short_side=options.short_side,
        quality=options.quality,
        fps=options.fps,
        flow=_flow(options) if "flow" in streams else None,
        videos_per_shard=options.videos_per_shard,
        values=options.values,
    )
    videos = prepare_videos.list_videos(_data(options))
    if options.runner:
        fill = functools.partial(work.on_beam, runner=options.runner, arguments=rest)
    else:
        fill = functools.partial(work.in_threads, workers=options.workers)
    finished = prepare_videos.make(videos, settings, options.out, fill, options.max_unreadable, options.verify)
    return prepare_videos.report(finished, settings)


def _data(options: Options) -> Data:
    return Data(
        path=options.source,
        videos=options.videos,
        official_split=options.official_split,
        group=options.group,
        exclude=options.exclude,
    )


def _flow(options: Options) -> Flow:
    """What is not given is that of the frames."""
    fps, short_side = options.flow.fps or options.fps, options.flow.short_side or options.short_side
    return dataclasses.replace(options.flow, fps=fps, short_side=short_side)


def _check(options: Options) -> None:
    rules = {
        "--values must be two numbers, the first below the second": (
            options.values,
            options.values is None or options.values[0] < options.values[1],
        ),
        "--flow.frames is for train.py: all are stored": (options.flow.frames, options.flow.frames is None),
        "--flow.step is for train.py: all are stored": (options.flow.step, options.flow.step is None),
        "--flow.method stored is for --stream flow": (
            options.stream,
            options.flow.method != "stored" or options.stream == "flow",
        ),
    }
    for rule, (value, holds) in rules.items():
        if not holds:
            raise UserError(f"{rule}. Received: {value}")


if __name__ == "__main__":
    terminal.run(main)
