"""Prepare videos: which ones, shard by shard, and what there is in the end."""

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

from videorec.config import Data, UserError
from videorec.data import labels, sources
from videorec.data.manifest import Video
from videorec.data.prepared import index as prepared
from videorec.data.prepared import plan as prepare_plan
from videorec.data.prepared import shards
from videorec.data.prepared.records import Settings
from videorec.data.prepared.work import Work
from videorec.storage import files

log = logging.getLogger("prepare")


def list_videos(data: Data) -> list[tuple[str, Video]]:
    """The videos of the source, each with its name below the source's folder.

    Args:
        data: where they are, and which classes to leave out.

    Raises:
        UserError: nothing there, two videos of one name, or the source is prepared already.
    """
    folder = data.videos or data.path
    if prepared.is_prepared(folder):
        raise UserError(f"{folder} holds prepared pictures already. The folder of the videos themselves is expected.")
    everything = sources.find(dataclasses.replace(data, exclude=()))
    left_out = set(labels.all_canonical(data.exclude))
    videos = [video for video in everything if not set(video.labels) & left_out]
    if not videos:
        raise UserError(f"No video is left of {data.path} after --exclude {' '.join(data.exclude)}.")
    base = _base(folder)
    named = [(prepared.name_below(base, video.path), video) for video in videos]
    seen: dict[str, Video] = {}
    for name, video in named:
        key = dataclasses.replace(video, path=name).name
        if key in seen:
            raise UserError(f"Two videos have one name, {key}: {seen[key].path} and {video.path}. Rename one.")
        seen[key] = video
    return named


def _base(folder: str) -> str:
    """The folder that relative video paths start from."""
    if folder in sources.BUILT_IN:
        return str(sources.built_in(folder).parent)
    if files.is_remote(folder):
        return folder.rsplit("/", 1)[0] if folder.endswith(".csv") else folder.rstrip("/")
    path = Path(folder).expanduser()
    return str(path.parent if path.suffix == ".csv" else path)


def make(
    videos: list[tuple[str, Video]],
    settings: Settings,
    out: str,
    fill: Callable[[Work], None],
    max_unreadable: float,
    verify: bool,
) -> Work:
    """Make what is missing in the folder `out`; the finished work.

    Args:
        videos, settings: what is prepared.
        out: local or remote.
        fill: makes the missing shards of a work.
        max_unreadable: share of unreadable videos above which the work stops.
        verify: read finished shards whole, and make damaged ones again.

    Raises:
        UserError: other videos or settings were prepared there, too many cannot be read, or nothing can be written.
    """
    plan = prepare_plan.plan_of(videos, settings)
    prepare_plan.begin(out, plan)
    work = Work(out, shards.divide(videos, settings), max_unreadable)
    try:
        work.look(verify)
        missing = len(work.missing)
        if missing:
            log.info("%d of %d shards are there, %d are to be made", len(work.sides), len(work.shards), missing)
            fill(work)
        index = prepare_plan.index_of(plan, work.shards, work.sides)
        changed = prepare_plan.write_index(out, index) or missing > 0
    except (OSError, KeyboardInterrupt) as error:
        kept = f"{len(work.sides)} of {len(work.shards)} shards are finished and kept: the same command goes on."
        if isinstance(error, KeyboardInterrupt):
            log.info("interrupted; %s", kept)
            raise
        raise UserError(f"{out} cannot be written: {error}. {kept}") from error
    if not changed:
        log.info("all %d shards are there: nothing to do", len(work.shards))
    return work


def report(work: Work, settings: Settings) -> int:
    """Say what is there; the exit status."""
    for path, reason in work.unreadable:
        log.warning("cannot be read: %s: %s", path, reason)
    entries = [entry for side in work.sides.values() for entry in side["videos"]]
    damaged = sum(any("damage" in stream for stream in entry.values()) for entry in entries)
    if damaged:
        log.warning("%d videos are damaged; what can be decoded of them is stored. videorec.tools.check names them", damaged)
    counts = dict.fromkeys(settings.streams, 0)
    for entry in entries:
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
    command += f" --data.values {prepared.as_text(settings.values)}" if settings.values else ""
    log.info(command)
    return 1 if work.unreadable else 0
