"""`videorec.tools.prepare`: what it makes, of which videos and settings."""

import hashlib
import json
import os
import sys

import pytest
from file_times import digests, times
from grey_videos import write_video

from videorec.config import UserError
from videorec.data import beam
from videorec.data.prepared import plan as prepare_plan
from videorec.data.prepared.records import Settings
from videorec.tools import prepare

QUICK = ["--short-side", "32", "--videos-per-shard", "2"]


def test_shards_and_index(source, out, caplog):
    caplog.set_level("INFO")
    assert prepare.main([str(source), str(out), *QUICK]) == 0
    names = [f"shard-0000{number}-of-00003.{suffix}" for number in range(3) for suffix in ("json", "tfrecord")]
    assert sorted(os.listdir(out)) == ["index.json", "plan.json", *names]
    index = json.loads((out / "index.json").read_text())
    for entry in index["shards"]:
        content = (out / entry["file"]).read_bytes()
        assert (entry["size"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert [(entry["name"], entry["labels"], entry["shard"]) for entry in index["videos"][1:3]] == [
        ("a/2.avi", ["a"], 0),
        ("b/1.avi", ["b"], 1),
    ]
    assert "6 videos, 0 unreadable, 60 rgb pictures" in caplog.text
    assert f"python train.py lrcn --data.path {out}" in caplog.text


def test_a_second_run_does_nothing(source, out, caplog):
    prepare.main([str(source), str(out), *QUICK])
    before = times(out)
    caplog.set_level("INFO")
    assert prepare.main([str(source), str(out), *QUICK]) == 0
    assert times(out) == before
    assert "all 3 shards are there: nothing to do" in caplog.text


def test_workers_do_not_change_a_byte(source, tmp_path):
    for workers in ("1", "3"):
        assert prepare.main([str(source), str(tmp_path / workers), *QUICK, "--stream", "both", "--workers", workers]) == 0
    assert digests(tmp_path / "1") == digests(tmp_path / "3")


def test_what_is_missing_is_made(source, out):
    prepare.main([str(source), str(out), *QUICK])
    whole, before = digests(out), times(out)
    shard = out / "shard-00001-of-00003.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    (out / "shard-00002-of-00003.json").write_text("{")
    (out / "index.json").unlink()
    assert prepare.main([str(source), str(out), *QUICK]) == 0
    assert digests(out) == whole
    assert times(out)["shard-00000-of-00003.tfrecord"] == before["shard-00000-of-00003.tfrecord"]


def test_verify_makes_damaged_shards_again(source, out, caplog):
    prepare.main([str(source), str(out), *QUICK])
    whole = digests(out)
    shard = out / "shard-00001-of-00003.tfrecord"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    assert prepare.main([str(source), str(out), *QUICK]) == 0  # a size alone does not show it
    assert digests(out) != whole
    assert prepare.main([str(source), str(out), *QUICK, "--verify"]) == 0
    assert digests(out) == whole
    assert "damaged, made again: shard-00001-of-00003.tfrecord" in caplog.text
    before = times(out)
    assert prepare.main([str(source), str(out), *QUICK, "--verify"]) == 0
    assert times(out) == before


def test_manifest_rows_and_splits(source, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("path,label,start,end,split,group\nvideos/a/1.avi,x;y,0.2,0.6,train,g\nvideos/b/1.avi,x,,,test,h\n")
    assert prepare.main([str(table), str(tmp_path / "out"), *QUICK]) == 0
    first, second = json.loads((tmp_path / "out" / "index.json").read_text())["videos"]
    assert first | {"shard": 0, "rgb": None} == {
        **{"name": "videos/a/1.avi", "labels": ["x", "y"], "start": 0.2, "end": 0.6, "split": "train", "group": "g"},
        **{"shard": 0, "rgb": None},
    }
    assert (first["rgb"]["pictures"], second["rgb"]["pictures"]) == (4, 10)


# === Other settings, other videos ===


def test_other_settings(source, out):
    prepare.main([str(source), str(out), *QUICK])
    before = times(out)
    with pytest.raises(UserError, match=r"other videos or settings:\s+quality: 90 -> 80\s+short_side: 32 -> 64\s+Take another"):
        prepare.main([str(source), str(out), "--short-side", "64", "--quality", "80", "--videos-per-shard", "2"])
    with pytest.raises(UserError, match="streams: .*rgb.* -> .*rgb.*flow"):
        prepare.main([str(source), str(out), *QUICK, "--stream", "both"])
    assert times(out) == before
    assert prepare.main([str(source), str(out), *QUICK, "--workers", "3", "--max-unreadable", "0.5"]) == 0  # change no byte


def test_other_videos(source, out):
    prepare.main([str(source), str(out), *QUICK])
    write_video(source / "c" / "3.avi", 5)
    (source / "a" / "2.avi").rename(source / "b" / "9.avi")
    with pytest.raises(UserError) as error:
        prepare.main([str(source), str(out), *QUICK])
    for line in ("only before: a/2.avi", "only now: b/9.avi", "only now: c/3.avi"):
        assert line in str(error.value)


def test_differences_of_rows():
    settings = Settings(("rgb",), 32, 90, None, None, 2)
    row = {"name": "1.avi", "labels": ["a"], "start": None, "end": None, "split": "train", "group": None}
    plan = {"format": "f", "settings": settings.to_dict(), "videos": [row, row | {"name": "2.avi"}]}
    other = plan | {"videos": [row, row | {"name": "2.avi", "labels": ["b"], "split": "val"}]}
    assert prepare_plan.differences(plan, other) == ["2.avi: labels: ['a'] -> ['b']", "2.avi: split: train -> val"]
    assert prepare_plan.differences(plan, plan | {"videos": plan["videos"][::-1]}) == ["the order of the videos"]
    assert prepare_plan.differences(plan, plan) == []


# === Options ===


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--short-side", "4"], "--short-side must be 16"),
        (["--quality", "0"], "--quality"),
        (["--fps", "0"], "--fps"),
        (["--flow.frames", "4"], "--flow.frames is for train.py"),
        (["--flow.method", "stored"], "--stream flow"),
        (["--videos-per-shard", "0"], "--videos-per-shard"),
        (["--exclude", "a", "b", "c"], "No video is left"),
        (["--sort-side", "4"], r"--sort-side. Did you mean --short-side\?\nHelp"),
        (["--direct_num_workers", "4"], "Options of Apache Beam need --runner"),
    ],
)
def test_wrong_options(source, out, options, message):
    with pytest.raises(UserError, match=message):
        prepare.main([str(source), str(out), *options])
    assert not out.exists()


def test_wrong_sources(source, out, tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        prepare.main([str(tmp_path / "nothing"), str(out)])
    prepare.main([str(source), str(out), *QUICK])
    with pytest.raises(UserError, match="holds prepared pictures already"):
        prepare.main([str(out), str(tmp_path / "other")])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be used"):
        prepare.main([str(source), str(tmp_path / "file")])
    with pytest.raises(UserError, match="Two videos have one name, elsewhere/1.avi"):
        table, same = tmp_path / "table.csv", "elsewhere/1.avi"
        table.write_text(f"path,label\n{same},a\n/{same},b\n")
        prepare.main([str(table), str(tmp_path / "other")])


def test_without_beam(source, out, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(UserError, match=r"needs Apache Beam: pip install \"apache-beam") as error:
        prepare.main([str(source), str(out), "--runner", "DirectRunner"])
    assert beam.INSTALL in str(error.value)
