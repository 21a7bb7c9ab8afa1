"""Files here and on an S3 server through one set of functions."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from videorec.config import UserError
from videorec.storage import files, remote


@pytest.fixture(params=["here", "s3"])
def place(request, tmp_path) -> str:
    """A folder that does not exist yet, here or on the server."""
    return str(tmp_path / "new") if request.param == "here" else f"{request.getfixturevalue('s3')}/new"


# === The same here and there ===


def test_write_read_list_remove(place):
    assert not files.exists(place) and not files.is_folder(place)
    files.write(f"{place}/b/x.bin", b"0123456789")
    files.write(f"{place}/a ä#+%.txt", b"")
    assert files.names(place) == ["a ä#+%.txt", "b"]
    assert files.is_folder(f"{place}/b") and not files.is_folder(f"{place}/b/x.bin")
    assert files.exists(f"{place}/b/x.bin") and files.exists(f"{place}/a ä#+%.txt") and not files.exists(f"{place}/b/y")
    assert (files.size(f"{place}/b/x.bin"), files.size(f"{place}/a ä#+%.txt")) == (10, 0)
    assert (files.read(f"{place}/b/x.bin"), files.read(f"{place}/a ä#+%.txt")) == (b"0123456789", b"")
    files.write(f"{place}/b/x.bin", b"new")
    assert files.read(f"{place}/b/x.bin") == b"new"
    files.remove(f"{place}/b/x.bin")
    files.remove(f"{place}/b/x.bin")
    assert not files.exists(f"{place}/b/x.bin")


def test_a_range_ends_with_the_file(place):
    files.write(f"{place}/x", b"0123456789")
    assert files.read_range(f"{place}/x", 3, 4) == b"3456"
    assert files.read_range(f"{place}/x", 8, 4) == b"89"
    assert files.read_range(f"{place}/x", 0, 10) == b"0123456789"
    assert files.read_range(f"{place}/x", 20, 4) == b""


def test_publish_moves(place, tmp_path):
    for content in (b"first", b"", b"x" * 3_000_000):
        (tmp_path / "unfinished").write_bytes(content)
        files.publish(tmp_path / "unfinished", f"{place}/deep/done")
        assert files.read(f"{place}/deep/done") == content and not (tmp_path / "unfinished").exists()
        assert files.names(f"{place}/deep") == ["done"]


def test_what_is_not_there(place):
    files.write(f"{place}/x", b"x")
    for action in (files.read, files.size, files.names, lambda path: files.read_range(path, 0, 1)):
        with pytest.raises(FileNotFoundError) as error:
            action(f"{place}/nothing")
        assert error.value.filename == f"{place}/nothing" and error.value.errno == errno.ENOENT
    with pytest.raises(FileNotFoundError), files.local(f"{place}/nothing", 1) as path:
        path.read_bytes()


def test_join():
    assert files.join("a", "b", "c.mp4") == os.path.join("a", "b", "c.mp4")
    assert files.join("s3://b/d/", "e", "c.mp4") == files.join("s3://b/d", "e/c.mp4") == "s3://b/d/e/c.mp4"
    assert files.join("s3://b/d", "/abs/c.mp4") == files.join("d", "/abs/c.mp4") == "/abs/c.mp4"
    assert files.join("d", "s3://b/c.mp4") == files.join("s3://x", "s3://b/c.mp4") == "s3://b/c.mp4"


# === Here alone ===


def test_local_paths_do_without_tensorflow(tmp_path):
    code = """
import sys
from videorec.data import manifest
from videorec.storage import files
files.write("a/x", b"1")
with files.local("a/x", 1) as path:
    assert path.read_bytes() == files.read("a/x") == b"1" and files.names("a") == ["x"]
print(sorted(name for name in sys.modules if name.startswith("tensorflow")))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    line = [sys.executable, "-c", code]
    assert subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout == "[]\n"


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    files.write(tmp_path / "x", b"old")

    def full(self, content):
        with open(self, "wb") as file:
            file.write(content[:1])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(tmp_path / "x", b"new")
    assert files.names(tmp_path) == ["x"] and files.read(tmp_path / "x") == b"old"


def test_without_tensorflow_io(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    remote.gfile.cache_clear()
    for action in (files.exists, files.read, lambda path: files.write(path, b"")):
        with pytest.raises(UserError, match=r"s3://.* needs tensorflow-io, which exists for Python 3\.11 and 3\.12"):
            action("s3://bucket/x")
    remote.gfile.cache_clear()


def test_local_only():
    assert files.must_be_local("a/b", "--out") == Path("a/b")
    with pytest.raises(UserError, match="--out must be a local path. Received: s3://b/x"):
        files.must_be_local("s3://b/x", "--out")


# === The server ===


def test_a_bucket_that_is_not_there(s3):
    with pytest.raises(FileNotFoundError, match="there is no bucket s3://none/"):
        files.read("s3://none/x")
    with pytest.raises(FileNotFoundError, match="there is no bucket s3://none/"):
        files.write("s3://none/x", b"x")
    assert not files.exists("s3://none/x")
