"""`videorec.tools.prepare`: the same files however often it was stopped, and nothing lost where something fails."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from grey_videos import write_video

from videorec.config import UserError
from videorec.data.prepared import beam as prepare_beam
from videorec.data.prepared import plan as prepare_plan
from videorec.data.prepared import shards
from videorec.data.prepared.index import Prepared
from videorec.data.prepared.records import Settings
from videorec.storage import files
from videorec.tools import prepare

QUICK = ["--short-side", "32", "--videos-per-shard", "2"]


def digests(folder) -> dict[str, str]:
    """SHA-256 of every file, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(Path(folder).iterdir())}


def times(folder) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in Path(folder).iterdir()}


@pytest.fixture
def source(tmp_path):
    """Three classes of two short videos: three shards."""
    for name in ("a/1.avi", "a/2.avi", "b/1.avi", "b/2.avi", "c/1.avi", "c/2.avi"):
        write_video(tmp_path / "videos" / name, 10)
    return tmp_path / "videos"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """16 videos of a size that gives time to interrupt."""
    folder = tmp_path_factory.mktemp("many")
    first = write_video(folder / "a" / "00.avi", 12, (240, 320))
    for number in range(1, 16):
        path = folder / "ab"[number % 2] / f"{number:02d}.avi"
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(first)
    return folder


def start(*args, **options) -> subprocess.Popen:
    """The tool in a process of its own."""
    command = [sys.executable, "-m", "videorec.tools.prepare", *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=os.getcwd(), **options)


def after_first_shard(process, out) -> None:
    """Return when it has finished a shard and is at work on others."""
    deadline = time.monotonic() + 60
    while not list(out.glob("shard-*.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


# === Whole runs ===


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
    shard.write_bytes(shard.read_bytes()[:-1])  # cut off
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


# === Interruptions ===


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_and_run_again(many, tmp_path, caplog):
    args = [many, tmp_path / "out", "--videos-per-shard", "2", "--stream", "both", "--workers", "2"]
    process = start(*args)
    after_first_shard(process, tmp_path / "out")
    process.kill()
    process.communicate()
    kept = {name: stamp for name, stamp in times(tmp_path / "out").items() if name.endswith(".json")}
    assert not (tmp_path / "out" / "index.json").exists()
    caplog.set_level("INFO")
    assert prepare.main([str(arg) for arg in args]) == 0
    assert re.search(r"[1-9]\d* of 8 shards are there", caplog.text)
    assert {name: times(tmp_path / "out")[name] for name in kept} == kept
    assert prepare.main([str(many), str(tmp_path / "whole"), *map(str, args[2:])]) == 0
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")  # and nothing else is left


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c(many, out):
    # A suite that runs in the background of a script inherits an ignored SIGINT; a user's shell does not hand that on.
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    process = start(many, out, "--videos-per-shard", "2", "--stream", "both", "--workers", "2", preexec_fn=heed)
    after_first_shard(process, out)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"interrupted; \d+ of 8 shards are finished and kept: the same command goes on", errors)
    assert "Traceback" not in errors
    assert all(re.fullmatch(r"plan\.json|shard-\d{5}-of-00008\.(json|tfrecord)", name) for name in os.listdir(out))


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
def test_a_full_disk(source, out):
    """Files may have 200 kB at most: the large video does not fit, the others do."""
    import resource

    write_video(source / "b" / "2.avi", 80, (480, 640))

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    args = [source, out, "--short-side", "480", "--videos-per-shard", "2", "--workers", "1"]
    process = start(*args, preexec_fn=limited)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    message = " ".join(errors.split())
    assert "cannot be written" in message and "1 of 3 shards are finished and kept: the same command goes on" in message
    assert sorted(os.listdir(out)) == ["plan.json", "shard-00000-of-00003.json", "shard-00000-of-00003.tfrecord"]
    assert prepare.main([str(arg) for arg in args]) == 0
    assert len(Prepared(str(out)).videos()) == 6


def test_no_space_left(source, out, monkeypatch):
    def full(local, path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "publish", full)
        with pytest.raises(UserError, match=r"No space left on device\. 0 of 3 shards are finished and kept"):
            prepare.main([str(source), str(out), *QUICK])
    assert os.listdir(out) == ["plan.json"]
    assert prepare.main([str(source), str(out), *QUICK]) == 0


def test_two_at_once(many, tmp_path):
    args = ["--short-side", "64", "--videos-per-shard", "2", "--workers", "1"]
    processes = [start(many, tmp_path / "out", *args) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert prepare.main([str(many), str(tmp_path / "alone"), *args]) == 0
    assert digests(tmp_path / "out") == digests(tmp_path / "alone")


def test_unfinished_files_of_living_processes_stay(source, out):
    out.mkdir()
    with shards.working_folder(str(out)) as mine:
        shards.remove_left_behind(str(out))
        assert mine.is_dir()
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        other = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-"))
        other.mkdir()
        shards.remove_left_behind(str(out))
        assert mine.is_dir() and not other.exists()
    assert not mine.exists()


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


# === Unreadable videos ===


@pytest.fixture
def broken(source):
    (source / "b" / "1.avi").write_text("no video")
    return source / "b" / "1.avi"


def test_unreadable_videos_are_named_and_the_others_prepared(source, out, broken, caplog):
    assert prepare.main([str(source), str(out), *QUICK, "--max-unreadable", "0.2"]) == 1
    assert f"cannot be read: {broken}: no video stream in it" in caplog.text
    index = json.loads((out / "index.json").read_text())
    assert "problem" in index["videos"][2]["rgb"] and index["videos"][3]["rgb"]["pictures"] == 10
    assert prepare.main([str(source), str(out), *QUICK, "--max-unreadable", "0.2"]) == 1  # it still is


def test_too_many_stop_the_run_and_a_mended_video_is_tried_again(source, out, broken):
    with pytest.raises(UserError, match=r"1 of 6 videos cannot be read, more than --max-unreadable 0\.01.*--verify"):
        prepare.main([str(source), str(out), *QUICK])
    assert not (out / "index.json").exists()
    write_video(broken, 10)
    with pytest.raises(UserError, match="--verify"):
        prepare.main([str(source), str(out), *QUICK])
    assert prepare.main([str(source), str(out), *QUICK, "--verify"]) == 0
    assert all(entry["rgb"]["pictures"] == 10 for entry in json.loads((out / "index.json").read_text())["videos"])


def test_a_video_that_breaks_off_leaves_no_record(source, out):
    """The last image of a folder of 100 is broken, when a record is already written."""
    import cv2
    import numpy as np
    import tensorflow as tf

    (source / "a" / "frames").mkdir()
    for number in range(100):
        cv2.imwrite(str(source / "a" / "frames" / f"{number}.png"), np.zeros((32, 32, 3), np.uint8))
    (source / "a" / "frames" / "99.png").write_text("no image")
    assert prepare.main([str(source), str(out), "--short-side", "32", "--max-unreadable", "1"]) == 1
    records = list(tf.data.TFRecordDataset(str(out / "shard-00000-of-00001.tfrecord")))
    names = [tf.train.Example.FromString(record.numpy()).features.feature["video"].bytes_list.value[0] for record in records]
    assert names == [b"a/1.avi", b"a/2.avi", b"b/1.avi", b"b/2.avi", b"c/1.avi", b"c/2.avi"]


def test_one_frame_has_rgb_and_no_flow(source, out, caplog):
    caplog.set_level("INFO")
    write_video(source / "c" / "3.avi", 1)
    assert prepare.main([str(source), str(out), *QUICK, "--stream", "both", "--max-unreadable", "0.2"]) == 1
    entry = json.loads((out / "index.json").read_text())["videos"][-1]
    assert entry["rgb"]["pictures"] == 1 and entry["flow"] == {"problem": "a single frame: no motion can be measured"}
    assert (
        "c/3.avi: a single frame" in caplog.text and f"train.py two_stream --data.path {out} --data.stream both" in caplog.text
    )


def test_odd_videos(shared_data, tmp_path):
    """Frame counts by ffprobe of the same files; stamps are listed only where they are not equidistant."""
    true = {"anim.gif": 20, "vp9.webm": 90, "mpeg2.mpg": 90, "vfr.mp4": 130, "one_frame.mp4": 1}
    for name in true:
        link = tmp_path / "videos" / "ab"[name < "n"] / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(shared_data / "videos/readable" / name)
    assert prepare.main([str(tmp_path / "videos"), str(tmp_path / "out"), "--short-side", "48"]) == 0
    entries = json.loads((tmp_path / "out" / "index.json").read_text())["videos"]
    found = {os.path.basename(entry["name"]): entry["rgb"] for entry in entries}
    assert {name: entry["pictures"] for name, entry in found.items()} == true
    assert len(found["vfr.mp4"]["stamps"]) == 130 and found["mpeg2.mpg"].keys() >= {"start", "rate"}


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
        (["--sort-side", "4"], r"--sort-side. Did you mean --short-side\?\nOptions of Apache Beam need --runner"),
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
    assert prepare_beam.INSTALL in str(error.value)


def test_help_needs_no_tensorflow():
    code = "import sys, videorec.tools.prepare; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=os.getcwd())
