"""predict.py before a camera: played by a list of frames, so that no device is needed."""

import csv
import itertools
import json
import shutil
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import predict
from videorec import Predictor
from videorec.config import UserError
from videorec.data.pictures import Unreadable
from videorec.inference import capture

STORED = Path(__file__).parent / "data" / "old_runs"


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """A copy of the stored runs, as the working folder."""
    place = tmp_path_factory.mktemp("camera") / "here"
    shutil.copytree(STORED / "trained", place / "trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        yield place


class Camera:
    """Red frames for the first second, then green ones, 25 a second; `frames` of them, then none."""

    def __init__(self, frames: int):
        self.left, self.began = frames, None

    def read(self):
        time.sleep(0.04)
        self.began = self.began or time.monotonic()
        self.left -= 1
        color = (0, 0, 220) if time.monotonic() - self.began < 1 else (0, 220, 0)
        return (True, np.full((48, 64, 3), color, np.uint8)) if self.left >= 0 else (False, None)

    def release(self):
        pass


@pytest.fixture
def camera(monkeypatch):
    """Plugged in: the camera of any number, for 1,000 frames."""
    monkeypatch.setattr(capture, "open_camera", lambda source: Camera(1000))


def test_a_camera_is_watched_shown_and_recorded(camera, tmp_path, capsys, caplog):
    caplog.set_level("INFO")
    args = ["trained/clips", "0", "--seconds", "2", "--interval", "0.2", "--memory", "0.8"]
    args += ["--csv", str(tmp_path / "a.csv"), "--json", str(tmp_path / "a.json"), "--save", str(tmp_path)]
    assert predict.main(args) == 0
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [float(row["time"]) for row in rows]
    assert {row["video"] for row in rows} == {"camera 0"}
    assert times[0] == 0 and times[-1] < 2 and np.diff(times).min() > 0
    assert 4 <= len(rows) <= 11  # one in 0.2 s, at most
    entries = json.loads((tmp_path / "a.json").read_text())
    assert [entry["label"] for entry in entries] == [row["label"] for row in rows]
    labels = [row["label"] for row in rows]
    changes = [labels[0], *(label for before, label in itertools.pairwise(labels) if label != before)]
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == changes
    (recording,) = tmp_path.glob("camera_0_*.mp4")
    video = cv2.VideoCapture(str(recording))
    pictures = [picture for ok, picture in iter(video.read, (False, None)) if ok]
    assert len(pictures) > len(rows)  # every frame that came, not only those that the model saw
    assert [int(picture[240, 320].argmax()) for picture in (pictures[0], pictures[-1])] == [2, 1]  # red, green
    assert "ms a frame" in caplog.messages[-1] and "frames dropped" in caplog.messages[-1]


@pytest.mark.parametrize("run", ["moments", "anticipation"])
def test_models_of_moments_watch_too(run, camera, tmp_path):
    assert predict.main([f"trained/{run}", "0", "--seconds", "1", "--csv", str(tmp_path / "a.csv")]) == 0
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = Predictor(f"trained/{run}").classes
    assert rows and all(row["label"] in classes for row in rows)


def test_ctrl_c_leaves_what_was_recorded(camera, tmp_path, monkeypatch):
    def interrupted(self, prediction):
        raise KeyboardInterrupt

    monkeypatch.setattr("videorec.inference.answers.Rows.add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict.main(["trained/clips", "0", "--save", str(tmp_path), "--csv", str(tmp_path / "a.csv")])
    (recording,) = tmp_path.glob("camera_0_*.mp4")
    assert cv2.VideoCapture(str(recording)).read()[0]


def test_a_camera_that_is_not_there_is_status_1(monkeypatch, caplog):
    def refuse(source):
        raise Unreadable("camera 3 cannot be opened")

    monkeypatch.setattr(capture, "open_camera", refuse)
    assert predict.main(["trained/clips", "3"]) == 1
    assert "camera 3 cannot be opened" in caplog.text


def test_a_camera_that_goes_ends_well(monkeypatch, caplog):
    plugged = iter([Camera(10)])

    def opened(source):
        try:
            return next(plugged)
        except StopIteration:
            raise Unreadable("unplugged") from None

    monkeypatch.setattr(capture, "open_camera", opened)
    monkeypatch.setattr(capture.Capture.__init__, "__defaults__", (None, None, None, (0.01, 0.02, 0.1)))
    assert predict.main(["trained/clips", "0"]) == 0
    assert "it gives no more frames. Trying again" in caplog.text and "it is given up" in caplog.text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("trained/clips 0 1", "A camera is watched alone. Received: 0 1"),
        ("trained/clips rtsp://h/x trained", "A camera is watched alone"),
        ("trained/forecasts 0", "Cameras are for models of labels"),
        ("trained/moments 0 --memory 3", "memory must be more than 0 seconds, of a recogniser. Received: 3.0, dense"),
        ("trained/moments trained --memory 3", "--memory is for recognisers. Received: 3, for dense"),
        ("trained/clips trained --seconds 3", "--seconds is for cameras. Received: trained"),
        ("trained/clips 0 --interval -1", "--interval must be 0 or more and finite"),
        ("trained/clips http://h/x.mp4", "a file is downloaded first"),
    ],
)
def test_refusals(args, message, camera):
    with pytest.raises(UserError, match=message):
        predict.main(args.split())


@pytest.mark.parametrize("name", ["several_labels", "two_streams"])
def test_a_model_of_whole_clips_is_asked_about_the_last_one(camera, name, tmp_path, caplog):
    caplog.set_level("INFO")
    args = [f"trained/{name}", "0", "--seconds", "1", "--interval", "0.2", "--json", str(tmp_path / "a.json")]
    assert predict.main(args) == 0
    assert len(json.loads((tmp_path / "a.json").read_text())) >= 1
    assert "cannot run step by step" in caplog.text
    assert f"It is asked about the last {4 if name == 'several_labels' else 2} frames again after every frame" in caplog.text
