"""Local and remote files (s3://, az://, hdfs://) behind one set of functions; local ones are plain Python, without TensorFlow.

Whatever cannot be read or written raises OSError (FileNotFoundError where that is it), local or remote; a remote path without
tensorflow-io raises UserError.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from videorec.config import UserError
from videorec.storage import leftovers, remote
from videorec.storage.copies import Copies

# Where a file grows while it is written, it gets its name at the end. Object stores (s3, az) put whole objects anyway.
GROWING = ("hdfs://", "viewfs://")
COPIES = Copies()  # of this process


def is_remote(path: str | Path) -> bool:
    """Whether it is a URL such as s3://bucket/file."""
    return "://" in str(path)


def must_be_local(path: str | Path, option: str) -> Path:
    """The path, where `option` takes local ones only.

    Raises:
        UserError: it is remote.
    """
    if is_remote(path):
        raise UserError(f"{option} must be a local path. Received: {path}")
    return Path(path)


def join(folder: str | Path, *parts: str | Path) -> str:
    """The path of `parts` below `folder`; a part that is absolute or a URL stands alone."""
    path = str(folder)
    for part in map(str, parts):
        whole = is_remote(part) or os.path.isabs(part)
        path = part if whole else f"{path.rstrip('/')}/{part}" if is_remote(path) else os.path.join(path, part)
    return path


def exists(path: str | Path) -> bool:
    """Whether there is such a file or folder."""
    if not is_remote(path):
        return os.path.exists(path)
    try:
        remote.stat(_rooted(path))
    except FileNotFoundError:
        return False
    return True


def is_folder(path: str | Path) -> bool:
    """Whether there is such a folder; on object stores: anything below it."""
    if not is_remote(path):
        return os.path.isdir(path)
    try:
        return remote.stat(_rooted(path)).is_directory
    except FileNotFoundError:
        return False


def size(path: str | Path) -> int:
    """Bytes of a file."""
    return remote.stat(str(path)).length if is_remote(path) else os.path.getsize(path)


def names(folder: str | Path) -> list[str]:
    """Names of the files and folders in a folder, sorted."""
    if not is_remote(folder):
        return sorted(os.listdir(folder))
    with remote.access(_rooted(folder)) as gfile:
        return sorted(name.rstrip("/") for name in gfile.listdir(_rooted(folder)))


def read(path: str | Path) -> bytes:
    """The whole file."""
    if not is_remote(path):
        return Path(path).read_bytes()
    with remote.access(str(path)) as gfile, gfile.GFile(str(path), "rb") as file:
        return file.read()


def read_range(path: str | Path, offset: int, length: int) -> bytes:
    """`length` bytes from `offset` on; fewer where the file ends before."""
    if not is_remote(path):
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(length)
    with remote.access(str(path)) as gfile, gfile.GFile(str(path), "rb") as file:
        return file.read(length) if remote.seek(file, offset) else b""


def write(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all, making its parent folders."""
    with in_place(path) as place:
        if not is_remote(path):
            Path(place).write_bytes(content)
            return
        with remote.access(str(path)) as gfile, gfile.GFile(place, "wb") as file:
            file.write(content)


def write_if_new(path: str | Path, content: bytes) -> None:
    """As `write`, where the file does not hold just that."""
    with contextlib.suppress(OSError):
        if read(path) == content:
            return
    write(path, content)


def publish(local: str | Path, path: str | Path) -> None:
    """Move a finished local file to its place, whole or not at all, making its parent folders."""
    if is_remote(path):
        copy(local, path)
        Path(local).unlink()
    else:
        with in_place(path) as place:
            shutil.move(local, place)


def copy(source: str | Path, path: str | Path) -> None:
    """Copy a file between here and elsewhere, whole or not at all, making the parent folders."""
    with in_place(path) as place:
        if not is_remote(source) and not is_remote(path):
            shutil.copyfile(source, place)
            return
        with remote.access(str(source if is_remote(source) else path)) as gfile:
            gfile.copy(str(source), place, overwrite=True)


@contextlib.contextmanager
def in_place(path: str | Path) -> Iterator[str]:
    """The name to write to; it becomes `path` when the block ends well, and goes when it does not.

    A local file is on the disk before it takes the place of another: where the power fails, one of both is there, whole.
    """
    folder, name = os.path.split(str(path))
    make_folder(folder)
    grows = not is_remote(path) or str(path).startswith(GROWING)
    place = join(folder, leftovers.unfinished_name(name)) if grows else str(path)
    try:
        yield place
        if not is_remote(path):
            replace(place, path)
        elif grows:
            with remote.access(str(path)) as gfile:
                gfile.rename(place, str(path), overwrite=True)
    except BaseException:
        if grows:
            with contextlib.suppress(OSError):
                remove(place)
        raise


def replace(finished: str | Path, path: str | Path) -> None:
    """Give a finished local file its name, after its content is on the disk."""
    with open(finished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(finished, path)


def make_folder(path: str | Path) -> None:
    """Make a folder and its parents; on object stores there is nothing to make."""
    if not is_remote(path):
        os.makedirs(path or ".", exist_ok=True)
    elif str(path).startswith(GROWING):
        with remote.access(str(path)) as gfile:
            gfile.makedirs(str(path))


def remove(path: str | Path) -> None:
    """Remove a file; it may be gone already."""
    with contextlib.suppress(FileNotFoundError):
        if not is_remote(path):
            os.unlink(path)
            return
        with remote.access(str(path)) as gfile:
            gfile.remove(str(path))


@contextlib.contextmanager
def local(path: str | Path, limit_gb: float) -> Iterator[Path]:
    """A local path of the file while the block runs: its own, or that of a copy in a cache of at most `limit_gb` GB."""
    if not is_remote(path):
        yield Path(path)
        return
    with COPIES.of(str(path), int(limit_gb * 1e9)) as copy:
        yield copy


def _rooted(path: str | Path) -> str:
    """A bucket's own path ends in a slash."""
    path = str(path)
    return path if path.split("://", 1)[1].count("/") else f"{path}/"
