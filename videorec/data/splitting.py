"""The videos of a data set, split into train, validation and test by group, keeping the classes' shares."""

import dataclasses
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np

from videorec.config import Footage, UserError
from videorec.data import manifest, record
from videorec.data.labels import canonical, warn_of_alike
from videorec.data.manifest import Video
from videorec.data.record import Record

log = logging.getLogger(__name__)

TEST_SHARE = 0.15  # of videos without any split


def group_of(path: str, pattern: str) -> str:
    """The group of a video: the first parenthesis of the pattern's first match in the path, or the whole match.

    Raises:
        UserError: the pattern is no regular expression, or does not match.
    """
    try:
        match = re.search(pattern, path)
    except re.error as error:
        raise UserError(f"The group pattern {pattern!r} is not a regular expression: {error}") from error
    if match is None:
        raise UserError(f"The group pattern {pattern!r} does not match {path}; every video needs a group.")
    return match.group(1) if match.re.groups and match.group(1) is not None else match.group(0)


def assign(videos: list[Video], val: float = 0.15, test: float = 0.15, seed: int = 0) -> list[Video]:
    """The same videos with every split set. Whole groups move; a video without a group is its own.

    Every class keeps a group to train on: a class with one group is not tested, one with two is tested and not validated.

    Args:
        val, test: below 1 a share of the videos, from 1 on a number of groups.

    Raises:
        UserError: more groups are asked for than can be spared.
    """
    first = {}  # spelling of each group: é in two Unicode forms is one letter
    for video in videos:
        first.setdefault(canonical(video.group), video.group)
    groups = [first[canonical(video.group)] or f"\0{i}" for i, video in enumerate(videos)]
    names = sorted(set(groups))
    membership = np.array(list(map({name: k for k, name in enumerate(names)}.get, groups)))
    labels = {label: k for k, label in enumerate(sorted({label for video in videos for label in video.labels}))}
    counts = np.zeros((len(names), len(labels)))  # videos of each class in each group
    for video, group in zip(videos, membership, strict=True):
        counts[group, [labels[label] for label in video.labels]] += 1
    sizes = np.bincount(membership)
    split = np.full(len(names), "train", dtype="<U5")
    rng = np.random.default_rng(seed)
    for name, amount in (("test", test), ("val", val)):
        chosen = _choose(counts, sizes, split == "train", amount, rng)
        if amount >= 1 and len(chosen) < amount:
            raise UserError(
                f"{len(names)} groups cannot be divided into {val:g} val, {test:g} test and, of every class, one to train on."
            )
        split[chosen] = name
    return [dataclasses.replace(v, split=str(split[g])) for v, g in zip(videos, membership, strict=True)]


def _choose(counts, sizes, free, amount: float, rng) -> list[int]:
    """Greedily the groups that bring every class nearest to its share; rare classes count as much as common ones.

    A group is not chosen where a class would have no other among `free`.
    """
    total = counts.sum(axis=0)
    groups_wanted = int(amount) if amount >= 1 else len(sizes)
    share = amount / len(sizes) if amount >= 1 else amount
    size_wanted = np.inf if amount >= 1 else round(amount * sizes.sum())
    candidates = rng.permutation(np.flatnonzero(free))
    # Groups with the same counts are alike (all single videos of a class): each kind is weighed once.
    kinds, kind_of = np.unique(counts[candidates], axis=0, return_inverse=True)
    members = [list(candidates[kind_of.ravel() == k]) for k in range(len(kinds))]
    left = (counts[candidates] > 0).sum(axis=0)  # groups of each class that are not chosen
    chosen, have, have_size, weighed = [], np.zeros_like(total), 0, _Weighed(kinds, total, share)
    weighed.leave_out((kinds[:, left == 1] > 0).any(axis=1))
    while len(chosen) < groups_wanted and have_size < size_wanted and len(chosen) + 1 < len(candidates):
        best = weighed.best(have)
        if best is None:
            break  # what is left is the last of a class
        group = int(members[best][-1])
        if chosen and amount < 1 and have_size + sizes[group] > size_wanted + sizes.mean():
            break  # one more group would overshoot the share by more than an average group
        chosen.append(members[best].pop())
        weighed.choose(best, have)
        have, have_size = have + kinds[best], have_size + sizes[group]
        left = left - (kinds[best] > 0)
        if not members[best]:
            weighed.leave_out(np.arange(len(kinds)) == best)
        last = (left == 1) & (kinds[best] > 0)
        if last.any():
            weighed.leave_out((kinds[:, last] > 0).any(axis=1))
    return chosen


class _Weighed:
    """Kinds of groups by the error that a split would have with one more of them.

    After each choice only the classes of the chosen kind change, so that an estimate of all errors is kept up to date by
    them; the few kinds near its least are weighed exactly.

    Args:
        kinds: `(K, C)` videos of each class.
        total: `(C,)` of all groups.
        share: that the split is to have.
    """

    SLACK = 1e-9  # far above the rounding of the estimate

    def __init__(self, kinds: np.ndarray, total: np.ndarray, share: float):
        self._kinds, self._total, self._share = kinds, total, share
        self._by_class = np.ascontiguousarray(kinds.T)
        # Of an empty split, without what is the same for all kinds.
        self._estimate = np.square(kinds / total).sum(axis=1) - kinds @ (2 * share / total) - (kinds > 0).sum(axis=1)

    def leave_out(self, which: np.ndarray) -> None:
        """These kinds, `(K,)` bool, are chosen no more."""
        self._estimate[which] = np.inf

    def best(self, have: np.ndarray) -> int | None:
        """The kind with the least error, the first of equals, where the split has `(C,)`; None where none is left."""
        least = self._estimate.min()
        if least == np.inf:
            return None
        near = np.flatnonzero(self._estimate <= least + self.SLACK)
        would_have = have + self._kinds[near]
        # A class without any video in the split weighs most, then the squared error of the classes' shares.
        error = (would_have == 0).sum(axis=1) + np.square(would_have / self._total - self._share).sum(axis=1)
        return int(near[np.argmin(error)])

    def choose(self, kind: int, have: np.ndarray) -> None:
        """One of this kind comes to what the split has."""
        classes = np.flatnonzero(self._kinds[kind])
        more = 2 * self._kinds[kind, classes] / np.square(self._total[classes])
        self._estimate += more @ self._by_class[classes]
        self._estimate += (self._by_class[classes[have[classes] == 0]] > 0).sum(axis=0)  # these are empty no more


def describe(videos: list[Video]) -> list[tuple[str, dict[str, int]]]:
    """Per class, the number of videos in each split: `[(class, {"train": 10, "val": 2, "test": 3}), ...]`."""
    table = Counter((label, video.split) for video in videos for label in video.labels)
    labels = sorted({label for label, _ in table})
    return [(label, {split: table[label, split] for split in ("train", "val", "test")}) for label in labels]


@dataclasses.dataclass(frozen=True)
class VideoSet:
    """All videos of a data set, each with its split, and the class names in the order of the model's outputs.

    Args:
        left_out: videos in no split: damaged ones that are not used, and those that came since the run was made.
        base: the folder of the data, which the record's paths start from.
        known: the record of the run that goes on, which stays.
        size: bytes of a video by its path.
    """

    videos: tuple[Video, ...]
    classes: tuple[str, ...]
    left_out: tuple[Video, ...] = ()
    base: str = "."
    known: Record | None = None
    size: Callable[[str], int | None] = record.size_of

    def split(self, name: str) -> list[Video]:
        """The videos of `train`, `val` or `test`, in manifest order."""
        return [video for video in self.videos if video.split == name]

    def describe(self) -> str:
        """Numbers of classes, and of videos in each split."""
        counts = ", ".join(f"{len(self.split(split))} {split}" for split in manifest.SPLITS)
        return f"{len(self.classes)} classes; videos: {counts}"

    def record(self) -> Record:
        """What the run keeps of its videos."""
        if self.known is not None:
            return self.known
        nowhere = [dataclasses.replace(video, split=None) for video in self.left_out]
        return Record(tuple(record.entry_of(video, self.base, self.size) for video in (*self.videos, *nowhere)))


def complete_splits(videos: list[Video], seed: int, val: float = Footage.val) -> list[Video]:
    """Split what the source leaves open: everything, or a validation part of training; always by group.

    Args:
        val: share of the videos, or of those of training, that validate; 0: none.
    """
    given = {video.split for video in videos}
    if given == {None}:
        shares = "/".join(f"{100 * share:.0f}" for share in (1 - val - TEST_SHARE, val, TEST_SHARE))
        log.info("no split given: train, val and test are drawn by group, about %s", shares)
        return _drawn(videos, val, TEST_SHARE, seed)
    if None in given:
        some = next(video for video in videos if video.split is None)
        raise UserError(f"Either every video has a split or none has. Without one: {some.path}")
    if "train" not in given:
        raise UserError(f"No video is marked train. Received: {', '.join(sorted(given))}")
    if "val" in given and val != Footage.val:
        log.warning("--data.val %g is not used: the source names its validation videos", val)
    if "val" in given or not val:
        return videos
    log.info("no validation videos given: %.0f %% of the training videos are taken, by group (--data.val 0: none)", 100 * val)
    train = [video for video in videos if video.split == "train"]
    return _drawn(train, val, 0.0, seed) + [video for video in videos if video.split != "train"]


def _drawn(videos: list[Video], val: float, test: float, seed: int) -> list[Video]:
    """As `assign`; says which splits got no video."""
    drawn = assign(videos, val, test, seed)
    for name, share in (("val", val), ("test", test)):
        if share and not any(video.split == name for video in drawn):
            rule = "a share of %g is less than half a video, or no class has a group to spare beside the one to train on"
            log.warning("no %s video could be drawn of %d: " + rule, name, len(videos), share)
    return drawn


def classes_of(videos: list[Video], source: str) -> tuple[str, ...]:
    """The classes, sorted: the labels of training. Labels that one could take for another, and classes without a video in
    a split, are said.

    Raises:
        UserError: fewer than two labels, or one that does not occur in training.
    """
    warn_of_alike(Counter(label for video in videos for label in video.labels), source)
    labels = defaultdict(set)
    for video in videos:
        labels[video.split].update(video.labels)
    classes = sorted(labels["train"])
    if len(set().union(*labels.values())) < 2:
        raise UserError(f"At least two classes are needed. {source} has only {', '.join(classes)}.")
    for split in ("val", "test"):
        unknown = sorted(labels[split] - labels["train"])
        if unknown:
            raise UserError(
                f"Every label must occur in training. Only in {split}: {', '.join(unknown)}. Move videos of it to train, "
                f"or leave it out: --data.exclude {' '.join(unknown)}"
            )
        missing = sorted(labels["train"] - labels[split])
        if labels[split] and missing:
            log.warning("no %s video of %d classes: %s", split, len(missing), ", ".join(missing[:10]))
    return tuple(classes)
