"""What killed processes left goes at the next start, and nothing else."""

import os
import subprocess
import sys
import time

import pytest

from videorec.storage import files, leftovers


def gone_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def as_of(process: int, name: str) -> str:
    """A name of this process, as another one would have made it."""
    return name.replace(f"-{os.getpid()}-", f"-{process}-")


@pytest.mark.skipif(os.name != "posix", reason="asks for processes")
def test_only_what_dead_processes_left_goes(tmp_path):
    mine, dead = leftovers.unfinished_name("a.csv"), as_of(gone_process(), leftovers.unfinished_name("a.csv"))
    assert mine != dead and mine != leftovers.unfinished_name("a.csv")
    kept = [mine, "a.csv", ".hidden", ".tmp", "thesis.tmp", ".a.csv.swp"]
    for name in [*kept, dead, f"below/{dead}"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / as_of(gone_process(), leftovers.unfinished_name("model"))).mkdir()
    leftovers.sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "below"]) and (tmp_path / "below" / dead).exists()
    leftovers.sweep(tmp_path, below=True)
    assert os.listdir(tmp_path / "below") == []
    leftovers.sweep(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    [
        ".results.json.0123abcd.tmp",
        "0123.zip.4711.tmp",
        ".unfinished-host-4711-abc_1",
        ".a.mp4.tmp-another_host-1-0123abcd",
    ],
)
def test_what_cannot_be_asked_for_goes_after_a_day(tmp_path, name):
    """Names of earlier versions, and of processes of other machines."""
    (tmp_path / name).write_text("x")
    leftovers.sweep(tmp_path)
    assert os.listdir(tmp_path) == [name]
    long_ago = time.time() - 25 * 3600
    os.utime(tmp_path / name, (long_ago, long_ago))
    leftovers.sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_working_folder_goes_with_its_content(tmp_path):
    with pytest.raises(ZeroDivisionError), leftovers.working_folder(tmp_path, "x") as folder:
        (folder / "half").write_text("x")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), files.in_place(tmp_path / "a") as place:
        with open(place, "w", encoding="utf-8") as file:
            file.write("half of the n")
        raise ZeroDivisionError
    assert (tmp_path / "a").read_text() == "old" and os.listdir(tmp_path) == ["a"]
