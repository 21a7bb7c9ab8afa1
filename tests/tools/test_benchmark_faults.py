"""`videorec.tools.benchmark faults`: kills, and that the part would notice what is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import copied

from videorec.config import UserError
from videorec.runs.run import Run
from videorec.tools.benchmark import faults, faults_scenes
from videorec.tools.benchmark.__main__ import KILLED

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


def test_ten_kills_of_a_training():
    """In a process of its own: what is forked must not have used TensorFlow before."""
    line = [sys.executable, "-m", "videorec.tools.benchmark", "faults", "--kills", "10", "--task", "cached"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=500, env=os.environ | {"COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    assert "cached, killed: faults" in done.stdout and "10 kills in" in done.stdout
    assert "0 met" in done.stdout, done.stdout + done.stderr


def test_all_scenes_can_be_named():
    assert set(KILLED) == set(faults_scenes.SCENES)


def test_a_process_kills_itself_before_the_operation(tmp_path):
    """The third of: open, write, rename, open for reading (none), remove."""

    def child(kill_at: int) -> int:
        process = os.fork()
        if not process:
            faults._watch(str(tmp_path), kill_at)
            (tmp_path / "a").write_text("x")
            os.replace(tmp_path / "a", tmp_path / "b")
            (tmp_path / "b").read_text()
            (tmp_path / "b").unlink()
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    assert child(3) == -signal.SIGKILL and os.listdir(tmp_path) == ["b"]
    assert child(4) == 0 and os.listdir(tmp_path) == []


@pytest.mark.parametrize("damage", ["weights", "model", "config.json"])
def test_broken_runs_are_noticed(quick_runs, tmp_path, damage):
    run = copied(Run(quick_runs / "a"), tmp_path / "x")
    assert faults_scenes.broken(run.folder) == []
    paths = {"weights": list((run.folder / "state").glob("*.h5")), "model": [run.model_path]}
    for path in paths.get(damage, [run.folder / damage]):
        path.write_bytes(path.read_bytes()[:100])
    assert len(faults_scenes.broken(run.folder)) == 1


def test_other_weights_are_noticed(quick_runs):
    a, b = (faults_scenes.trained(quick_runs / name) for name in "ab")
    assert a == faults_scenes.trained(quick_runs / "a") and a != b
    assert len([name for name in a if name.startswith("state ")]) > 10 and a.keys() == b.keys()


def test_what_is_lost_is_counted(monkeypatch, tmp_path):
    """A command that writes its file in place is caught."""

    def start(scene, work, name, kill_at=0, count=None):
        process = os.fork()
        if not process:
            faults._watch(str(work), kill_at)
            (work / name).mkdir(exist_ok=True)
            with open(work / name / "result", "w", encoding="utf-8") as file:
                file.write("half")
            for number in range(4):
                (work / name / "log").write_text(str(number))
            if not (work / name / "done").exists():
                (work / name / "done").write_text("x")
                with open(work / name / "result", "a", encoding="utf-8") as file:
                    file.write(" and whole")
            (work / f"{name}.log").write_text("")
            if count:
                count.write_text("7")
            os._exit(0)
        return process

    def result(work, name):
        return (work / name / "result").read_text()

    scene = faults_scenes.Scene("x", lambda work, name: "", result, lambda work, name: [])
    monkeypatch.setattr(faults, "_start", start)
    monkeypatch.setitem(faults.SCENES, "x", scene)
    outcome = faults._trials("x", tmp_path, 12, np.random.default_rng(0))
    assert outcome.kills == 12 and outcome.wrong["other than undisturbed"] > 0


def test_a_system_without_fork(monkeypatch):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(UserError, match="forks its commands"):
        faults.measure(kills=1)
