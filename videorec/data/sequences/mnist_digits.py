"""The digits that Moving MNIST is made of: raw IDX files in a folder, or keras.datasets.mnist."""

import gzip
import logging
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from videorec.config import UserError
from videorec.storage import archives, outside

log = logging.getLogger(__name__)

TRAIN, TEST = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
MAGIC = 0x00000803  # IDX: unsigned bytes, three axes
SIDE = 28  # px
SHARES = (0.7, 0.8)  # where only one file is there: training digits up to the first share, validation up to the second
NEEDED = 10  # digits that can be divided


class Digits(NamedTuple):
    """`(N, 28, 28)` uint8 each.

    Attributes:
        train, val, test: validation digits are the training digits, except where `divided`.
        divided: all three come from the test file, and share no digit.
        source: where they come from, in words.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray | None
    divided: bool
    source: str


def load(folder: str | None) -> Digits:
    """The digits of a folder, or without one those of keras.datasets.mnist (downloaded once).

    With the training file alone `test` is None. With the test file alone its digits are divided in three, always alike.

    Raises:
        UserError: neither file is there, one is damaged, or the download fails.
    """
    if folder is None:
        return _download()
    path = Path(folder).expanduser()
    train, test = _find(path, TRAIN), _find(path, TEST)
    if train is None and test is None:
        what = "is not there" if not path.exists() else "is a file" if path.is_file() else "has neither"
        raise UserError(f"--data.digits must be a folder with {TRAIN}[.gz] and {TEST}[.gz]. Received: {folder}, which {what}.")
    if train is None:
        return _divide(read_idx(test), test)
    digits = read_idx(train)
    return Digits(digits, digits, None if test is None else read_idx(test), False, str(path))


def read_idx(path: Path) -> np.ndarray:
    """`(N, 28, 28)` uint8 from an IDX file, plain or gzipped.

    Raises:
        UserError: it cannot be read, is no IDX file of pictures of 28 x 28, or breaks off.
    """
    with outside.reading(path, "Fetch it again"), (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        header = file.read(16)
        magic, count, height, width = struct.unpack(">4I", header.ljust(16, b"\0"))
        most = path.stat().st_size * (archives.ZIPPED if path.suffix == ".gz" else 1)
        content = header + file.read(min(count * SIDE * SIDE + 1, most))  # a byte more than there should be, at most
    if len(header) < 16:
        raise UserError(f"{path} is damaged: an IDX file starts with 16 bytes of header. Received: {len(header)} bytes.")
    if magic != MAGIC:
        raise UserError(f"{path} is no IDX file of pictures: its magic number must be 0x{MAGIC:08x}. Received: 0x{magic:08x}")
    if (height, width) != (SIDE, SIDE):
        raise UserError(f"{path} must hold pictures of {SIDE} x {SIDE} pixels. Received: {height} x {width}")
    expected = 16 + count * SIDE * SIDE
    if len(content) != expected or not count:
        raise UserError(f"{path} is damaged: {count} pictures take {expected:,} bytes. Received: {len(content):,}")
    return np.frombuffer(content, np.uint8, offset=16).reshape(count, SIDE, SIDE)


def _find(folder: Path, name: str) -> Path | None:
    return next((folder / file for file in (name, f"{name}.gz") if (folder / file).is_file()), None)


def _divide(digits: np.ndarray, path: Path) -> Digits:
    if len(digits) < NEEDED:
        raise UserError(
            f"{path} must hold {NEEDED} digits or more, to be divided into train, val and test. Received: {len(digits)}"
        )
    order = np.random.default_rng(0).permutation(len(digits))  # the file's second half is harder than its first
    ends = [int(share * len(digits)) for share in SHARES]
    train, val, test = (digits[np.sort(part)] for part in np.split(order, ends))
    log.warning(
        "%s is absent: the digits of %s are divided, %d to train on, %d for validation, %d for the test, none of them in two",
        *(TRAIN, path, len(train), len(val), len(test)),
    )
    return Digits(train, val, test, True, f"{path}, divided")


def _download() -> Digits:
    import keras

    try:
        (train, _), (test, _) = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises plain Exception where the download fails
        raise UserError(
            f"MNIST cannot be downloaded: {error}. Name a folder with {TRAIN}[.gz] and {TEST}[.gz]: --data.digits FOLDER"
        ) from error
    return Digits(train, train, test, False, "keras.datasets.mnist")
