"""What is not given to FFmpeg: pipes and devices, texts that it follows or draws, names that it takes for patterns."""

import os
import shutil
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from grey_videos import frame_numbers, write_video

from videorec.config import UserError
from videorec.data import given, manifest
from videorec.data.decode import Reader
from videorec.data.file_kinds import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_hidden, reason_not_to_open
from videorec.data.moments import tables
from videorec.data.pictures import Unreadable

TEXTS = {
    "list": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nreal.avi\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile real.avi\n",
    "marked": b"\xef\xbb\xbfffconcat version 1.0\nfile real.avi\n",
    "comment": b"# of mine\nffconcat version 1.0\nfile real.avi\n",
    "binary": b"ffconcat version 1.0\nfile real.avi\n# \x00\x01\x02\x03",
    "tagged": b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + b"ffconcat version 1.0\nfile real.avi\n",
    "session": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "later": b"\x01\x02\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "dash": b"<?xml version='1.0'?><MPD profiles='urn:mpeg:dash:profile:isoff-live:2011'></MPD>",
    "table": b"path,label\na.mp4,run\n",
    "subtitles": b"WEBVTT\n\n00:00.000 --> 00:01.000\nhi\n",
    "styled": b"[Script Info]\nTitle: x\n",
    "coloured": b"\x1b[31mhello\x1b[0m\n" * 9,
    "wide": "Überall Text\n".encode("utf-16"),
    "old": "Überall Text\n".encode("cp1252"),
}


@pytest.fixture
def folder(tmp_path):
    write_video(tmp_path / "real.avi")
    return tmp_path


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".avi", ""])
@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_not_followed_whatever_their_names_are(folder, name, suffix):
    path = folder / f"{name}{suffix}"
    path.write_bytes(TEXTS[name])
    with pytest.raises(Unreadable, match="playlist|session|text, not a video|audio"):
        Reader(path)


@pytest.mark.parametrize("suffix", [".txt", ".nfo", ".diz", ".ASC", ".ans", ".vt", ".bin", ".idf"])
def test_texts_are_not_drawn(folder, suffix):
    path = folder / f"x{suffix}"
    for content in (b"hello\n" * 20, bytes(range(256)) * 40):
        path.write_bytes(content)
        with pytest.raises(Unreadable, match="suffix of texts"):
            Reader(path)


def test_what_is_no_file_is_refused_at_once(folder):
    os.mkfifo(folder / "pipe.mp4")
    (folder / "link.mp4").symlink_to("pipe.mp4")
    (folder / "lost.mp4").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s.mp4"))
    expected = {"pipe.mp4": "a named pipe", "link.mp4": "a named pipe", "s.mp4": "a socket", "lost.mp4": "leads nowhere"}
    for name, kind in expected.items():
        with pytest.raises(Unreadable, match=kind):
            Reader(folder / name)
    assert reason_not_to_open(Path("/dev/null")) == "a device, not a file"


def test_a_path_is_no_pattern(folder):
    for k in range(3):
        cv2.imwrite(str(folder / f"p{k}.png"), np.full((48, 64, 3), k, np.uint8))
    for name in ("p%d.png", "p%01d.png"):  # neither the file of that name nor those that it stands for
        (folder / name).write_bytes((folder / "p0.png").read_bytes())
        with pytest.raises(Unreadable, match="FFmpeg takes %d"):
            Reader(folder / name)
    for name in ("v%d.avi", "v%03d.avi", "v?.avi", "v*.avi", "v[0-9].avi", "100%v.avi", "a:b.avi", "-i.avi"):
        shutil.copy(folder / "real.avi", folder / name)
        assert frame_numbers(np.stack([retrieve() for retrieve in Reader(folder / name)])) == list(range(20))


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "tcp", "udp", "file", "gs", "ftp", "concat", "data", "S3x"])
def test_urls_of_other_kinds_are_refused_with_their_row(folder, scheme):
    url = f"{scheme}://127.0.0.1:9/real.avi"
    table = folder / "m.csv"
    table.write_text(f"path,label\nreal.avi,a\n{url},b\n")
    rule = rf"only s3://, az:// and hdfs:// are fetched.*Received: {url}"
    for read in (manifest.read, lambda path: given.videos([str(path)])):
        with pytest.raises(UserError, match=f"m.csv, line 3: {rule}"):
            read(table)
    table.write_text(f"path,label,start,end\n{url},b,0,1\n")
    with pytest.raises(UserError, match=f"m.csv, line 2: {rule}"):
        tables.read(table)
    (folder / "list.txt").write_text(f"real.avi\n{url}\n")
    with pytest.raises(UserError, match=f"list.txt, line 2: {rule}"):
        given.videos([str(folder / "list.txt")])
    for refused in (lambda: given.videos([url]), lambda: Reader(url)):
        with pytest.raises(UserError, match=rule):
            refused()


def test_hidden_names():
    hidden = "._x.mp4 .DS_Store .git @eaDir __MACOSX Thumbs.db thumbs.db Desktop.ini $RECYCLE.BIN #recycle lost+found"
    assert all(is_hidden(name) for name in [*hidden.split(), "System Volume Information"])
    assert not any(is_hidden(name) for name in ("x.mp4", "_x.mp4", "x.DS_Store", "Thumbs", "eaDir", "recycle", "~x.mp4", ""))
    assert not VIDEO_SUFFIXES & IMAGE_SUFFIXES
