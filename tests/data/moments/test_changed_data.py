"""The split of dense labels is the run's, whatever comes and goes."""

import dataclasses
import shutil

import pytest
from grey_videos import write_video

from videorec.config.dense import DenseData
from videorec.data.moments import sources


@pytest.fixture
def data(tmp_path) -> DenseData:
    """20 videos of other bytes, each with both labels."""
    video = write_video(tmp_path / "one.avi", size=(16, 16)).read_bytes()
    (tmp_path / "videos").mkdir()
    for k in range(20):
        (tmp_path / "videos" / f"{k:02d}.avi").write_bytes(video + bytes([k]))
    rows = [f"{k:02d}.avi,{label},{start},{start + 1}" for k in range(20) for label, start in (("run", 0), ("sit", 1))]
    (tmp_path / "t.csv").write_text("\n".join(["path,label,start,end", *rows]) + "\n")
    return DenseData(path=str(tmp_path / "t.csv"), videos=str(tmp_path / "videos"), workers=1)


def names(videos) -> list[str]:
    return [video.path.rsplit("/", 1)[-1] for video in videos]


def test_one_entry_a_video(data):
    drawn = sources.load(data, 5)
    entries = drawn.record().entries
    assert len(entries) == 20 and {entry.labels for entry in entries} == {("run", "sit")}
    assert {entry.path: entry.split for entry in entries} == dict(
        zip(names(drawn.videos), [v.split for v in drawn.videos], strict=True)
    )


def test_videos_that_come_and_go_move_no_other(data, tmp_path, caplog):
    kept = sources.load(data, 5).record()
    before = {split: [e.path for e in kept.entries if e.split == split] for split in ("train", "val", "test")}
    gone = before["test"].pop()
    table = [line for line in (tmp_path / "t.csv").read_text().splitlines() if not line.startswith(gone)]
    (tmp_path / "t.csv").write_text("\n".join([*table, "new.avi,run,0,1", "new.avi,walk,1,2"]))
    shutil.copy(tmp_path / "one.avi", tmp_path / "videos/new.avi")
    for split, left in before.items():
        chosen = sources.choose(data, split, data, 5, kept)
        assert chosen.own and names(chosen.videos) == left
    assert f"1 gone since the run was made: {gone} (test)" in caplog.text
    assert "1 new since the run was made, in none of its splits: new.avi" in caplog.text
    again = sources.load(data, 5, kept)
    assert {split: names(again.split(split)) for split in before} == before
    assert again.classes == ("run", "sit") and again.record() == kept


def test_labels_that_are_left_out_are_not_changes(data, caplog):
    kept = sources.load(data, 5).record()
    chosen = sources.choose(dataclasses.replace(data, exclude=("sit",)), "test", data, 5, kept)
    assert {video.labels for video in chosen.videos} == {("run",)} and "since the run" not in caplog.text


def test_other_tables_are_other_data(data, tmp_path):
    kept = sources.load(data, 5).record()
    rows = [f"{k:02d}.avi,run,0,2" for k in range(20)]
    (tmp_path / "other.csv").write_text("\n".join(["path,label,start,end", *rows]))
    chosen = sources.choose(dataclasses.replace(data, path=str(tmp_path / "other.csv")), "test", data, 5, kept)
    assert (chosen.own, chosen.split, len(chosen.videos)) == (False, "all", 20)
    assert [len(chosen.seen[split]) for split in ("train", "val")] == [
        sum(entry.split == split for entry in kept.entries) for split in ("train", "val")
    ]
    # The same videos and labels at other times are another truth; a copy of the table is the same.
    table = (tmp_path / "t.csv").read_text()
    for text, own in ((table.replace("run,0,1", "run,0.5,1"), False), (table, True)):
        (tmp_path / "other.csv").write_text(text)
        other = dataclasses.replace(data, path=str(tmp_path / "other.csv"))
        assert sources.choose(other, "test", data, 5, kept).own == own
