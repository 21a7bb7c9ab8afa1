"""Moving MNIST: two digits that move over a black frame of 64 x 64, in the two protocols that published results follow.

common: Srivastava et al. 2015, as PredRNN and OpenSTL have it. Training sequences are made on the fly, the test set is a fixed
file. shi: Shi et al. 2015, 500 digits and 15,000 fixed sequences. Results of the two cannot be compared.

Every sequence follows from (seed, split, epoch, index) alone.
"""

from pathlib import Path

import numpy as np

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.record import Record
from videorec.data.resize import resize_frames
from videorec.data.sequences import mnist_digits, numpy_files
from videorec.data.sequences.mnist_digits import SIDE

FRAME = 64  # side of a frame in px
CANVAS = FRAME - SIDE  # px that a digit's corner can move
STEP = 0.1  # common: distance that a digit moves a frame, in canvases
SPEED = (3.0, 5.0)  # shi: px a frame
SHI_DIGITS = 500
COUNTS = {"common": (10_000, 10_000, 10_000), "shi": (10_000, 2_000, 3_000)}  # sequences of train, val, test
TEST_FILE_FRAMES, TEST_FILE_SEQUENCES = 20, 10_000
SPLITS = ("train", "val", "test")
FIXED = 0  # common: validation and test are the same for every seed


def trajectory(start: np.ndarray, velocity: np.ndarray, steps: int) -> np.ndarray:
    """Positions of points that bounce off the walls of a canvas, after 1, 2, ... `steps` frames.

    A point that would leave stops at the wall, and its velocity turns (Srivastava et al. 2015, the authors' code).

    Args:
        start: `(...)` in [0, 1], each coordinate of each point.
        velocity: `(...)` in canvases a frame.

    Returns:
        `(steps, ...)` in [0, 1].
    """
    position, velocity = np.array(start, float), np.array(velocity, float)
    path = np.empty((steps, *position.shape))
    for row in path:
        position += velocity
        velocity[(position <= 0) | (position >= 1)] *= -1
        np.clip(position, 0, 1, out=position)
        row[...] = position
    return path


def render(digits: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Draw digits over black; where two overlap, the brighter pixel shows.

    Args:
        digits: `(D, 28, 28)` uint8.
        corners: `(T, D, 2)` whole px, the upper left corner `(y, x)` of each digit in each frame, 0 to 36.

    Returns:
        `(T, 64, 64, 1)` uint8.
    """
    frames = np.zeros((len(corners), FRAME, FRAME), np.uint8)
    for frame, places in zip(frames, corners.tolist(), strict=True):
        for digit, (y, x) in zip(digits, places, strict=True):
            window = frame[y : y + SIDE, x : x + SIDE]
            np.maximum(window, digit, out=window)
    return frames[..., None]


def sequence(digits: np.ndarray, speed: tuple[float, float], frames: int, step: int, rng: np.random.Generator) -> np.ndarray:
    """Two digits, drawn from `digits`, that start anywhere and move in any direction.

    Args:
        digits: `(N, 28, 28)` uint8.
        speed: least and most, in canvases a frame.
        frames: of the sequence.
        step: distance of two of them, in frames.

    Returns:
        `(frames, 64, 64, 1)` uint8.
    """
    chosen = digits[rng.integers(len(digits), size=2)]
    start, angle, speeds = rng.random((2, 2)), rng.random(2) * 2 * np.pi, rng.uniform(*speed, 2)
    velocity = speeds[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)  # (D, 2): y, x
    path = trajectory(start, velocity, (frames - 1) * step + 1)[::step]
    return render(chosen, (CANVAS * path).astype(np.int64))  # rounded down to whole px, as the authors do


class MovingMNIST:
    """The sequences of one protocol; see `videorec.data.sequences.windows.SequenceSet`.

    Args:
        data: digits, protocol, test_file, the numbers of sequences, frames and step count.
        horizon: K.
        seed: of training; of shi also the choice of the digits, and all sequences.

    Attributes:
        digits: `(N, 28, 28)` uint8 that each split shows; None for test where its sequences come from a file.

    Raises:
        UserError: digits or test file missing, damaged, too few or of a wrong shape.
    """

    classes: tuple[str, ...] = ()
    failure: UserError | None = None

    def __init__(self, data: Sequences, horizon: int, seed: int):
        self.data, self.seed, self.frames = data, seed, data.frames + horizon
        self.shape = (*(data.size or (FRAME, FRAME)), 1)
        self.is_shi = data.protocol == "shi"
        self._source = mnist_digits.load(data.digits)
        self._test_file = None if data.test_file is None else self._open_test_file(data.test_file)
        self.digits = self._choose_digits()
        train, val, test = COUNTS[data.protocol]
        if self._test_file is not None:
            test = self._test_file.shape[1]
        self._counts = {
            "train": data.train_sequences or train,
            "val": data.test_sequences or val,
            "test": min(data.test_sequences or test, test) if self._test_file is not None else data.test_sequences or test,
        }

    def _choose_digits(self) -> dict[str, np.ndarray | None]:
        digits = self._source
        if not self.is_shi:
            if digits.test is None and self._test_file is None:
                raise UserError(
                    f"The test set needs digits that training does not see: {mnist_digits.TEST}[.gz], or --data.test-file "
                    f"with mnist_test_seq.npy. {digits.source} has {mnist_digits.TRAIN} alone."
                )
            return {"train": digits.train, "val": digits.val, "test": digits.test}
        if len(digits.train) < SHI_DIGITS:
            rule = f"--data.protocol shi takes {SHI_DIGITS} training digits"
            raise UserError(f"{rule}. Received: {len(digits.train)}, from {digits.source}")
        chosen = np.random.default_rng([self.seed, SHI_DIGITS]).choice(len(digits.train), SHI_DIGITS, replace=False)
        return dict.fromkeys(SPLITS, digits.train[chosen])

    def _open_test_file(self, path: str) -> np.ndarray:
        """`(20, N, 64, 64)` uint8, mapped into memory."""
        if self.is_shi:
            raise UserError("--data.test-file goes with --data.protocol common: the test sequences of shi are its own.")
        array = numpy_files.load(Path(path).expanduser(), None).array
        form = array.shape
        if len(form) != 4 or array.dtype != np.uint8 or form[2:] != (FRAME, FRAME) or form[0] != TEST_FILE_FRAMES:
            rule = f"must be uint8, {TEST_FILE_FRAMES} x N x {FRAME} x {FRAME}, time first (mnist_test_seq.npy: N = 10,000)"
            what = f"{getattr(array, 'dtype', '')} {' x '.join(map(str, form))}".strip()
            raise UserError(f"--data.test-file {path} {rule}. Received: {what}")
        if not form[1]:
            raise UserError(f"--data.test-file {path} holds no sequence.")
        needed = (self.frames - 1) * self.data.step + 1
        if needed > form[0]:
            rule = f"--data.frames + --model.horizon, --data.step apart, must span {form[0]} frames or fewer"
            raise UserError(f"{rule}: the sequences of {path} are that long. Received: {needed}")
        return array

    @property
    def files(self) -> dict[str, list[str]]:
        """Nothing is split by file."""
        return {}

    def record(self) -> Record:
        """Nothing: all sequences follow from the settings."""
        return Record()

    def windows(self, split: str) -> int:
        """Sequences of a split; of train, in an epoch."""
        return self._counts[split]

    def name(self, split: str, index: int) -> str:
        """Which sequence."""
        source = self.data.test_file if split == "test" and self._test_file is not None else f"moving_mnist {split}"
        return f"{source} #{index}"

    def window(self, split: str, index: int, epoch: int = 0) -> np.ndarray:
        """`(J + K, 64, 64, 1)` uint8, resized to `data.size`. Only the training sequences of common depend on the epoch."""
        return resize_frames(self._frames(split, index, epoch), *self.shape[:2])

    def _frames(self, split: str, index: int, epoch: int) -> np.ndarray:
        if split == "test" and self._test_file is not None:
            return np.array(self._test_file[: self.frames * self.data.step : self.data.step, index, ..., None])
        fresh = split == "train" and not self.is_shi
        seed = self.seed if fresh or self.is_shi else FIXED
        rng = np.random.default_rng([seed, SPLITS.index(split), epoch if fresh else 0, index])
        speed = tuple(v / CANVAS for v in SPEED) if self.is_shi else (STEP, STEP)
        return sequence(self.digits[split], speed, self.frames, self.data.step, rng)

    def describe(self) -> str:
        """The protocol in a line."""
        train, val, test = (f"{self._counts[split]:,}" for split in SPLITS)
        if self.is_shi:
            digits = f"{SHI_DIGITS} digits of {self._source.source}, in all splits"
            return f"Moving MNIST, protocol shi, seed {self.seed}: {train} / {val} / {test} fixed sequences of {digits}"
        made = f"{train} sequences an epoch from {len(self._source.train):,} digits of {self._source.source}"
        kind = "other" if self._source.divided else "the same"
        held = f"validation: {val} fixed sequences of {kind} digits (not the test set, which is OpenSTL's validation)"
        return f"Moving MNIST, protocol common: {made}; {held}; test: {self._describe_test(test)}"

    def _describe_test(self, count: str) -> str:
        if self._test_file is None:
            return f"{count} fixed sequences of {len(self._source.test):,} digits unseen in training, not mnist_test_seq.npy"
        whole = self._counts["test"] == TEST_FILE_SEQUENCES
        text = f"{count} sequences of {self.data.test_file}" + (
            "" if whole else f" (the published results: {TEST_FILE_SEQUENCES:,})"
        )
        seen = "; they may show digits of training, which come from MNIST's test digits here"
        return text + seen if self._source.divided else text
