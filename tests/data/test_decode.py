"""Decoding: every frame in order, true counts, time stamps, and a reason for what cannot be read."""

import os

import cv2
import numpy as np
import pytest
from grey_videos import frame_numbers, write_video

from videorec.data.decode import Reader, count
from videorec.data.pictures import Unreadable
from videorec.data.resize import resize_frame


def read(path, **options) -> list[int]:
    return frame_numbers(np.stack([retrieve() for retrieve in Reader(path, **options)]))


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mov", ".mkv"])
def test_every_frame_in_order(tmp_path, suffix):
    path = write_video(tmp_path / f"v{suffix}")
    assert read(path) == list(range(20))
    assert len(Reader(path)) == 20


def test_skipping_conversion_skips_no_frame(video):
    kept = [retrieve() for k, retrieve in enumerate(Reader(video)) if k in (3, 17)]
    assert frame_numbers(np.stack(kept)) == [3, 17]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"fps": 5}, list(range(0, 20, 2))),
        ({"fps": 20}, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8]),
        ({"start": 0.5, "end": 1.0}, [5, 6, 7, 8, 9]),
        ({"start": 1.0, "fps": 2}, [10, 15]),
        ({"end": 0.05}, [0]),
    ],
)
def test_rates_and_segments(video, options, expected):
    """10 frames a second; at 20 a second, tick k shows the first frame not before k / 20."""
    assert read(video, **options)[: len(expected)] == expected
    assert len(Reader(video, **options)) == len(list(Reader(video, **options)))


def test_decoding_stops_at_the_end_of_the_segment(tmp_path, monkeypatch):
    path = write_video(tmp_path / "v.avi", frames=24)
    assert count(path) == 24  # it is read from end to end once
    grabbed = 0
    capture = cv2.VideoCapture

    class Counting:
        def __init__(self, *args):
            self._inner = capture(*args)

        def grab(self):
            nonlocal grabbed
            grabbed += 1
            return self._inner.grab()

        def __getattr__(self, name):
            return getattr(self._inner, name)

    monkeypatch.setattr(cv2, "VideoCapture", Counting)
    assert len(list(Reader(path, end=0.5))) == 5
    assert grabbed == 5


def test_folder_of_frames_in_number_order(tmp_path):
    for k in (0, 1, 2, 9, 10, 11):
        cv2.imwrite(str(tmp_path / f"frame{k}.png"), np.full((32, 32 + k, 3), 10 * k, np.uint8))
    (tmp_path / "notes.txt").write_text("no frame")
    frames = [resize_frame(retrieve(), 32, 32) for retrieve in Reader(tmp_path)]
    assert frame_numbers(np.stack(frames)) == [0, 1, 2, 9, 10, 11]
    assert len(Reader(tmp_path)) == 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"plain text, no video" * 50, "text, not a video"),
        (b"\0\1\2\3" * 50, "no video stream"),
        (None, "no such file"),
    ],
)
def test_reasons(tmp_path, content, reason):
    path = tmp_path / "v.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unreadable, match=reason):
        count(path)


def test_names_that_ffmpeg_or_opencv_would_trip_over(tmp_path, monkeypatch):
    """The start of a:b.avi is no protocol; a name that is not UTF-8 would end the process."""
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "v.avi").rename("a:b.avi")
    assert read("a:b.avi") == list(range(20))
    strange = os.fsdecode(b"v\xff.avi")
    os.rename("a:b.avi", strange)
    with pytest.raises(Unreadable, match="its name is not UTF-8, which OpenCV needs"):
        Reader(strange)
    os.mkdir("frames")
    cv2.imwrite("frames/0.png", np.zeros((4, 4, 3), np.uint8))
    os.rename("frames/0.png", os.path.join("frames", os.fsdecode(b"\xff.png")))
    with pytest.raises(Unreadable, match="none of its 1 pictures can be read: .*is not UTF-8"):
        Reader("frames")


def test_truncated_header_is_unreadable_and_truncated_tail_is_counted(tmp_path):
    whole = write_video(tmp_path / "whole.avi", size=(480, 640))  # most of the bytes are frames, not header
    content = whole.read_bytes()
    (tmp_path / "head.avi").write_bytes(content[:100])
    (tmp_path / "half.avi").write_bytes(content[: len(content) // 2])
    with pytest.raises(Unreadable):
        count(tmp_path / "head.avi")
    assert 1 < count(tmp_path / "half.avi") < 20


def test_empty_folder_and_broken_image(tmp_path):
    with pytest.raises(Unreadable, match="without pictures"):
        count(tmp_path)
    (tmp_path / "1.jpg").write_bytes(b"no image")
    with pytest.raises(Unreadable, match=r"none of its 1 pictures can be read: 1\.jpg is not an image"):
        Reader(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(video):
    video.chmod(0)
    with pytest.raises(Unreadable, match="cannot be opened: Permission denied"):
        count(video)


def test_segment_past_the_end(video):
    with pytest.raises(Unreadable, match="between 50 s"):
        count(video, start=50)


def test_readable_odd_files(shared_data):
    """Frame counts by ffprobe -count_frames of the same files; several declare others."""
    true = {
        "anim.gif": 20,
        "odd_size_ffv1.mkv": 60,
        "vp9.webm": 90,
        "mpeg2.mpg": 90,
        "vfr.mp4": 130,
        "one_frame.mp4": 1,
    }
    folder = shared_data / "videos/readable"
    assert {name: count(folder / name) for name in true} == true
    assert next(iter(Reader(folder / "rotated90.mp4")))().shape == (480, 270, 3)
    # 130 frames of unequal length last 6 s: at 10 a second they are 60.
    assert count(folder / "vfr.mp4", fps=10) == 60


def test_unreadable_files(shared_data):
    for path in (shared_data / "videos/unreadable").iterdir():
        with pytest.raises(Unreadable):
            count(path)
