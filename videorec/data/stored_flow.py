"""Folders that hold a video's frames and its flow: `img_00001.jpg`, `flow_x_00001.jpg`, `flow_y_00001.jpg` (TSN, mmaction2).

Flow pictures are told by their names, so that a reader of frames never gets one. Of a pair x is u and y is v, grey, with the
levels 0 to 255 for -20 to 20 px (Wang et al. 2016, `dense_flow` with its bound of 20); the third channel is what the encoding
makes of both. Flow picture n belongs to frame n. Other folders of flow pictures hold them as the network sees them.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from videorec.config import Footage
from videorec.data import flow
from videorec.data.pictures import PictureFolder, Unreadable, picture_paths, read_stored
from videorec.data.values import Values

BOUND = 20.0  # px that the levels 0 and 255 stand for
NAMED = re.compile(r"flow_?([xyuv])_?(\d+)", re.IGNORECASE)
SHORT = re.compile(r"([xyuv])_(\d+)", re.IGNORECASE)  # flow where x comes with y, or u with v, of one number
NUMBER = re.compile(r"(\d+)$")
AXIS = {"x": 0, "u": 0, "y": 1, "v": 1}
LAYOUT = "img_00001.jpg, flow_x_00001.jpg, flow_y_00001.jpg"


@dataclass(frozen=True)
class Wanted:
    """Which pictures of a folder are read.

    Args:
        stream: rgb: the frames; flow: stored flow; None: the frames, or all pictures where there are none.
        encoding: that pairs are brought to, see `flow.encode`.
        both: leave out the frames without flow and the flow without frames.
    """

    stream: str | None = None
    encoding: str = "lrcn"
    both: bool = False


EVERY, FRAMES = Wanted(), Wanted("rgb")


def wanted(data: Footage, both: bool = False) -> Wanted:
    """What the one stream of `data` reads."""
    stored = data.flow.method == "stored"
    return Wanted("flow" if stored and data.stream == "flow" else "rgb", data.flow.encoding, both and stored)


def without_flow(paths: Sequence[Path]) -> list[Path]:
    """The pictures that are no flow by their names, in order."""
    named = {path for axes in _by_number(paths).values() for path in axes.values()}
    return [path for path in paths if path not in named]


def opened(folder: Path, values: Values, left_out: Collection[str], which: Wanted) -> "PictureFolder | FlowFolder":
    """The wanted pictures of a folder; `values` and `left_out` as `PictureFolder`.

    Raises:
        Unreadable: it cannot be read, or holds no such pictures; a flow picture without the other of its pair.
    """
    try:
        paths = picture_paths(folder)
    except OSError as error:
        raise Unreadable(f"the folder cannot be read: {error.strerror}") from error
    motion, frames = _by_number(paths), without_flow(paths)
    if which.both:
        motion, frames = _common(motion, frames, left_out)
    if which.stream == "flow" and motion:
        return _not_empty(FlowFolder(motion, left_out, which.encoding), "flow pictures")
    if which.stream == "rgb" and motion and not frames:
        raise Unreadable("it holds flow pictures alone, which --data.stream flow --data.flow.method stored reads")
    kept = {path.name for path in (frames or paths)}
    others = {*left_out, *(path.name for path in paths if path.name not in kept)}
    return _not_empty(PictureFolder(folder, values, others), "frames")


def _not_empty(opened_folder: "PictureFolder | FlowFolder", what: str) -> "PictureFolder | FlowFolder":
    if not len(opened_folder):
        raise Unreadable(f"none of its {what} can be read")
    return opened_folder


class FlowFolder:
    """Pairs of grey pictures as flow pictures, in the order of their numbers; used like `PictureFolder`.

    Raises:
        Unreadable: one of a pair is missing.
    """

    def __init__(self, motion: dict[int, dict[int, Path]], left_out: Collection[str], encoding: str):
        for axes in motion.values():
            if len(axes) < 2:
                (path,) = axes.values()
                raise Unreadable(f"{path.name} has no other of its pair: stored flow is {LAYOUT}")
        pairs = [(axes[0], axes[1]) for _, axes in sorted(motion.items())]
        self._pairs = [pair for pair in pairs if not any(path.name in left_out for path in pair)]
        self._encoding = encoding

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[None]:
        for pair in self._pairs:
            self._current = pair
            yield None

    def retrieve(self) -> np.ndarray:
        """`(H, W, 3)` uint8, BGR: third channel, v, u.

        Raises:
            Unreadable: no picture, or two that are not alike.
        """
        levels = [_grey(path) for path in self._current]
        if levels[0].shape != levels[1].shape:
            names = " and ".join(path.name for path in self._current)
            raise Unreadable(f"{names} must have one size")
        motion = np.stack(levels, -1).astype(np.float32) * np.float32(2 * BOUND / 255) - np.float32(BOUND)
        return flow.encode(motion, self._encoding)[..., ::-1]


def _grey(path: Path) -> np.ndarray:
    picture = read_stored(path)
    if picture.dtype != np.uint8:
        raise Unreadable(f"{path.name} holds {picture.dtype}: stored flow is of 8 bits, -{BOUND:g} to {BOUND:g} px")
    return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


def _by_number(paths: Sequence[Path]) -> dict[int, dict[int, Path]]:
    """The flow pictures: number -> {0: of u, 1: of v}; empty where there are none."""
    motion: dict[int, dict[int, Path]] = {}
    for path in paths:
        if match := NAMED.fullmatch(path.stem):
            motion.setdefault(int(match[2]), {})[AXIS[match[1].lower()]] = path
    if motion:
        return motion
    for path in paths:
        if match := SHORT.fullmatch(path.stem):
            motion.setdefault(int(match[2]), {})[AXIS[match[1].lower()]] = path
    return motion if any(len(axes) == 2 for axes in motion.values()) else {}


def _common(motion: dict[int, dict[int, Path]], frames: Sequence[Path], left_out: Collection[str]) -> tuple[dict, list[Path]]:
    """The flow and the frames that have the same numbers."""
    if not motion or not frames:
        here = "flow alone" if motion else f"{len(frames)} pictures that are no such flow"
        raise Unreadable(f"frames and stored flow are read from one folder ({LAYOUT}), which holds {here}")
    numbers = {}
    for path in frames:
        match = NUMBER.search(path.stem)
        if match is None or int(match[1]) in numbers:
            raise Unreadable(f"{path.name}: where flow lies beside them, frames are told by their numbers: {LAYOUT}")
        numbers[int(match[1])] = path
    whole = {
        number
        for number in numbers.keys() & motion.keys()
        if not any(path.name in left_out for path in (numbers[number], *motion[number].values()))
    }
    if not whole:
        raise Unreadable(f"no frame has flow of its number: {LAYOUT}")
    return {number: motion[number] for number in whole}, [path for number, path in numbers.items() if number in whole]
