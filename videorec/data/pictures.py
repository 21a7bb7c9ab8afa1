"""A folder of pictures as a video: its pictures in name order, read with OpenCV."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from videorec.data.file_kinds import IMAGE_SUFFIXES, is_utf8


class Unreadable(Exception):  # noqa: N818 -- it reads as what it says: except Unreadable
    """A video that yields no frame; the message is the reason."""


class PictureFolder:
    """A folder of images, in name order (numbers by value: 2 before 10)."""

    rate = None

    def __init__(self, path: Path):
        try:
            names = [entry for entry in path.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES]
        except OSError as error:
            raise Unreadable(f"the folder cannot be read: {error.strerror}") from error
        self._names = sorted(names, key=natural_order)
        self.declared = len(names)

    def __iter__(self) -> Iterator[None]:
        for path in self._names:
            self._current = path
            yield None

    def retrieve(self) -> np.ndarray:
        if not is_utf8(self._current):
            raise Unreadable(f"the name of {os.fsencode(self._current)} is not UTF-8, which OpenCV needs: rename it")
        try:
            frame = cv2.imread(str(self._current), cv2.IMREAD_COLOR)
        except cv2.error as error:  # larger than OpenCV allows, for example
            raise Unreadable(f"{self._current.name}: {error.err}") from error
        if frame is None:
            raise Unreadable(f"{self._current.name} is not an image")
        return frame


def natural_order(path: Path) -> list:
    """Key for sorting file names with numbers as people do: 2 before 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]
