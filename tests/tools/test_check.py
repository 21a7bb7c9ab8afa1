"""`videorec.tools.check`: what is wrong with which file."""

import csv
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from grey_videos import write_video

from videorec.config import UserError
from videorec.tools import check


def write_frames(folder, sizes):
    """A folder of images of the given sizes `(height, width)`."""
    folder.mkdir(parents=True)
    for number, size in enumerate(sizes):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((*size, 3), np.uint8))


def rows_of(path):
    with open(path, newline="") as file:
        return {os.path.basename(row["path"]): row for row in csv.DictReader(file)}


@pytest.fixture
def good(tmp_path):
    """A folder of readable videos."""
    for name in ("a/1.avi", "a/2.mp4", "b/3.avi"):
        write_video(tmp_path / "videos" / name, 8)
    write_frames(tmp_path / "videos" / "b" / "frames", [(20, 30)] * 5)
    return tmp_path / "videos"


def test_good_videos(good, tmp_path, capsys):
    assert check.main([str(good), "--out", str(tmp_path / "report.csv")]) == 0
    output = capsys.readouterr().out
    assert "4 videos, 2.4 seconds, 29 frames, 0 unreadable, 0 damaged, 0 otherwise odd" in output
    rows = rows_of(tmp_path / "report.csv")
    video, folder = rows["1.avi"], rows["frames"]
    assert [video[key] for key in ("frames", "declared", "fps", "width", "height", "seconds", "verdict", "problem")] == [
        *("8", "8", "10", "64", "48", "0.8", "good", "")
    ]
    assert [folder[key] for key in ("frames", "declared", "fps", "width", "seconds")] == ["5", "", "", "30", ""]


def test_unreadable_files_are_named_once_with_the_reason(good, tmp_path, capsys):
    (good / "a" / "empty.mp4").touch()
    (good / "a" / "text.mp4").write_text("no video\n" * 100)
    (good / "b" / "gone.mp4").symlink_to(good / "nothing.mp4")
    assert check.main([str(good), "--out", str(tmp_path / "report.csv"), "--workers", "2"]) == 1
    output = capsys.readouterr().out
    assert "cannot be read (3)" in output
    assert "3 unreadable" in output
    assert f"{good}/a/empty.mp4: the file is empty" in output
    assert f"{good}/b/gone.mp4: no such file" in output
    for name in ("empty.mp4", "text.mp4", "gone.mp4"):
        assert output.count(name) == 1
        assert rows_of(tmp_path / "report.csv")[name]["problem"]
    assert len(rows_of(tmp_path / "report.csv")) == 7


def test_a_truncated_file(good, capsys):
    path = write_video(good / "a" / "truncated.avi", 200)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    status = check.main([str(good)])
    line = next(line for line in capsys.readouterr().out.splitlines() if "truncated.avi" in line)
    assert status == 1
    assert "of 200 frames can be read" in line and "bytes" in line


def test_odd_but_readable(good, capsys):
    write_video(good / "a" / "one.avi", 1)
    write_frames(good / "a" / "sizes", [(20, 30), (20, 30), (40, 30)])
    assert check.main([str(good)]) == 0
    output = capsys.readouterr().out
    assert f"{good}/a/one.avi: has 1 frame" in output
    assert f"{good}/a/sizes: frames of 2 sizes: 2 of 30 x 20, 1 of 30 x 40" in output
    assert "2 otherwise odd" in output


def test_a_broken_image_in_a_folder_of_frames(good, capsys):
    (good / "b" / "frames" / "7.png").write_text("no image")
    assert check.main([str(good)]) == 1
    output = capsys.readouterr().out
    assert "frames: 5 of 6 pictures can be read, left out: 7.png is not an image" in output
    assert "1 damaged" in output


def test_segments_of_one_file_are_decoded_once(good, tmp_path, capsys):
    table = tmp_path / "table.csv"
    table.write_text("path,label,start,end\nvideos/a/1.avi,x,0,0.4\nvideos/a/1.avi,y,0.4,0.8\nvideos/b/3.avi,x,5,6\n")
    assert check.main([str(table)]) == 1
    output = capsys.readouterr().out
    assert "2 videos" in output
    assert "3.avi: the segment from 5 s begins after the end (0.80 s)" in output


def test_many_files_in_order(tmp_path):
    first = write_video(tmp_path / "videos" / "a" / "000.avi", 2)
    for number in range(1, 60):
        (first.parent / f"{number:03d}.avi").hardlink_to(first)
    assert check.main([str(tmp_path / "videos"), "--workers", "2", "--out", str(tmp_path / "report.csv")]) == 0
    assert list(rows_of(tmp_path / "report.csv")) == [f"{number:03d}.avi" for number in range(60)]


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read every file")
def test_no_permission(good, capsys):
    (good / "a" / "1.avi").chmod(0)
    assert check.main([str(good)]) == 1
    assert "1.avi: the file cannot be opened: Permission denied" in capsys.readouterr().out


def test_what_the_user_can_mend(good, tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        check.main([str(tmp_path / "nothing")])
    with pytest.raises(UserError, match="is a file"):
        check.main([str(good / "a" / "1.avi")])
    with pytest.raises(UserError, match="--workers"):
        check.main([str(good), "--workers", "-1"])
    with pytest.raises(UserError, match="cannot be written"):
        check.main([str(good), "--out", str(tmp_path / "no" / "report.csv")])
    table = tmp_path / "table.csv"
    table.write_text("path,label\nvideos/a/1.avi,x\n")
    with pytest.raises(UserError, match="manifest itself"):
        check.main([str(table), "--out", str(table)])
    assert table.read_text().startswith("path,label\n")


def test_needs_no_tensorflow(good):
    code = "import sys, videorec.tools.check as c; c.main(sys.argv[1:]); sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, str(good)], check=True, cwd=os.getcwd(), capture_output=True)


def test_what_training_would_refuse_of_the_splits_is_said(good, caplog):
    table = good / "m.csv"
    table.write_text("path,label,split\na/1.avi,a,train\nb/3.avi,b,train\n./a/1.avi,a,test\n")
    assert check.main([str(table)]) == 1
    assert "both sides of a split" in caplog.text


# === In shards ===

# The flag changes nothing here; with it, DirectRunner does not look for a newer runner on the network.
BEAM = ["--runner", "DirectRunner", "--allow_unsafe_triggers"]


def checked(source, out, capsys, *args) -> list[str]:
    """What a check with faults says, but for the time that it took and the name of its report."""
    assert check.main([str(source), "--out", str(out), *args]) == 1
    *lines, last, _ = capsys.readouterr().out.splitlines()
    return [*lines, last.split(", checked in")[0]]


@pytest.mark.parametrize("kind", ["folder", "manifest"])
def test_beam_gives_the_rows_of_one_process(kind, good, tmp_path, capsys, caplog):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed (requirements-dev.txt)")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    caplog.set_level("INFO")
    (good / "a" / "text.mp4").write_text("no video")
    if kind == "folder":
        source = good
        os.rename(write_video(good / "b" / "x.avi", 6), os.fsencode(good / "b") + b"/\xe9.avi")
    else:
        source = tmp_path / "m.csv"
        rows = ["a/1.avi,x,0,0.2", "a/text.mp4,x,,", "a/1.avi,x,5,6", "a/2.mp4,x,,", "b/3.avi,x,,", "b/frames,x,,"]
        source.write_text("\n".join(["path,label,start,end", *rows]))
    args = ["--videos", str(good)] * (kind == "manifest")
    beam = [*args, *BEAM, "--videos-per-shard", "2"]

    said = checked(source, tmp_path / "report.csv", capsys, *args)
    assert checked(source, tmp_path / "csv", capsys, *beam) == said
    head, *rows = (tmp_path / "report.csv").read_text().splitlines()
    shards = [path.read_text().splitlines() for path in sorted((tmp_path / "csv").glob("checked-*.csv"))]
    assert len(shards) == 3 and all(shard[0] == head for shard in shards)
    assert [row for shard in shards for row in shard[1:]] == rows

    (tmp_path / "csv" / "checked-00001-of-00003.csv").unlink()
    assert checked(source, tmp_path / "csv", capsys, *beam) == said
    assert "2 of 3 shards are there, 1 are to be made" in caplog.text
    assert checked(source, tmp_path / "parquet", capsys, *beam, "--format", "parquet") == said
    table = parquet.read_table(tmp_path / "parquet")
    assert table.column_names == head.split(",") and table.num_rows == len(rows)
    assert table.column("frames").to_pylist() == [int(row.split(",")[1]) for row in rows]
    assert {str(kind) for kind in table.schema.types} == {"string", "int64", "double"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (BEAM, "--runner needs --out FOLDER"),
        (["--again"], "--again is for --runner"),
        (["--format", "csv", "--out", "report"], "--format is for --runner: without it --out is one CSV file"),
        (["--videos-per-shard", "1000"], "--videos-per-shard is for --runner"),
        (["--workres", "2"], r"Did you mean --workers\?\nHelp"),
    ],
)
def test_refusals_of_shards(good, args, message):
    with pytest.raises(UserError, match=message):
        check.main([str(good), *args])
