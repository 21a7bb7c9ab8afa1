"""Arrays in HDF5 files (netCDF-4 is HDF5), read with h5py, which Keras needs anyway.

Only what lies in the file itself is read: external links, external storage and virtual datasets would make it read others. A
header is a hint: what it claims is compared with what is stored before anything is read. A file that is written anew while the
process runs may be read as it was, for files are kept open.
"""

import contextlib
import functools
import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from videorec.config import UserError
from videorec.data.sequences import packing
from videorec.data.sequences.packing import Note, Packing
from videorec.storage import outside, room
from videorec.storage.hdf5_contents import contents

SUFFIXES = frozenset((".h5", ".hdf5", ".hdf", ".he5", ".nc", ".nc4"))
OLDER = {b"CDF\x01": "classic netCDF", b"CDF\x02": "classic netCDF", b"CDF\x05": "classic netCDF", b"\x0e\x03\x13\x01": "HDF4"}
CHECKSUM = 4  # bytes of fletcher32
LARGER, OVERHEAD = 1.1, 4096  # a chunk that cannot be compressed takes that many times its size, and bytes more, at most


class Array(NamedTuple):
    """An array in a file.

    Attributes:
        name: `file:key`.
        dtype: of its numbers; float32 where they are unpacked.
        read: a slice for each axis, with bounds, -> that block, unpacked.
        masks: whether `read` gives float32 with NaN for numbers that stand for no value.
        notes: what the log is to say of it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[tuple[slice, ...]], np.ndarray]
    masks: bool = False
    notes: tuple[Note, ...] = ()


def open_array(path: Path, key: str | None) -> Array:
    """The array `key` of a file, or the only one with three axes or more.

    Raises:
        UserError: no HDF5 file, or a damaged one; no such array, or several to choose from; an array of anything but numbers,
            kept in other files, compressed in a way that is not known here, or larger than what is stored.
    """
    with _own_errors(path), h5py.File(path, "r") as file:
        shapes, elsewhere = contents(file)
        key = choose_key(path, key, shapes, elsewhere)
        dataset, name = file[key], f"{path}:{key}"
        dtype = _number_type(dataset, name)
        _check_filters(dataset, name)
        notes = _check_stored(dataset, name, path.stat().st_size)
        packed, said = packing.read(dataset.attrs, dtype, name)
    dtype = np.dtype(np.float32) if packed.scales else packed.dtype(dtype)
    read = functools.partial(_read, path, key, packed)
    return Array(name, shapes[key], dtype, read, bool(packed.missing), (*notes, *said))


@contextlib.contextmanager
def _own_errors(path: Path) -> Iterator[None]:
    with outside.reading(path, kind="HDF5"):
        try:
            yield
        except OSError:
            with open(path, "rb") as file:
                older = OLDER.get(file.read(4))
            if older:
                raise UserError(f"{path} cannot be read as HDF5: it is {older}. Convert it first (nccopy -k nc4).") from None
            raise


# === Which array ===


def choose_key(path: Path, key: str | None, shapes: dict[str, tuple[int, ...]], elsewhere: dict[str, str] | None = None) -> str:
    """The array that `--data.key` names, or the only one with three axes or more.

    Args:
        shapes: of the arrays that can be read, by name.
        elsewhere: what cannot, by name, and why.

    Raises:
        UserError: none, or several, or one that lies elsewhere.
    """
    elsewhere = elsewhere or {}
    forms = {name: " x ".join(map(str, shape)) for name, shape in shapes.items()} | elsewhere
    listed = ", ".join(f"{name} ({form})" for name, form in sorted(forms.items())) or "none"
    if key is not None:
        name = key.strip("/")
        if name in shapes:
            return name
        for other, reason in elsewhere.items():
            if name == other or name.startswith(f"{other}/"):
                raise UserError(
                    f"--data.key must name an array that lies in {path} itself. Received: {key}; {other} is {reason}"
                )
        raise UserError(f"{path} has no array --data.key {key}. It has: {listed}")
    candidates = [name for name, shape in shapes.items() if len(shape) >= 3]
    if len(candidates) == 1:
        return candidates[0]
    what = "no array with three axes or more" if not candidates else "several arrays: choose one with --data.key"
    raise UserError(f"{path} has {what}. It has: {listed}")


# === What is refused before it is read ===


def _number_type(dataset: h5py.Dataset, name: str) -> np.dtype:
    try:
        dtype = dataset.dtype
    except TypeError as error:
        raise UserError(f"{name} must hold real numbers. Received: a type that NumPy does not have ({error})") from error
    if dtype.kind in "uifb":
        return dtype
    kinds = {
        "text": h5py.check_string_dtype(dtype) is not None,
        "references": h5py.check_ref_dtype(dtype) is not None,
        "lists of various lengths": h5py.check_vlen_dtype(dtype) is not None,
        f"compounds of {', '.join(dtype.names or ())}": dtype.names is not None,
    }
    raise UserError(f"{name} must hold real numbers. Received: {next((kind for kind, is_it in kinds.items() if is_it), dtype)}")


def _check_filters(dataset: h5py.Dataset, name: str) -> None:
    plan = dataset.id.get_create_plist()
    for k in range(plan.get_nfilters()):
        number, _, _, label = plan.get_filter(k)
        if not h5py.h5z.filter_avail(number):
            known = label.decode(errors="replace") if label else "unnamed"
            hint = "compress it with gzip (h5repack -f GZIP=4), or install the plugin, e.g. hdf5plugin's, in HDF5_PLUGIN_PATH"
            raise UserError(f"{name} is compressed with filter {number} ({known}), which is not there: {hint}.")


def _check_stored(dataset: h5py.Dataset, name: str, file_size: int) -> list[Note]:
    """Refuse an array of which less is stored than its header claims; a note where part of its chunks was never written."""
    item, stored = dataset.id.get_type().get_size(), dataset.id.get_storage_size()
    claimed = math.prod(dataset.shape) * item
    rule = f"{name}: its header claims {room.as_text(claimed)}"
    if not claimed:
        return []
    if not stored:
        raise UserError(f"{rule}, and none of it was ever written.")
    if stored > file_size or (dataset.chunks is None and stored < claimed):
        raise UserError(f"{rule}, and {room.as_text(min(stored, file_size))} are stored: it is damaged.")
    if dataset.chunks is None:
        return []
    chunk = math.prod(dataset.chunks) * item
    room.check(chunk, f"A chunk of {name}")
    chunks = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    written = dataset.id.get_num_chunks()
    _check_chunks(dataset, name, chunk, file_size)
    if 2 * written < chunks:
        raise UserError(f"{rule} in {chunks} chunks, and {written} of them were ever written: fewer than half.")
    if written < chunks:
        text = f"{chunks - written} of {chunks} chunks were never written and read as {dataset.fillvalue}"
        return [Note(logging.WARNING, text)]
    return []


def _check_chunks(dataset: h5py.Dataset, name: str, size: int, file_size: int) -> None:
    """Refuse chunks that HDF5 would read past the end of what it holds, or unpack without bounds.

    Args:
        size: bytes of a chunk, unpacked.
    """

    least, most = CHECKSUM + 1 if dataset.fletcher32 else 1, int(LARGER * size + OVERHEAD)
    if not dataset.id.get_create_plist().get_nfilters():
        least = most = size

    def check(chunk):
        if not least <= chunk.size <= most or chunk.byte_offset + chunk.size > file_size:
            raise UserError(
                f"{name}: a chunk of {size} bytes must be stored in {least} to {most} of the {file_size} bytes of the file. "
                f"Received: {chunk.size} from byte {chunk.byte_offset} on. The file is damaged."
            )

    dataset.id.chunk_iter(check)


# === Reading ===


@functools.lru_cache(maxsize=64)
def _open(path: Path) -> h5py.File:
    return h5py.File(path, "r")


def _read(path: Path, key: str, packed: Packing, index: tuple[slice, ...]) -> np.ndarray:
    with _own_errors(path):
        return packed.unpack(_open(path)[key][index])
