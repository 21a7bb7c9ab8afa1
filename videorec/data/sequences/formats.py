"""One file of sequences, or a folder of pictures, opened: its frames are read when they are asked for."""

import functools
import os
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data import decode, pictures
from videorec.data.file_kinds import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from videorec.data.sequences import axes, hdf5

ARRAY_SUFFIXES = frozenset((".npy", ".npz"))
SUFFIXES = ARRAY_SUFFIXES | hdf5.SUFFIXES | VIDEO_SUFFIXES


@dataclass(frozen=True)
class Sequence:
    """Frames in order.

    Args:
        name: the file below the data set's folder; `file #n` where a file has an axis N.
        file: without the number.
        frames: how many.
        shape: `(H, W, C)` as stored.
        dtype: as stored.
        read: indices of frames -> `(len, H, W, C)`, as stored. It raises UserError where they cannot be read.
        better_order: `--data.axes` that would make longer sequences of the same array; None where none would.
    """

    name: str
    file: str
    frames: int
    shape: tuple[int, int, int]
    dtype: np.dtype
    read: Callable[[range], np.ndarray]
    better_order: str | None = None


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
        return [_pictures(path, name)]
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return [_video(path, name)]
    if suffix in hdf5.SUFFIXES:
        array = hdf5.open_array(path, data.key)
        return _sequences(array.name, name, array.shape, array.dtype, array.read, data, needed)
    stored = _load(path, data.key)
    return _sequences(str(path), name, stored.shape, stored.dtype, stored.__getitem__, data, needed)


# === Arrays ===


def _sequences(what, name, shape, dtype, read, data, needed) -> list[Sequence]:
    layout = axes.layout(data.axes, shape, what)
    numbered = "N" in layout.axes

    def frames(sequence: int, indices: range) -> np.ndarray:
        block = read(layout.index(sequence, indices.start, indices[-1] + 1))
        return layout.arrange(np.asarray(block))[:: indices.step]  # (T, H, W, C)

    return [
        Sequence(
            name=f"{name} #{n}" if numbered else name,
            file=name,
            frames=layout.size("T"),
            shape=layout.frame,
            dtype=np.dtype(dtype),
            read=functools.partial(frames, n),
            better_order=axes.better_order(layout, needed),
        )
        for n in range(layout.size("N"))
    ]


def _load(path: Path, key: str | None) -> np.ndarray:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            arrays = {name: loaded[name] for name in ([key] if key in loaded.files else loaded.files)}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} cannot be read as {path.suffix}: {error}") from error
    return arrays[hdf5.choose_key(path, key, {name: array.shape for name, array in arrays.items()})]


# === Pictures ===


def _pictures(folder: Path, name: str) -> Sequence:
    paths = [entry for entry in folder.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".")]
    paths.sort(key=pictures.natural_order)
    first = _picture(paths[0])
    check = functools.partial(_picture_like, first.shape, first.dtype)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(check, paths):
            pass

    def read(indices: range) -> np.ndarray:
        return np.stack([check(paths[k]) for k in indices])

    return Sequence(name, name, len(paths), first.shape, first.dtype, read)


def _picture(path: Path) -> np.ndarray:
    """`(H, W, 1)` of a grey picture, `(H, W, 3)` RGB otherwise; uint8, or uint16 of 16 bits."""
    try:
        picture = cv2.imread(str(path), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise UserError(f"{path} cannot be read: {error.err}") from error
    if picture is None:
        raise UserError(f"{path} is not a picture, or is damaged.")
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


def _video(path: Path, name: str) -> Sequence:
    try:
        first = next(iter(decode.Reader(path)))()
        frames = decode.count(path)
    except pictures.Unreadable as error:
        raise UserError(f"{path} cannot be read as a video: {error}") from error
    return Sequence(name, name, frames, first.shape, first.dtype, functools.partial(_read_video, path))


def _read_video(path: Path, indices: range) -> np.ndarray:
    """`(len, H, W, 3)` uint8, RGB. A video is decoded from its start: seeking returns wrong frames on some."""
    frames = []
    try:
        for number, retrieve in enumerate(decode.Reader(path)):
            if number in indices:
                frames.append(retrieve()[..., ::-1])
            if number >= indices[-1]:
                return np.stack(frames)
    except pictures.Unreadable as error:
        raise UserError(f"{path} cannot be read as a video: {error}") from error
    raise UserError(f"{path} had more frames when it was opened. Received: {number + 1}, needed: {indices[-1] + 1}")
