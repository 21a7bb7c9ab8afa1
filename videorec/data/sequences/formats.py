"""One file of sequences, or a folder of pictures, opened: its frames are read when they are asked for."""

import functools
import logging
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data import decode, pictures, stored_flow
from videorec.data.facts import Facts
from videorec.data.file_kinds import VIDEO_SUFFIXES, kind_of_special
from videorec.data.index import INDEX
from videorec.data.sequences import axes, hdf5, numpy_files
from videorec.data.sequences.packing import Note
from videorec.data.values import BYTES, Values
from videorec.storage import room

SUFFIXES = numpy_files.SUFFIXES | hdf5.SUFFIXES | VIDEO_SUFFIXES


@dataclass(frozen=True)
class Sequence:
    """Frames in order.

    Args:
        name: the file below the data set's folder; `file #n` where a file has an axis N.
        file: without the number.
        frames: how many.
        shape: `(H, W, C)` as stored.
        dtype: as stored; float32 where a file says how its numbers are unpacked.
        read: indices of frames -> `(len, H, W, C)`, as stored. It raises UserError where they cannot be read.
        values: what becomes 0 and 1, for `videorec.data.values`: `data.values`; where nothing is given, 0 and 255 of
            bytes of which the file masks some.
        better_order: `--data.axes` that would make longer sequences of the same array; None where none would.
        notes: what the log is to say of the file.
    """

    name: str
    file: str
    frames: int
    shape: tuple[int, int, int]
    dtype: np.dtype
    read: Callable[[range], np.ndarray]
    values: Values = None
    better_order: str | None = None
    notes: tuple[Note, ...] = ()


def open_file(path: Path, name: str, data: Sequences, needed: int) -> list[Sequence]:
    """The sequences of one file or folder of pictures; one, except where an array has an axis N.

    Arrays of .npy are mapped into memory, those of .npz (compressed as a rule) are held in it. HDF5, pictures and videos are
    read window by window. All pictures are decoded once to check them, and the frames of a video are counted.

    Args:
        name: what to call it.
        needed: frames of a window, first to last.

    Raises:
        UserError: it cannot be read, or it has no array as `data.key` and `data.axes` say.
    """
    if path.is_dir():
        return [_pictures(path, name, data)]
    if path.exists() and (special := kind_of_special(path)):
        raise UserError(f"{path} must be a file. Received: {special}")
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return [_video(path, name, data)]
    if suffix in hdf5.SUFFIXES:
        return _sequences(hdf5.open_array(path, data.key), name, data, needed)
    array, notes = numpy_files.load(path, data.key)
    return _sequences(hdf5.Array(str(path), array.shape, array.dtype, array.__getitem__, notes=notes), name, data, needed)


# === Arrays ===


def _sequences(array: hdf5.Array, name: str, data: Sequences, needed: int) -> list[Sequence]:
    layout = axes.layout(data.axes, array.shape, array.name)
    numbered = "N" in layout.axes
    form = " x ".join(map(str, layout.frame))
    pixels = math.prod(layout.frame)
    if not pixels:
        raise UserError(
            f"{array.name} must have frames of a pixel or more. Received: axes {layout.axes}, frames of {form} (H x W x C)"
        )
    room.check(min(needed, layout.size("T")) * pixels * array.dtype.itemsize, f"A window of {array.name}")
    notes = array.notes
    if data.axes == "auto":
        notes = (Note(logging.INFO, f"--data.axes auto takes {layout.axes}, frames of {form} (H x W x C)"), *notes)

    def frames(sequence: int, indices: range) -> np.ndarray:
        block = array.read(layout.index(sequence, indices.start, indices[-1] + 1))
        return layout.arrange(np.asarray(block))[:: indices.step]  # (T, H, W, C)

    return [
        Sequence(
            name=f"{name} #{n}" if numbered else name,
            file=name,
            frames=layout.size("T"),
            shape=layout.frame,
            dtype=np.dtype(array.dtype),
            read=functools.partial(frames, n),
            values=data.values or (BYTES if array.masks and array.dtype == np.uint8 else None),
            better_order=axes.better_order(layout, needed),
            notes=notes,
        )
        for n in range(layout.size("N"))
    ]


# === Pictures ===


def _pictures(folder: Path, name: str, data: Sequences) -> Sequence:
    every = pictures.picture_paths(folder)
    paths = stored_flow.without_flow(every) or every
    if not paths:
        raise UserError(f"{folder} holds no pictures.")
    facts = INDEX.of(folder, data.max_pixels)
    if facts.unreadable:
        raise UserError(f"{folder}: {facts.unreadable}")
    pictures.stored_type(paths[0])  # says what of it is left out
    first = _picture(paths[0])
    check = functools.partial(_picture_like, first.shape, first.dtype)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(check, paths):
            pass

    def read(indices: range) -> np.ndarray:
        return np.stack([check(paths[k]) for k in indices])

    return Sequence(name, name, len(paths), first.shape, first.dtype, read, data.values, notes=_of_damage(facts))


def _picture(path: Path) -> np.ndarray:
    """`(H, W, 1)` of a grey picture, `(H, W, 3)` RGB otherwise; of the stored type."""
    try:
        picture = pictures.read_stored(path)
    except pictures.Unreadable as error:
        raise UserError(f"{path.parent}: {error}") from error
    return picture[..., None] if picture.ndim == 2 else np.ascontiguousarray(picture[..., ::-1])


def _picture_like(shape: tuple[int, int, int], dtype: np.dtype, path: Path) -> np.ndarray:
    picture = _picture(path)
    if picture.shape != shape or picture.dtype != dtype:
        first, this = (
            f"{' x '.join(map(str, form))} {kind}" for form, kind in ((shape, dtype), (picture.shape, picture.dtype))
        )
        raise UserError(f"All pictures of a sequence must be alike, {first} as the first. Received: {path}, {this}")
    return picture


# === Videos ===


def _video(path: Path, name: str, data: Sequences) -> Sequence:
    try:
        reader = decode.Reader(path, max_pixels=data.max_pixels)
        first = next(iter(reader))()
    except pictures.Unreadable as error:
        raise UserError(f"{path} cannot be read as a video: {error}") from error
    read = functools.partial(_read_video, path, data.max_pixels)
    return Sequence(name, name, len(reader), first.shape, first.dtype, read, data.values, notes=_of_damage(reader.facts))


def _of_damage(facts: Facts) -> tuple[Note, ...]:
    return (Note(logging.WARNING, f"damaged, used as far as it can be decoded: {facts.damage}"),) if facts.damage else ()


def _read_video(path: Path, max_pixels: int, indices: range) -> np.ndarray:
    """`(len, H, W, 3)` uint8, RGB. A video is decoded from its start: seeking returns wrong frames on some."""
    frames = []
    try:
        for number, retrieve in enumerate(decode.Reader(path, max_pixels=max_pixels)):
            if number in indices:
                frames.append(retrieve()[..., ::-1])
            if number >= indices[-1]:
                return np.stack(frames)
    except pictures.Unreadable as error:
        raise UserError(f"{path} cannot be read as a video: {error}") from error
    raise UserError(f"{path} had more frames when it was opened. Received: {number + 1}, needed: {indices[-1] + 1}")
