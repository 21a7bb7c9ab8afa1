"""Splits of few videos: every class keeps a group to train on, and splits that did so before stay as they were."""

import hashlib

import numpy as np
import pytest

from videorec.config import Data, UserError
from videorec.data import manifest, sources, splitting
from videorec.data.manifest import Video
from videorec.data.splitting import classes_of, complete_splits


def singles(**counts) -> list[Video]:
    """So many videos of each class, each a group of its own."""
    return [Video(f"{label}/{k}.mp4", (label,)) for label, count in counts.items() for k in range(count)]


def table(videos) -> dict[str, dict[str, int]]:
    return dict(splitting.describe(videos))


@pytest.mark.parametrize("seed", range(5))
def test_one_video_of_a_class_is_trained_on(seed):
    videos = complete_splits(singles(a=20, b=20, rare=1), seed)
    assert table(videos)["rare"] == {"train": 1, "val": 0, "test": 0}
    assert classes_of(videos, "videos") == ("a", "b", "rare")


@pytest.mark.parametrize("seed", range(5))
def test_two_and_three_videos_of_a_class(seed):
    counts = table(splitting.assign(singles(a=20, two=2, three=3), seed=seed))
    assert counts["two"]["train"] == 1 and counts["three"]["train"] >= 1
    few = table(splitting.assign(singles(a=3, b=2, c=1, d=2), seed=seed))
    assert all(count["train"] >= 1 for count in few.values()) and few["c"]["train"] == 1
    assert sum(count["test"] for count in few.values()) == 1


def random_videos(rng: np.random.Generator) -> list[Video]:
    """Up to 40 videos of up to 6 classes, in groups or not, with one label or several."""
    classes, several = rng.integers(2, 7), rng.random() < 0.3
    groups = rng.integers(1, 15) if rng.random() < 0.6 else None
    weights = rng.dirichlet(np.full(classes, 0.5))
    videos = []
    for k in range(rng.integers(2, 41)):
        labels = rng.choice(
            classes, size=min(classes, 1 + several * rng.integers(0, 3)), replace=False, p=0.9 * weights + 0.1 / classes
        )
        group = None if groups is None else f"g{rng.integers(groups)}"
        videos.append(Video(f"{k}.mp4", tuple(f"c{label}" for label in labels), group=group))
    return videos


@pytest.mark.parametrize("given", [False, True])
def test_every_class_is_trained_on_whatever_there_is(given):
    drawn = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        videos = random_videos(rng)
        if given:  # in a source that names train and test
            videos = [Video(v.path, v.labels, split="train", group=v.group) for v in videos]
        split = complete_splits(videos, seed, val=(0.15, 0.3, 0.5)[seed % 3])
        assert [video.path for video in split] == [video.path for video in videos]
        manifest.check_groups(split)
        trained = {label for video in split if video.split == "train" for label in video.labels}
        assert trained == {label for video in videos for label in video.labels}, seed
        drawn += any(video.split == "val" for video in split)
    assert drawn > 100


def test_numbers_of_groups_spare_the_last_of_a_class():
    videos = [Video(f"{g}/{i}.mp4", ("a", "b")[i : i + 1], group=f"g{g}") for g in range(6) for i in range(2)]
    videos.append(Video("0/rare.mp4", ("rare",), group="g0"))
    for seed in range(10):
        split = splitting.assign(videos, val=2, test=3, seed=seed)
        assert {v.group for v in split if v.split == "train"} == {"g0"}
    with pytest.raises(UserError, match="6 groups cannot be divided into 3 val, 3 test .* of every class"):
        splitting.assign(videos, val=3, test=3)


def test_what_cannot_be_drawn_is_said(caplog):
    complete_splits(singles(a=1, b=1, c=1, d=1, e=1, f=1, g=1), seed=0)
    assert "no val video could be drawn of 7" in caplog.text and "no test video could be drawn of 7" in caplog.text


# === Without validation ===


def test_without_validation_all_are_trained_on(caplog):
    caplog.set_level("INFO")
    videos = [Video(v.path, v.labels, split="test" if v.path.startswith("a/0") else "train") for v in singles(a=20, b=20)]
    assert complete_splits(videos, 0, val=0) == videos
    assert sum(v.split == "val" for v in complete_splits(videos, 0)) == 6 and "--data.val 0: none" in caplog.text
    counts = table(complete_splits(singles(a=20, b=20), 0, val=0))
    assert counts == {label: {"train": 17, "val": 0, "test": 3} for label in "ab"}


def test_validation_share_of_the_settings(tmp_path):
    (tmp_path / "m.csv").write_text("path,label\n" + "".join(f"{v.path},{v.labels[0]}\n" for v in singles(a=20, b=20)))
    for share, expected in ((0.0, 0), (0.3, 12)):
        assert len(sources.load(Data(path=str(tmp_path / "m.csv"), val=share)).split("val")) == expected


def test_ucf101_as_in_the_papers(shared_data):
    """Every listed training video is trained on: 398 steps of 24 clips an epoch in split 1, 76 epochs of them 30,248 steps."""
    videos = sources.load(Data(path=str(shared_data / "annotations/ucf101"), official_split=1, val=0))
    assert len(videos.split("train")) == 9537 and not videos.split("val")


# === Splits of before ===


def digest(videos, root) -> str:
    lines = sorted(f"{video.path.removeprefix(f'{root}/')} {video.split}" for video in videos)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def test_splits_of_real_recordings_stay(shared_data):
    """Figures of the documentation rest on them."""
    root = shared_data / "fir_action/clips"
    paths = [path for path in sorted(root.glob("*/*.mp4")) if path.parent.name != "active"]
    videos = [Video(str(path), (path.parent.name,), group=path.stem.rsplit("_", 2)[0]) for path in paths]
    assert digest(splitting.assign(videos, 2, 3, 0), root) == "16fbd0bd65f2eeae"
    assert digest(complete_splits(videos, 0), root) == "23c18dffa6988708"
    assert digest(complete_splits(videos, 1), root) == "f4ac208a009e6b3b"
    alone = [Video(video.path, video.labels) for video in videos]
    assert digest(splitting.assign(alone, seed=2), root) == "e076966c407824d2"


def test_splits_of_ucf101_stay(shared_data):
    root = shared_data / "annotations/ucf101"
    for number, expected in ((1, "a5e267c2c407366d"), (3, "12345351795e7d19")):
        assert digest(sources.load(Data(path=str(root), official_split=number)).videos, root) == expected


def test_splits_of_generated_videos_stay():
    videos = [Video(f"{'abcde'[k % 5]}/{k}.avi", ("abcde"[k % 5],), group=f"g{k // 7}") for k in range(200)]
    assert [digest(splitting.assign(videos, seed=seed), "") for seed in range(2)] == ["20c764a198fbaae4", "056531b772f26e9e"]


def test_a_share_without_effect_is_said(caplog):
    videos = [Video(v.path, v.labels, split="val" if v.path.endswith("/0.mp4") else "train") for v in singles(a=5, b=5)]
    assert complete_splits(videos, 0) == videos and not caplog.messages
    assert complete_splits(videos, 0, val=0) == videos
    assert "--data.val 0 is not used: the source names its validation videos" in caplog.text


def test_a_group_in_two_unicode_forms_is_one():
    videos = [Video(f"{k}.mp4", ("ab"[k % 2],), group=("Me\u0301", "Mé")[k % 2] if k < 10 else f"g{k // 2}") for k in range(40)]
    for seed in range(10):
        assert len({video.split for video in splitting.assign(videos, seed=seed)[:10]}) == 1
    with pytest.raises(UserError, match="must not sit on both sides"):
        manifest.check_groups(
            [Video("a", ("a",), split="train", group="Me\u0301"), Video("b", ("a",), split="test", group="Mé")]
        )
