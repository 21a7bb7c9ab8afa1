"""A folder (or one file) of sequences: split by whole file, read window by window, scaled and resized."""

import logging
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data import same_files, values
from videorec.data.folders import split_folders
from videorec.data.listing import Listing
from videorec.data.manifest import Video
from videorec.data.record import Entry, Record, size_of
from videorec.data.resize import resize_frames
from videorec.data.seen import Trained
from videorec.data.selection import ALL, is_own, tell_changes
from videorec.data.sequences import formats, survey
from videorec.data.sequences.formats import SUFFIXES, Sequence
from videorec.storage import files as storage

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")


def find(path: str) -> dict[str | None, list[Path]]:
    """The files and folders of pictures below `path`, in name order, by split; the split is None without a folder for train.

    What is not used is counted in the log.

    Raises:
        UserError: nothing there, a remote path, folders with sequences beside those of the splits, or a file on two sides.
    """
    root = storage.must_be_local(path, "--data.path").expanduser()
    if root.is_file() and root.suffix.lower() in SUFFIXES:
        return {None: [root]}
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        kinds = "folder of sequences (.npy, .npz, .h5, videos, folders of pictures), one such file, or `moving_mnist`"
        raise UserError(f"--data.path must be a {kinds}. Received: {path}, which {what}.")
    listing, sequences = Listing(SUFFIXES), {}
    for split, folders in (split_folders(str(root), listing) or {None: [str(root)]}).items():
        sequences[split] = [Path(path) for folder in folders for path in listing.walk(folder)]
        if not sequences[split]:
            unused = listing.describe_unused(str(root))
            kinds = ".npy, .npz, .h5, videos, or folders of pictures"
            raise UserError(f"{folders[0]} holds no sequences: {kinds}.{f' In it, {unused}' if unused else ''}")
    listing.warn(str(root))
    listed = [Video(str(path), (), split=split) for split, paths in sequences.items() for path in paths]
    same_files.check(listed, same_files.representatives(video.path for video in listed))
    return sequences


def split_units(units: list[str], val: float, test: float | None, seed: int) -> dict[str, list[str]]:
    """Units (whole files) into train, val and test: `test` of all of them, `val` of the rest, one at least.

    Args:
        val, test: shares; None: no such split.

    Raises:
        UserError: too few.
    """
    held = {"test": test, "val": val}
    wanted = [name for name, share in held.items() if share is not None]
    if len(units) <= len(wanted):
        raise UserError(
            f"Whole files are kept for {' and '.join(wanted)}, so {len(wanted) + 1} or more are needed, or sub-folders "
            f"train, val, test. Received: {len(units)} ({', '.join(units)})"
        )
    order = [units[k] for k in np.random.default_rng(seed).permutation(len(units))]
    chosen = {}
    for left, name in zip((len(wanted) - k for k in range(len(wanted))), wanted, strict=True):
        count = min(max(round(held[name] * len(order)), 1), len(order) - left)
        chosen[name], order = sorted(order[:count]), order[count:]
    return {"train": sorted(order), **chosen}


class FileSequences:
    """Windows of `J + K` frames of files; see `videorec.data.sequences.windows.SequenceSet`.

    Args:
        horizon: K.
        seed: of a split by file.
        record: of the run that goes on, or is measured, whose split stays; None: the split is drawn.
        trained: what the run that is measured was trained on: other data are not divided, but in the folders of their splits,
            or in one split `all`.

    Attributes:
        own: False: other data than the run's.

    Raises:
        UserError: nothing there, unreadable files, wrong axes, key, values or sizes, too few files or frames.
    """

    classes: tuple[str, ...] = ()
    failure: UserError | None = None

    def __init__(self, data: Sequences, horizon: int, seed: int, record: Record | None = None, trained: Trained | None = None):
        values.check(data.values)
        self.data, self.horizon = data, horizon
        self.span = (data.frames + horizon - 1) * data.step + 1  # frames from the first to the last of a window
        self._listed: dict[str | None, list[Sequence]] = {}  # those shorter than a window too
        opened = {split: self._open(paths, split) for split, paths in find(data.path).items()}
        self.own = trained is None or is_own(self._entries(trained.record), str(self._base), data, trained)
        self._known, self._taken = record if self.own else None, []
        if not self.own:
            self._sequences = {split or ALL: sequences for split, sequences in opened.items()}
        elif record is not None:
            self._sequences = self._by_record(opened, record)
        else:
            self._sequences, self._taken = self._split(opened, seed)
        used = {id(sequence) for sequences in self._sequences.values() for sequence in sequences}
        everything = [s for sequences in opened.values() for s in sequences if id(s) in used]
        survey.say(everything)
        self.shape = self._common_shape(everything)
        self._starts = {split: self._count_windows(split) for split in self._sequences}
        survey.look_through(everything, self.span)
        log.info("%s", self.describe())

    # === Opening ===

    @property
    def _base(self) -> Path:
        """What the names of files start from."""
        root = Path(self.data.path).expanduser()
        return root if root.is_dir() else root.parent

    def _open(self, paths: list[Path], split: str | None) -> list[Sequence]:
        def open_one(path: Path) -> list[Sequence]:
            return formats.open_file(path, os.path.relpath(path, self._base), self.data, self.span)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sequences = [sequence for opened in pool.map(open_one, paths) for sequence in opened]
        self._listed[split] = sequences
        for sequence in sequences:
            values.check_type(sequence.dtype, sequence.values, sequence.name)
        usable = [sequence for sequence in sequences if sequence.frames >= self.span]
        short = [sequence for sequence in sequences if sequence.frames < self.span]
        if not usable:
            self._refuse_short(short)
        if short:
            names = ", ".join(sequence.name for sequence in short[:5])
            log.warning("%d sequences skipped, shorter than a window of %d frames: %s", len(short), self.span, names)
        return usable

    def _refuse_short(self, short: list[Sequence]) -> None:
        if not short:
            raise UserError(f"{self.data.path} holds arrays without a single sequence.")
        longest = max(short, key=lambda sequence: sequence.frames)
        other = next((s.better_order for s in short if s.better_order), None)
        hint = f" Is time another axis? Then --data.axes {other}, for example." if other else ""
        raise UserError(
            f"No sequence of {self.data.path} has the {self.span} frames of a window (--data.frames + --model.horizon, "
            f"--data.step apart). The longest, {longest.name}, has {longest.frames}.{hint}"
        )

    def _common_shape(self, sequences: list[Sequence]) -> tuple[int, int, int]:
        """`(H, W, C)` of all windows."""
        first, size = sequences[0], self.data.size
        for other in sequences:
            if other.shape[2] != first.shape[2] or (size is None and other.shape != first.shape):
                rule = "channels" if other.shape[2] != first.shape[2] else "size, or --data.size HEIGHT WIDTH given"
                forms = " and ".join(f"{s.name}: {' x '.join(map(str, s.shape))}" for s in (first, other))
                raise UserError(f"All sequences must have the same {rule}. Received: {forms}")
        return (*(size or first.shape[:2]), first.shape[2])

    def _split(self, opened, seed: int) -> tuple[dict[str, list[Sequence]], list[str]]:
        """Sequences by split, and the names of the splits that were taken from training."""
        given = {split: sequences for split, sequences in opened.items() if split in SPLITS}
        missing = [split for split in ("val", "test") if split not in given]
        if not missing:
            return given, missing
        pool = opened.get("train", opened.get(None))
        by_file = len({sequence.file for sequence in pool}) > 1
        if not by_file and len(pool) > 1:
            log.warning("%s is the only file: its sequences are split, and neighbours may be alike", pool[0].file)
        same = same_files.representatives(str(self._base / sequence.file) for sequence in pool)  # copies go where one goes
        first = {path: os.path.relpath(one, self._base) for path, one in same.items()}
        unit = {s.name: first[str(self._base / s.file)] if by_file else s.name for s in pool}
        shares = {split: getattr(self.data, split) if split in missing else None for split in ("val", "test")}
        parts = split_units(list(dict.fromkeys(unit.values())), shares["val"], shares["test"], seed)
        divided = {split: [s for s in pool if unit[s.name] in set(units)] for split, units in parts.items()}
        return {split: divided.get(split, given.get(split)) for split in SPLITS}, missing

    def _by_record(self, opened, record: Record) -> dict[str, list[Sequence]]:
        """The run's split; files that came since are in none."""
        tell_changes(self._entries(record), record, self.data.path)
        usable = [sequence for sequences in opened.values() for sequence in sequences]
        splits = [record.by_key[key].split if (key := _key(s, record)) in record.by_key else None for s in usable]
        by_split = {name: [s for s, own in zip(usable, splits, strict=True) if own == name] for name in SPLITS}
        if not any(by_split.values()):
            raise UserError(f"No sequence of the run's is in {self.data.path}. Is --data.path still the run's data?")
        return by_split

    def _entries(self, record: Record | None) -> list[Entry]:
        """All that is there, by the names that the record uses."""
        divided = all(split in self._listed for split in SPLITS)  # or the folder of training is divided further
        keys = {
            _key(sequence, record): split if divided or split != "train" else None
            for split, sequences in self._listed.items()
            for sequence in sequences
        }
        return [self._entry(key, split) for key, split in keys.items()]

    def _entry(self, key: tuple, split: str | None) -> Entry:
        path, number, _ = key
        return Entry(path, start=number, split=split, size=size_of(str(self._base / path)))

    def record(self) -> Record:
        """The files, or the sequences of a file that is split, with their splits; those that are too short in none."""
        if self._known is not None:
            return self._known
        names = {name: split for split, part in self.files.items() for name in part}
        units = {_key(s, None) if s.file in names else _number(s): names.get(s.file, names.get(s.name)) for s in self._all()}
        return Record(tuple(self._entry(key, split) for key, split in units.items()))

    def _all(self) -> list[Sequence]:
        return [sequence for sequences in self._listed.values() for sequence in sequences]

    def _hop(self, split: str) -> int:
        return self.data.hop if split == "train" else self.data.test_hop or self.span

    def _count_windows(self, split: str) -> np.ndarray:
        """`(S + 1,)`: number of the first window of each sequence, and at the end that of all."""
        counts = [(sequence.frames - self.span) // self._hop(split) + 1 for sequence in self._sequences[split]]
        return np.concatenate([[0], np.cumsum(counts)])

    # === Windows ===

    @property
    def files(self) -> dict[str, list[str]]:
        """The files of each split (the sequences, where a single file is split)."""
        seen = Counter(f for sequences in self._sequences.values() for f in {s.file for s in sequences})
        named = {split: [s.name if seen[s.file] > 1 else s.file for s in part] for split, part in self._sequences.items()}
        return {split: list(dict.fromkeys(names)) for split, names in named.items()}

    def files_of(self, split: str) -> list[str]:
        """The paths of the files of a split."""
        return list(dict.fromkeys(str(self._base / sequence.file) for sequence in self._sequences[split]))

    def windows(self, split: str) -> int:
        """Windows of a split."""
        return int(self._starts[split][-1])

    def _place(self, split: str, index: int) -> tuple[Sequence, int]:
        """The sequence of a window, and its first frame."""
        starts = self._starts[split]
        number = int(np.searchsorted(starts, index, side="right")) - 1
        return self._sequences[split][number], int(index - starts[number]) * self._hop(split)

    def name(self, split: str, index: int) -> str:
        """Which file, and which frame is the first."""
        sequence, start = self._place(split, index)
        return f"{sequence.name} @{start}"

    def window(self, split: str, index: int, epoch: int = 0) -> np.ndarray:
        """`(J + K, H, W, C)`: uint8 of plain uint8 sources, else float32 in [0, 1], NaN where masked; `epoch` is not used."""
        sequence, start = self._place(split, index)
        frames = sequence.read(range(start, start + self.span, self.data.step))
        return resize_frames(values.scale(frames, sequence.values, sequence.name), *self.shape[:2])

    def describe(self) -> str:
        """The protocol in a line."""
        parts = []
        kind = "sequence" if len({s.file for part in self._sequences.values() for s in part}) == 1 else "file"
        for split, names in self.files.items():
            how = ", taken from training" if split in self._taken else ""
            listed = f": {', '.join(names)}" if split != "train" and len(names) <= 5 else ""
            parts.append(
                f"{split} {self.windows(split):,} windows of {len(names)} {kind}{'s' if len(names) > 1 else ''}{how}{listed}"
            )
        lengths = f"windows of {self.data.frames} + {self.horizon} frames"
        step = f", {self.data.step} apart" if self.data.step > 1 else ""
        hops = f"a start every {self._hop('train')} frames in training, every {self._hop('test')} otherwise"
        return f"{self.data.path}: {lengths}{step}, {hops}; {'; '.join(parts)}"


def _key(sequence: Sequence, record: Record | None) -> tuple:
    """What a record knows it by: file and number where those of a file are in several splits, else the file."""
    by_number = _number(sequence)
    return by_number if record is not None and by_number in record.by_key else (by_number[0], None, None)


def _number(sequence: Sequence) -> tuple:
    number = sequence.name.removeprefix(sequence.file).removeprefix(" #")
    return sequence.file.replace(os.sep, "/"), float(number) if number else None, None
