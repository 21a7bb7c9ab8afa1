"""Whether files changed: their contents and their times, by name."""

import hashlib
from pathlib import Path


def digests(folder) -> dict[str, str]:
    """SHA-256 of every file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(Path(folder).iterdir())}


def times(folder) -> dict[str, int]:
    """When each was last written, in nanoseconds."""
    return {path.name: path.stat().st_mtime_ns for path in Path(folder).iterdir()}
