"""Sequences in HDF5 files, read by tensorflow-io where it can and by h5py where it cannot.

h5py (which Keras needs anyway) opens every file first and says what is in it, for tensorflow-io 0.37.1 ends the process on
a missing or damaged file, on a link that leads nowhere, and on a read of strings or of five axes. tensorflow-io then reads the
frames, through slices of `tfio.IOTensor.from_hdf5`: `tfio.IODataset.from_hdf5` goes through a file in order only and holds
1,024 entries of the first axis at once, which of SEVIR's events of 384 x 384 x 49 are 7 GB. h5py reads in its place where
`refusal` gives a reason; both give the same arrays, h5py in about half the time. A file that is written anew while the process
runs may be read as it was: both keep files open.
"""

import functools
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from videorec.config import UserError

log = logging.getLogger(__name__)

SUFFIXES = frozenset((".h5", ".hdf5", ".hdf", ".he5"))
MOST_AXES = 4  # that tensorflow-io reads
READABLE_FILTERS = frozenset((h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32))
_lock = threading.Lock()  # the HDF5 library inside tensorflow-io is not made for threads


class Array(NamedTuple):
    """An array in a file.

    Attributes:
        read: a slice for each axis, with bounds, -> that block.
        reader: `tensorflow-io` or `h5py`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[tuple[slice, ...]], np.ndarray]
    reader: str


def open_array(path: Path, key: str | None, tensorflow_io: bool = True) -> Array:
    """The array `key` of a file, or the only one with three axes or more.

    Args:
        tensorflow_io: False: read with h5py in any case.

    Raises:
        UserError: no HDF5 file, no such array, or several to choose from.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(f"{path} cannot be read as HDF5: {error}") from error
    with file:
        arrays = arrays_of(file)
        key = choose_key(path, key, {name: array.shape for name, array in arrays.items()})
        shape, dtype = arrays[key].shape, arrays[key].dtype
        reason = refusal(file, arrays, key) if tensorflow_io else "it was not asked"
    name = f"{path}:{key}"
    tensor = None if reason else _tensor(str(path), key)
    if reason and tensorflow_io:
        log.info("%s is read by h5py: tensorflow-io cannot, %s", name, reason)
    read = functools.partial(_read_h5py, path, key) if tensor is None else functools.partial(_read_tensor, tensor, path, key)
    return Array(name, shape, dtype, read, "h5py" if tensor is None else "tensorflow-io")


def choose_key(path: Path, key: str | None, shapes: dict[str, tuple[int, ...]]) -> str:
    """The array that `--data.key` names, or the only one with three axes or more.

    Raises:
        UserError: none, or several.
    """
    listed = ", ".join(f"{name} ({' x '.join(map(str, shape))})" for name, shape in sorted(shapes.items())) or "none"
    if key is not None:
        if key.strip("/") in shapes:
            return key.strip("/")
        raise UserError(f"{path} has no array --data.key {key}. It has: {listed}")
    candidates = [name for name, shape in shapes.items() if len(shape) >= 3]
    if len(candidates) == 1:
        return candidates[0]
    what = "no array with three axes or more" if not candidates else "several arrays: choose one with --data.key"
    raise UserError(f"{path} has {what}. It has: {listed}")


def arrays_of(file: h5py.File) -> dict[str, h5py.Dataset]:
    """The arrays of an open file by name, those in groups too."""
    arrays = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            arrays[name] = item

    file.visititems(visit)
    return arrays


def refusal(file: h5py.File, arrays: dict[str, h5py.Dataset], key: str) -> str | None:
    """Why tensorflow-io cannot read `key`, or not rightly; None where it can.

    It takes integers of 8 to 64 bits and floats of 32 and 64; it cannot open a file at all that has float16, compounds or
    enumerations in it; more than four axes break its memory; it takes big-endian numbers for little-endian ones; and it has no
    filters but gzip, shuffle and fletcher32.
    """
    if _has_links(file):
        return "the file has soft or external links"
    for name, array in arrays.items():
        kind, size = array.dtype.kind, array.dtype.itemsize
        is_enumeration = h5py.check_enum_dtype(array.dtype) is not None
        is_number = not is_enumeration and (kind in "iu" or (kind == "f" and size in (4, 8)))
        is_text = h5py.check_string_dtype(array.dtype) is not None and name != key
        if not (is_number or is_text):
            return f"{name} is of type {array.dtype}"
        if array.ndim > MOST_AXES:
            return f"{name} has {array.ndim} axes"
    wanted = arrays[key]
    if not wanted.dtype.isnative:
        return f"{key} is of type {wanted.dtype.str}"
    if wanted.is_virtual or wanted.external:
        return f"{key} is kept in other files"
    plan = wanted.id.get_create_plist()
    filters = {plan.get_filter(k)[0] for k in range(plan.get_nfilters())}
    return f"{key} is compressed with {wanted.compression or 'a plugin'}" if filters - READABLE_FILTERS else None


def _has_links(file: h5py.File) -> bool:
    """Whether there is a soft or an external link in the file."""
    return file.id.links.visit(lambda name, link: True if link.type != h5py.h5l.TYPE_HARD else None, info=True) is not None


# === Reading ===


@functools.cache
def _tensorflow_io():
    try:
        import tensorflow_io
    except ImportError:
        log.info("tensorflow-io is not installed: h5py reads HDF5")
        return None
    return tensorflow_io


def _tensor(path: str, key: str):
    """The array as an IOTensor; None without tensorflow-io."""
    tensorflow_io = _tensorflow_io()
    if tensorflow_io is None:
        return None
    with _lock:
        return tensorflow_io.IOTensor.from_hdf5(path)(f"/{key}")


def _read_tensor(tensor, path: Path, key: str, index: tuple[slice, ...]) -> np.ndarray:
    import tensorflow as tf

    try:
        with _lock, tf.device("CPU"):  # or the block would go to the GPU and back
            return tensor[index].numpy()
    except tf.errors.OpError:
        return _read_h5py(path, key, index)  # whose error says what is wrong


@functools.lru_cache(maxsize=64)
def _open(path: Path) -> h5py.File:
    return h5py.File(path, "r")


def _read_h5py(path: Path, key: str, index: tuple[slice, ...]) -> np.ndarray:
    try:
        return _open(path)[key][index]
    except (OSError, KeyError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
