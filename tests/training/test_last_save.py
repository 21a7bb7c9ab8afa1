"""The end of a training: Ctrl-C once more while the first one is being answered, and a full disk."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_runs import QUICK

from videorec.config import UserError
from videorec.runs.run import Run

ROOT = Path(__file__).resolve().parents[2]
# Training whose last save takes a minute.
SLOW = f"""
import sys
import time
sys.path.insert(0, {str(ROOT)!r})
import train
from videorec import terminal
from videorec.training.callbacks import Checkpoint

def close(self):
    print("saving", flush=True)
    time.sleep(60)

Checkpoint.close = close
terminal.run(train.main)
"""


def test_the_second_ends_at_once_and_no_epoch_is_lost(go, synthetic, training_seed):
    words = f"--name x --data.path {synthetic} {QUICK} --train.seed {training_seed} --train.epochs 500".split()
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen([sys.executable, "-c", SLOW, "quickstart", *words], preexec_fn=heed, **pipe)
    lines, began = [], 0.0
    try:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("epoch 2/"):
                process.send_signal(signal.SIGINT)
            if line == "saving\n":
                process.send_signal(signal.SIGINT)
                began = time.monotonic()
        assert process.wait(timeout=60) == -signal.SIGINT
    finally:
        process.kill()
    assert time.monotonic() - began < 10
    said = "".join(lines)
    assert "stopping; Ctrl-C again ends at once" in said and "Traceback" not in said and "ignored" not in said
    epoch = json.loads(Path("runs/x/state/state.json").read_text())[-1]["epoch"]
    assert epoch >= 2
    run = go(f"--train.epochs {epoch}")  # which writes the model
    assert run.last_state()["epoch"] == epoch and run.has_whole_model()


def test_a_disk_that_is_full_at_the_last_save(monkeypatch, go):
    def full(self, model):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Run, "save_model", full)
        with pytest.raises(UserError, match="with its best model: .*No space left on device. .*: make room and run the same"):
            go("--train.epochs 1")
    assert go("--train.epochs 1").has_whole_model()
