"""`videorec.tools.prepare`: the same files however often it was stopped."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from file_times import digests, times
from grey_videos import write_video

from videorec.config import UserError
from videorec.data.prepared import shards
from videorec.data.prepared.index import Prepared
from videorec.storage import files, leftovers
from videorec.tools import prepare

QUICK = ["--short-side", "32", "--videos-per-shard", "2"]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """8 videos of a size that gives time to interrupt."""
    folder = tmp_path_factory.mktemp("many")
    first = write_video(folder / "a" / "00.avi", 12, (240, 320))
    for number in range(1, 8):
        path = folder / "ab"[number % 2] / f"{number:02d}.avi"
        path.parent.mkdir(exist_ok=True)
        path.hardlink_to(first)
    return folder


def start(*args, **options) -> subprocess.Popen:
    """The tool in a process of its own."""
    command = [sys.executable, "-m", "videorec.tools.prepare", *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=os.getcwd(), **options)


def after_first_shard(process, out) -> None:
    """Return when it has finished a shard and is at work on others."""
    deadline = time.monotonic() + 60
    while not list(out.glob("shard-*.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_and_run_again(many, tmp_path, caplog):
    args = [many, tmp_path / "out", "--videos-per-shard", "1", "--stream", "both", "--workers", "2"]
    process = start(*args)
    after_first_shard(process, tmp_path / "out")
    process.kill()
    process.communicate()
    kept = {name: stamp for name, stamp in times(tmp_path / "out").items() if name.endswith(".json")}
    assert not (tmp_path / "out" / "index.json").exists()
    caplog.set_level("INFO")
    assert prepare.main([str(arg) for arg in args]) == 0
    assert re.search(r"[1-9]\d* of 8 shards are there", caplog.text)
    assert {name: times(tmp_path / "out")[name] for name in kept} == kept
    assert prepare.main([str(many), str(tmp_path / "whole"), *map(str, args[2:])]) == 0
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")  # and nothing else is left


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c(many, out):
    # A suite that runs in the background of a script inherits an ignored SIGINT; a user's shell does not hand that on.
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    process = start(many, out, "--videos-per-shard", "1", "--stream", "both", "--workers", "2", preexec_fn=heed)
    after_first_shard(process, out)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"interrupted; \d+ of 8 shards are finished and kept: the same command goes on", errors)
    assert "Traceback" not in errors
    assert all(re.fullmatch(r"plan\.json|shard-\d{5}-of-00008\.(json|tfrecord)", name) for name in os.listdir(out))


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
def test_a_full_disk(source, out):
    """Files may have 200 kB at most: the large video does not fit, the others do."""
    import resource

    write_video(source / "c" / "2.avi", 80, (480, 640))

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    args = [source, out, "--short-side", "480", "--videos-per-shard", "2", "--workers", "1"]
    process = start(*args, preexec_fn=limited)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    message = " ".join(errors.split())
    assert "cannot be written" in message and "2 of 3 shards are finished and kept: the same command goes on" in message
    finished = [f"shard-0000{number}-of-00003.{suffix}" for number in range(2) for suffix in ("json", "tfrecord")]
    assert sorted(os.listdir(out)) == ["plan.json", *finished]
    assert prepare.main([str(arg) for arg in args]) == 0
    assert len(Prepared(str(out)).videos()) == 6


def test_no_space_left(source, out, monkeypatch):
    def full(local, path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "publish", full)
        with pytest.raises(UserError, match=r"No space left on device\. 0 of 3 shards are finished and kept"):
            prepare.main([str(source), str(out), *QUICK])
    assert os.listdir(out) == ["plan.json"]
    assert prepare.main([str(source), str(out), *QUICK]) == 0


def test_two_at_once(many, tmp_path):
    args = ["--short-side", "64", "--videos-per-shard", "1", "--workers", "1"]
    process = start(many, tmp_path / "out", *args)
    after_first_shard(process, tmp_path / "out")
    assert prepare.main([str(many), str(tmp_path / "out"), *args]) == 0
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert prepare.main([str(many), str(tmp_path / "alone"), *args]) == 0
    assert digests(tmp_path / "out") == digests(tmp_path / "alone")


def test_unfinished_files_of_living_processes_stay(source, out):
    out.mkdir()
    with shards.working_folder(str(out)) as mine:
        leftovers.sweep(out)
        assert mine.is_dir()
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        other = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-"))
        other.mkdir()
        leftovers.sweep(out)
        assert mine.is_dir() and not other.exists()
    assert not mine.exists()
