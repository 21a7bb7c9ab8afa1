"""Data and runs on an S3 server: train, resume, evaluate, export; a server that goes away; exit statuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from grey_videos import write_video

import evaluate
import train
from export import tflite
from videorec.config import Data, UserError
from videorec.data import decode, manifest, sources
from videorec.data.manifest import Video
from videorec.runs import mirror as remote_run
from videorec.runs.run import Run
from videorec.storage import files
from videorec.tools import prepare
from videorec.training import callbacks

ROOT = Path(__file__).resolve().parents[2]
SMALL = (
    "--data.frames 4 --data.resize 16 16 --data.crop 16 16 --data.workers 2 --model.units 8 --train.batch 8 "
    "--train.warmup-epochs 0 --train.no-cache"
).split()


@pytest.fixture
def videos(s3, tmp_path) -> str:
    """A manifest on the server, of two classes with videos on the server."""
    rows = []
    for k in range(12):
        name, label = f"{'ab'[k % 2]}/{k}.avi", "ab"[k % 2]
        files.publish(write_video(tmp_path / "v.avi", frames=5 + k, size=(16, 16)), f"{s3}/videos/{name}")
        rows.append(Video(f"{s3}/videos/{name}", (label,), split=("train", "train", "val", "test")[k // 2 % 4]))
    manifest.write(f"{s3}/videos/m.csv", rows)
    return f"{s3}/videos/m.csv"


def start(path: str, runs: str, *args: str) -> int:
    keras.backend.clear_session()
    return train.main(["quickstart", "--name", "x", "--data.path", path, "--runs", runs, *SMALL, *args])


def mirror(runs: str) -> Path:
    return remote_run.Mirror(f"{runs}/x").folder


def below(url: str) -> set[str]:
    return set(remote_run._below(url))


# === Data ===


def test_manifest(videos, s3, tmp_path):
    assert files.read(videos).splitlines()[1] == b"a/0.avi,a,,,train,"
    assert manifest.read(videos)[3] == Video(f"{s3}/videos/b/3.avi", ("b",), split="train")
    assert manifest.read(videos, tmp_path)[3].path == str(tmp_path / "b/3.avi")
    (tmp_path / "here.csv").write_bytes(files.read(videos))
    assert manifest.read(tmp_path / "here.csv", f"{s3}/videos") == manifest.read(videos)
    manifest.write(f"{s3}/local.csv", [Video(str(tmp_path / "c.avi"), ("c",))])
    assert manifest.read(f"{s3}/local.csv")[0].path == str(tmp_path / "c.avi")
    with pytest.raises(UserError, match=r"s3://.*/none\.csv cannot be read: .*no such file"):
        manifest.read(f"{s3}/none.csv")


def test_class_folders(videos, s3):
    found = sources.find(Data(path=f"{s3}/videos/", group=r"(\d+)\.avi"))
    assert {(video.path, video.labels, video.group) for video in found} == {
        (f"{s3}/videos/{'ab'[k % 2]}/{k}.avi", ("ab"[k % 2],), str(k)) for k in range(12)
    }
    for k, split in enumerate(("train", "test")):
        files.write(f"{s3}/cut/{split}/c/{k}.mp4", b"x")
    found = [(video.path, video.split, video.labels) for video in sources.find(Data(path=f"{s3}/cut"))]
    assert found == [(f"{s3}/cut/train/c/0.mp4", "train", ("c",)), (f"{s3}/cut/test/c/1.mp4", "test", ("c",))]
    with pytest.raises(UserError, match="cannot be read"):
        sources.find(Data(path=f"{s3}/none"))


def test_decoded_as_a_local_one(videos, s3, tmp_path):
    local = write_video(tmp_path / "v.avi", frames=16, size=(16, 16))
    here, there = [[retrieve().tolist() for retrieve in decode.Reader(path)] for path in (local, f"{s3}/videos/b/11.avi")]
    assert here == there and len(there) == 16


@pytest.mark.parametrize(
    ("path", "limit", "reason"),
    [("none.avi", 1, "no such file"), ("b/11.avi", 1e-6, "than the limit"), ("b", 1, "one file")],
)
def test_unreadable(videos, s3, path, limit, reason):
    with pytest.raises(decode.Unreadable, match=reason):
        decode.Reader(f"{s3}/videos/{path}", cache_gb=limit)


# === Prepared pictures ===

PREPARE = ["--short-side", "16", "--videos-per-shard", "3"]


def test_prepared_from_there_to_there(videos, s3, tmp_path, caplog):
    """The same bytes as from local videos to a local folder; a second run does nothing; training reads them there."""
    caplog.set_level("INFO")
    out = f"{s3}/prepared"
    assert prepare.main([videos, out, *PREPARE]) == 0
    for name in manifest.read(videos):
        files.copy(name.path, tmp_path / "videos" / name.path.removeprefix(f"{s3}/videos/"))
    files.copy(videos, tmp_path / "videos/m.csv")
    assert prepare.main([str(tmp_path / "videos/m.csv"), str(tmp_path / "here"), *PREPARE]) == 0
    shards = {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir() if path.suffix == ".tfrecord"}
    assert len(shards) == 4 and shards == {name: files.read(f"{out}/{name}") for name in shards}
    assert prepare.main([videos, out, *PREPARE]) == 0 and "all 4 shards are there: nothing to do" in caplog.text
    assert start(out, f"{s3}/runs", "--train.epochs", "1") == 0


def test_the_server_goes_away_while_preparing(videos, s3, s3_server, tmp_path, monkeypatch):
    """What is finished is kept and named; the same command goes on when the server is back."""
    rows = [Video(str(write_video(tmp_path / f"{k}.avi", frames=9, size=(16, 16))), ("a",)) for k in range(6)]
    manifest.write(tmp_path / "m.csv", rows)
    line = [str(tmp_path / "m.csv"), f"{s3}/prepared", *PREPARE, "--workers", "1"]
    publish, finished = files.publish, []

    def stop_after_first(local, path):
        publish(local, path)
        finished.append(path)
        s3_server.stop()

    with monkeypatch.context() as patched:
        patched.setattr(files, "publish", stop_after_first)
        with pytest.raises(UserError, match=r"s3://.*/prepared cannot be written: .* 2 shards are finished and kept"):
            prepare.main(line)
    assert len(finished) == 1
    s3_server.start()  # it has forgotten everything
    s3_server.new_bucket(s3.removeprefix("s3://"))
    assert prepare.main(line) == 0


# === Runs ===


def test_train_resume_evaluate_export(videos, s3, caplog, capsys):
    caplog.set_level("INFO")
    runs = f"{s3}/runs"
    missing = f"{s3}/videos/a/0.avi"
    files.remove(missing)
    assert start(videos, runs, "--train.epochs", "1", "--data.max-unreadable", "0.2") == 0
    assert f"unreadable, counted with weight 0: {missing}: no such file" in caplog.text
    assert f"python evaluate.py {runs}/x" in caplog.text
    assert {"config.json", "classes.txt", "model.keras", "state/state.json", "state/epoch_0001.weights.h5"} <= below(
        f"{runs}/x"
    )
    assert any(name.startswith("tensorboard/train/events") for name in below(f"{runs}/x"))

    shutil.rmtree(mirror(runs))
    for epochs in ("2", "3"):
        assert start(videos, runs, "--train.epochs", epochs, "--data.max-unreadable", "0.2") == 0
    assert f"{runs}/x: going on after epoch 1" in caplog.text
    assert {name for name in below(f"{runs}/x") if name.endswith(".h5")} == {
        "state/epoch_0002.weights.h5",
        "state/epoch_0003.weights.h5",
    }
    assert len(json.loads(files.read(f"{runs}/x/state/state.json"))[-1]["counters"]["history"]) == 3

    shutil.rmtree(mirror(runs))
    assert evaluate.main([f"{runs}/x"]) == 0
    results = json.loads(files.read(f"{runs}/x/results.json"))
    assert results["protocol"]["runs"] == {f"{runs}/x": 1.0} and results["videos"] == 2
    assert evaluate.main([f"{runs}/x", "--fuse", f"{runs}/x", "--out", "here"]) == 0
    with pytest.raises(UserError, match="--out must be a local path"):
        evaluate.main([f"{runs}/x", "--out", f"{s3}/out"])
    assert tflite.main([f"{runs}/x"]) == 0
    assert files.read(f"{runs}/x/model.tflite")[4:8] == b"TFL3"
    assert below(f"{runs}/x") == {*json.loads(files.read(f"{runs}/x/files.json")), "files.json"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    shutil.rmtree(tmp_path / "here", ignore_errors=True)


def test_the_server_goes_away_and_comes_back(s3, s3_server, synthetic, monkeypatch, caplog):
    runs, push = f"{s3}/runs", callbacks.Push.on_epoch_end

    def stop_first(self, epoch, logs=None):
        if epoch == 1:
            s3_server.stop()
        push(self, epoch, logs)

    monkeypatch.setattr(callbacks.Push, "on_epoch_end", stop_first)
    with pytest.raises(UserError, match=r"cannot be uploaded to s3://.*/runs/x: .*connect.* Nothing is lost.*same command"):
        start(str(synthetic), runs, "--train.epochs", "2")
    assert [record.levelname for record in caplog.records if "cannot be uploaded" in record.message] == ["WARNING"]
    run = Run(mirror(runs))
    assert run.last_state()["epoch"] == 2 and run.load_model().count_params() > 0
    with pytest.raises(UserError, match=r"The run s3://.*/runs/x cannot be read: .*connect.*A local copy lies in "):
        start(str(synthetic), runs, "--train.epochs", "2")

    s3_server.start()  # it has forgotten everything
    s3_server.new_bucket(s3.removeprefix("s3://"))
    assert start(str(synthetic), runs, "--train.epochs", "2") == 0
    assert {"config.json", "model.keras", "state/epoch_0002.weights.h5"} <= below(f"{runs}/x")
    shutil.rmtree(mirror(runs))
    assert Run.open(f"{runs}/x").last_state()["epoch"] == 2


# === Two sides ===


@pytest.fixture
def two(s3, tmp_path, monkeypatch):
    """Two machines' mirrors of one run, and the home folder of each."""

    def machine(name: str) -> remote_run.Mirror:
        monkeypatch.setattr(remote_run, "FOLDER", str(tmp_path / name))
        return remote_run.Mirror(f"{s3}/runs/x")

    one, other = machine("one"), machine("other")
    write(one, **{"config.json": "c", "state/state.json": "1", "state/w1": "w1", "model.keras": "m1"})
    one.push()
    other.pull()
    return one, other


def write(side: remote_run.Mirror, **content: str) -> None:
    for name, text in content.items():
        (side.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (side.folder / name).write_text(text)


def content(side: remote_run.Mirror) -> dict[str, str]:
    return {name: (side.folder / name).read_text() for name in side._mine()}


def test_one_trains_while_another_evaluates(two):
    one, other = two
    assert content(one) == content(other)
    write(one, **{"state/state.json": "2", "state/w2": "w2", "model.keras": "m2", "new_model.keras": "half"})
    (one.folder / "state/w1").unlink()
    write(other, **{"results.json": "r"})
    one.push()
    other.push()
    other.pull()
    one.pull()
    expected = {"config.json": "c", "state/state.json": "2", "state/w2": "w2", "model.keras": "m2", "results.json": "r"}
    assert content(one) == content(other) == expected
    assert below(one.url) == {*expected, "files.json"}


def test_a_conflict_touches_neither_side(two):
    one, other = two
    write(one, **{"model.keras": "m2"})
    one.push()
    write(other, **{"model.keras": "m3", "results.json": "r"})
    for action in (other.push, other.pull):
        with pytest.raises(UserError, match=r"has changed at s3://.* and in .* since both were the same: model\.keras"):
            action()
    assert files.read(f"{one.url}/model.keras") == b"m2" and content(other)["model.keras"] == "m3"
    assert "results.json" not in below(one.url)


def test_an_interrupted_upload_leaves_a_whole_state(two, monkeypatch):
    one, other = two
    write(one, **{"state/state.json": "2", "state/w2": "w2", "model.keras": "m2"})
    copied = []

    def fail_at_last(source, path):
        if copied[1:]:
            raise OSError("gone")
        copied.append(path)
        copy(source, path)

    copy = files.copy
    with monkeypatch.context() as gone, pytest.raises(UserError, match="Nothing is lost"):
        gone.setattr(files, "copy", fail_at_last)
        one.push()
    assert [path.rsplit("/", 1)[1] for path in copied] == ["model.keras", "w2"]
    assert files.read(f"{one.url}/state/state.json") == b"1" and "state/w1" in below(one.url)
    one.push()
    other.pull()
    assert content(other) == content(one)


def test_a_run_brought_there_by_other_means(s3, tmp_path):
    for name in ("config.json", "state/state.json"):
        files.write(f"{s3}/runs/x/{name}", name.encode())
    side = remote_run.Mirror(f"{s3}/runs/x")
    side.pull()
    assert content(side) == {"config.json": "config.json", "state/state.json": "state/state.json"}
    write(side, **{"results.json": "r"})
    side.push()
    assert files.read(f"{s3}/runs/x/results.json") == b"r"
    assert {*json.loads(files.read(f"{s3}/runs/x/files.json"))} == {"config.json", "state/state.json", "results.json"}


def test_clear(two):
    one, other = two
    one.clear()
    assert below(one.url) == set()
    write(other, **{"config.json": "new"})
    other.push()
    assert files.read(f"{one.url}/config.json") == b"new"


def test_no_run_there(two, s3):
    with pytest.raises(UserError, match=r"s3://.*/runs/y is no run: it has no config.json. Runs there: x\."):
        Run.open(f"{s3}/runs/y")


# === Exit statuses ===


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("return None", 0),
        ("raise UserError('wrong')", 2),
        ("raise RuntimeError('a bug')", 1),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", 130),
    ],
)
def test_exit_statuses(s3, end, status):
    """tensorflow-io alone would abort each of these processes with status 134 after its work is done."""
    code = f"""
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background of a script hands on an ignored one
from videorec import terminal
from videorec.config import UserError
from videorec.storage import files
def main(args):
    files.write({f"{s3}/x"!r}, b"x")
    print(files.read({f"{s3}/x"!r}))
    {end}
terminal.run(main)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (status, "b'x'\n"), result.stderr


def test_interrupted_training(videos, s3):
    """A cluster that wants its machine back: the run there is whole, and the status is that of an interrupt."""
    line = [sys.executable, str(ROOT / "train.py"), "quickstart", "--name", "x", "--data.path", videos, "--runs", f"{s3}/runs"]
    line += [*SMALL, "--train.epochs", "10000"]
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
