"""Zip archives from outside: their members are looked at before any is read."""

import zipfile

from videorec.storage import room

ZIPPED = 1032  # times that deflate makes anything smaller, at most
SMALL = 1_000_000  # bytes that are read whatever they were packed to


def check(archive: zipfile.ZipFile, most: int = ZIPPED) -> None:
    """Refuse an archive with a member that is a link, lies outside its folder, or claims more than can be packed in it.

    Args:
        most: times that a member may be larger than it is stored.

    Raises:
        ValueError: with the member; to be used in `videorec.storage.outside.reading`.
    """
    for member in archive.infolist():
        parts = member.filename.replace("\\", "/").split("/")
        is_link = member.external_attr >> 28 == 0o12
        if is_link or ".." in parts or parts[0] == "" or ":" in parts[0]:
            what = "a link" if is_link else "a path that leads out of it"
            raise ValueError(f"it must hold files of its own. Received: {member.filename!r}, {what}")
        if member.file_size > most * member.compress_size + SMALL:
            claims, holds = room.as_text(member.file_size), room.as_text(member.compress_size)
            raise ValueError(f"{member.filename} claims {claims}, and {holds} are stored")
