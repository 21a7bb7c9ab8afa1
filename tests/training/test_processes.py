"""train.py in processes of its own: interrupts, several devices."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from tiny_runs import QUICK, history, tags

from videorec.runs.run import Run
from videorec.training.interrupted import raised_again
from videorec.training.interrupts import sigterm_as_ctrl_c

ROOT = Path(__file__).resolve().parents[2]


def test_interrupt_keeps_the_last_epoch_and_says_how_to_go_on(go, synthetic, training_seed, capfd):
    words = (
        f"--name x --data.path {synthetic} {QUICK} --train.seed {training_seed} --train.epochs 500 --train.no-resume".split()
    )
    # A suite that runs in the background of a script inherits an ignored SIGINT; a user's shell does not hand that on.
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen([sys.executable, ROOT / "train.py", "quickstart", *words], preexec_fn=heed, **pipe)
    for line in process.stdout:
        if line.startswith("epoch 2/"):
            process.send_signal(signal.SIGINT)
            break
    try:
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, rest
    said = r"the state after epoch (\d+) is kept\. The same command without --train\.no-resume goes on from there"
    epoch = int(re.search(said, rest).group(1))
    assert epoch >= 2
    assert "Traceback" not in rest
    states = json.loads(Path("runs/x/state/state.json").read_text())
    assert states[-1]["epoch"] == epoch
    capfd.readouterr()
    assert go(f"--train.epochs {epoch + 1}").last_state()["epoch"] == epoch + 1
    output = capfd.readouterr().out
    assert f"epoch {epoch + 1}/{epoch + 1}" in output and "epoch 1/" not in output


def test_sigterm_is_heeded_as_ctrl_c():
    before, called = signal.getsignal(signal.SIGTERM), []
    with pytest.raises(KeyboardInterrupt), sigterm_as_ctrl_c(lambda: called.append("first")):
        os.kill(os.getpid(), signal.SIGTERM)
    assert called == ["first"] and signal.getsignal(signal.SIGTERM) is before


@pytest.fixture
def pythons_ctrl_c():
    """What a script of an earlier test made of Ctrl-C is put back afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_that_keras_ignores_stops_the_next_step(number, pythons_ctrl_c):
    """As it comes while Keras makes numbers of a step's figures, where it ignores every error."""
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    steps = []

    class Figure:
        def __float__(self):
            os.kill(os.getpid(), number)
            return 0.0

    with pytest.raises(KeyboardInterrupt), sigterm_as_ctrl_c(), raised_again() as interrupted:
        for batch in range(3):
            steps.append(batch)
            figure = Figure() if batch == 1 else 0.0
            keras.callbacks.CallbackList([interrupted]).on_train_batch_end(batch, {"loss": figure})
    assert steps == [0, 1]
    assert {each: signal.getsignal(each) for each in before} == before


TWO_DEVICES = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import tensorflow as tf
import train

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
for name, strategy in (("one", tf.distribute.get_strategy()), ("two", tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))):
    with strategy.scope():
        assert train.main(["quickstart", "--name", name, *sys.argv[1:]]) == 0
"""
ON_ONE_DEVICE = ("2 curves by step/gradient_norm", "3 answers/worst errors", "7 classes/recall", "precision over recall")


def test_several_devices_train_as_one(tmp_path, synthetic, training_seed):
    """Two virtual CPUs, each with half of every batch; losses as on one device, and the same in TensorBoard but for what needs
    the gradient or the answers of all of them. The steps 2 and 3 are profiled."""
    words = f"--data.path {synthetic} {QUICK} --train.seed {training_seed} --train.epochs 2 --train.profile 2 3".split()
    line = [sys.executable, "-c", TWO_DEVICES, *words]
    result = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    one, two = (Run(tmp_path / "runs" / name) for name in ("one", "two"))
    for key in ("loss", "val_loss"):
        assert [epoch[key] for epoch in history(one)] == pytest.approx([epoch[key] for epoch in history(two)], abs=0.02)
    for part in ("train", "val"):
        assert tags(two, part) == {tag for tag in tags(one, part) if not tag.startswith(ON_ONE_DEVICE)}
    for run in (one, two):
        (profile,) = run.tensorboard.glob("train/plugins/profile/*/*.xplane.pb")
        assert b"/while/lstm_cell" in profile.read_bytes()  # of the network
