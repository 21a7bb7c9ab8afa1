"""Runs on an S3 server: train, resume, evaluate, export; a server that goes away; exit statuses."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from remote_files import below, write_videos
from tiny_runs import QUICK, trained

import evaluate
import train
from export import tflite
from videorec.config import UserError
from videorec.runs.mirror import Mirror
from videorec.runs.run import Run
from videorec.storage import files

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def videos(s3, tmp_path) -> str:
    """A manifest on the server, of two classes with videos on the server."""
    return write_videos(s3, tmp_path)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def mirror_of(runs: str) -> Path:
    """The local folder of the run x."""
    return Mirror(f"{runs}/x").folder


def test_train_resume_evaluate_export(videos, s3, training_seed, caplog):
    caplog.set_level("INFO")
    runs = f"{s3}/runs"
    missing = f"{s3}/videos/a/0.avi"
    files.remove(missing)
    args = f"{QUICK} --data.path {videos} --data.max-unreadable 0.2 --train.seed {training_seed}"
    trained("quickstart", f"{args} --train.epochs 2", runs=runs)
    assert f"unreadable, counted with weight 0: {missing}: no such file" in caplog.text
    assert f"python evaluate.py {runs}/x" in caplog.text
    assert {"config.json", "classes.txt", "model.keras", "state/state.json", "state/epoch_0002.weights.h5"} <= below(
        f"{runs}/x"
    )
    assert any(name.startswith("tensorboard/train/events") for name in below(f"{runs}/x"))

    shutil.rmtree(mirror_of(runs))
    trained("quickstart", f"{args} --train.epochs 3", runs=runs)
    assert f"{runs}/x: going on after epoch 2" in caplog.text
    assert {name for name in below(f"{runs}/x") if name.endswith(".h5")} == {
        "state/epoch_0002.weights.h5",
        "state/epoch_0003.weights.h5",
    }
    assert len(json.loads(files.read(f"{runs}/x/state/state.json"))[-1]["counters"]["history"]) == 3

    shutil.rmtree(mirror_of(runs))
    assert evaluate.main([f"{runs}/x"]) == 0
    results = json.loads(files.read(f"{runs}/x/results.json"))
    assert results["protocol"]["runs"] == {f"{runs}/x": 1.0} and results["videos"] == 2
    with pytest.raises(UserError, match="must be named once each"):
        evaluate.main([f"{runs}/x", "--fuse", f"{runs}/x/", "--out", "here"])
    shutil.copytree(mirror_of(runs), "copy")
    assert evaluate.main([f"{runs}/x", "--fuse", "copy", "--out", "here"]) == 0
    with pytest.raises(UserError, match="--out must be a local path"):
        evaluate.main([f"{runs}/x", "--out", f"{s3}/out"])
    assert tflite.main([f"{runs}/x"]) == 0
    assert files.read(f"{runs}/x/model.tflite")[4:8] == b"TFL3"
    assert below(f"{runs}/x") == {*json.loads(files.read(f"{runs}/x/files.json")), "files.json"}


class StopsAServer(io.StringIO):
    """A standard output, and a server that goes away when the line of epoch 2 is shown."""

    def __init__(self, server):
        super().__init__()
        self.server = server

    def write(self, text: str) -> int:
        if text.startswith("epoch 2/"):
            self.server.stop()
        return super().write(text)


def test_the_server_goes_away_and_comes_back(s3, s3_server, synthetic, monkeypatch, caplog):
    runs, args = f"{s3}/runs", f"{QUICK} --data.path {synthetic} --train.epochs 2"
    monkeypatch.setattr(sys, "stdout", StopsAServer(s3_server))
    with pytest.raises(UserError, match=r"cannot be uploaded to s3://.*/runs/x: .*connect.* Nothing is lost.*same command"):
        trained("quickstart", args, runs=runs)
    levels = [record.levelname for record in caplog.records if "cannot be uploaded" in record.message]
    assert levels == ["WARNING"]  # training went on
    run = Run(mirror_of(runs))
    assert run.last_state()["epoch"] == 2 and run.load_model().count_params() > 0
    with pytest.raises(UserError, match=r"The run s3://.*/runs/x cannot be read: .*connect.*A local copy lies in "):
        trained("quickstart", args, runs=runs)

    s3_server.start()  # it has forgotten everything
    s3_server.new_bucket(s3.removeprefix("s3://"))
    trained("quickstart", args, runs=runs)
    assert {"config.json", "model.keras", "state/epoch_0002.weights.h5"} <= below(f"{runs}/x")
    shutil.rmtree(mirror_of(runs))
    assert Run.open(f"{runs}/x").last_state()["epoch"] == 2


# === Exit statuses ===


def test_exit_statuses(s3):
    """tensorflow-io alone would abort each of these processes with status 134 after its work is done."""
    code = f"""
import os
import tensorflow
from videorec import terminal
from videorec.config import UserError
from videorec.storage import files
for end in (None, UserError("wrong"), RuntimeError("a bug")):  # TensorFlow is imported once for all
    if not os.fork():
        break
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
else:
    os._exit(0)
def main(args):
    files.write({f"{s3}/x"!r}, b"x")
    print(files.read({f"{s3}/x"!r}), flush=True)
    if end:
        raise end
terminal.run(main)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert result.stdout.split() == ["b'x'", "0", "b'x'", "2", "b'x'", "1"], result.stderr


def test_interrupted_training(videos, s3):
    """A cluster that wants its machine back: the run there is whole, and the status is that of an interrupt."""
    line = [sys.executable, str(ROOT / "train.py"), "quickstart", "--name", "x", "--data.path", videos, "--runs", f"{s3}/runs"]
    line += f"{QUICK} --train.epochs 10000".split()
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for text in process.stdout:
            if "epoch 2/" in text:
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()
    assert process.returncode == 130 and "The same command goes on from there" in rest
    run = Run.open(f"{s3}/runs/x")
    assert run.last_state()["epoch"] >= 2 and run.load_model().count_params() > 0


@pytest.mark.skipif(sys.version_info < (3, 13), reason="here tensorflow-io exists")
def test_without_tensorflow_io():
    for args in (["--runs", "s3://b/runs"], ["--data.path", "s3://b/m.csv"]):
        with pytest.raises(UserError, match="needs tensorflow-io, which exists for Python 3.11 and 3.12"):
            train.main(["quickstart", *args])
    with pytest.raises(UserError, match="needs tensorflow-io"):
        evaluate.main(["s3://b/runs/x"])
