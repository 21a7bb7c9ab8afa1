"""One process at a time trains a run, and the second is told who does."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_runs import QUICK

import train
from videorec.config import UserError
from videorec.runs import lock
from videorec.storage import files

ROOT = Path(__file__).resolve().parents[2]
HOLD = "import sys; from videorec.runs import lock\nwith lock.held(sys.argv[1]): print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of the run x."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_the_second_is_told_who_holds_it(holder, tmp_path):
    place = tmp_path / "x"
    said = rf"{place} is held by process {holder.pid} on {socket.gethostname()} since 20.* \(-c {place}\)\. Wait for it"
    for _ in range(2):  # being refused changes nothing
        with pytest.raises(UserError, match=said), lock.held(str(place)):
            pytest.fail("held twice")
    with lock.held(str(tmp_path / "y")):
        pass


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("end", [signal.SIGKILL, None])
def test_a_lock_ends_with_its_process(holder, tmp_path, end):
    holder.send_signal(end) if end else holder.stdin.close()
    holder.wait()
    with lock.held(str(tmp_path / "x")):
        assert json.loads((tmp_path / ".x.lock").read_text())["process"] == os.getpid()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_file_system_without_locks(tmp_path, monkeypatch, reason):
    """As some network file systems are: the existence of a file is the lock; one of a process that is gone is taken over."""
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(fcntl, "flock", flock)
    for _ in range(2):
        with lock.held(str(tmp_path / "x")):
            (name,) = os.listdir(tmp_path)
            first = (tmp_path / name).read_text()
            assert first.split()[0] == str(os.getpid())
            with pytest.raises(UserError, match="is held by another process"), lock.held(str(tmp_path / "x")):
                pytest.fail("held twice")
            assert (tmp_path / name).read_text() == first
        assert os.listdir(tmp_path) == []
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        (tmp_path / name).write_text(f"{gone.pid}\n{socket.gethostname()}\n")


def test_a_folder_that_cannot_hold_a_lock(tmp_path):
    (tmp_path / "file").write_text("")
    refused = pytest.raises(UserError, match=r"file/x cannot be written: .*Choose another folder with --runs")
    with refused, lock.held(str(tmp_path / "file" / "x")):
        pytest.fail("held")


def test_a_run_in_training_is_not_touched(holder, tmp_path, synthetic):
    """Refused before the run folder is made, or read."""
    args = f"quickstart --name x --runs {tmp_path} --data.path {synthetic} {QUICK}".split()
    with pytest.raises(UserError, match="is held by process"):
        train.main([*args, "--train.no-resume"])
    assert os.listdir(tmp_path) == [".x.lock"]


# === Remote runs ===


def write(path: str, **changes) -> dict:
    """A lock as another machine writes it."""
    entry = {"host": "other", "process": 4711, "command": "train.py lrcn", "since": "2026-01-01 00:00:00", "token": "t"}
    entry |= {"renewed": time.time()} | changes
    files.write(path, json.dumps(entry).encode())
    return entry


def renewed(path: str) -> float:
    """When a lock was renewed; 0 while it is being written."""
    content = files.read(path)
    return json.loads(content)["renewed"] if content.endswith(b"}") else 0.0


def test_a_remote_run_that_another_machine_trains(s3):
    path = f"{s3}/runs/.x.lock"
    write(path)
    refused = pytest.raises(UserError, match=r"process 4711 on other .*\(train.py lrcn\).* remove s3://.*/runs/\.x\.lock")
    with refused, lock.held(f"{s3}/runs/x"):
        pytest.fail("held")
    assert json.loads(files.read(path))["token"] == "t"


@pytest.mark.parametrize("stale", [{"renewed": 1.0}, {"host": socket.gethostname(), "process": 2**31 - 1}])
def test_stale_locks_of_remote_runs_are_taken_over(s3, stale):
    path = f"{s3}/runs/.x.lock"
    write(path, **stale)
    with lock.held(f"{s3}/runs/x"):
        assert json.loads(files.read(path))["process"] == os.getpid()
    assert not files.exists(path)


def test_a_remote_lock_is_renewed_and_the_later_of_two_stays(s3, monkeypatch):
    path = f"{s3}/runs/.x.lock"
    monkeypatch.setattr(lock, "RENEW_SECONDS", 0.05)
    with lock.held(f"{s3}/runs/x"):
        first, until = renewed(path), time.monotonic() + 30
        while not first or renewed(path) <= first:
            first = first or renewed(path)
            assert time.monotonic() < until
            time.sleep(0.05)

    monkeypatch.setattr(lock.time, "sleep", lambda _: write(path))  # while the first waits
    with pytest.raises(UserError, match="on other"), lock.held(f"{s3}/runs/x"):
        pytest.fail("held")
    assert re.search("4711", files.read(path).decode())
