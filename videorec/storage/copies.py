"""Local copies of remote files, kept below a limit: the ones not used for longest go first, those in use stay.

A copy is locked (flock, shared) while it is used or still arrives; only what can be locked alone is removed. This holds over
threads and processes, and a process that dies leaves no lock behind. A copy's name holds the URL's digest, the size and the
time of change, so that a file that changed is a new copy, and a copy counts with its full size while it arrives.
"""

import contextlib
import errno
import hashlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from videorec.storage import remote

FOLDER = "~/.cache/videorec/videos"
WAIT_SECONDS = 60.0  # for copies in use to be set free


class Copies:
    """The copies as one process sees them: it asks the other side once for each file.

    Args:
        folder: where they lie; those of other processes too.
        wait_seconds: how long to wait for copies in use to be set free.
    """

    def __init__(self, folder: str = FOLDER, wait_seconds: float = WAIT_SECONDS):
        self._folder, self._wait_seconds = folder, wait_seconds
        self._downloads: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._places: dict[str, Path] = {}  # of the copy of each URL

    @contextlib.contextmanager
    def of(self, url: str, limit: int) -> Iterator[Path]:
        """A local copy of a remote file, which stays at least until the block ends.

        Args:
            limit: bytes that all copies may take together.

        Raises:
            OSError: the file cannot be read, or has no room below the limit.
        """
        with self._downloads[url]:
            path = self._places.get(url)
            file = _open(path) if path else None
            if file is None:
                path = self._places[url] = self._place(url)
                file = _open(path) or self._download(url, path, limit)
        with file:
            now = time.time_ns()  # the kernel's own stamps are up to 10 ms old: copies used soon after each other would tie
            os.utime(path, ns=(now, now))
            yield path

    def forget(self) -> None:
        """Keep no names of copies in memory; where they lie they are met again. Not while copies are used or arrive."""
        self._downloads.clear()
        self._places.clear()

    def _place(self, url: str) -> Path:
        """Where the copy of the file as it is now lies; of the last known one where the other side does not answer."""
        digest, folder = hashlib.sha256(url.encode()).hexdigest()[:24], Path(self._folder).expanduser()
        try:
            stat = remote.stat(url)
        except FileNotFoundError:
            raise
        except OSError:
            old = [path for path in folder.glob(f"{digest}-*") if not path.name.endswith(".part")]
            if not old:
                raise
            return max(old, key=_used)
        if stat.is_directory:
            raise OSError(errno.EISDIR, "a remote video must be one file; folders of frames must be local or prepared", url)
        return folder / f"{digest}-{stat.length}-{stat.mtime_nsec}{os.path.splitext(url)[1]}"

    def _download(self, url: str, path: Path, limit: int) -> BinaryIO:
        """Fetch the copy; open and locked."""
        size = _size(path)
        if size > limit:
            reason = f"its {size / 1e9:.3g} GB are more than the limit, --data.remote-cache-gb {limit / 1e9:g}"
            raise OSError(errno.EFBIG, reason, url)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        file = self._reserve(part, size, limit, url)
        try:
            with remote.access(url) as gfile:
                gfile.copy(url, str(part), overwrite=True)
            if part.stat().st_size != size:
                raise OSError(errno.EIO, f"{part.stat().st_size} of {size} bytes came", url)
            part.rename(path)
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise
        return file

    def _reserve(self, part: Path, size: int, limit: int, url: str) -> BinaryIO:
        """Make room, and a locked empty file that counts with the size in its name."""
        part.parent.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + self._wait_seconds
        while True:
            with open(part.parent / ".lock", "w", encoding="utf-8") as turn:
                lock(turn)
                if _make_room(part.parent, limit - size):
                    file = open(part, "wb")  # noqa: SIM115 -- it stays open, and locked, with the caller
                    lock(file, shared=True)
                    return file
            if time.monotonic() > until:
                gb = f"{limit / 1e9:g} GB"
                reason = f"videos in use fill the {gb} of --data.remote-cache-gb: raise it, or lower --data.workers"
                raise OSError(errno.ENOSPC, reason, url)
            time.sleep(0.1)


def _open(path: Path) -> BinaryIO | None:
    """The copy, open and locked; None where there is none."""
    try:
        file = open(path, "rb")  # noqa: SIM115 -- it stays open, and locked, with the caller
    except FileNotFoundError:
        return None
    lock(file, shared=True)
    if not os.fstat(file.fileno()).st_nlink:  # removed between opening and locking
        file.close()
        return None
    return file


def _make_room(folder: Path, limit: int) -> bool:
    """Remove the copies not used for longest until the rest is at most `limit` bytes; False where those in use take more."""
    for part in folder.glob("*.part"):  # whose processes hold no lock on them: they were killed
        _remove_unlocked(part)
    copies = sorted(folder.glob("*-*-*"), key=_used)
    total = sum(map(_size, copies))
    for path in copies:
        if total <= limit:
            break
        total -= _size(path) if _remove_unlocked(path) else 0
    return total <= limit


def _remove_unlocked(path: Path) -> bool:
    """Whether the file was nobody's, and is removed."""
    with contextlib.suppress(FileNotFoundError, BlockingIOError), open(path, "rb") as file:
        lock(file, wait=False)
        path.unlink()
        return True
    return False


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    return int(path.name.split("-")[1])


def lock(file: BinaryIO, shared: bool = False, wait: bool = True) -> None:
    """Lock an open file against other threads and processes until it is closed.

    Raises:
        BlockingIOError: it is locked elsewhere, and `wait` is False.
    """
    import fcntl  # not on Windows, where there is no tensorflow-io either

    fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
