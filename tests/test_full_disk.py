"""A disk without room ends a command in a sentence, and leaves nothing that is half a file."""

import contextlib
import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from videorec.config import UserError
from videorec.config.errors import full_disk
from videorec.reports import video_file

ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def room_for(size: int):
    """While the block runs, no file may grow above this size in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))  # Python ignores the signal: a write fails
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 20_000])
@pytest.mark.parametrize("h264", [True, False])
def test_a_video_is_whole_or_not_there(tmp_path, monkeypatch, h264, size):
    if h264 and not video_file.has_h264():
        pytest.skip("PyAV with libx264 is not installed")
    monkeypatch.setattr(video_file, "has_h264", lambda: h264)
    frames = np.random.default_rng(0).integers(0, 256, (30, 120, 160, 3), dtype=np.uint8)
    path = tmp_path / "a.mp4"
    with room_for(size), pytest.raises((OSError, UserError)), video_file.VideoFile(path, (120, 160), 10) as file:
        for k, frame in enumerate(frames):
            file.write(frame, k / 10)
    assert not path.exists()
    with video_file.VideoFile(path, (120, 160), 10) as file:
        file.write(frames[0], 0)
    assert os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize(
    "code",
    [
        "print('x' * 100_000)",
        "print('x')",
        "open('/dev/full', 'w').write('x' * 100_000)",
        "raise RuntimeError('[Errno 28] Unable to write (No space left on device)')",
    ],
)
def test_a_script_says_so_in_a_line(code):
    """Also what cannot be flushed when the process ends is not shown."""
    script = f"from videorec import terminal\ndef main(args):\n  {code}\nterminal.run(main)\n"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    rule = "Make room and run the same command again: what was saved before is whole."
    assert (done.returncode, done.stderr) == (2, f"error: No space left on device. {rule}\n")


def test_what_says_that_there_is_no_room():
    try:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.npy")
        except OSError:
            raise ValueError("cannot close the archive") from None
    except ValueError as error:
        assert full_disk(error) == "a.npy cannot be written: No space left on device"
    assert full_disk(OSError(errno.ENOENT, "No such file or directory", "a.npy")) is None and full_disk(KeyError("a")) is None
