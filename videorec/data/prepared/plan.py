"""The two files around the shards of a prepared folder.

plan.json is written before the first shard and says what all of them are made of; index.json is written after the last one and
says besides where each picture lies.
"""

import json

from videorec.config import UserError
from videorec.config import file as config_file
from videorec.data.manifest import Video
from videorec.data.prepared.index import FIELDS, FORMAT, INDEX, PLAN
from videorec.data.prepared.records import Settings
from videorec.data.prepared.shards import Shard
from videorec.storage import files, leftovers, outside


def plan_of(videos: list[tuple[str, Video]], settings: Settings) -> dict:
    """What plan.json holds: the settings, and every row of the source."""
    rows = [[name, list(video.labels), video.start, video.end, video.split, video.group] for name, video in videos]
    entries = [dict(zip(FIELDS, row, strict=True)) for row in rows]
    return {"format": FORMAT, "settings": settings.to_dict(), "videos": entries}


def begin(out: str, plan: dict) -> None:
    """Write the plan, or compare it with that of an earlier run.

    Raises:
        UserError: the folder was made with other settings or of other videos.
    """
    path = files.join(out, PLAN)
    try:
        files.make_folder(out)
        if not files.is_remote(out):
            leftovers.sweep(out)
        if not files.exists(path):
            files.write(path, json.dumps(plan).encode())
            return
    except OSError as error:
        raise UserError(f"{out} cannot be used: {error}") from error
    with outside.reading(path, "Take another folder, or remove that one"):
        changes = differences(json.loads(files.read(path)), plan)
    if changes:
        lines = "\n  ".join(changes[:10] + ([f"and {len(changes) - 10} more"] if len(changes) > 10 else []))
        raise UserError(f"{out} was made from other videos or settings:\n  {lines}\nTake another folder, or remove that one.")


def differences(old: dict, new: dict) -> list[str]:
    """A line for each setting and video that differs between two plans."""
    if old.get("format") != new["format"]:
        return [f"format: {old.get('format')} -> {new['format']}"]
    lines = config_file.differences(old["settings"], new["settings"])
    before, after = ({(entry["name"], entry["start"], entry["end"]): entry for entry in plan["videos"]} for plan in (old, new))
    lines += [f"only before: {key[0]}" for key in before if key not in after]
    lines += [f"only now: {key[0]}" for key in after if key not in before]
    for key in (key for key in before if key in after):
        lines += config_file.differences(before[key], after[key], f"{key[0]}: ")
    if not lines and list(before) != list(after):
        lines.append("the order of the videos")
    return lines


def index_of(plan: dict, all_shards: list[Shard], sides: dict[int, dict]) -> dict:
    """What index.json holds: the plan, each shard's file, size and SHA-256, and each video's shard and streams.

    Args:
        sides: what the JSON file of each shard holds, by its number.
    """
    listed = [{"file": shard.file} | {key: sides[shard.number][key] for key in ("size", "sha256")} for shard in all_shards]
    places = [{"shard": shard.number} | entry for shard in all_shards for entry in sides[shard.number]["videos"]]
    videos = [entry | place for entry, place in zip(plan["videos"], places, strict=True)]
    return plan | {"shards": listed, "videos": videos}


def write_index(out: str, index: dict) -> bool:
    """Write index.json whole, unless it is there with the same content; returns whether it was written."""
    path, content = files.join(out, INDEX), json.dumps(index).encode()
    if files.exists(path) and files.read(path) == content:
        return False
    files.write(path, content)
    return True
