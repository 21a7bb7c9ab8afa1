"""The split is the run's: what a run is measured on, and goes on with, when its data change."""

import dataclasses
import logging
import shutil
from pathlib import Path

import pytest
from grey_videos import write_video

from videorec.config import Data, Experiment, Train, UserError
from videorec.data import record, sources
from videorec.data.record import Entry, Record
from videorec.data.seen import Trained, seen_in_training
from videorec.models.lrcn import LRCN

LABELS = ("run", "sit")


@pytest.fixture
def folder(tmp_path) -> Path:
    """12 videos a class, of 12 sizes and more."""
    video = write_video(tmp_path / "one.avi", frames=2, size=(16, 16)).read_bytes()
    for number, label in enumerate(LABELS):
        for k in range(12):
            place = tmp_path / "clips" / label / f"{k:02d}.avi"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(video + bytes([65 + number]) * (k + 1))
    return tmp_path / "clips"


def experiment_of(path, **data) -> Experiment:
    return Experiment("x", Data(path=str(path), workers=1, **data), LRCN(), Train(seed=3))


def trained_on(path, **data) -> tuple[Experiment, Record]:
    """What a run keeps."""
    experiment = experiment_of(path, **data)
    return experiment, sources.load(experiment.data, 3).record()


def names(videos, base) -> list[str]:
    return [record.below(str(base), video.path) for video in videos]


def split_of(kept: Record, split: str | None) -> list[str]:
    return [entry.path for entry in kept.entries if entry.split == split]


def measured(experiment, kept, split="test", **changes):
    return sources.choose(dataclasses.replace(experiment.data, **changes), split, experiment, kept)


def test_the_record_is_the_split_that_was_drawn(folder):
    experiment, kept = trained_on(folder)
    drawn = sources.load(experiment.data, 3)
    for split in ("train", "val", "test"):
        assert split_of(kept, split) == names(drawn.split(split), folder)
        assert names(measured(experiment, kept, split).videos, folder) == split_of(kept, split)
    assert all(entry.size == (folder / entry.path).stat().st_size for entry in kept.entries)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_video_that_goes_moves_no_other(folder, split, caplog):
    experiment, kept = trained_on(folder)
    before = {name: split_of(kept, name) for name in ("train", "val", "test")}
    gone = before[split].pop(0)
    (folder / gone).unlink()
    for name, left in before.items():
        assert names(measured(experiment, kept, name).videos, folder) == left
    assert f"{folder}: 1 gone since the run was made: {gone} ({split})" in caplog.text
    again = sources.load(experiment.data, 3, kept)
    assert {name: names(again.split(name), folder) for name in before} == before
    assert again.classes == LABELS and again.record() == kept  # what is gone stays in the record
    drawn = sources.load(experiment.data, 3).split("test")
    assert names(drawn, folder) != before["test"] or split != "test"  # without the record others would be tested


def test_videos_that_came_are_in_no_split(folder, caplog):
    experiment, kept = trained_on(folder)
    for k in range(5):
        shutil.copy(folder / "run/00.avi", folder / f"sit/new{k}.avi")
    (folder / "swim").mkdir()
    (folder / "swim/first.avi").write_bytes((folder / "run/01.avi").read_bytes() + b"x")
    for split in ("train", "val", "test"):
        assert names(measured(experiment, kept, split).videos, folder) == split_of(kept, split)
    assert "6 new since the run was made, in none of its splits: sit/new0.avi" in caplog.text
    assert "and 3 more" in caplog.text
    assert sources.load(experiment.data, 3, kept).classes == LABELS


def test_what_changed_is_named(folder, tmp_path, caplog):
    table = folder / "m.csv"
    rows = [f"{label}/{k:02d}.avi,{label},g{k}" for label in LABELS for k in range(12)]
    table.write_text("\n".join(["path,label,group", *rows]))
    experiment, kept = trained_on(table)
    test = split_of(kept, "test")
    first = next(row for row in rows if row.startswith(test[0]))
    path, label, group = first.split(",")
    other = LABELS[1 - LABELS.index(label)]
    table.write_text("\n".join(["path,label,group", *(f"{path},{other},new" if row == first else row for row in rows)]))
    with open(folder / path, "ab") as file:
        file.write(b"more")
    videos = measured(experiment, kept).videos
    assert names(videos, folder) == test and videos[0].labels == (other,)
    assert f"of another size than when the run was made: {path} (test, " in caplog.text
    assert f"with other labels than when the run was made (those of now count): {path} ({label} -> {other})" in caplog.text
    assert f"in another group than when the run was made (the split stays): {path} ({group} -> new)" in caplog.text
    table.write_text("\n".join(["path,label,group", *(f"{path},fly,new" if row == first else row for row in rows)]))
    with pytest.raises(UserError, match="has the label 'fly', which the run does not learn"):
        sources.load(experiment.data, 3, kept)


def test_damaged_videos_that_were_dropped_stay_out(folder):
    broken = write_video(folder / "run/03.avi", size=(480, 640))
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    experiment, kept = trained_on(folder, damaged="drop")
    assert split_of(kept, None) == ["run/03.avi"]
    broken.write_bytes(whole)
    for split in ("train", "val", "test"):
        assert names(measured(experiment, kept, split).videos, folder) == split_of(kept, split)


def test_classes_that_are_left_out_are_not_missing(folder, caplog):
    (folder / "fly").mkdir()
    for k in range(3):
        (folder / f"fly/{k}.avi").write_bytes((folder / f"run/{k:02d}.avi").read_bytes() + b"fly")
    experiment, kept = trained_on(folder)
    assert {label for video in measured(experiment, kept, exclude=("fly",)).videos for label in video.labels} == set(LABELS)
    assert "since the run was made" not in caplog.text


def test_old_runs_draw_anew_and_say_so(folder, caplog):
    caplog.set_level(logging.INFO)
    experiment, kept = trained_on(folder)
    assert names(measured(experiment, None).videos, folder) == split_of(kept, "test")
    assert "no list of its videos (videos.csv): its split is drawn anew from the data of now" in caplog.text


# === The same data elsewhere, and other data ===


def test_a_folder_that_moved_is_the_same_data(folder, tmp_path, monkeypatch):
    experiment, kept = trained_on(folder)
    moved = tmp_path / "elsewhere" / "videos"
    shutil.move(folder, moved)
    chosen = measured(experiment, kept, path=str(moved))
    assert (chosen.own, chosen.split) == (True, "test") and names(chosen.videos, moved) == split_of(kept, "test")
    monkeypatch.chdir(moved.parent)
    for path in ("videos", "./videos/", "../elsewhere/videos"):
        assert measured(experiment, kept, path=path).own
    goes_on = sources.load(dataclasses.replace(experiment.data, path="videos"), 3, kept)
    assert names(goes_on.split("train"), "videos") == split_of(kept, "train")


def test_what_moved_may_have_changed_too(folder, tmp_path, caplog):
    experiment, kept = trained_on(folder)
    gone, *left = split_of(kept, "test")
    moved = tmp_path / "moved"
    shutil.move(folder, moved)
    (moved / gone).unlink()
    shutil.copy(moved / left[0], moved / "run/new.avi")
    chosen = measured(experiment, kept, path=str(moved))
    assert chosen.own and names(chosen.videos, moved) == left
    assert f"{moved} is taken for the run's own data, which are not at {folder} any more, by names and sizes" in caplog.text
    for path in split_of(kept, "train"):
        (moved / path).unlink()
    assert not measured(experiment, kept, path=str(moved)).own


def test_copies_and_links_of_the_whole_are_the_same_data(folder, tmp_path):
    experiment, kept = trained_on(folder)
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "link").symlink_to(folder)
    for name in ("copy", "link"):
        assert names(measured(experiment, kept, path=str(tmp_path / name)).videos, tmp_path / name) == split_of(kept, "test")


def test_same_names_and_sizes_of_other_content_are_other_data(folder, tmp_path):
    experiment, kept = trained_on(folder)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    for path in other.rglob("*.avi"):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + b"#")
    chosen = measured(experiment, kept, path=str(other))
    assert (chosen.own, chosen.split, len(chosen.videos)) == (False, "all", 24)
    assert chosen.seen == {"train": [], "val": []}


def test_other_data_say_what_the_run_has_seen(folder, tmp_path, caplog):
    """A table of the same files: all of them are measured, and those of training counted."""
    experiment, kept = trained_on(folder)
    table = tmp_path / "m.csv"
    table.write_text("\n".join(["path,label", *(f"clips/{entry.path},{entry.labels[0]}" for entry in kept.entries)]))
    chosen = measured(experiment, kept, path=str(table))
    train, val = split_of(kept, "train"), split_of(kept, "val")
    assert (chosen.own, chosen.split, len(chosen.videos)) == (False, "all", 24)
    assert {split: sorted(names(map(experiment_path, paths), folder)) for split, paths in chosen.seen.items()} == {
        "train": sorted(train),
        "val": sorted(val),
    }
    assert chosen.protocol() == {"own_data": False, "trained_on_videos": len(train), "validated_on_videos": len(val)}
    assert f"of these 24 videos, {len(train)} trained the run and {len(val)} validated it" in caplog.text


def experiment_path(path: str):
    return dataclasses.make_dataclass("Named", ["path"])(path)


def test_what_was_trained_on_is_known_by_content_and_where_it_is_gone_by_name_and_size(folder, tmp_path):
    experiment, kept = trained_on(folder)
    one, two, *_ = split_of(kept, "train")
    new = tmp_path / "new" / "run"
    new.mkdir(parents=True)
    shutil.copy(folder / one, new / "under another name.avi")
    shutil.move(folder / two, new / Path(two).name)
    (new / "unseen.avi").write_bytes((folder / one).read_bytes() + b"y")
    chosen = measured(experiment, kept, path=str(new.parent))
    assert sorted(chosen.seen["train"]) == sorted([str(new / "under another name.avi"), str(new / Path(two).name)])
    shutil.rmtree(folder)
    known = sources.choose(dataclasses.replace(experiment.data, path=str(new.parent)), "test", experiment, None)
    assert known.seen is None and known.protocol()["trained_on_videos"] is None  # an old run whose data are gone


def test_no_video_in_the_split(folder):
    experiment, kept = trained_on(folder)
    for path in split_of(kept, "test"):
        (folder / path).unlink()
    shutil.copy(folder / split_of(kept, "train")[0], folder / "run/new.avi")
    with pytest.raises(
        UserError, match="has no test videos. Choose --evaluate.split train or val. 1 are in no split of the run"
    ):
        measured(experiment, kept)
    shutil.rmtree(folder)
    (folder / "run").mkdir(parents=True)
    (folder / "run/new.avi").write_bytes(b"x")
    with pytest.raises(UserError, match="No training video of the run is in"):
        sources.load(experiment.data, 3, kept)


def test_where_sizes_cannot_be_compared_the_end_of_the_path_tells(folder):
    """Of prepared pictures sizes are others than those of the videos; of remote files none are known."""
    entries = tuple(Entry(path, split="train", size=size) for path, size in (("run/00.avi", 99), ("01.avi", None)))
    prepared = Trained(Data(), "prep", Record(entries), sources.load, 0, lambda path: 99)
    paths = [str(folder / name) for name in ("run/00.avi", "run/01.avi", "sit/00.avi", "sit/02.avi")]
    assert seen_in_training(paths, record.size_of, prepared)["train"] == paths[:2]
    remote = dataclasses.replace(prepared, base="s3://bucket/clips", size=record.size_of)
    assert seen_in_training(paths, record.size_of, remote)["train"] == paths[1:2]  # 00.avi has another size
