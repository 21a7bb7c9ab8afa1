"""Where dense labels come from: every form of --data.path, splits, groups, and what is wrong with a source."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from grey_videos import write_video

from videorec.config import UserError
from videorec.config.dense import DenseData
from videorec.data.moments import sources, tables
from videorec.data.moments.tables import Segment

LABELS = {"a": [("run", 0.0, 1.0), ("jump", 0.5, 1.5)], "b": [("jump", 0.2, 0.8)]}  # seconds of videos of 2 s
SEGMENTS = {name: tuple(sorted((Segment(*x) for x in rows), key=lambda s: s.start)) for name, rows in LABELS.items()}
TABLE = "path,label,start,end\na.avi,run,0,1\na.avi,jump,0.5,1.5\nb.avi,jump,0.2,0.8\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Videos a and b of 20 frames at 10 a second."""
    for name in LABELS:
        write_video(tmp_path / f"{name}.avi", size=(32, 32))
    return tmp_path


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def segments_of(videos) -> dict:
    return {Path(video.path).stem: video.segments for video in videos}


def many(folder, rows, columns="path,label,start,end") -> DenseData:
    """A table of `rows`, each naming a video first; all show the same, in files that differ at their ends."""
    video = write_video(folder / "one.avi", size=(32, 32))
    for row in rows:
        place = folder / row.split(",")[0]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(video.read_bytes() + row.split(",")[0].encode())
    return DenseData(path=write(folder / "many.csv", "\n".join([columns, *rows])))


# === Forms ===


def table_of_seconds(folder):
    return DenseData(path=write(folder / "seconds.csv", TABLE))


def table_of_frames(folder):
    rows = "".join(f"{name},{10 * start:g},{10 * end:g},{label}\n" for name in LABELS for label, start, end in LABELS[name])
    text = f"video,start_frame,end_frame,label\n{rows}"
    return DenseData(path=write(folder / "frames.csv", text), table_fps=10.0, file="{}.avi")


def one_json_file(folder):
    index = {"run": 7, "jump": 3}
    subsets = {"a": "training", "b": "testing"}
    content = {
        name: {"subset": subsets[name], "duration": 2.0, "actions": [[index[label], start, end] for label, start, end in of]}
        for name, of in LABELS.items()
    }
    names = write(folder / "class_list.txt", "3 jump\n7 run\n")
    return DenseData(path=write(folder / "all.json", json.dumps(content)), class_list=names, file="{}.avi")


def text_files(folder, below=""):
    for label in ("run", "jump"):
        rows = [f"{name} {start} {end}" for name, of in LABELS.items() for own, start, end in of if own == label]
        write(folder / below / f"{label}.txt", "\n".join(rows))
    return DenseData(path=str(folder), file="{}.avi")


def text_files_in_annotations(folder):
    write(folder / "class_list.txt", "1 jump\n2 run\n")  # beside them, and not read
    return text_files(folder, "annotations")


@pytest.mark.parametrize("form", [table_of_seconds, table_of_frames, one_json_file, text_files, text_files_in_annotations])
def test_every_form_holds_the_same_segments(folder, form):
    data = form(folder)
    loaded = sources.find(data)
    if "text" in form.__name__:  # a slash at its end or not
        assert sources.find(DenseData(path=f"{data.path}/", file="{}.avi")) == loaded
    assert segments_of(loaded) == SEGMENTS
    assert [Path(video.path) for video in loaded] == [folder / "a.avi", folder / "b.avi"]
    expected = ["train", "test"] if form is one_json_file else [None, None]
    assert [video.split for video in loaded] == expected


def test_the_folder_of_videos_may_be_another(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("tables")
    for form in (table_of_seconds, table_of_frames, text_files_in_annotations):
        settings = form(elsewhere).__dict__ | {"videos": str(folder)}
        assert segments_of(sources.find(DenseData(**settings))) == SEGMENTS
    (folder / "b.avi").unlink()
    with pytest.raises(UserError, match=r"1 of 2 videos are missing: .*b\.avi \(.*seconds.csv, line 4\)"):
        sources.find(table_of_seconds(folder))


def test_home_folder(folder, monkeypatch):
    table_of_seconds(folder)
    monkeypatch.setenv("HOME", str(folder))
    assert segments_of(sources.find(DenseData(path="~/seconds.csv"))) == SEGMENTS
    assert segments_of(sources.find(DenseData(path="~/seconds.csv", videos="~"))) == SEGMENTS


def test_a_folder_of_frames_is_a_video(folder):
    (folder / "frames").mkdir()
    for k in range(10):
        cv2.imwrite(str(folder / "frames" / f"{k}.png"), np.zeros((32, 32, 3), np.uint8))
    data = DenseData(path=write(folder / "t.csv", "path,label,start,end\nframes,run,0,2\n"), fps=5.0)
    (video,) = sources.find(data)
    assert sources.durations([video], DenseData(fps=5.0)) == {video.path: 2.0}
    with pytest.raises(UserError, match="1 of 1 segments end after the end of their video.*has 0.5 s"):
        sources.find(DenseData(path=data.path, fps=20.0))


# === Splits and groups ===


def test_splits_are_completed_by_group(folder):
    rows = [f"room{k}/{j}.avi,{'run' if j else 'jump'},0,1" for k in range(8) for j in range(2)]
    data = many(folder, rows)
    grouped = DenseData(path=data.path, group=r"room\d")
    loaded = sources.load(grouped, seed=3)
    assert loaded.classes == ("jump", "run")
    sides = {}
    for video in loaded.videos:
        assert video.group == Path(video.path).parent.name
        sides.setdefault(video.group, set()).add(video.split)
    assert all(len(side) == 1 for side in sides.values())
    assert {split for side in sides.values() for split in side} == {"train", "val", "test"}
    assert sources.load(grouped, seed=3) == loaded


def test_validation_is_taken_from_training(folder):
    rows = [f"{k}.avi,{'run' if k % 2 else 'jump'},0,1,{'test' if k < 4 else 'train'}" for k in range(24)]
    loaded = sources.load(many(folder, rows, "path,label,start,end,split"))
    counts = {split: len(loaded.split(split)) for split in ("train", "val", "test")}
    assert counts == {"train": 17, "val": 3, "test": 4}  # 15 % of 20 are 3
    assert {Path(video.path).stem for video in loaded.split("test")} == {"0", "1", "2", "3"}


def test_the_group_is_looked_for_below_the_folder_of_videos(tmp_path):
    folder = tmp_path / "room9"  # of all videos, and no group
    data = many(folder, ["room1/x.avi,run,0,1", "room2/x.avi,jump,0,1"])
    loaded = sources.find(DenseData(path=data.path, group=r"room(\d)"))
    assert [video.group for video in loaded] == ["1", "2"]
    with pytest.raises(UserError, match="does not match x.avi"):
        sources.find(DenseData(path=many(folder, ["x.avi,run,0,1"]).path, group=r"room\d"))

    # A column group goes before the pattern.
    data = many(folder, ["room1.avi,run,0,1,mine", "room2.avi,jump,0,1,"], "path,label,start,end,group")
    assert [video.group for video in sources.find(DenseData(path=data.path, group=r"room\d"))] == ["mine", "room2"]


def test_a_group_on_two_sides(folder):
    rows = ["room1/a.avi,run,0,1,train", "room1/b.avi,jump,0,1,test", "room2/c.avi,jump,0,1,train", "d.avi,run,0,1,val"]
    data = many(folder, rows, "path,label,start,end,split")
    with pytest.raises(UserError, match=r"both sides of a split.*room1"):
        sources.load(DenseData(path=data.path, group=r"room\d|d"))


def test_a_label_only_in_test(folder):
    rows = ["a.avi,run,0,1,train", "b.avi,jump,0,1,train", "c.avi,run,0,1,val", "d.avi,sing,0,1,test", "d.avi,run,1,2,test"]
    data = many(folder, rows, "path,label,start,end,split")
    with pytest.raises(UserError, match=r"Only in test: sing\..*--data.exclude sing"):
        sources.load(data)
    loaded = sources.load(DenseData(path=data.path, exclude=("sing",)))
    assert loaded.classes == ("jump", "run")
    assert [segment.label for segment in loaded.split("test")[0].segments] == ["run"]


def test_excluded_classes_leave_their_frames(folder, caplog):
    caplog.set_level(logging.INFO)
    data = DenseData(path=table_of_seconds(folder).path, exclude=("jump", "rnu"))
    loaded = sources.find(data)
    assert segments_of(loaded) == {"a": (Segment("run", 0, 1),), "b": ()}
    assert "left out: class jump" in caplog.text
    assert "--data.exclude rnu" in caplog.text and "Did you mean run?" in caplog.text
    with pytest.raises(UserError, match="has no label after --data.exclude jump run"):
        sources.find(DenseData(path=data.path, exclude=("jump", "run")))
    with pytest.raises(UserError, match="At least two classes"):
        sources.load(data)


def test_single_with_slack(folder):
    data = many(folder, ["a.avi,run,0,1", "a.avi,jump,0.9,1.5"])
    with pytest.raises(UserError, match=r"line 3: segments must not overlap.*line 2"):
        sources.find(DenseData(path=data.path, single=True, slack=0.05))
    (video,) = sources.find(DenseData(path=data.path, single=True, slack=0.2))
    assert video.segments == (Segment("run", 0, 0.9), Segment("jump", 0.9, 1.5))


# === Bad input ===


def test_segments_after_the_end_by_the_files_own_header(folder, caplog):
    rows = [f"{k}.avi,run,0,1" for k in range(3)]
    with pytest.raises(UserError, match=r"1 of 4 segments end after.*line 5: jump from 1 to 3.5 s.* has 2 s.*in seconds\?"):
        sources.find(many(folder, [*rows, "0.avi,jump,1,3.5"]))
    sources.find(many(folder, [*rows, "0.avi,jump,1,2.9"]))  # within a second
    assert "after the end" not in caplog.text
    several = [f"{k}.avi,run,0,{1 + j / 100}" for k in range(3) for j in range(40)]
    sources.find(many(folder, [*several, "0.avi,jump,1,3.5"]))  # one of 121
    assert "1 of 121 segments end after the end of their video" in caplog.text


def test_a_video_that_cannot_be_opened_is_left_to_the_reader(folder):
    data = table_of_seconds(folder)
    (folder / "b.avi").write_bytes(b"no video")
    loaded = sources.find(data)
    assert segments_of(loaded) == SEGMENTS
    assert sources.durations(loaded, DenseData(fps=5.0)) == {str(folder / "a.avi"): 2.0}


def test_an_end_before_its_start(folder):
    write(folder / "annotations" / "run.txt", "a 0 1\nb 1.5 0.5\n")
    with pytest.raises(UserError, match=r"run.txt, line 2: end must not come before start"):
        sources.find(DenseData(path=str(folder), file="{}.avi"))
    with pytest.raises(UserError, match=r"many.csv, line 2: end must come after start"):
        sources.find(many(folder, ["a.avi,run,3,2"]))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "none, which does not exist"),
        ("none.csv", "none.csv, which does not exist"),
        ("none.json", "none.json, which does not exist"),
        ("notes.txt", "notes.txt, which is none of them"),
        ("other.csv", "must name the columns path,label,start,end. Received: video,what"),
        (".", "in which there is no .txt file"),
    ],
)
def test_a_path_that_is_no_source(folder, name, message):
    write(folder / "other.csv", "video,what\na.avi,run\n")
    if name == "notes.txt":
        write(folder / name, "no labels\n")
    with pytest.raises(UserError, match=message):
        sources.find(DenseData(path=str(folder / name)))


def test_a_prepared_folder(folder):
    from videorec.data.prepared.index import FORMAT, INDEX

    data = table_of_seconds(folder)
    prepared = folder / "prepared"
    write(prepared / INDEX, json.dumps({"format": FORMAT}))
    with pytest.raises(UserError, match=r"prepared was made by videorec.tools.prepare: give --data.videos the folder"):
        sources.find(DenseData(path=data.path, videos=str(prepared)))


# === Evaluation ===


def test_evaluation_of_the_same_source_splits_as_training(folder):
    data = many(folder, [f"{k}.avi,{'run' if k % 2 else 'jump'},0,1" for k in range(20)])
    trained = sources.load(data, seed=5)
    for split in ("train", "val", "test"):
        assert sources.load_for_evaluation(data, split, data, 5) == trained.split(split)


def test_evaluation_of_another_source(folder, caplog):
    caplog.set_level(logging.INFO)
    trained = DenseData(path="another.csv")
    whole = many(folder, ["0.avi,run,0,1", "1.avi,jump,0,1"])
    assert len(sources.load_for_evaluation(whole, "test", trained, 0)) == 2
    assert "names no splits: all 2 videos" in caplog.text
    rows = [f"{k}.avi,{'run' if k % 2 else 'jump'},0,1,train" for k in range(20)]
    given = many(folder, rows, "path,label,start,end,split")
    with pytest.raises(UserError, match="has no test videos. Choose --evaluate.split train"):
        sources.load_for_evaluation(given, "test", trained, 0)
    assert len(sources.load_for_evaluation(given, "train", trained, 0)) == 20
    assert len(sources.load_for_evaluation(given, "val", trained, 0)) == 3  # 15 % of those to train on


def test_an_unknown_label_in_evaluation_is_named(folder):
    data = many(folder, ["0.avi,run,0,1", "1.avi,jmp,0,1"])
    loaded = sources.load_for_evaluation(data, "test", DenseData(path="other.csv"), 0)
    with pytest.raises(UserError, match=r"many.csv, line 3: unknown label 'jmp'. Did you mean jump"):
        tables.check_labels(((s.label, s.where) for video in loaded for s in video.segments), ("jump", "run"))
