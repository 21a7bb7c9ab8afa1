"""The order of the axes of a stored array: N sequences, T time, H height, W width, C channels."""

from typing import NamedTuple

import numpy as np

from videorec.config import UserError

LETTERS = "NTHWC"
MOST_CHANNELS = 4  # that `auto` believes in


class Layout(NamedTuple):
    """An array of `shape` whose axes are `axes`, a letter each."""

    axes: str
    shape: tuple[int, ...]

    def size(self, letter: str) -> int:
        """Entries along an axis; 1 where there is none."""
        return self.shape[self.axes.index(letter)] if letter in self.axes else 1

    @property
    def frame(self) -> tuple[int, int, int]:
        """`(H, W, C)` of a frame."""
        return self.size("H"), self.size("W"), self.size("C")

    def index(self, sequence: int, start: int, stop: int) -> tuple[slice, ...]:
        """Where the frames `start` to `stop` of a sequence are, as a slice for every axis."""
        part = {"N": slice(sequence, sequence + 1), "T": slice(start, stop)}
        return tuple(part.get(letter, slice(0, size)) for letter, size in zip(self.axes, self.shape, strict=True))

    def arrange(self, block: np.ndarray) -> np.ndarray:
        """A block of one sequence, as stored -> `(T, H, W, C)`."""
        order = [self.axes.index(letter) for letter in LETTERS if letter in self.axes]
        return block.transpose(order).reshape(-1, *self.frame)


def layout(axes: str, shape: tuple[int, ...], name: str) -> Layout:
    """The layout of an array that `--data.axes` describes.

    Raises:
        UserError: letters unknown, doubled or missing; more or fewer than the array has axes; an array that `auto` cannot tell.
    """
    given = " x ".join(map(str, shape))
    if axes == "auto":
        return _automatic(shape, f"{name} is {given}")
    letters = axes.upper()
    if set(letters) - set(LETTERS) or len(set(letters)) < len(letters) or not set("THW") <= set(letters):
        raise UserError(
            "--data.axes must have T, H and W, may have N and C, each letter once, e.g. THW, THWC, NTHW or NHWT. "
            f"Received: {axes}"
        )
    if len(letters) != len(shape):
        raise UserError(f"--data.axes must have a letter for each axis of the array. Received: {axes} for {name}, {given}")
    return Layout(letters, shape)


def _automatic(shape: tuple[int, ...], what: str) -> Layout:
    if len(shape) == 3:
        return Layout("THW", shape)
    if len(shape) == 4 and shape[-1] <= MOST_CHANNELS:
        return Layout("THWC", shape)
    hint = "--data.axes NTHW or NHWT, for example" if len(shape) == 4 else "--data.axes with a letter for each axis"
    raise UserError(f"{what}: neither T x H x W nor T x H x W x C with C of {MOST_CHANNELS} or fewer. Say what it is: {hint}.")


def better_order(stored: Layout, needed: int) -> str | None:
    """An order of the same letters whose time axis has the `needed` frames, where the given one's has fewer; None if none."""
    if stored.size("T") >= needed:
        return None
    longest = max("NHW", key=stored.size)
    if stored.size(longest) < needed:
        return None
    return stored.axes.translate(str.maketrans("T" + longest, longest + "T"))
