"""The walk that lists videos and sequences, and what it does with odd folders."""

import os

import cv2
import numpy as np
import pytest
from grey_videos import write_video

from videorec.data.listing import Listing, walk


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def below(folder, paths) -> list[str]:
    return [path.removeprefix(f"{folder}/") for path in paths]


def test_it_sorts_by_folder_and_leaves_out_what_is_hidden(tmp_path):
    touch(tmp_path, "b.MP4", "a/2.avi", "a/10.avi", "a-b/1.mkv", "a/deep/er/1.mov", "x.txt", ".b.mp4", ".h/1.mp4", "a/.h/1.mp4")
    touch(tmp_path, "frames/1.jpg", "frames/2.png", "frames/.1/1.jpg", "h/.1.jpg")
    expected = ["a/10.avi", "a/2.avi", "a/deep/er/1.mov", "a-b/1.mkv", "b.MP4", "frames"]
    assert below(tmp_path, walk(tmp_path)) == expected
    assert below(tmp_path, walk(str(tmp_path), pictures=False)) == expected[:-1]
    assert below(tmp_path, walk(tmp_path, {".txt"})) == ["frames", "x.txt"]
    assert walk(tmp_path / "frames", {".npy"}) == [str(tmp_path / "frames")]
    assert walk(tmp_path / "none") == []


def test_pictures_beside_videos_are_no_video(tmp_path):
    touch(tmp_path, "a/1.mp4", "a/1.jpg", "f/1.jpg", "f/2.jpg", "f/preview.gif")
    listing = Listing()
    assert below(tmp_path, listing.walk(tmp_path)) == ["a/1.mp4", "f/preview.gif"]
    assert listing.describe_unused(str(tmp_path)) == "not used: pictures beside videos: 3 (a/1.jpg, f/1.jpg, f/2.jpg)"


def test_links_are_followed_and_each_file_is_listed_once(tmp_path):
    touch(tmp_path, "real/1.mp4", "real/deep/2.mp4", "root/3.mp4")
    root = tmp_path / "root"
    for place, target in {
        "link": "../real",
        "twice": "../real",
        "deep": "../real/deep",
        "self": ".",
        "3b.mp4": "3.mp4",
    }.items():
        (root / place).symlink_to(target)
    for link in (tmp_path / "real" / "back", tmp_path / "real" / "deep" / "up"):
        link.symlink_to(root)
    (root / "4.mp4").symlink_to(tmp_path / "real" / "1.mp4")
    listing = Listing()
    listed = listing.walk(root)
    assert len(listed) == len({os.path.realpath(path) for path in listed}) == 3
    assert sum(map(len, listing.unused.values())) == 7


def test_what_is_no_file_is_named(tmp_path):
    touch(tmp_path, "1.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "lost.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "lost.dat").symlink_to("nowhere.dat")
    listing = Listing()
    assert below(tmp_path, listing.walk(tmp_path)) == ["1.mp4", "lost.mp4"]
    said = listing.describe_unused(str(tmp_path))
    assert "named pipes, sockets or devices: 2 (pipe.jpg, pipe.mp4)" in said
    assert "links that lead nowhere: 1 (lost.dat)" in said


def test_unknown_suffixes_are_tried_by_content(tmp_path):
    for name in ("1.avi", "d/x.odd", "d/y.odd", "bare"):
        write_video((tmp_path / name).with_suffix(".avi"), 3).rename(tmp_path / name)
    touch(tmp_path, "d/z.odd", "readme", "d/a.unk", "d/lecture 2.Tuesday evening")
    cv2.imwrite(str(tmp_path / "p.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "p.png").rename(tmp_path / "d" / "still.pic")
    listing = Listing()
    assert below(tmp_path, listing.walk(tmp_path)) == ["1.avi", "bare", "d/x.odd", "d/y.odd", "d/z.odd"]
    said = listing.describe_unused(str(tmp_path))
    assert "without a suffix: 2 (d/lecture 2.Tuesday evening, readme)" in said
    assert ".unk: 1 (d/a.unk)" in said and ".pic: 1 (d/still.pic)" in said


def test_a_suffix_is_tried_three_times_at_most(tmp_path, monkeypatch):
    touch(tmp_path, *(f"{k:02d}.odd" for k in range(50)), *(f"d{k}/1.odd" for k in range(5)))
    tried = []
    monkeypatch.setattr("videorec.data.listing.reason_not_to_open", lambda path: tried.append(path) or "no")
    listing = Listing()
    listing.walk(tmp_path)
    listing.walk(tmp_path / "d1")
    assert len(tried) == 3


def test_known_suffixes_are_those_that_opencv_opens(tmp_path):
    """Files of other containers, made by PyAV."""
    av = pytest.importorskip("av")
    kinds = {".mts": ("mpegts", "mpeg2video"), ".m2ts": ("mpegts", "mpeg4"), ".mxf": ("mxf", "mpeg2video")}
    kinds |= {".divx": ("avi", "mpeg4"), ".vob": ("vob", "mpeg2video"), ".asf": ("asf", "msmpeg4v2"), ".rm": ("rm", "rv10")}
    kinds |= {".m2v": ("mpeg2video", "mpeg2video"), ".f4v": ("f4v", "libx264"), ".y4m": ("yuv4mpegpipe", "rawvideo")}
    kinds |= {".nut": ("nut", "mpeg4"), ".mjpeg": ("mjpeg", "mjpeg"), ".mk3d": ("matroska", "mpeg4"), ".m4v": ("m4v", "mpeg4")}
    for suffix, (container, codec) in kinds.items():
        with av.open(str(tmp_path / f"v{suffix.upper()}"), "w", format=container) as file:
            stream = file.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for k in range(8):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * k, np.uint8), format="rgb24")
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
    listed = walk(tmp_path)
    assert len(listed) == len(kinds)
    for path in listed:
        capture, count = cv2.VideoCapture(path, cv2.CAP_FFMPEG), 0
        while capture.grab():
            count += 1
        assert count == 8, path
