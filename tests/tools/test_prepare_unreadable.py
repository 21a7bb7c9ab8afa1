"""`videorec.tools.prepare` on videos that cannot be read: they are named, and nothing else is lost."""

import json
import os

import pytest
from grey_videos import write_video

from videorec.config import UserError
from videorec.data.index import INDEX
from videorec.tools import prepare

QUICK = ["--short-side", "32", "--videos-per-shard", "2"]


@pytest.fixture
def broken(source):
    (source / "b" / "1.avi").write_text("no video")
    return source / "b" / "1.avi"


def test_unreadable_videos_are_named_and_the_others_prepared(source, out, broken, caplog):
    assert prepare.main([str(source), str(out), *QUICK, "--max-unreadable", "0.2"]) == 1
    assert f"cannot be read: {broken}: text, not a video" in caplog.text
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
    """The last image of a folder of 100 is broken after it was looked at, when a record is already written."""
    import cv2
    import numpy as np
    import tensorflow as tf

    (source / "a" / "frames").mkdir()
    for number in range(100):
        cv2.imwrite(str(source / "a" / "frames" / f"{number}.png"), np.zeros((32, 32, 3), np.uint8))
    assert INDEX.of(source / "a" / "frames").frames == 100
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
    rgb = {os.path.basename(entry["name"]): entry["rgb"] for entry in entries}
    assert {name: entry["pictures"] for name, entry in rgb.items()} == true
    assert len(rgb["vfr.mp4"]["stamps"]) == 130 and rgb["mpeg2.mpg"].keys() >= {"start", "rate"}
