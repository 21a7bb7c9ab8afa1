"""train.py from its command line: runs, resumes, and stops in time."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import train as script
from videorec.config import UserError
from videorec.models.split import split
from videorec.runs.run import Run
from videorec.tasks.recognition import task
from videorec.training import loop, optimizers
from videorec.training.callbacks import Checkpoint

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    *("--data.frames 4 --data.resize 16 16 --data.crop 16 16 --data.workers 2 --model.units 8 --train.batch 8").split(),
    *("--train.warmup-epochs 0").split(),
]


@pytest.fixture
def go(tmp_path, monkeypatch, synthetic, caplog):
    """Run train.py in an empty folder on the small synthetic set: `go("--train.epochs 2", ...)`."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")

    def run(*args: str, path: str = str(synthetic), name: str = "x") -> Run:
        keras.backend.clear_session()
        words = [word for arg in args for word in arg.split()]
        assert script.main(["quickstart", "--name", name, "--data.path", path, *SMALL, *words]) == 0
        return Run(tmp_path / "runs" / name)

    yield run
    keras.config.set_dtype_policy("float32")


def history(run: Run) -> list[dict]:
    return run.last_state()["counters"]["history"]


def test_run_folder(go):
    run = go("--train.epochs 2")
    assert run.classes == ("anticlockwise", "clockwise", "down", "grow", "left", "right", "shrink", "up")
    assert run.experiment.model.units == 8 and run.experiment.data.frames == 4
    assert run.load_model().count_params() > 0
    assert {"loss", "accuracy", "mean_class_accuracy", "top5", "val_loss", "val_accuracy"} <= history(run)[0].keys()
    assert len(history(run)) == 2


def events(run: Run, part: str):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run.tensorboard / part))
    found.Reload()
    return found.Tags()["tensors"], found


def test_tensorboard(go):
    run = go("--train.epochs 2")
    tags, found = events(run, "train")
    assert {"loss", "accuracy", "learning_rate", "input/clips_per_second", "input/unreadable_videos", "clips"} <= set(tags)
    assert [event.step for event in found.Tensors("loss")] == [1, 2]
    tags, found = events(run, "val")
    assert {"loss", "accuracy", "mean_class_accuracy", "confusion"} <= set(tags)
    picture = found.Tensors("confusion")[-1].tensor_proto.string_val
    assert picture[2].startswith(b"\x89PNG")


@pytest.mark.parametrize("cached", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one(go, cached):
    settings = ["--train.epochs 3 --train.schedule constant --train.deterministic --data.augment --train.cache-dir cache"]
    if cached:
        settings.append("--model.trainable-from none")
    whole = go(*settings, name="whole")
    go(settings[0].replace("epochs 3", "epochs 1"), *settings[1:], name="parts")
    parts = go(*settings, name="parts")
    for a, b in zip(history(whole), history(parts), strict=True):
        assert a == pytest.approx(b, abs=1e-6)
    for a, b in zip(whole.load_model().get_weights(), parts.load_model().get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_cached_features_train_the_whole_model(go, caplog):
    args = "--train.epochs 1 --model.trainable-from none --train.cache-dir cache --train.cache-views 2"
    run = go(args)
    assert "0 clips reused, 32 computed" in caplog.text  # no augmentation in the quick start: one view
    caplog.clear()
    go(args + " --train.no-resume")
    assert "32 clips reused, 0 computed" in caplog.text
    model = run.load_model()
    assert model.inputs[0].shape == (None, None, 16, 16, 3)


def test_other_settings_are_refused(go):
    go("--train.epochs 1")
    with pytest.raises(UserError, match=r"model\.units: 8 -> 9"):
        go("--train.epochs 1 --model.units 9")
    go("--train.epochs 1 --model.units 9 --train.no-resume")


def test_a_finished_run_is_left_alone(go):
    run = go("--train.epochs 1")
    before = run.model_path.stat().st_mtime_ns
    go("--train.epochs 1")
    assert run.model_path.stat().st_mtime_ns == before


def test_damaged_checkpoint_falls_back_one_epoch(go, caplog):
    run = go("--train.epochs 2")
    last = run.folder / "state" / "epoch_0002.weights.h5"
    last.write_bytes(last.read_bytes()[:1000])
    run = go("--train.epochs 3")
    assert "the checkpoint of epoch 2 is damaged" in caplog.text
    assert len(history(run)) == 3 and run.last_state()["epoch"] == 3
    assert sorted(p.name for p in (run.folder / "state").glob("*.h5")) == [
        "epoch_0002.weights.h5",
        "epoch_0003.weights.h5",
    ]


def test_damaged_model_is_named(go):
    run = go("--train.epochs 1")
    run.model_path.write_bytes(b"PK no zip")
    with pytest.raises(UserError, match=r"model\.keras is damaged"):
        run.load_model()


def test_early_stopping_survives_a_resume(go, monkeypatch):
    values = iter([0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1])
    monkeypatch.setattr(
        "videorec.training.callbacks.tidy", lambda logs: {"accuracy": 0.0, "val_accuracy": next(values), "loss": 1.0}
    )
    monkeypatch.setattr(task, "Summaries", _Silent)
    monkeypatch.setattr(loop, "ProgressBar", _Silent)
    go("--train.epochs 2 --train.patience 3")
    run = go("--train.epochs 9 --train.patience 3")
    assert run.last_state()["epoch"] == 4  # best at 1, then three without a better one
    assert run.last_state()["counters"]["best_epoch"] == 1


class _Silent(keras.callbacks.Callback):
    def __init__(self, *args):
        super().__init__()

    def close(self):
        pass


def test_the_best_model_survives_a_crash_before_it_was_stored(go, monkeypatch):
    """Epoch 1 stores the whole model, epoch 2 is better and keeps the head's weights only; then the power fails."""
    args = "--model.trainable-from none --train.cache-dir cache --train.schedule constant"
    values = iter([0.1, 0.9, 0.2])
    monkeypatch.setattr(
        "videorec.training.callbacks.tidy", lambda logs: {"accuracy": 0.0, "val_accuracy": next(values), "loss": 1.0}
    )
    monkeypatch.setattr(task, "Summaries", _Silent)
    monkeypatch.setattr(loop, "ProgressBar", _Silent)
    heads = []

    def crash(self, model, epoch, counters, save=Run.save_state):
        save(self, model, epoch, counters)
        heads.append(model.get_weights())
        if epoch == 2:
            raise SystemExit("power failure")

    monkeypatch.setattr(Run, "save_state", crash)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "close", lambda self: None)
        with pytest.raises(SystemExit):
            go("--train.epochs 3", args)
    run = go("--train.epochs 3", args)
    assert run.last_state()["counters"]["best_epoch"] == 2
    _, head = split(run.load_model())
    for stored, best, last in zip(head.get_weights(), heads[1], heads[2], strict=True):
        np.testing.assert_array_equal(stored, best)
        assert (best != last).any()


def test_a_loss_that_is_no_number_stops_the_run(go):
    with pytest.raises(UserError, match=r"loss is (nan|inf) at step \d+ of epoch 1, learning rate 1e\+30. No epoch was"):
        go("--train.epochs 1 --train.learning-rate 1e30 --train.clipnorm None --train.schedule constant")


def test_unreadable_videos_stop_the_run_or_are_reported(go, synthetic, tmp_path, caplog):
    rows = synthetic.read_text().splitlines()
    (tmp_path / "m.csv").write_text("\n".join([*rows, "left/gone.mp4,left,train,"]) + "\n")
    args = f"--train.epochs 1 --data.videos {synthetic.parent}"
    with pytest.raises(UserError, match="1 of 65 videos cannot be read"):
        go(args, path=str(tmp_path / "m.csv"))
    caplog.clear()
    run = go(args + " --data.max-unreadable 0.05 --train.no-resume", path=str(tmp_path / "m.csv"))
    assert caplog.text.count("gone.mp4: no such file") == 1
    tags, _ = events(run, "train")
    assert any("unreadable videos" in tag for tag in tags)


def test_a_full_disk_keeps_what_is_saved(go, monkeypatch):
    run = go("--train.epochs 1")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "save_state", full)
    with pytest.raises(UserError, match="cannot be written after epoch 2.*No space left on device"):
        go("--train.epochs 2")
    assert run.last_state()["epoch"] == 1
    run.load_model()


def test_a_run_folder_that_cannot_be_made(go, tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(UserError, match="runs/x cannot be written"):
        go("--train.epochs 1")


def test_mixed_precision_and_other_optimizers(go):
    run = go(
        "--train.epochs 1 --train.precision mixed_bfloat16 --train.optimizer sgd --train.schedule step --data.balance sample"
    )
    assert run.load_model().get_layer("lstm").compute_dtype == "bfloat16"
    assert run.load_model().output["probabilities"].dtype == "float32"


def test_caffe_weight_decay_is_added_to_the_gradient():
    """v = 0.9 v - lr (g + l2 w), w += v, twice, by hand; a bias is left alone."""
    w, b = keras.Variable([[1.0]]), keras.Variable([1.0])
    optimizer = optimizers.L2SGD(0.1, momentum=0.9, l2=0.5)
    for _ in range(2):
        optimizer.apply([keras.ops.ones((1, 1)), keras.ops.ones((1,))], [w, b])
    # w: v = -0.15, w = 0.85; v = -0.135 - 0.1 * 1.425 = -0.2775, w = 0.5725. b: 1 - 0.1 - (0.09 + 0.1)
    np.testing.assert_allclose(w.numpy(), [[0.5725]], rtol=1e-6)
    np.testing.assert_allclose(b.numpy(), [0.71], rtol=1e-6)


def test_schedules():
    from videorec.config import Train

    for epochs in (None, 1.0):
        cosine = optimizers.learning_rate(Train(epochs=10, learning_rate=1.0, warmup_epochs=epochs), steps=10)
        assert [round(float(cosine(s)), 3) for s in (0, 5, 10, 55, 100)] == [0, 0.5, 1, 0.5, 0]
    step = optimizers.learning_rate(Train(schedule="step", step_every=10, learning_rate=1.0), steps=3)
    assert [round(float(step(s)), 4) for s in (0, 9, 10, 25)] == [1, 1, 0.1, 0.01]


# === In processes of their own ===


def command(tmp_path, synthetic, *args):
    words = [word for arg in args for word in arg.split()]
    line = [
        sys.executable,
        str(ROOT / "train.py"),
        "quickstart",
        "--name",
        "x",
        "--data.path",
        str(synthetic),
        *SMALL,
        *words,
    ]
    # A suite that runs in the background of a script inherits an ignored SIGINT; a user's shell does not hand that on.
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(line, cwd=tmp_path, preexec_fn=heed, **pipe)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_keeps_the_last_epoch_and_says_how_to_go_on(tmp_path, synthetic, stop):
    process = command(tmp_path, synthetic, "--train.epochs 500")
    for line in process.stdout:
        if line.startswith("epoch 2/"):
            process.send_signal(stop)
            break
    try:
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, rest
    epoch = int(re.search(r"the state after epoch (\d+) is kept", rest).group(1))
    assert epoch >= 2
    assert "Traceback" not in rest
    states = json.loads((tmp_path / "runs/x/state/state.json").read_text())
    assert states[-1]["epoch"] == epoch
    process = command(tmp_path, synthetic, f"--train.epochs {epoch + 1}")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert f"epoch {epoch + 1}/{epoch + 1}" in output and "epoch 1/" not in output


def test_several_devices_train_as_one(tmp_path, synthetic):
    """Two virtual CPUs under MirroredStrategy; losses as on one device."""
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from videorec import cli, tasks
from videorec.training import loop
losses = []
for name in ("one", "two"):
    args = ["quickstart", "--name", name, "--data.path", {str(synthetic)!r}, "--train.epochs", "1", *{SMALL!r}]
    experiment = cli.parse_experiment(args, "")
    if name == "two":
        loop.set_up = lambda train: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    run = loop.train(tasks.of(experiment), experiment)
    losses.append(run.last_state()["counters"]["history"][0])
print(losses)
assert abs(losses[0]["loss"] - losses[1]["loss"]) < 0.02 and abs(losses[0]["val_loss"] - losses[1]["val_loss"]) < 0.02
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_to_write(go, tmp_path):
    (tmp_path / "runs").mkdir(mode=0o500)
    with pytest.raises(UserError, match="cannot be written: .*Permission denied"):
        go("--train.epochs 1")


def test_start_from_another_run(go, caplog):
    first = go("--train.epochs 1", name="first")
    go("--train.epochs 1 --train.init runs/first --train.learning-rate 1e-9", name="second")
    assert "runs/first: 17 of 17 weights taken" in caplog.text
    second = Run(first.folder.parent / "second")
    for a, b in zip(first.load_model().get_weights(), second.load_model().get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    with pytest.raises(UserError, match=r"--train\.init must be a run folder or a local \.keras file"):
        go("--train.epochs 1 --train.init nowhere.keras", name="third")


def test_a_run_without_a_finished_epoch_may_change_its_settings(go):
    """Whoever mistypes a setting and mends it meets no leftover of the failed start."""
    with pytest.raises(UserError, match="No layer|no layer|trainable"):
        go("--model.trainable-from nowhere", name="first")
    assert go("--train.epochs 1", name="first").last_state()["epoch"] == 1
