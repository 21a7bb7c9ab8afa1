"""What the tests of several tools share."""

import shutil

import pytest
from grey_videos import write_video
from tiny_runs import QUICK, measured, trained

from videorec.runs.run import Run


@pytest.fixture(scope="session")
def small_runs(once, quick_runs, synthetic, training_seed):
    """A folder with the runs a (of `quick_runs`) and frozen (its head alone is trained), each evaluated."""

    def make(folder):
        shutil.copytree(quick_runs / "a", folder / "runs/a")
        args = f"--data.path {synthetic} {QUICK} --train.epochs 2 --train.seed {training_seed} --model.trainable-from none"
        measured(trained("quickstart", f"{args} --train.cache-dir {folder}/cache", "frozen", folder / "runs"))
        measured(Run(folder / "runs/a"))

    return once("small", make)


@pytest.fixture
def source(tmp_path):
    """Three classes of two short videos."""
    for name in ("a/1.avi", "a/2.avi", "b/1.avi", "b/2.avi", "c/1.avi", "c/2.avi"):
        write_video(tmp_path / "videos" / name, 10)
    return tmp_path / "videos"


@pytest.fixture
def out(tmp_path):
    """A folder that is not there yet."""
    return tmp_path / "out"


@pytest.fixture(scope="session")
def members(once, synthetic):
    """The folder of runs to be fused, see `fusable_runs.make_members`. For reading alone."""
    import fusable_runs

    return once("members", lambda folder: fusable_runs.make_members(folder, synthetic))


@pytest.fixture
def here(members, tmp_path, monkeypatch):
    """A new folder in which `runs` are the members; what is made there is no other test's."""
    (tmp_path / "runs").mkdir()
    for run in members.iterdir():
        (tmp_path / "runs" / run.name).symlink_to(run)
    monkeypatch.chdir(tmp_path)
    return tmp_path
