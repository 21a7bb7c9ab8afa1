"""Arrays in .npy and .npz files: what a header claims is compared with what the file holds before anything is read."""

import logging
import math
import os
import threading
import zipfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from videorec.config import UserError
from videorec.data.sequences.hdf5 import choose_key
from videorec.data.sequences.packing import Note
from videorec.storage import archives, outside, room

SUFFIXES = frozenset((".npy", ".npz"))
READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_lock = threading.Lock()  # headers are parsed with `ast`, which Python 3.11 has not safe in several threads


class Stored(NamedTuple):
    """An array: mapped into memory from .npy, held in it from .npz."""

    array: np.ndarray
    notes: tuple[Note, ...] = ()


class Header(NamedTuple):
    """What the header of an array claims; `size`: bytes of header and array."""

    shape: tuple[int, ...]
    dtype: np.dtype
    size: int


def load(path: Path, key: str | None) -> Stored:
    """The array of a file; of .npz the array `key`, or the only one with three axes or more.

    Raises:
        UserError: no such file, or a damaged one; no such array, or several to choose from; Python objects; more claimed than
            is stored, or than fits in memory.
    """
    with outside.reading(path, kind=path.suffix):
        with open(path, "rb") as file:
            is_zip = file.read(4) in ZIP
        return _from_zip(path, key) if is_zip else _mapped(path)


def _mapped(path: Path) -> Stored:
    with open(path, "rb") as file:
        header = _header(file)
    notes = _check(header, os.path.getsize(path), str(path))
    return Stored(_numpy_load(path), notes)


def _numpy_load(path: Path) -> np.ndarray:
    with _lock:
        return np.load(path, mmap_mode="r", allow_pickle=False)


def arrays(path: Path, remedy: str) -> list[np.ndarray]:
    """All arrays of a file of `np.savez(path, *arrays)`, in their order.

    Args:
        remedy: what would do where it cannot be read, a sentence without its full stop.

    Raises:
        UserError: as `load`.
    """
    with outside.reading(path, remedy), zipfile.ZipFile(path) as archive:
        archives.check(archive)
        names = [f"arr_{number}" for number in range(len(archive.namelist()))]
        return [_read(archive, archive.getinfo(f"{name}.npy"), f"{path}:{name}")[0] for name in names]


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> tuple[np.ndarray, tuple[Note, ...]]:
    with archive.open(info) as member:
        header = _header(member)
    notes = _check(header, info.file_size, name)
    room.check(header.size, name)
    with archive.open(info) as member, _lock:
        return np.lib.format.read_array(member, allow_pickle=False), notes


def _from_zip(path: Path, key: str | None) -> Stored:
    with zipfile.ZipFile(path) as archive:
        archives.check(archive)
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if info.filename.endswith(".npy")}
        headers = {}
        for name, info in members.items():
            with archive.open(info) as member:
                headers[name] = _header(member)
        key = choose_key(path, key, {name: header.shape for name, header in headers.items()})
        return Stored(*_read(archive, members[key], f"{path}:{key}"))


def _header(file: BinaryIO) -> Header:
    """Raises what NumPy raises: ValueError as a rule."""
    version = np.lib.format.read_magic(file)
    if version not in READERS:
        raise ValueError(f"its format is version {version[0]}.{version[1]}; versions 1.0 and 2.0 are read")
    with _lock:
        shape, _, dtype = READERS[version](file)
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return Header(shape, dtype, file.tell() + math.prod(shape) * dtype.itemsize)


def _check(header: Header, held: int, name: str) -> tuple[Note, ...]:
    """Refuse what claims more than is held; a note where more is held."""
    if header.dtype.hasobject:
        raise UserError(f"{name} must hold real numbers. Received: Python objects, which are not loaded")
    if header.size > held:
        claims, holds = room.as_text(header.size), room.as_text(held)
        raise UserError(f"{name} cannot be read: its header claims {claims}, and {holds} are stored: it is damaged.")
    if header.size == held:
        return ()
    text = f"{room.as_text(held - header.size)} follow the array and are not read (one array a .npy file; several: .npz)"
    return (Note(logging.WARNING, text),)
