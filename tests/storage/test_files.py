"""Files here and on an S3 server through one set of functions, and the bounded cache of copies."""

import contextlib
import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from videorec.config import UserError
from videorec.storage import copies, files, remote


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


def test_a_server_that_is_gone_is_no_missing_file(s3, s3_server):
    files.write(f"{s3}/x", b"x")
    s3_server.stop()
    began = time.monotonic()
    actions = [files.exists, files.read, files.names, lambda path: files.write(path, b"")]
    for action in actions:
        with pytest.raises(OSError, match="connect") as error:
            action(f"{s3}/x")
        assert not isinstance(error.value, FileNotFoundError)
    assert time.monotonic() - began < 5 * len(actions)


# === Copies ===

KB = 1e-6  # of a GB


@pytest.fixture
def videos(s3) -> list[str]:
    """Four files of 400 kB; each byte tells which."""
    urls = [f"{s3}/v{k}.avi" for k in range(4)]
    for k, url in enumerate(urls):
        files.write(url, bytes([k]) * 400_000)
    return urls


def cached() -> list[int]:
    """Which of them lie in the cache."""
    return sorted(path.read_bytes()[0] for path in Path(copies.FOLDER).expanduser().glob("*.avi"))


def use(url: str, limit: float = 1000 * KB) -> bytes:
    with files.local(url, limit) as path:
        assert path.suffix == ".avi"
        return path.read_bytes()


def test_the_least_recently_used_go(videos):
    assert use(videos[0]) == b"\0" * 400_000
    use(videos[1])
    use(videos[0])
    use(videos[2])
    assert cached() == [0, 2]
    use(videos[1])
    assert cached() == [1, 2]


def test_what_is_in_use_stays(videos, monkeypatch):
    monkeypatch.setattr(copies, "WAIT_SECONDS", 0.3)
    with files.local(videos[0], 1000 * KB) as path:
        for url in videos[1:]:
            use(url)
        assert path.read_bytes() == b"\0" * 400_000 and cached() == [0, 3]
        with (
            files.local(videos[1], 1000 * KB),
            pytest.raises(OSError, match=r"videos in use fill the 0.001 GB of --data.remote-cache-gb"),
        ):
            use(videos[2])
    assert use(videos[2])[:1] == b"\2"


def test_another_process_uses_it(videos):
    code = """
import sys
from videorec.storage import files
with files.local(sys.argv[1], 1) as path:
    print(path, flush=True)
    sys.stdin.read()
"""
    line = [sys.executable, "-c", code, videos[0]]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        path = Path(other.stdout.readline().strip())
        for url in videos[1:]:
            use(url)
        assert path.exists() and cached() == [0, 3]
        other.stdin.close()
    assert other.returncode == 0
    use(videos[1])
    assert not path.exists()


def test_one_larger_than_the_limit(videos):
    with pytest.raises(OSError, match=r"its 0.0004 GB pass the limit of --data.remote-cache-gb 0.0003") as error:
        use(videos[0], 300 * KB)
    assert error.value.filename == videos[0] and cached() == []


def test_a_changed_video_is_a_new_copy(videos, monkeypatch):
    use(videos[0])
    monkeypatch.setattr(copies, "_known", {})  # as a new process
    files.write(videos[0], b"\7" * 300_000)
    assert use(videos[0]) == b"\7" * 300_000


def test_copies_serve_while_the_server_is_gone(videos, s3_server, monkeypatch):
    use(videos[0])
    s3_server.stop()
    assert use(videos[0])[:1] == b"\0"
    monkeypatch.setattr(copies, "_known", {})
    assert use(videos[0])[:1] == b"\0"
    with pytest.raises(OSError, match="connect"):
        use(videos[1])
    assert cached() == [0]


def test_what_a_killed_process_left_goes(videos):
    use(videos[0])
    folder = Path(copies.FOLDER).expanduser()
    left = folder / "abc-900000-1.avi.123.part"
    left.write_bytes(b"x")
    os.utime(left, (1, 1))
    (folder / "mine.txt").write_text("not a copy")
    use(videos[1])
    assert not left.exists() and cached() == [0, 1] and (folder / "mine.txt").exists()


def test_an_incomplete_copy_is_none(videos, monkeypatch):
    gfile = remote.gfile()

    def cut(source, path, overwrite):
        Path(path).write_bytes(b"short")

    monkeypatch.setattr(gfile, "copy", cut)
    with pytest.raises(OSError, match="5 of 400000 bytes came"):
        use(videos[0])
    assert [path.name for path in Path(copies.FOLDER).expanduser().iterdir()] == [".lock"]


def test_many_threads(videos):
    """Every thread reads what it asked for, and the cache never passes its limit."""
    folder, limit = Path(copies.FOLDER).expanduser(), 1_300_000
    sizes = []

    def read(k: int) -> bool:
        content = use(videos[k % 4], limit / 1e9)
        with contextlib.suppress(FileNotFoundError):
            sizes.append(sum(path.stat().st_size for path in folder.iterdir()))
        return content == bytes([k % 4]) * 400_000

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(read, range(60)))
    assert max(sizes) <= limit
