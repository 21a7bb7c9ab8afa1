"""A folder of pictures as a video: its pictures in name order, read with OpenCV.

Pictures of 8 bits are read as they are. Of all others the user must say which values become 0 and 255, for OpenCV alone drops
the lower bits and wraps signed numbers without a word.
"""

import logging
import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from videorec.config import UserError
from videorec.data import values as ranges
from videorec.data.file_kinds import IMAGE_SUFFIXES, is_hidden, is_utf8, kind_of_special
from videorec.data.values import Values

log = logging.getLogger(__name__)

AS_STORED = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH  # grey or BGR without alpha, of the file's own type
PNG, TIFF = b"\x89PNG", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # first bytes
LOOKED_AT = 64  # folders, spread over all, before a run
SAID: set[str] = set()  # what the log has said of pictures in this process


class Unreadable(Exception):  # noqa: N818 -- it reads as what it says: except Unreadable
    """A video that yields no frame; the message is the reason."""


class ValuesNeeded(Unreadable):
    """Pictures that can be read once their range of values is given."""


class PictureFolder:
    """A folder of images, in name order (numbers by value: 2 before 10).

    Args:
        values: the stored values that become 0 and 255, others clipped; None: pictures must be of 8 bits.
        left_out: names of pictures that are not used.

    Attributes:
        paths: of the pictures, in order.

    Raises:
        Unreadable: the folder cannot be read.
    """

    rate = None

    def __init__(self, path: Path, values: Values = None, left_out: Collection[str] = ()):
        try:
            self.paths = [entry for entry in picture_paths(path) if entry.name not in left_out]
        except OSError as error:
            raise Unreadable(f"the folder cannot be read: {error.strerror}") from error
        self._values = values
        self._first: tuple[Path, np.dtype] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def look(self) -> np.dtype | None:
        """The type of the first picture's values, from its header where that says it; None where it cannot be read.

        Raises:
            ValuesNeeded: not of 8 bits, and no range is given.
        """
        dtype = stored_type(self.paths[0]) if self.paths else None
        if dtype is not None:
            self._first = self.paths[0], dtype
            _check(self.paths[0].name, dtype, self._values)
        return dtype

    def __iter__(self) -> Iterator[None]:
        self.look()
        for path in self.paths:
            self._current = path
            yield None

    def retrieve(self) -> np.ndarray:
        """`(H, W, 3)` uint8, BGR.

        Raises:
            Unreadable: no picture, one of another type than the first, or values that no range is given for.
        """
        picture = read_stored(self._current)
        first, dtype = self._first = self._first or (self._current, picture.dtype)
        if picture.dtype != dtype:
            raise Unreadable(_of_two_types(first.name, dtype, self._current.name, picture.dtype))
        picture = as_bytes(picture, self._values, self._current.name)
        return picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)


class Types:
    """What values the pictures of a folder hold, from looking at all of them."""

    def __init__(self):
        self._names: dict[np.dtype, str] = {}
        self._least, self._most = np.inf, -np.inf

    def add(self, name: str, picture: np.ndarray) -> None:
        """Count a picture in, as `read_stored` gives it."""
        self._names.setdefault(picture.dtype, name)
        if picture.dtype != np.uint8:
            known = picture[np.isfinite(picture)]
            if known.size:
                self._least, self._most = min(self._least, known.min()), max(self._most, known.max())

    @property
    def fault(self) -> str:
        """Why the folder cannot be read, in words: two types; empty where it can."""
        if len(self._names) < 2:
            return ""
        (dtype, name), (other_dtype, other), *_ = self._names.items()
        return _of_two_types(name, dtype, other, other_dtype)

    @property
    def remark(self) -> str:
        """That a range of values must be given, in words; empty for 8 bits."""
        dtype = next(iter(self._names), np.uint8)
        if dtype == np.uint8:
            return ""
        return f"its pictures hold {dtype} from {self._least:g} to {self._most:g}: --data.values LEAST MOST must be given"


def _of_two_types(name: str, dtype: np.dtype, other: str, other_dtype: np.dtype) -> str:
    return f"all pictures of a folder must hold values of one type. Received: {name} {dtype} and {other} {other_dtype}"


def check_values(paths: Sequence[str], values: Values) -> None:
    """Look at the first picture of some of the folders among `paths`, before a run; the log says what is odd of them.

    Raises:
        UserError: pictures that are not of 8 bits, where no range is given; a range, where there are video files alone.
    """
    folders = [path for path in dict.fromkeys(paths) if os.path.isdir(path)]
    if values is not None and not folders and any(map(os.path.isfile, paths)):
        least, most = values
        raise UserError(
            f"--data.values is for folders of pictures: leave it out. Received: {least:g} {most:g}, for video files"
        )
    chosen = {int(index) for index in np.linspace(0, len(folders) - 1, min(len(folders), LOOKED_AT))}
    kinds: dict[np.dtype, str] = {}
    greatest: list[float] = []
    for path in (folders[index] for index in sorted(chosen)):
        try:
            dtype = (folder := PictureFolder(Path(path), values)).look()
            if values is None and dtype is not None and max(greatest, default=0) <= 1:
                greatest.append(read_stored(folder.paths[0]).max())
        except ValuesNeeded as error:
            raise UserError(f"{path}: {error}") from error
        except Unreadable:  # reported when its pictures are wanted
            continue
        if dtype is not None:
            kinds.setdefault(dtype, path)
    if len(kinds) > 1:
        listed = ", ".join(f"{dtype} in {path}" for dtype, path in kinds.items())
        log.warning("--data.values %g %g applies to pictures of several types: %s", *values, listed)
    if max(greatest, default=0) == 1:
        text = "the first pictures of %d folders hold the values 0 and 1 alone, almost black. 1 as white: --data.values 0 1"
        log.warning(text, len(greatest))


def is_picture(path: Path) -> bool:
    """Whether it has a picture's name, and not that of a hidden file (`._0001.png`, which a Mac leaves beside the picture)."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(path.name)


# === Pictures ===


def as_bytes(picture: np.ndarray, values: Values, name: str) -> np.ndarray:
    """A picture of any real type as uint8 of the same shape: of 8 bits as it is, or by the range; 0 where NaN or infinite.

    Raises:
        ValuesNeeded: not of 8 bits, and no range is given.
    """
    _check(name, picture.dtype, values)
    if values is None:
        return picture
    if not {"outside", "masked"} <= SAID:
        count = ranges.count(picture, values, name)
        least, most = values
        if count.outside:
            _say(
                "outside", f"{name}: {count.outside} of {count.total} values lie outside {least:g} to {most:g} and are clipped"
            )
        if count.masked:
            _say("masked", f"{name}: {count.masked} of {count.total} values are NaN or infinite and become 0")
    return np.rint(np.nan_to_num(ranges.scale(picture, values, name), nan=0.0) * 255).astype(np.uint8)


def _check(name: str, dtype: np.dtype, values: Values) -> None:
    if values is None and dtype != np.uint8:
        say = "say which of its values become 0 and 255, --data.values LEAST MOST (of prepare: --values)"
        raise ValuesNeeded(f"{name} holds {dtype}: {say}")


def read_stored(path: Path) -> np.ndarray:
    """A picture `(H, W)` or `(H, W, 3)` BGR, of the stored type.

    Raises:
        Unreadable: no picture, a damaged one, or one that OpenCV cannot open.
    """
    if not is_utf8(path):
        raise Unreadable(f"the name of {os.fsencode(path)} is not UTF-8, which OpenCV needs: rename it")
    try:
        special = kind_of_special(path)
        if special:
            raise Unreadable(f"{path.name} is {special}, not a file")
        picture = cv2.imread(str(path), AS_STORED)
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be opened: {error.strerror}") from error
    except cv2.error as error:  # larger than OpenCV allows, for example
        raise Unreadable(f"{path.name}: {error.err}") from error
    if picture is None:
        raise Unreadable(f"{path.name} is not an image")
    return picture


def stored_type(path: Path) -> np.dtype | None:
    """The type of a picture's values; None where it cannot be read. The log says once what of it is left out."""
    try:
        if kind_of_special(path):
            return None
        with open(path, "rb") as file:
            head = file.read(26)
        if head.startswith(PNG) and len(head) == 26:
            if head[25] & 4:  # the colour type's flag
                _say("alpha", f"{path.name} has an alpha channel, which is left out")
            return np.dtype(np.uint16 if head[24] == 16 else np.uint8)
        if not head.startswith(TIFF):
            return np.dtype(np.uint8)  # JPEG, BMP, WebP
        if "pages" not in SAID and is_utf8(path) and (pages := cv2.imcount(str(path))) > 1:
            _say("pages", f"{path.name} holds {pages} pages, of which the first is read")
        return read_stored(path).dtype
    except (OSError, Unreadable):
        return None


def _say(kind: str, text: str) -> None:
    if kind not in SAID:
        SAID.add(kind)
        log.warning("%s (said once, for all such pictures)", text)


def picture_paths(folder: Path) -> list[Path]:
    """The pictures of a folder, in order.

    Raises:
        OSError: it cannot be read.
    """
    return sorted((entry for entry in folder.iterdir() if is_picture(entry)), key=natural_order)


def natural_order(path: Path) -> list:
    """Key for sorting file names with numbers as people do: 2 before 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]
