"""One verdict a file, the same for every command; what `--data.damaged` does with it."""

import dataclasses
import logging

import cv2
import numpy as np
import pytest
from grey_videos import declare, write_video

from videorec.config import Data, Experiment, UserError
from videorec.data import sources, verdicts
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.tools import prepare


@pytest.fixture
def folder(tmp_path):
    """Two classes of four videos; one is cut short, one a folder of ten frames with a broken picture."""
    for k, name in enumerate(("a/0.avi", "a/1.avi", "a/2.avi", "b/0.avi", "b/1.avi", "b/2.avi")):
        write_video(tmp_path / name, 20 - k)
    half = write_video(tmp_path / "a" / "half.avi", size=(480, 640))
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (tmp_path / "b" / "frames").mkdir()
    for k in range(10):
        cv2.imwrite(str(tmp_path / "b" / "frames" / f"{k}.png"), np.full((48, 64, 3), 10 * k, np.uint8))
    (tmp_path / "b" / "frames" / "4.png").write_bytes(b"no picture")
    return tmp_path


def data(folder, **settings) -> Data:
    return Data(path=str(folder), resize=(48, 64), crop=(48, 64), **settings)


def names(videos) -> set[str]:
    return {video.path.rsplit("/", 1)[-1] for video in videos}


def test_damaged_videos_are_kept_and_named(folder, caplog):
    videos = sources.load(data(folder)).videos
    assert len(videos) == 8
    (line,) = [record.getMessage() for record in caplog.records if "are damaged" in record.getMessage()]
    assert line.startswith("2 of 8 videos are damaged and used as far as they can be decoded")
    assert "half.avi: " in line and "9 of 10 pictures can be read, left out: 4.png is not an image" in line
    problems = verdicts.problems_of(videos, data(folder))
    assert names(Video(name, ()) for name in problems.damaged) == {"half.avi", "frames"} and not problems.unreadable


def test_dropping_them_moves_no_other_video_to_another_split(folder):
    kept = {video.path: video.split for video in sources.load(data(folder)).videos}
    dropped = {video.path: video.split for video in sources.load(data(folder, damaged="drop")).videos}
    assert dropped == {path: split for path, split in kept.items() if "half" not in path and "frames" not in path}


def test_they_may_be_an_error(folder):
    with pytest.raises(
        UserError, match=r"2 of 8 videos are damaged, and --data.damaged is error: .*half.avi: \d+ of 20 frames"
    ):
        sources.load(data(folder, damaged="error"))


def test_evaluation_and_every_clip_see_the_same_frames(folder, caplog):
    """A folder of ten pictures with a broken one has nine frames, whatever clips are drawn."""
    experiment = Experiment(name="x", data=data(folder))
    chosen = sources.load_for_evaluation(data(folder, damaged="drop"), "train", experiment)
    assert not names(chosen) & {"half.avi", "frames"}
    video, problems = Video(str(folder / "b" / "frames"), ("b",)), Problems(1, 1.0)
    whole = [0, 1, 2, 3, 5, 6, 7, 8, 9]
    for settings, clips in (({"frames": 9}, 1), ({"frames": 3, "sampling": "dense", "hop": 3}, 0)):
        reader = ClipReader(data(folder, **settings), problems)
        shown = [round(float(x.mean()) / 10) for clip in reader.plain_clips(video, clips) for x in clip["rgb"]]
        assert shown == whole
    assert list(problems.damaged) == [video.name] and not problems.unreadable
    assert caplog.text.count("damaged, used as far as it can be decoded") == 1


def test_unreadable_videos_stop_a_run_before_it_begins(folder):
    (folder / "a" / "text.avi").write_text("no video")
    videos = sources.load(data(folder)).videos
    with pytest.raises(UserError, match="1 of 9 videos cannot be read, more than --data.max-unreadable 0.01"):
        verdicts.problems_of(videos, data(folder))
    problems = verdicts.problems_of(videos, data(folder, max_unreadable=0.2))
    assert names(Video(name, ()) for name in problems.unreadable) == {"text.avi"}
    assert problems.summary()["unreadable"] == {str(folder / "a" / "text.avi"): "text, not a video"}


def test_wrong_counts_are_said_once(folder, caplog):
    caplog.set_level(logging.WARNING)
    declare(folder / "a" / "0.avi", 21)
    sources.load(data(folder))
    assert "videos that declare another number of frames than can be read: 1; what was read counts" in caplog.text
    assert "0.avi: declares 21 frames, 20 can be read" in caplog.text


def test_prepared_pictures_keep_the_verdict(folder, tmp_path_factory):
    out = str(tmp_path_factory.mktemp("prepared") / "out")
    assert prepare.main([str(folder), out, "--short-side", "48"]) == 0
    stored = data(folder, damaged="keep")
    stored = dataclasses.replace(stored, path=out)
    problems = verdicts.problems_of(sources.load(stored).videos, stored)
    assert names(Video(name, ()) for name in problems.damaged) == {"half.avi", "frames"} and not problems.unreadable
    with pytest.raises(UserError, match="2 of 8 videos are damaged"):
        sources.load(dataclasses.replace(stored, damaged="error"))
