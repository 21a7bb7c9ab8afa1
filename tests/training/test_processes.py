"""train.py in processes of its own: interrupts, several devices."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import QUICK

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


TWO_DEVICES = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import tensorflow as tf
import train
from videorec.runs.run import Run

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
losses = []
for name, strategy in (("one", tf.distribute.get_strategy()), ("two", tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))):
    with strategy.scope():
        assert train.main(["quickstart", "--name", name, *sys.argv[1:]]) == 0
    losses.append(Run("runs/" + name).last_state()["counters"]["history"][0])
print(losses)
for key in ("loss", "val_loss"):
    assert abs(losses[0][key] - losses[1][key]) < 0.02
"""


def test_several_devices_train_as_one(tmp_path, synthetic, training_seed):
    """Two virtual CPUs, each with half of every batch; losses as on one device."""
    words = f"--data.path {synthetic} {QUICK} --train.seed {training_seed} --train.epochs 1".split()
    line = [sys.executable, "-c", TWO_DEVICES, *words]
    result = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
