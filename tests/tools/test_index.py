"""`videorec.tools.index`: the manifest of a folder, split by group."""

from collections import defaultdict

import pytest

from videorec.config import UserError
from videorec.data import manifest
from videorec.tools import index


@pytest.fixture
def folder(tmp_path):
    """Three classes, ten recordings of two videos each; index reads no video, so they may be empty."""
    for label in ("jump", "run", "walk"):
        for recording in range(10):
            for take in range(2):
                path = tmp_path / "videos" / label / f"r{recording:02d}_t{take}.avi"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    return tmp_path / "videos"


def splits_of(videos):
    """The splits in which each group occurs."""
    splits = defaultdict(set)
    for video in videos:
        splits[video.group].add(video.split)
    return splits


def test_writes_a_manifest_that_training_reads(folder, capsys):
    assert index.main([str(folder)]) == 0
    videos = manifest.read(folder / "manifest.csv")
    assert len(videos) == 60
    assert {video.split for video in videos} == {"train", "val", "test"}
    assert not any(line.startswith("/") for line in (folder / "manifest.csv").read_text().splitlines())
    table = capsys.readouterr().out
    for word in ("jump", "run", "walk", "train", "val", "test", "videos"):
        assert word in table


def test_paths_stay_relative_for_a_folder_named_from_elsewhere(folder, monkeypatch):
    (folder.parent / "here").mkdir()
    monkeypatch.chdir(folder.parent / "here")
    index.main(["../videos"])
    assert "\njump/r00_t0.avi," in (folder / "manifest.csv").read_text().replace("\r", "")


def test_groups_are_never_divided(folder):
    index.main([str(folder), "--group", r"r(\d+)_"])
    groups = splits_of(manifest.read(folder / "manifest.csv"))
    assert sorted(groups) == [f"{number:02d}" for number in range(10)]
    assert all(len(splits) == 1 for splits in groups.values())


def test_a_number_of_groups(folder):
    index.main([str(folder), "--group", r"r(\d+)_", "--val", "2", "--test", "3"])
    sides = [next(iter(splits)) for splits in splits_of(manifest.read(folder / "manifest.csv")).values()]
    assert (sides.count("train"), sides.count("val"), sides.count("test")) == (5, 2, 3)


def test_the_same_seed_divides_alike(folder, tmp_path):
    texts = []
    for seed in ("1", "1", "2"):
        index.main([str(folder), "--out", str(folder / "m.csv"), "--overwrite", "--seed", seed])
        texts.append((folder / "m.csv").read_text())
    assert texts[0] == texts[1] != texts[2]


def test_a_manifest_is_divided_anew_by_its_group_column(folder, tmp_path):
    rows = [f"videos/walk/r{n // 2:02d}_t{n % 2}.avi,walk,train,g{n // 4}" for n in range(20)]
    (tmp_path / "old.csv").write_text("\n".join(["path,label,split,group", *rows]) + "\n")
    index.main([str(tmp_path / "old.csv"), "--out", str(tmp_path / "new.csv"), "--val", "1", "--test", "1"])
    groups = splits_of(manifest.read(tmp_path / "new.csv"))
    assert sorted(groups) == ["g0", "g1", "g2", "g3", "g4"]
    assert sorted(str(splits) for splits in groups.values()) == [
        "{'test'}",
        "{'train'}",
        "{'train'}",
        "{'train'}",
        "{'val'}",
    ]


def test_folders_named_as_splits_are_kept(tmp_path):
    for split, count in (("train", 6), ("test", 2)):
        for label in ("a", "b"):
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(count):
                (tmp_path / split / label / f"{number}.avi").touch()
    index.main([str(tmp_path), "--val", "0.2"])
    videos = manifest.read(tmp_path / "manifest.csv")
    assert all(("/test/" in video.path) == (video.split == "test") for video in videos)
    assert {video.split for video in videos} == {"train", "val", "test"}


def test_without_validation(folder, tmp_path, caplog):
    """Nothing is cut off training, of a folder without splits and of one with train and test."""
    with caplog.at_level("INFO"):
        index.main([str(folder), "--val", "0"])
    splits = [video.split for video in manifest.read(folder / "manifest.csv")]
    assert (splits.count("train"), splits.count("val"), splits.count("test")) == (51, 0, 9)
    assert caplog.text.rstrip().endswith(f"train.py lrcn --data.path {folder}/manifest.csv --data.val 0")
    for place, count in (("train/a", 5), ("train/b", 1), ("test/a", 2)):
        (tmp_path / "cut" / place).mkdir(parents=True)
        for number in range(count):
            (tmp_path / "cut" / place / f"{number}.avi").touch()
    index.main([str(tmp_path / "cut"), "--val", "0"])
    splits = [video.split for video in manifest.read(tmp_path / "cut/manifest.csv")]
    assert (splits.count("train"), splits.count("val"), splits.count("test")) == (6, 0, 2)


def test_exclude(folder):
    index.main([str(folder), "--exclude", "run"])
    assert {video.labels for video in manifest.read(folder / "manifest.csv")} == {("jump",), ("walk",)}


def test_classes_missing_in_a_split_are_named(folder, caplog):
    (folder / "rare").mkdir()
    (folder / "rare" / "r50_t0.avi").touch()
    with caplog.at_level("INFO"):
        index.main([str(folder)])
    assert "of 1 of the classes: rare" in caplog.text


def test_an_existing_manifest_is_not_overwritten(folder):
    (folder / "manifest.csv").write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        index.main([str(folder)])
    assert (folder / "manifest.csv").read_text() == "mine"
    index.main([str(folder), "--overwrite"])
    assert len(manifest.read(folder / "manifest.csv")) == 60


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--group", "(no such)"], "does not match"),
        (["--group", "(open"], "not a regular expression"),
        (["--exclude", "rum"], "Did you mean run"),
        (["--exclude", "jump", "run", "walk"], "No video is left"),
        (["--val", "1.5"], "number of groups"),
        (["--val", "0.6", "--test", "0.5"], "together"),
        (["--group", "r(..)_", "--val", "9", "--test", "9"], "groups"),
        (["--out", "/no/such/folder/m.csv"], "/no/such/folder"),
    ],
)
def test_what_the_user_can_mend(folder, more, message):
    with pytest.raises(UserError, match=message):
        index.main([str(folder), *more])
    assert not (folder / "manifest.csv").exists()


def test_no_source(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        index.main([str(tmp_path / "nothing")])
    (tmp_path / "file.mp4").touch()
    with pytest.raises(UserError, match=r"no \.csv"):
        index.main([str(tmp_path / "file.mp4")])
    with pytest.raises(UserError, match="holds no videos"):
        index.main([str(tmp_path)])
