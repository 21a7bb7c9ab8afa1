"""Shards of prepared pictures: a TFRecord file for a run of consecutive videos, and beside it a JSON file with its entries.

A shard depends on the settings and its videos alone, so that it can be made anywhere, again, and in any order, with the same
bytes. Its JSON file is written last: where that is, the shard is finished.
"""

import contextlib
import dataclasses
import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from videorec.data.index import INDEX
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.prepared import records
from videorec.data.prepared.records import Settings, Timed
from videorec.storage import files, leftovers

BLOCK = 1 << 22  # bytes read at once


@dataclass(frozen=True)
class Shard:
    """One shard of `count`.

    Args:
        settings: of its pictures.
        videos: their names below the source's folder, and where they are read.
    """

    number: int
    count: int
    settings: Settings
    videos: tuple[tuple[str, Video], ...]

    @property
    def file(self) -> str:
        """Name of the TFRecord file."""
        return f"shard-{self.number:05d}-of-{self.count:05d}.tfrecord"

    @property
    def side_file(self) -> str:
        """Name of the JSON file."""
        return self.file.replace(".tfrecord", ".json")

    @property
    def key(self) -> str:
        """Digest of all that its bytes depend on, the videos' content aside."""
        rows = [[name, video.labels, video.start, video.end] for name, video in self.videos]
        return hashlib.sha256(json.dumps([self.settings.to_dict(), rows]).encode()).hexdigest()


def divide(videos: list[tuple[str, Video]], settings: Settings) -> list[Shard]:
    """All shards: the videos in order, `settings.videos_per_shard` each."""
    size = settings.videos_per_shard
    runs = [tuple(videos[start : start + size]) for start in range(0, len(videos), size)]
    return [Shard(number, len(runs), settings, run) for number, run in enumerate(runs)]


class Stopped(Exception):  # noqa: N818 -- it is no error
    """Raised in the threads that make shards when the run is over."""


def make(
    shard: Shard,
    out: str,
    working: Path,
    stop: threading.Event | None = None,
    on_video: Callable[[], None] = lambda: None,
) -> dict:
    """Make one shard and publish it, and then its JSON file, to the folder `out`; returns what that holds.

    Args:
        working: local folder for the unfinished file.
        stop: give up when set.
        on_video: called after each video.

    Raises:
        OSError: the disk is full, for example.
        Stopped: `stop` was set.
    """
    unfinished, digest, entries = working / shard.file, hashlib.sha256(), []
    with open(unfinished, "wb") as file:
        for name, video in shard.videos:
            streams = shard.settings.streams
            entries.append({stream: _append(file, digest, name, video, stream, shard.settings, stop) for stream in streams})
            on_video()
    side = {"key": shard.key, "size": unfinished.stat().st_size, "sha256": digest.hexdigest(), "videos": entries}
    files.publish(unfinished, files.join(out, shard.file))
    files.write(files.join(out, shard.side_file), json.dumps(side).encode())
    return side


def _append(file, digest, name: str, video: Video, stream: str, settings: Settings, stop: threading.Event | None) -> dict:
    """Write one stream of one video at the end of the shard, or nothing of it where it cannot be read."""
    part = Path(f"{file.name}.part")  # TFRecord files can be joined; this one goes if its video breaks off
    label = dataclasses.replace(video, path=name).name
    try:
        entry = records.write(part, label, video.labels, stream, _until(stop, records.pictures(video, stream, settings)))
    except Unreadable as error:
        return {"problem": str(error)}
    start = file.tell()
    with open(part, "rb") as content:
        while block := content.read(BLOCK):
            digest.update(block)
            file.write(block)
    part.unlink()
    facts = None if files.is_remote(video.path) else INDEX.known(video.path)
    entry |= {"damage": facts.damage} if facts and facts.damage else {}
    return entry | {"records": [[start + offset, length, checksum] for offset, length, checksum in entry["records"]]}


def _until(stop: threading.Event | None, timed: Iterable[Timed]) -> Iterator[Timed]:
    for picture in timed:
        if stop is not None and stop.is_set():
            raise Stopped
        yield picture


# === What is there ===


def finished(shard: Shard, out: str, present: set[str]) -> dict | None:
    """The content of the JSON file of a finished shard of the right size; None where it is to be made.

    Args:
        present: names of the files in `out`.
    """
    if not {shard.file, shard.side_file} <= present:
        return None
    try:
        side = json.loads(files.read(files.join(out, shard.side_file)))
        size = files.size(files.join(out, shard.file))
    except (OSError, ValueError):
        return None
    return side if (side.get("key"), side.get("size")) == (shard.key, size) else None


def is_intact(shard: Shard, out: str, side: dict) -> bool:
    """Whether the file still has the bytes that were written."""
    path, digest = files.join(out, shard.file), hashlib.sha256()
    for offset in range(0, side["size"], BLOCK):
        digest.update(files.read_range(path, offset, min(BLOCK, side["size"] - offset)))
    return digest.hexdigest() == side["sha256"]


def problem_of(entry: dict) -> str | None:
    """Why a video, or one stream of it, could not be read; None where all was."""
    return next((stream["problem"] for stream in entry.values() if "problem" in stream), None)


# === Unfinished files ===


def working_folder(out: str) -> contextlib.AbstractContextManager[Path]:
    """A folder for unfinished files, removed at the end: in `out`, so that a finished file needs only a new name, or in the
    system's temporary folder where `out` is remote. What killed processes left there goes before."""
    return leftovers.working_folder(tempfile.gettempdir() if files.is_remote(out) else out, "shards")
