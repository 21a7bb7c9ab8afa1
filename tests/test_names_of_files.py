"""Names that are not UTF-8, hold a colon, or have letters that the locale does not know: no command dies of them."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from grey_videos import write_video
from tiny_runs import QUICK, events

import train
from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.decode import Reader
from videorec.data.index import INDEX
from videorec.data.sequences import formats
from videorec.reports import video_file
from videorec.runs.run import Run
from videorec.tools import check_files

ROOT = Path(__file__).resolve().parents[1]
ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two classes of five videos, `Überholen` and `Gehen`, called été0.avi to été4.avi; one more whose name is not UTF-8."""
    for label, count in (("Überholen", 6), ("Gehen", 7)):
        (tmp_path / "videos" / label).mkdir(parents=True)
        for k in range(5):
            write_video(tmp_path / "video.avi", count).rename(tmp_path / "videos" / label / f"été{k}.avi")
    os.rename(write_video(tmp_path / "video.avi", 6), os.fsencode(tmp_path / "videos/Gehen") + b"/b\xe9.avi")
    return tmp_path


def script(folder: Path, *words: str, status: int = 0) -> bytes:
    """What a script prints under a locale of plain ASCII; it must end with this status."""
    environment = {**os.environ, **ASCII_LOCALE, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True)
    assert done.returncode == status, done.stderr.decode(errors="replace")
    return done.stdout + done.stderr


def test_check_and_index(folder):
    said = script(folder, "-m", "videorec.tools.check", "videos", "--out", "check.csv", status=1).decode()
    assert "videos/Gehen/b\\udce9.avi: its name is not UTF-8, which OpenCV needs: rename it" in said
    with open(folder / "check.csv", encoding="utf-8", newline="") as file:
        frames = {row["path"]: int(row["frames"]) for row in csv.DictReader(file)}
    assert frames["videos/Überholen/été3.avi"] == 6 and frames["videos/Gehen/b\\udce9.avi"] == 0
    said = script(folder, "-m", "videorec.tools.index", "videos").decode()
    assert "left out: 1 files whose names are not UTF-8, first 'b\\udce9.avi'" in said and "Überholen" in said
    assert "Überholen/été4.avi,Überholen," in (folder / "videos/manifest.csv").read_text(encoding="utf-8")


def test_training(folder):
    small = f"{QUICK} --data.val 0 --data.max-unreadable 0.5 --train.epochs 1 --train.no-resume"
    script(folder, str(ROOT / "train.py"), "quickstart", "--name", "r", "--data.path", "videos", *small.split())
    run = Run.open(folder / "runs/r")
    assert run.classes == ("Gehen", "Überholen")
    (text,) = (event.tensor_proto.string_val for event in events(run).Tensors("unreadable videos"))
    assert text[0].decode() == "    videos/Gehen/b\ufffd.avi: its name is not UTF-8, which OpenCV needs: rename it"
    assert json.loads((run.folder / "config.json").read_text(encoding="utf-8"))["data"]["path"] == "videos"


# === In one process ===


@pytest.mark.parametrize("args", [["--name", "b\udce9"], ["--runs", "b\udce9/runs"]])
def test_a_run_has_a_name_that_can_be_written(tmp_path, monkeypatch, args):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"--runs and --name must be UTF-8. Received: '.*b\\udce9"):
        train.main(["quickstart", *args])


def test_a_colon_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "video.avi", 5).rename(tmp_path / "cam1:1.avi")
    assert sum(1 for _ in Reader("cam1:1.avi")) == 5
    row, _ = check_files.check("cam1:1.avi", INDEX.of("cam1:1.avi"), [])
    assert (row.frames, row.declared, row.problem) == (5, 5, "")


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("h264", [True, False])
def test_written_under_such_a_name(tmp_path, monkeypatch, h264, live):
    if h264 and not video_file.has_h264():
        pytest.skip("PyAV with libx264 is not installed")
    monkeypatch.setattr(video_file, "has_h264", lambda: h264)
    monkeypatch.chdir(tmp_path)
    with video_file.VideoFile("cam1:1.mp4", (32, 48), 10, live) as file:
        for k in range(4):
            file.write(np.full((32, 48, 3), 60 * k, np.uint8), k / 10)
    assert os.listdir(tmp_path) == ["cam1:1.mp4"]
    assert sum(1 for _ in Reader("cam1:1.mp4")) == 4


def test_pictures_of_a_sequence(tmp_path):
    place = os.fsencode(tmp_path) + b"/1\xe9.png"
    with open(place, "wb") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="is not UTF-8, which OpenCV needs: rename it"):
        formats.open_file(tmp_path, "pictures", Sequences(), 1)
