"""Splits by group."""

import numpy as np
import pytest

from videorec.config import UserError
from videorec.data import manifest, splitting
from videorec.data.manifest import Video


def videos_of(groups: int, each: int = 6, classes: int = 3) -> list[Video]:
    return [Video(f"{g}/{i}.mp4", (f"c{i % classes}",), group=f"g{g}") for g in range(groups) for i in range(each)]


def test_groups_stay_whole_and_classes_occur_everywhere():
    split = splitting.assign(videos_of(20), val=0.15, test=0.15)
    manifest.check_groups(split)
    for _, counts in splitting.describe(split):
        assert counts == {"train": 28, "val": 6, "test": 6}


def test_numbers_of_groups():
    split = splitting.assign(videos_of(10), val=2, test=3)
    groups = {name: {v.group for v in split if v.split == name} for name in manifest.SPLITS}
    assert [len(groups[name]) for name in manifest.SPLITS] == [5, 2, 3]


def test_a_rare_class_reaches_every_split():
    videos = videos_of(12, classes=2)
    rare = [Video(f"{g}/rare.mp4", ("rare",), group=f"g{g}") for g in (0, 5, 9)]
    split = splitting.assign(videos + rare, val=2, test=2)
    counts = dict(splitting.describe(split))["rare"]
    assert counts == {"train": 1, "val": 1, "test": 1}


def test_without_groups_each_video_is_its_own():
    videos = [Video(f"{i}.mp4", (f"c{i % 4}",)) for i in range(100)]
    split = splitting.assign(videos, val=0.2, test=0.2)
    for _, counts in splitting.describe(split):
        assert counts == {"train": 15, "val": 5, "test": 5}


def test_large_sets_without_groups_are_quick():
    """4,040 videos of 101 classes, as UCF101 without groups has: each class keeps its share."""
    videos = [Video(f"{i}.mp4", (f"c{i % 101}",)) for i in range(4040)]
    for _, counts in splitting.describe(splitting.assign(videos, val=0.1, test=0.2)):
        assert counts == {"train": 28, "val": 4, "test": 8}


def test_seed_decides():
    videos = [Video(f"{i}.mp4", ("a" if i % 2 else "b",)) for i in range(60)]
    first, again, other = (splitting.assign(videos, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_nothing_left_to_train():
    with pytest.raises(UserError, match="cannot be divided"):
        splitting.assign(videos_of(2), val=1, test=1)


def test_group_pattern():
    assert splitting.group_of("v_Run_g08_c01.avi", r"_(g\d+)_") == "g08"
    assert splitting.group_of("rec12_003.mp4", r"rec\d+") == "rec12"
    with pytest.raises(UserError, match="does not match"):
        splitting.group_of("a.mp4", r"rec\d+")
    with pytest.raises(UserError, match="not a regular expression"):
        splitting.group_of("a.mp4", "(")


def test_real_recordings(shared_data):
    """3 recordings for test and 2 for validation, with every class in each."""
    files = sorted((shared_data / "fir_action/clips").glob("*/*.mp4"))
    videos = [Video(str(f), (f.parent.name,), group=f.stem.rsplit("_", 2)[0]) for f in files if f.parent.name != "active"]
    table = splitting.describe(splitting.assign(videos, val=2, test=3))
    assert len(table) == 8
    assert np.min([list(counts.values()) for _, counts in table]) >= 1


def chosen_by_weighing_all(counts, sizes, free, amount, rng) -> list[int]:
    """What `assign` promises, each kind of group weighed anew for each choice."""
    total, share, size_wanted = counts.sum(axis=0), amount, round(amount * sizes.sum())
    candidates = rng.permutation(np.flatnonzero(free))
    kinds, kind_of = np.unique(counts[candidates], axis=0, return_inverse=True)
    members = [list(candidates[kind_of.ravel() == k]) for k in range(len(kinds))]
    left = (counts[candidates] > 0).sum(axis=0)
    chosen, have, have_size = [], np.zeros_like(total), 0
    while have_size < size_wanted and len(chosen) + 1 < len(candidates):
        would_have = have + kinds
        error = (would_have == 0).sum(axis=1) + np.square(would_have / total - share).sum(axis=1)
        error[(kinds[:, left == 1] > 0).any(axis=1) | np.array([not groups for groups in members])] = np.inf
        best = int(np.argmin(error))
        if error[best] == np.inf:
            break
        group = int(members[best][-1])
        if chosen and have_size + sizes[group] > size_wanted + sizes.mean():
            break
        chosen.append(members[best].pop())
        have, have_size, left = would_have[best], have_size + sizes[group], left - (kinds[best] > 0)
    return chosen


@pytest.mark.parametrize(("count", "classes", "most", "groups"), [(300, 40, 8, 300), (200, 12, 3, 40), (60, 30, 5, 60)])
def test_many_labels_are_divided_as_by_weighing_all_with_less_work(count, classes, most, groups, monkeypatch):
    rng = np.random.default_rng(count)
    often = 1 / np.arange(1, classes + 1)
    drawn = [rng.choice(classes, rng.integers(1, most), replace=False, p=often / often.sum()) for _ in range(count)]
    videos = [Video(f"{k}", tuple(f"c{c:02d}" for c in row), group=f"g{k % groups:03d}") for k, row in enumerate(drawn)]
    names = sorted({label for video in videos for label in video.labels})
    counts = np.zeros((groups, len(names)))
    for k, video in enumerate(videos):
        counts[k % groups, [names.index(label) for label in video.labels]] += 1
    sizes, expected, draw = np.bincount(np.arange(count) % groups), np.full(groups, "train", "<U5"), np.random.default_rng(3)
    for name in ("test", "val"):
        expected[chosen_by_weighing_all(counts, sizes, expected == "train", 0.15, draw)] = name
    weighed, square = [], np.square
    monkeypatch.setattr(np, "square", lambda x: weighed.append(np.size(x)) or square(x))
    got = splitting.assign(videos, 0.15, 0.15, seed=3)
    assert [video.split for video in got] == [expected[k % groups] for k in range(count)]
    assert sum(weighed) < 0.3 * (expected != "train").sum() * groups * len(names)  # not all kinds at each choice
