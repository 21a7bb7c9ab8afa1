"""The bounded cache of local copies of remote files."""

import contextlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from videorec.storage import files, remote
from videorec.storage.copies import FOLDER, Copies

ROOT = Path(__file__).resolve().parents[2]
KB = 1e-6  # of a GB


@pytest.fixture
def videos(s3) -> list[str]:
    """Four files of 400 kB; each byte tells which."""
    urls = [f"{s3}/v{k}.avi" for k in range(4)]
    for k, url in enumerate(urls):
        files.write(url, bytes([k]) * 400_000)
    return urls


@pytest.fixture
def new_process(monkeypatch):
    """Call it to go on as a process that has asked for nothing yet."""
    return lambda **options: monkeypatch.setattr(files, "COPIES", Copies(**options))


def cached() -> list[int]:
    """Which of them lie in the cache."""
    return sorted(path.read_bytes()[0] for path in Path(FOLDER).expanduser().glob("*.avi"))


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


def test_what_is_in_use_stays(videos, new_process):
    new_process(wait_seconds=0.3)
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
    use(videos[0])
    (path,) = Path(FOLDER).expanduser().glob("*.avi")
    code = """
import sys
from videorec.storage.copies import lock
with open(sys.argv[1], "rb") as file:
    lock(file, shared=True)
    print("locked", flush=True)
    sys.stdin.read()
"""
    line = [sys.executable, "-c", code, path]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
        assert other.stdout.readline() == "locked\n"
        for url in videos[1:]:
            use(url)
        assert path.exists() and cached() == [0, 3]
        other.stdin.close()
    assert other.returncode == 0
    use(videos[1])
    assert not path.exists()


def test_one_larger_than_the_limit(videos):
    reason = r"its 0.0004 GB are more than the limit, --data.remote-cache-gb 0.0003"
    with pytest.raises(OSError, match=reason) as error:
        use(videos[0], 300 * KB)
    assert error.value.filename == videos[0] and cached() == []


def test_a_changed_video_is_a_new_copy(videos, new_process):
    use(videos[0])
    new_process()
    files.write(videos[0], b"\7" * 300_000)
    assert use(videos[0]) == b"\7" * 300_000


def test_what_a_killed_process_left_goes(videos):
    use(videos[0])
    folder = Path(FOLDER).expanduser()
    left = folder / "abc-900000-1.avi.123.part"
    left.write_bytes(b"x")
    os.utime(left, (1, 1))
    (folder / "mine.txt").write_text("not a copy")
    use(videos[1])
    assert not left.exists() and cached() == [0, 1] and (folder / "mine.txt").exists()


def test_an_incomplete_copy_is_none(videos, monkeypatch):
    gfile = remote.gfile()

    def broken(source, path, overwrite):
        Path(path).write_bytes(b"short")

    monkeypatch.setattr(gfile, "copy", broken)
    with pytest.raises(OSError, match="5 of 400000 bytes came"):
        use(videos[0])
    assert [path.name for path in Path(FOLDER).expanduser().iterdir()] == [".lock"]


def test_many_threads(videos):
    """Every thread reads what it asked for, and the cache never passes its limit."""
    folder, limit = Path(FOLDER).expanduser(), 1_300_000
    sizes = []

    def read(k: int) -> bool:
        content = use(videos[k % 4], limit / 1e9)
        with contextlib.suppress(FileNotFoundError):
            sizes.append(sum(path.stat().st_size for path in folder.iterdir()))
        return content == bytes([k % 4]) * 400_000

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(read, range(60)))
    assert max(sizes) <= limit


def test_a_server_that_is_gone(videos, s3_server, new_process):
    """Copies serve; nothing else passes for a missing file, and nobody waits long."""
    use(videos[0])
    s3_server.stop()
    assert use(videos[0])[:1] == b"\0"
    new_process()
    assert use(videos[0])[:1] == b"\0"
    began = time.monotonic()
    actions = [use, files.exists, files.read, files.names, lambda path: files.write(path, b"")]
    for action in actions:
        with pytest.raises(OSError, match="connect") as error:
            action(videos[1])
        assert not isinstance(error.value, FileNotFoundError)
    assert time.monotonic() - began < 5 * len(actions)
    assert cached() == [0]
