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
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from videorec import terminal
from videorec.config import Data, Flow, UserError
from videorec.data import flow, sources
from videorec.data.manifest import Video
from videorec.data.prepared import index as prepared
from videorec.data.prepared import plan as prepare_plan
from videorec.data.prepared import shards
from videorec.data.prepared import work as prepare_work
from videorec.data.prepared.records import Settings
from videorec.data.prepared.work import Work
from videorec.storage import files

log = logging.getLogger("prepare")

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
    short_side: int = 256
    """Short side of the stored frames, in px; smaller videos keep their size. 256 serves crops up to 224. Where training
    resizes to less, store less: half the side is a quarter of the disk and of the time."""
    quality: int = 90
    """JPEG quality of the frames, 1 to 100."""
    fps: float | None = None
    """Rate of the stored frames, by time stamps. Default: every frame of the file; training can then choose a rate."""
    flow: Flow = field(default_factory=Flow)
    """How motion is measured and encoded: what train.py is to be given as --data.flow. Its short side is by default that of the
    frames, its rate --fps."""
    videos_per_shard: int = 32
    """Videos in a file."""
    workers: int = 0
    """Shards made at once; 0: one a core."""
    max_unreadable: float = 0.01
    """Share of unreadable videos above which the run stops."""
    verify: bool = False
    """Read finished shards whole: those whose bytes have changed, or with videos that could not be read, are made again."""
    runner: str | None = None
    """Make the shards with Apache Beam, on this runner (DirectRunner, FlinkRunner, SparkRunner ...). Beam's own options
    follow as --NAME=VALUE."""


def main(args: list[str]) -> int:
    """Plan -> make what is missing -> index -> report."""
    options, rest = terminal.parse_known(Options, args, description=__doc__, prog=PROG)
    _check(options, rest)
    videos, settings = find(options), settings_of(options)
    plan = prepare_plan.plan_of(videos, settings)
    prepare_plan.begin(options.out, plan)
    work = Work(options.out, shards.divide(videos, settings), options.max_unreadable)
    try:
        changed = _fill(work, plan, options, rest)
    except (OSError, KeyboardInterrupt) as error:
        kept = f"{len(work.sides)} of {len(work.shards)} shards are finished and kept: the same command goes on."
        if isinstance(error, KeyboardInterrupt):
            log.info("interrupted; %s", kept)
            raise
        raise UserError(f"{options.out} cannot be written: {error}. {kept}") from error
    if not changed:
        log.info("all %d shards are there: nothing to do", len(work.shards))
    return report(work, settings)


def _fill(work: Work, plan: dict, options: Options, rest: list[str]) -> bool:
    """Make the missing shards and the index; returns whether anything was missing."""
    work.look(options.verify)
    missing = len(work.missing)
    if missing:
        log.info("%d of %d shards are there, %d are to be made", len(work.sides), len(work.shards), missing)
    if missing and options.runner:
        from videorec.data.prepared import beam as prepare_beam

        prepare_beam.run(work, options.runner, rest)
    elif missing:
        prepare_work.in_threads(work, options.workers)
    return prepare_plan.write_index(options.out, prepare_plan.index_of(plan, work.shards, work.sides)) or missing > 0


def _check(options: Options, rest: list[str]) -> None:
    rules = {
        "--short-side must be 16 or more": (options.short_side, options.short_side >= 16),
        "--quality must be 1 to 100": (options.quality, 1 <= options.quality <= 100),
        "--fps must be above 0": (options.fps, options.fps is None or options.fps > 0),
        "--flow.fps must be above 0": (options.flow.fps, options.flow.fps is None or options.flow.fps > 0),
        "--flow.short-side must be 16 or more": (options.flow.short_side, (options.flow.short_side or 16) >= 16),
        "--flow.frames is for train.py: all are stored": (options.flow.frames, options.flow.frames is None),
        "--flow.step is for train.py: all are stored": (options.flow.step, options.flow.step is None),
        "--videos-per-shard must be 1 or more": (options.videos_per_shard, options.videos_per_shard >= 1),
        "--workers must be 0 or more": (options.workers, options.workers >= 0),
        "--max-unreadable must be in [0, 1]": (options.max_unreadable, 0 <= options.max_unreadable <= 1),
        "--flow.method stored is for --stream flow": (
            options.stream,
            options.flow.method != "stored" or options.stream == "flow",
        ),
    }
    for rule, (value, holds) in rules.items():
        if not holds:
            raise UserError(f"{rule}. Received: {value}")
    if rest and options.runner is None:
        terminal.refuse_unknown(Options, rest, PROG, hint="Options of Apache Beam need --runner.")
    if options.stream != "rgb" and options.flow.method != "stored":
        flow.check_method(options.flow.method)


# === Plan ===


def find(options: Options) -> list[tuple[str, Video]]:
    """The videos of the source, each with its name below the source's folder.

    Raises:
        UserError: nothing there, two videos of one name, or the source is prepared already.
    """
    folder = options.videos or options.source
    if prepared.is_prepared(folder):
        raise UserError(f"{folder} holds prepared pictures already. The folder of the videos themselves is expected.")
    data = Data(path=options.source, videos=options.videos, official_split=options.official_split, group=options.group)
    found = [video for video in sources.find(data) if not set(video.labels) & set(options.exclude)]
    if not found:
        raise UserError(f"No video is left of {options.source} after --exclude {' '.join(options.exclude)}.")
    base = _base(options)
    videos = [(prepared.name_below(base, video.path), video) for video in found]
    seen: dict[str, Video] = {}
    for name, video in videos:
        key = dataclasses.replace(video, path=name).name
        if key in seen:
            raise UserError(f"Two videos have one name, {key}: {seen[key].path} and {video.path}. Rename one.")
        seen[key] = video
    return videos


def _base(options: Options) -> str:
    """The folder that relative video paths start from."""
    folder = options.videos or options.source
    if folder == "synthetic":
        return str(sources.synthetic_folder().parent)
    if files.is_remote(folder):
        return folder.rsplit("/", 1)[0] if folder.endswith(".csv") else folder.rstrip("/")
    path = Path(folder).expanduser()
    return str(path.parent if path.suffix == ".csv" else path)


def settings_of(options: Options) -> Settings:
    """What decides the bytes of the pictures."""
    streams = ("rgb", "flow") if options.stream == "both" else (options.stream,)
    motion = dataclasses.replace(
        options.flow, fps=options.flow.fps or options.fps, short_side=options.flow.short_side or options.short_side
    )
    return Settings(
        streams=streams,
        short_side=options.short_side,
        quality=options.quality,
        fps=options.fps,
        flow=motion if "flow" in streams else None,
        videos_per_shard=options.videos_per_shard,
    )


# === Report ===


def report(work: Work, settings: Settings) -> int:
    """Say what is there; the exit status."""
    for path, reason in work.unreadable:
        log.warning("cannot be read: %s: %s", path, reason)
    counts = dict.fromkeys(settings.streams, 0)
    for entry in (entry for side in work.sides.values() for entry in side["videos"]):
        for stream in counts:
            counts[stream] += entry[stream].get("pictures", 0)
    pictures = ", ".join(f"{count} {stream} pictures" for stream, count in counts.items())
    size = sum(side["size"] for side in work.sides.values()) / 1e6
    amount = f"{size / 1000:.1f} GB" if size >= 1000 else f"{size:.1f} MB"
    log.info("%s: %d videos, %d unreadable, %s, %s", work.out, work.videos, len(work.unreadable), pictures, amount)
    both = len(settings.streams) == 2
    command = f"python train.py {'two_stream' if both else 'lrcn'} --data.path {work.out}"
    if "flow" in settings.streams:
        command += f" --data.stream {'both' if both else 'flow'} {prepared.flow_options(settings.flow)}"
    log.info(command)
    return 1 if work.unreadable else 0


if __name__ == "__main__":
    terminal.run(main)
