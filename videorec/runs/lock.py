"""One process at a time trains a run; a second one is told who does.

The lock is the kernel's, on a hidden file beside the run folder, so that it ends with its process, however that ends. A remote
run has a file of its own beside it, which its process renews: another machine's counts until it has not been renewed for
STALE_SECONDS.
"""

import contextlib
import datetime
import errno
import json
import os
import shlex
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import filelock

from videorec.config import UserError
from videorec.runs.mirror import Mirror
from videorec.storage import files, leftovers

RENEW_SECONDS = 60.0
STALE_SECONDS = 600.0
SETTLE_SECONDS = 0.5
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)


@contextlib.contextmanager
def held(place: str) -> Iterator[None]:
    """While the block runs, no other process trains the run; nothing in its folder is touched.

    Raises:
        UserError: another process trains it (with its host, number and command), or there is no folder for the lock.
    """
    folder = Mirror(place).folder if files.is_remote(place) else Path(place).expanduser()
    path = folder.with_name(f".{folder.name}.lock")
    try:
        files.make_folder(path.parent)
        lock = _acquired(path)
    except filelock.Timeout:
        raise _refusal(place, _read_local(path)) from None
    except (OSError, NotImplementedError) as error:
        raise UserError(f"The run {place} cannot be written: {error}. Choose another folder with --runs") from error
    native = not isinstance(lock, filelock.SoftFileLock)  # whose file is its own
    try:
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            if native:
                path.write_text(json.dumps(_holder()), encoding="utf-8")
        with _held_there(place, folder) if files.is_remote(place) else contextlib.nullcontext():
            yield
    finally:
        with contextlib.suppress(OSError):  # before it is released: who opened it meanwhile sees that it is gone
            if native:
                path.unlink()
        lock.release()


def _acquired(path: Path) -> filelock.BaseFileLock:
    """The kernel's lock; where the file system has none (some NFS), the existence of the file, with host and process in it.

    Raises:
        filelock.Timeout: another process holds it.
        OSError: it cannot be written.
    """
    lock = filelock.FileLock(path, fallback_to_soft=False)  # on the same path it would remove another's
    try:
        lock.acquire(timeout=0)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        path.unlink(missing_ok=True)  # what the try left, empty
        lock = filelock.SoftFileLock(path.with_suffix(".softlock"))
        lock.acquire(timeout=0.2)  # the first try only removes that of a process that is gone
    return lock


@contextlib.contextmanager
def _held_there(place: str, folder: Path) -> Iterator[None]:
    """The lock of a remote run. Object stores have no exclusive creation: what two machines write at once is read again
    after SETTLE_SECONDS, and the later one stays."""
    runs, name = place.rstrip("/").rsplit("/", 1)
    path, mine = files.join(runs, f".{name}.lock"), _holder() | {"token": uuid.uuid4().hex}
    try:
        other = _read(path)
        if other and _is_held(other):
            raise _refusal(place, other, path)
        _renew(path, mine)
        time.sleep(SETTLE_SECONDS)
        seen = _read(path)
    except OSError as error:
        kept = f". A local copy lies in {folder}" if folder.is_dir() else ""
        raise UserError(f"The run {place} cannot be read: {error}{kept}") from error
    if seen and seen.get("token") != mine["token"]:
        raise _refusal(place, seen, path)
    ended = threading.Event()
    thread = threading.Thread(target=_keep_renewing, args=(path, mine, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(OSError):
            if (_read(path) or {}).get("token") == mine["token"]:
                files.remove(path)


def _keep_renewing(path: str, mine: dict, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        with contextlib.suppress(OSError):  # the server is away: the run goes on, and so does the next try
            _renew(path, mine)


def _renew(path: str, mine: dict) -> None:
    files.write(path, json.dumps(mine | {"renewed": time.time()}).encode())


def _is_held(holder: dict) -> bool:
    """Whether a remote lock counts; one of this machine as long as its process lives."""
    if holder.get("host") == socket.gethostname() and os.name == "posix":
        return leftovers.is_alive(holder["process"]) and holder["process"] != os.getpid()
    return time.time() - holder.get("renewed", 0.0) < STALE_SECONDS


# === Who holds it ===


def _holder() -> dict:
    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "since": datetime.datetime.now().isoformat(" ", "seconds"),
    }


def _read(path: str, again: bool = True) -> dict | None:
    """What a lock says; None where there is none, or it says nothing, also when it is asked again: it may just be written."""
    try:
        holder = json.loads(files.read(path))
    except FileNotFoundError:
        return None
    except ValueError:
        time.sleep(SETTLE_SECONDS)
        return _read(path, again=False) if again else None
    return holder if isinstance(holder, dict) and holder.get("process") in range(1, 1 << 31) else None


def _read_local(path: Path) -> dict | None:
    try:
        return _read(str(path))
    except OSError:  # Windows lets nobody read it
        return None


def _refusal(place: str, holder: dict | None, path: str | None = None) -> UserError:
    who = "another process"
    if holder:
        who = f"process {holder['process']} on {holder.get('host')} since {holder.get('since')} ({holder.get('command')})"
    remedy = f"; where that machine is gone, remove {path}" if path else ""
    return UserError(
        f"One process at a time trains a run: {place} is held by {who}. Wait for it, stop it, or choose another --name{remedy}"
    )
