"""What fits in memory and on disk: sizes are compared before bytes are read, for a header may claim any size."""

import os
import shutil
from pathlib import Path

from videorec.config import UserError

UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def available() -> float:
    """Bytes of memory that are free for use; of the whole machine where nothing says that, else infinite."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return float("inf")


def check(size: int, what: str) -> None:
    """Refuse what does not fit.

    Args:
        size: bytes that it takes.
        what: to name it by, e.g. "a window of a.h5:vil".

    Raises:
        UserError: more than is available.
    """
    free = available()
    if size > free:
        raise UserError(f"{what} must fit in memory. It takes {as_text(size)}, of which {as_text(free)} are free.")


def check_disk(size: int, folder: Path, remedy: str) -> None:
    """Refuse what does not fit on the disk of a folder.

    Raises:
        UserError: more than is free there, with the remedy.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(f"{folder} must have room for {as_text(size)}; {as_text(free)} are free. {remedy}")


def as_text(size: float) -> str:
    """A number of bytes for people: `16 TB`."""
    unit = 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g} {UNITS[unit]}"
