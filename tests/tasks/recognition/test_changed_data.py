"""train.py and evaluate.py where the data of a run change, and on other data, as a user runs them."""

import csv
import json
import shutil

import pytest
from grey_videos import write_video
from tiny_runs import BACKBONE, TINY, measured, trained

import evaluate
from videorec.runs.run import Run

ARGS = f"{TINY} {BACKBONE} --data.path clips --train.cache-dir cache"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the videos `clips`, of two classes, and a run `runs/x` of one epoch."""
    folder = tmp_path_factory.mktemp("changed")
    for label, side in (("run", 16), ("sit", 24)):
        for k in range(8):
            write_video(folder / "clips" / label / f"{k}.avi", frames=4 + k, size=(side, side))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run = trained("frame_average", f"{ARGS} --train.epochs 1")
        measured(run)
    return folder


@pytest.fixture
def run(made, tmp_path, monkeypatch) -> Run:
    """A copy of it to work in."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Run("runs/x")


def measured_videos(run) -> list[str]:
    with open(run.folder / "predictions.csv", newline="") as file:
        return [row["video"] for row in csv.DictReader(file)]


def test_the_broken_clip_that_check_names_is_deleted(run, caplog):
    before = measured_videos(run)
    gone = before[0]
    (run.folder.parent.parent / gone).unlink()
    measured(run)
    assert measured_videos(run) == before[1:]
    assert f"1 gone since the run was made: {gone.removeprefix('clips/')} (test)" in caplog.text
    # Training goes on with the same split too.
    split = (run.folder / "videos.csv").read_bytes()
    trained("frame_average", f"{ARGS} --train.epochs 2")
    assert (run.folder / "videos.csv").read_bytes() == split and run.last_state()["epoch"] == 2
    measured(run)
    assert measured_videos(run) == before[1:]


def test_other_data_leave_the_figures_of_the_run(run, capsys, caplog):
    honest = {name: (run.folder / name).read_bytes() for name in ("results.json", "predictions.csv", "confusion.png")}
    rows = [f"../clips/{label}/{k}.avi,{label}" for label in ("run", "sit") for k in range(8)]
    for name in ("a/clips.csv", "b/clips.csv"):
        (run.folder.parent.parent / name).parent.mkdir()
        (run.folder.parent.parent / name).write_text("\n".join(["path,label", *rows]))
        assert evaluate.main(["runs/x", "--data.path", name]) == 0
    assert {name: (run.folder / name).read_bytes() for name in honest} == honest
    assert "16 videos (all) of a/clips.csv" in capsys.readouterr().out
    for name in ("clips", "clips-2"):
        results = json.loads((run.folder / "results" / name / "results.json").read_text())
        protocol = results["protocol"]
        held = [entry.split for entry in run.record.entries]
        assert (results["videos"], protocol["split"], protocol["own_data"]) == (16, "all", False)
        assert protocol["trained_on_videos"] == held.count("train")
        assert protocol["validated_on_videos"] == held.count("val")
        assert (run.folder / "results" / name / "confusion.png").exists()
    assert f"of these 16 videos, {held.count('train')} trained the run" in caplog.text


def test_out_takes_the_files_of_other_data(run, tmp_path):
    (run.folder.parent.parent / "one.csv").write_text("path,label\nclips/run/0.avi,run\n")
    assert measured(run, "--data.path one.csv", tmp_path / "out")["videos"] == 1
    assert not (run.folder / "results").exists()
