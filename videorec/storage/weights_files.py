"""Models and weights from outside, read by Keras: what a file claims is compared with what it holds before anything is built.

Keras keeps its `safe_mode`, so that no code of a file is run (Lambda layers are refused). Beyond that weights must lie in the
file itself, where HDF5 could let them be read from any other; arrays must be stored as large as they claim to be; and a model
may have no more weights than there are values, where a configuration of a few bytes could ask for terabytes.
"""

import contextlib
import functools
import io
import math
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import h5py
import keras

from videorec.storage import archives, outside, room
from videorec.storage.hdf5_contents import contents

WEIGHTS = "model.weights.h5"  # in a .keras archive
PACKED = 100  # times that a member of an archive is smaller, at most: Keras packs nothing
SPARE = 1_000_000  # weights that a model may have beyond the values of its file: Keras then says what does not fit


def load_model(path: Path, remedy: str = "") -> keras.Model:
    """The model in a file of Keras (.keras; .h5 of older Keras), not compiled.

    Args:
        remedy: what would do where it cannot be read, a sentence without its full stop.

    Raises:
        UserError: no such file, or a damaged one; code in it; weights elsewhere; more claimed than is stored.
    """
    with outside.reading(path, remedy):
        with _weights_of(path) as weights:
            values = check_weights(weights)
        with _at_most(2 * values + SPARE):
            return keras.saving.load_model(path, compile=False, safe_mode=True)


def load_weights(model: keras.Model, path: Path, remedy: str = "") -> None:
    """Set the weights of a model, and of its optimizer where it has one, from a file of `save_weights`.

    Args:
        remedy: as for `load_model`.

    Raises:
        UserError: as `load_model`, or weights of another model.
    """
    optimizer = getattr(model, "optimizer", None)  # of a compiled model
    variables = [*model.variables, *(optimizer.variables if optimizer else ())]
    own = sum(math.prod(variable.shape) for variable in variables)
    with outside.reading(path, remedy):
        with open(path, "rb") as file:
            values = check_weights(file)
        if values > 2 * own + SPARE:
            raise ValueError(f"it holds {values:,} values, and this model has {own:,}")
        model.load_weights(path)


def check_weights(file: BinaryIO) -> int:
    """The number of values in an HDF5 file, whose arrays must lie in it and be stored as large as they claim to be.

    Raises:
        ValueError: they do not; of a file that is damaged otherwise whatever h5py raises. To be used in `outside.reading`.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    with h5py.File(file, "r") as group:
        shapes, elsewhere = contents(group)
        for array, where in elsewhere.items():
            raise ValueError(f"{array} is {where}, and only what lies in the file itself is read")
        for array in shapes:
            _check_array(group[array], array, size)
        return sum(map(math.prod, shapes.values()))


def _check_array(array: h5py.Dataset, name: str, size: int) -> None:
    """Refuse one array that claims more than is stored of it in the file's bytes."""
    if array.dtype.kind not in "uifbcV":
        raise ValueError(f"{name} must hold numbers. Received: {array.dtype}")
    claimed, stored = math.prod(array.shape) * array.id.get_type().get_size(), array.id.get_storage_size()
    whole = stored >= claimed
    if array.chunks is not None:
        number = math.prod(-(-axis // chunk) for axis, chunk in zip(array.shape, array.chunks, strict=True))
        whole = claimed <= archives.ZIPPED * stored and number == array.id.get_num_chunks()
    offset = array.id.get_offset() or 0
    if claimed and (not whole or stored + offset > size):
        claims, holds = room.as_text(claimed), room.as_text(min(stored, size))
        raise ValueError(f"{name} claims {claims}, and {holds} are stored")


# === Files of whole models ===


@contextlib.contextmanager
def _weights_of(path: Path) -> Iterator[BinaryIO]:
    """The HDF5 file of the weights: the file itself, or that in an archive."""
    with open(path, "rb") as file:
        if path.suffix != ".keras":
            yield file
            return
        with zipfile.ZipFile(file) as archive:
            archives.check(archive, PACKED)
            room.check(archive.getinfo(WEIGHTS).file_size, f"{WEIGHTS} in {path}")
            yield io.BytesIO(archive.read(WEIGHTS))  # going back in a member reads it from its start


@contextlib.contextmanager
def _at_most(weights: int) -> Iterator[None]:
    """Layers that are built in the block may have that many weights together; refused before they take memory."""
    original, left = keras.layers.Layer.add_weight, weights

    @functools.wraps(original)
    def add_weight(layer, *args, **options):
        nonlocal left
        shape = options.get("shape", args[0] if args else None) or ()
        left -= math.prod(shape if isinstance(shape, tuple | list) else (shape,))
        if left < 0:
            raise ValueError(f"it describes more weights than it holds: {layer.name} alone has {shape}")
        return original(layer, *args, **options)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original
