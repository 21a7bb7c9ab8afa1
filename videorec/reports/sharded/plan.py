"""The two files that say what a folder of shards is of: `_plan.json`, and `_items.jsonl`, the list, a line an item.

Spark, Arrow and others take names that begin with _ for no data, so that the whole folder can be read as one table.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import videorec
from videorec.config import UserError
from videorec.reports.sharded.table import Format
from videorec.storage import files, leftovers, outside

FORMAT = 1  # how a folder is written
PLAN, LIST, DONE = "_plan.json", "_items.jsonl", "_done"
OTHERWISE = "Take another folder, or remove that one"


@dataclass(frozen=True)
class Shard:
    """A run of items. Its lines are `length` bytes of the list, from `offset` on."""

    number: int
    offset: int
    length: int
    items: int


def write_list(path: Path, items: Iterable[list], size: int) -> tuple[list[Shard], str]:
    """Write the list to a local file; the shards of `size` items each, and the list's digest."""
    digest, shards, start, count = hashlib.sha256(), [], 0, 0
    with open(path, "wb") as file:
        for item in items:
            line = json.dumps(item).encode() + b"\n"
            digest.update(line)
            file.write(line)
            count += 1
            if count == size:
                shards.append(Shard(len(shards), start, file.tell() - start, count))
                start, count = file.tell(), 0
        if count:
            shards.append(Shard(len(shards), start, file.tell() - start, count))
    return shards, digest.hexdigest()


def read_items(out: str, shard: Shard) -> list[list]:
    """The items of a shard.

    Raises:
        UserError: the list is not what it was.
    """
    path = files.join(out, LIST)
    with outside.reading(path, OTHERWISE):
        lines = files.read_range(path, shard.offset, shard.length).splitlines()
        if len(lines) != shard.items:
            raise ValueError(f"{shard.items} lines are needed from byte {shard.offset} on, {len(lines)} are there")
        return [json.loads(line) for line in lines]


def begin(
    out: str, what: dict[str, tuple[str, str]], items: Iterable[list], form: Format, size: int
) -> tuple[list[Shard], str]:
    """Write plan and list, or compare them with those of an earlier start; the shards, and a digest of the plan.

    Args:
        out: local or remote, made where it is absent.
        what: of what the rows are, beside the items: by name how it is shown, and its digest, which counts.
        size: items a shard.

    Raises:
        UserError: the folder holds something else, naming it, or cannot be used.
    """
    try:
        files.make_folder(out)
        if not files.is_remote(out):
            leftovers.sweep(out, below=True)
        with leftovers.working_folder(tempfile.gettempdir() if files.is_remote(out) else out, "list") as working:
            shards, digest = write_list(working / LIST, items, size)
            number = sum(shard.items for shard in shards)
            plan = {"format": FORMAT, "of": what, "number": number, "list": digest, "shard": size, "form": form}
            if files.exists(files.join(out, PLAN)):
                _compare(out, plan, working / LIST)
            else:
                _check_free(out)
                files.publish(working / LIST, files.join(out, LIST))
                text = json.dumps(plan | {"videorec": videorec.__version__}, indent=1)
                files.write(files.join(out, PLAN), text.encode())
    except OSError as error:
        raise UserError(f"{out} cannot be used: {error}") from error
    plan["of"] = {name: digest for name, (_, digest) in what.items()}
    return shards, hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def _check_free(out: str) -> None:
    """A folder of something else is not filled with shards."""
    try:
        others = [name for name in files.names(out) if not name.startswith((".", "_"))]
    except FileNotFoundError:  # of an object store
        return
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise UserError(f"{out} must be empty, or hold what this command began. It holds {others[0]}{more}")


def _compare(out: str, plan: dict, list_now: Path) -> None:
    path = files.join(out, PLAN)
    with outside.reading(path, OTHERWISE):
        old = json.loads(files.read(path))
        lines = list(_differences(out, old, plan, list_now))
    if lines:
        raise UserError("\n  ".join([f"{out} holds something else:", *lines]) + f"\n{OTHERWISE}")


def _differences(out: str, old: dict, new: dict, list_now: Path) -> Iterator[str]:
    if old["format"] != new["format"]:
        yield f"format {old['format']} -> {new['format']}"
        return
    for name in dict.fromkeys([*old["of"], *new["of"]]):
        (before, digest), (now, other) = (plan["of"].get(name, ("none", "")) for plan in (old, new))
        if digest != other:
            yield f"{name}: {before} -> {now}" if before != now else f"{name}: {now} has changed since"
    for name, words in (("shard", "videos a shard"), ("form", "format of the files")):
        if old[name] != new[name]:
            yield f"{words}: {old[name]} -> {new[name]}"
    if (old["number"], old["list"]) != (new["number"], new["list"]):
        yield f"videos: {old['number']} -> {new['number']}{_first_other(out, list_now)}"


def _first_other(out: str, list_now: Path) -> str:
    """The first line in which two lists differ."""
    before, now = files.read(files.join(out, LIST)).splitlines(), list_now.read_bytes().splitlines()
    for number, (one, other) in enumerate(zip(before, now, strict=False), start=1):
        if one != other:
            return f"; number {number}: {json.loads(one)[0]} -> {json.loads(other)[0]}"
    return ""
