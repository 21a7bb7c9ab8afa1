"""Read what videorec.tools.prepare has stored: an index in JSON, and any picture by its video, stream and number."""

import contextlib
import dataclasses
import functools
import json
import logging
import os
import posixpath
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType

import numpy as np

from videorec.config import Data, Flow, UserError
from videorec.data.facts import Facts
from videorec.data.labels import all_canonical
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.prepared import records
from videorec.data.prepared.records import Settings
from videorec.data.values import Values
from videorec.storage import files, outside

log = logging.getLogger(__name__)

INDEX, PLAN = "index.json", "plan.json"  # the plan is there from the first shard on, the index after the last one
FORMAT = "videorec prepared pictures 1"
KINDS = {"name": str, "labels": list, "start": (float, NoneType), "end": (float, NoneType)}  # of one in the index
KINDS |= {"split": (str, NoneType), "group": (str, NoneType), "shard": int}
FIELDS = ("name", "labels", "start", "end", "split", "group")  # of a video in both


def is_prepared(folder: str) -> bool:
    """Whether `folder`, local or remote, holds prepared pictures.

    Raises:
        UserError: it was begun and not finished, or made by another version.
    """
    if folder.endswith(".csv"):
        return False
    folder = _plain(folder)
    if _is_ours(files.join(folder, INDEX)):
        return True
    if _is_ours(files.join(folder, PLAN)):
        raise UserError(f"{folder} is not finished: run the same videorec.tools.prepare again, it goes on where it stopped.")
    return False


def _is_ours(path: str) -> bool:
    if not files.exists(path) or files.is_folder(path):
        return False
    begin = json.dumps({"format": FORMAT})[:-2].encode()  # without the version's closing quote
    head = files.read_range(path, 0, min(len(begin), files.size(path)))
    if head[:-1] == begin[:-1] and head != begin:
        raise UserError(f"{path} was made by another version of videorec. Prepare the videos again, into another folder.")
    return head == begin


def _plain(folder: str) -> str:
    return folder.rstrip("/") if files.is_remote(folder) else str(Path(folder).expanduser())


class Prepared:
    """A folder of prepared pictures. Safe to use from several threads; a process reads its index once.

    Args:
        folder: as `is_prepared` accepts it.

    Attributes:
        settings: what the pictures were made with.

    Raises:
        UserError: the index cannot be read.
    """

    def __init__(self, folder: str):
        self.folder = _plain(folder)
        path = files.join(self.folder, INDEX)
        with outside.reading(path, "Run the same videorec.tools.prepare again"):
            self.settings, self._shards, self._entries = _open(path, files.size(path))

    def videos(self) -> list[Video]:
        """All rows of the source, with paths `folder/NAME`; those that could not be read too."""
        return [_video(self.folder, entry) for entry in self._entries.values()]

    def check(self, data: Data) -> None:
        """Whether the folder holds what `data` asks for; short sides below `data.resize` are named in the log.

        Raises:
            UserError: a stream that was not prepared, a higher rate, other values, or flow measured in another way.
        """
        if data.values != self.settings.values:
            there, asked = (as_text(values) for values in (self.settings.values, data.values))
            raise UserError(
                f"--data.values must be what {self.folder} was prepared with (--values), {there}, for it cannot be changed "
                f"afterwards. Received: {asked}. Give the same, or prepare the pictures anew into another folder."
            )
        for stream in data.streams:
            if stream not in self.settings.streams:
                raise UserError(
                    f"{self.folder} holds no {stream} pictures, and --data.stream {data.stream} needs them. Prepare them into "
                    f"another folder: python -m videorec.tools.prepare SOURCE OUT --stream {data.stream}"
                )
        if "rgb" in data.streams:
            self._check_rgb(data.of("rgb"))
        if "flow" in data.streams:
            self._check_flow(data.of("flow"))

    def _check_rgb(self, data: Data) -> None:
        stored = self.settings
        if stored.fps is not None and data.fps is not None and data.fps > stored.fps + 1e-6:
            raise UserError(
                f"{self.folder} holds {stored.fps:g} pictures a second, so --data.fps must be at most that. "
                f"Received: {data.fps:g}"
            )
        if stored.short_side < min(data.resize):
            log.warning(
                "%s holds pictures of short side %d; they are enlarged to --data.resize %d %d",
                *(self.folder, stored.short_side, *data.resize),
            )

    def _check_flow(self, data: Data) -> None:
        stored, wanted = self.settings.flow, data.flow
        pairs = [("method", stored.method, wanted.method), ("encoding", stored.encoding, wanted.encoding)]
        if stored.method != "stored":
            pairs.append(("short-side", stored.short_side, wanted.short_side))
        pairs.append(("fps", stored.fps, data.fps))
        for name, there, asked in pairs:
            if there != asked:
                raise UserError(
                    f"The flow in {self.folder} was prepared with --flow.{name} {there}, and it cannot be changed afterwards. "
                    f"Received: --data.flow.{name} {asked} (where that is not given, it follows from --data.fps or "
                    f"--data.resize). Train with {flow_options(stored)}, or prepare it anew into another folder."
                )

    def facts(self, video: Video) -> Facts:
        """What was seen of a video when it was prepared: whether it could be read, and what was damaged."""
        streams = [entry for entry in (self._find(video) or {}).values() if isinstance(entry, dict)]
        problem, damage = (next((s[key] for s in streams if key in s), "") for key in ("problem", "damage"))
        return Facts(unreadable=f"{problem} (when it was prepared)" if problem else "", damage=damage)

    def size(self, path: str) -> int | None:
        """Bytes of all pictures of the videos `path` names, whole or in segments; None where it names none."""
        return self._sizes.get(name_below(self.folder, path))

    @functools.cached_property
    def _sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for entry in self._entries.values():
            records = (one for stream in entry.values() if isinstance(stream, dict) for one in stream.get("records", ()))
            sizes[entry["name"]] = sizes.get(entry["name"], 0) + sum(length for _, length, _ in records)
        return sizes

    # === Pictures ===

    def indices(self, video: Video, stream: str, fps: float | None = None) -> np.ndarray:
        """`(N,)` int numbers of the stored pictures that a rate shows, in order; fps None: all of them.

        Raises:
            Unreadable: the video is not there, or could not be read when it was prepared.
        """
        with self._own_errors():
            entry = self._stream(video, stream)[1]
            if not 0 <= entry["pictures"] <= records.PICTURES * len(entry["records"]):
                raise ValueError(f"{len(entry['records'])} records cannot hold {entry['pictures']} pictures")
            return records.at_rate(entry, fps)

    def pictures(self, video: Video, stream: str, indices: Sequence[int]) -> list[bytes]:
        """The JPEGs of the given numbers; reads only the records that hold them.

        Raises:
            Unreadable: as `indices`, and where the shard is gone, truncated or changed.
        """
        with self._own_errors():
            shard, entry = self._stream(video, stream)
            chunks: dict[int, Sequence[bytes]] = {}
            for number in sorted({int(index) // records.PICTURES for index in indices}):
                chunks[number] = self._record(shard, *entry["records"][number])
            return [chunks[int(index) // records.PICTURES][int(index) % records.PICTURES] for index in indices]

    def _record(self, shard: str, offset: int, length: int, checksum: int) -> Sequence[bytes]:
        path = files.join(self.folder, shard)
        try:
            content = files.read_range(path, offset, length) if 0 <= offset <= offset + length <= files.size(path) else b""
        except OSError as error:
            raise Unreadable(f"{shard} cannot be read: {error}") from error
        if len(content) != length or zlib.crc32(content) != checksum:
            raise Unreadable(f"{shard} is damaged at byte {offset}: run videorec.tools.prepare again with --verify")
        return records.parse(content)

    @contextlib.contextmanager
    def _own_errors(self) -> Iterator[None]:
        """What the entry of a damaged index raises makes the video unreadable, and stops no other."""
        try:
            yield
        except (Unreadable, UserError):
            raise
        except Exception as error:
            wrong = outside.wrong_with(error)
            raise Unreadable(f"{INDEX} {wrong}: run the same videorec.tools.prepare again") from error

    def _stream(self, video: Video, stream: str) -> tuple[str, dict]:
        """The file that holds a video, and the index of its stream."""
        entry = self._find(video)
        if entry is None:
            raise Unreadable(f"not among the videos that were prepared in {self.folder}")
        problem = entry[stream].get("problem")
        if problem:
            raise Unreadable(f"{problem} (when it was prepared)")
        return self._shards[entry["shard"]]["file"], entry[stream]

    def _find(self, video: Video) -> dict | None:
        """By name below the folder; lists name files with a suffix, which a folder of frames has not."""
        for path in (video.path, os.path.splitext(video.path)[0]):
            entry = self._entries.get(dataclasses.replace(video, path=name_below(self.folder, path)).name)
            if entry:
                return entry
        return None


def as_text(values: Values) -> str:
    """A range of values as it is given: `0 4095`, or `none`."""
    return "none" if values is None else f"{values[0]:g} {values[1]:g}"


def flow_options(flow: Flow) -> str:
    """What train.py is to be given for flow that was prepared so."""
    options = f"--data.flow.method {flow.method} --data.flow.encoding {flow.encoding}"
    options += f" --data.flow.short-side {flow.short_side}" if flow.method != "stored" else ""
    return options + (f" --data.flow.fps {flow.fps:g}" if flow.fps else "")


def name_below(folder: str, path: str) -> str:
    """The name of a video of `folder`: what follows it in `path`; a path elsewhere without its root."""
    folder, path = folder.replace(os.sep, "/").rstrip("/"), path.replace(os.sep, "/")
    if path.startswith(f"{folder}/"):
        return posixpath.normpath(path[len(folder) + 1 :])
    if files.is_remote(path):
        return path.split("://", 1)[1]
    below = "" if files.is_remote(folder) else os.path.relpath(path, folder)
    elsewhere = not below or below.startswith("..")
    return (os.path.abspath(path).lstrip(os.sep) if elsewhere else below).replace(os.sep, "/")


def _video(folder: str, entry: dict) -> Video:
    fields = {name: entry[name] for name in FIELDS[2:]}
    return Video(files.join(folder, entry["name"]), all_canonical(entry["labels"]), **fields)


@functools.lru_cache(maxsize=8)
def _open(path: str, size: int) -> tuple[Settings, list[dict], dict[str, dict]]:
    """Settings, shards, and videos by name (with the segment). `size` tells an index that was made anew."""
    index = outside.checked(json.loads(files.read(path)), {"settings": dict, "shards": list, "videos": list})
    for entry in index["videos"]:
        _video("", outside.checked(entry, KINDS))  # raises what is wrong with it
        if not 0 <= entry["shard"] < len(index["shards"]):
            raise ValueError(f"{entry['name']} must lie in one of {len(index['shards'])} shards. Received: {entry['shard']}")
    for shard in index["shards"]:
        if os.path.basename(shard["file"]) != shard["file"]:
            raise ValueError(f"a shard must lie beside it. Received: {shard['file']!r}")
    entries = {Video(entry["name"], (), entry["start"], entry["end"]).name: entry for entry in index["videos"]}
    return Settings.from_dict(index["settings"]), index["shards"], entries
