"""The videos of a data set, split into train, validation and test by group, keeping the classes' shares."""

import dataclasses
import logging
import re
from collections import Counter, defaultdict

import numpy as np

from videorec.config import Footage, UserError
from videorec.data import manifest
from videorec.data.manifest import Video

log = logging.getLogger(__name__)

VALIDATION_SHARE = 0.15


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

    Args:
        val, test: below 1 a share of the videos, from 1 on a number of groups.

    Raises:
        UserError: more groups are asked for than there are, one being kept to train on.
    """
    groups = [video.group or f"\0{i}" for i, video in enumerate(videos)]
    names, membership = np.unique(groups, return_inverse=True)
    labels = sorted({label for video in videos for label in video.labels})
    counts = np.zeros((len(names), len(labels)))  # videos of each class in each group
    for video, group in zip(videos, membership, strict=True):
        counts[group, [labels.index(label) for label in video.labels]] += 1
    sizes = np.bincount(membership)
    split = np.full(len(names), "train", dtype="<U5")
    rng = np.random.default_rng(seed)
    for name, amount in (("test", test), ("val", val)):
        chosen = _choose(counts, sizes, split == "train", amount, rng)
        if amount >= 1 and len(chosen) < amount:
            raise UserError(f"{len(names)} groups cannot be divided into {val:g} val, {test:g} test and some to train on.")
        split[chosen] = name
    return [dataclasses.replace(v, split=str(split[g])) for v, g in zip(videos, membership, strict=True)]


def _choose(counts, sizes, free, amount: float, rng) -> list[int]:
    """Greedily the groups that bring every class nearest to its share; rare classes count as much as common ones."""
    total = counts.sum(axis=0)
    groups_wanted = int(amount) if amount >= 1 else len(sizes)
    share = amount / len(sizes) if amount >= 1 else amount
    size_wanted = np.inf if amount >= 1 else round(amount * sizes.sum())
    candidates = rng.permutation(np.flatnonzero(free))
    # Groups with the same counts are alike (all single videos of a class): each kind is weighed once.
    kinds, kind_of = np.unique(counts[candidates], axis=0, return_inverse=True)
    members = [list(candidates[kind_of.ravel() == k]) for k in range(len(kinds))]
    chosen, have, have_size = [], np.zeros_like(total), 0
    while len(chosen) < groups_wanted and have_size < size_wanted and len(chosen) + 1 < len(candidates):
        would_have = have + kinds
        # A class without any video in the split weighs most, then the squared error of the classes' shares.
        error = (would_have == 0).sum(axis=1) + np.square(would_have / total - share).sum(axis=1)
        best = int(np.argmin([np.inf if not groups else e for groups, e in zip(members, error, strict=True)]))
        group = int(members[best][-1])
        if chosen and amount < 1 and have_size + sizes[group] > size_wanted + sizes.mean():
            break  # one more group would overshoot the share by more than an average group
        chosen.append(members[best].pop())
        have, have_size = would_have[best], have_size + sizes[group]
    return chosen


def describe(videos: list[Video]) -> list[tuple[str, dict[str, int]]]:
    """Per class, the number of videos in each split: `[(class, {"train": 10, "val": 2, "test": 3}), ...]`."""
    table = Counter((label, video.split) for video in videos for label in video.labels)
    labels = sorted({label for label, _ in table})
    return [(label, {split: table[label, split] for split in ("train", "val", "test")}) for label in labels]


@dataclasses.dataclass(frozen=True)
class VideoSet:
    """All videos of a data set, each with its split, and the class names in the order of the model's outputs."""

    videos: tuple[Video, ...]
    classes: tuple[str, ...]

    def split(self, name: str) -> list[Video]:
        """The videos of `train`, `val` or `test`, in manifest order."""
        return [video for video in self.videos if video.split == name]

    def describe(self) -> str:
        """Numbers of classes, and of videos in each split."""
        counts = ", ".join(f"{len(self.split(split))} {split}" for split in manifest.SPLITS)
        return f"{len(self.classes)} classes; videos: {counts}"


def of_split(videos: list, data: Footage, split: str, trained: Footage, seed: int) -> list:
    """What `load_for_evaluation` gives of all videos that `data` names (anything with path, labels, split and group)."""
    same_source = (data.path, data.videos) == (trained.path, trained.videos)
    if all(video.split is None for video in videos) and not same_source:
        log.info("%s names no splits: all %d videos", data.path, len(videos))
        return videos
    if same_source or split == "val":
        videos = complete_splits(videos, seed)
    chosen = [video for video in videos if video.split == split]
    if not chosen:
        known = sorted({str(video.split) for video in videos})
        raise UserError(f"{data.path} has no {split} videos. Choose --evaluate.split {' or '.join(known) or 'another'}.")
    return chosen


def complete_splits(videos: list[Video], seed: int) -> list[Video]:
    """Split what the source leaves open: everything, or a validation part of training; always by group."""
    given = {video.split for video in videos}
    if given == {None}:
        log.info("no split given: train, val and test are drawn by group, about 70/15/15")
        return assign(videos, seed=seed)
    if None in given:
        some = next(video for video in videos if video.split is None)
        raise UserError(f"Either every video has a split or none has. Without one: {some.path}")
    if "train" not in given:
        raise UserError(f"No video is marked train. Received: {', '.join(sorted(given))}")
    if "val" in given:
        return videos
    log.info(
        "no validation videos given: %.0f %% of the training videos are taken, by group",
        100 * VALIDATION_SHARE,
    )
    train = [video for video in videos if video.split == "train"]
    return assign(train, val=VALIDATION_SHARE, test=0.0, seed=seed) + [video for video in videos if video.split != "train"]


def classes_of(videos: list[Video], source: str) -> tuple[str, ...]:
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
