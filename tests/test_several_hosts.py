"""Training by several processes on JAX, each with virtual devices, over the loopback: as by one."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from tiny_runs import BACKBONE, QUICK, TINY, history, tags

from videorec.runs.run import Run

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed (it comes with Python 3.13's set)"
)


def started(words: list[str], processes: int = 1, devices: int = 1) -> list[subprocess.Popen]:
    """train.py with these words, in so many processes of so many virtual devices each."""
    env = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    env["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    if processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        env |= {"KERAS_DISTRIBUTION_JOB_ADDRESSES": address, "KERAS_DISTRIBUTION_NUM_PROCESSES": str(processes)}
    return [
        subprocess.Popen(
            [sys.executable, "train.py", *words],
            cwd=ROOT,
            env=env | ({"KERAS_DISTRIBUTION_PROCESS_ID": str(number)} if processes > 1 else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(processes)
    ]


def ended(processes: list[subprocess.Popen], timeout: int = 400) -> list[tuple[int, str]]:
    """The status and the output of each."""
    try:
        outputs = [process.communicate(timeout=timeout)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)]


def trained(words: list[str], processes: int = 1, devices: int = 1) -> list[str]:
    """The outputs of a training that ends well."""
    results = ended(started(words, processes, devices))
    assert [status for status, _ in results] == [0] * processes, results
    return [output for _, output in results]


def weights(run: Run) -> dict[str, np.ndarray]:
    """Every array of the last state: weights, optimizer, averages, random state."""
    arrays = {}
    with h5py.File(run.folder / "state" / run.last_state()["weights"]) as file:
        file.visititems(lambda name, x: arrays.update({name: x[()]}) if isinstance(x, h5py.Dataset) else None)
    return arrays


def check_same(one: Run, other: Run) -> None:
    """Weights and figures of two runs agree but for rounding."""
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys() and len(ours) > 10
    for name, values in ours.items():
        np.testing.assert_allclose(theirs[name], values, atol=1e-5, err_msg=name)
    assert len(history(one)) == len(history(other))
    for mine, its in zip(history(one), history(other), strict=True):
        assert mine.keys() == its.keys()
        for key in ("val_loss", "val_accuracy", "accuracy"):
            if key in mine:
                assert its[key] == pytest.approx(mine[key], abs=1e-4), key


@pytest.mark.parametrize(
    "preset, settings",
    [
        ("quickstart", f"{QUICK} --train.batch 10 --train.epochs 5"),
        ("lrcn", f"{TINY} {BACKBONE} --model.units 8 --train.batch 10 --train.epochs 5 --train.cache-views 2 --train.ema 0.9"),
    ],
    ids=["frames", "features"],
)
def test_two_processes_of_two_devices_train_as_one(tmp_path, synthetic, preset, settings):
    """Batches of 10 are filled up to 12, with augmentation, dropout, and validation; 20 steps."""
    words = [preset, "--runs", str(tmp_path), "--data.path", str(synthetic), *settings.split()]
    words += ["--train.cache-dir", str(tmp_path / "cache")] if preset == "lrcn" else []
    speaks, silent = trained([*words, "--name", "several"], processes=2, devices=2)
    assert "each step is shared by 4 devices of 2 processes" in speaks and "epoch 5/5" in speaks
    assert "epoch" not in silent and "TensorBoard" not in silent
    trained([*words, "--name", "one"])
    one, several = Run(tmp_path / "one"), Run(tmp_path / "several")
    check_same(one, several)
    assert tags(several, "val") and several.has_whole_model() and not list(tmp_path.glob(".*lock"))


def test_a_killed_host_ends_all_and_another_number_goes_on(tmp_path, synthetic):
    settings = f"{QUICK} --train.epochs 3"
    words = ["quickstart", "--runs", str(tmp_path), "--data.path", str(synthetic), *settings.split()]
    hosts = started([*words, "--name", "killed"], processes=2, devices=2)
    until = time.monotonic() + 300
    while not (tmp_path / "killed" / "state" / "state.json").exists():
        assert time.monotonic() < until and all(host.poll() is None for host in hosts), ended(hosts)
        time.sleep(0.02)
    hosts[1].send_signal(signal.SIGKILL)
    (status, output), _ = ended(hosts, timeout=120)
    assert status != 0 and ("Another process has ended" in output or "another task died" in output)
    epoch = Run(tmp_path / "killed").last_state()["epoch"]
    (output,) = trained([*words, "--name", "killed", "--train.multi-gpu"], devices=2)
    assert f"going on after epoch {epoch}" in output and "2 devices of 1 processes" in output
    trained([*words, "--name", "one"])
    check_same(Run(tmp_path / "one"), Run(tmp_path / "killed"))


def test_one_that_is_stopped_stops_the_others(tmp_path, synthetic):
    """At once: the others do not wait for what will not come."""
    words = ["quickstart", "--runs", str(tmp_path), "--data.path", str(synthetic), *f"{QUICK} --train.epochs 1000".split()]
    hosts = started([*words, "--name", "stopped"], processes=2)
    until = time.monotonic() + 300
    while not (tmp_path / "stopped" / "state" / "state.json").exists():
        assert time.monotonic() < until and all(host.poll() is None for host in hosts), ended(hosts)
        time.sleep(0.02)
    hosts[0].send_signal(signal.SIGTERM)
    (status, output), (other, its) = ended(hosts, timeout=100)
    assert status == 130 and "stopped; the state after epoch" in output
    if other == 2:
        assert "Another process has ended in the middle of a step" in its and "Traceback" not in its
    else:  # JAX itself was first to miss it
        assert other == -signal.SIGABRT and "another task died" in its


def test_other_settings_in_one_process_end_all(tmp_path, synthetic):
    """Before anything is written."""
    words = ["quickstart", "--runs", str(tmp_path), "--data.path", str(synthetic), *QUICK.split()]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    env = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "KERAS_DISTRIBUTION_JOB_ADDRESSES": address}
    env["KERAS_DISTRIBUTION_NUM_PROCESSES"] = "2"
    results = ended(
        [
            subprocess.Popen(
                [sys.executable, "train.py", *words, "--train.seed", str(number)],
                cwd=ROOT,
                env=env | {"KERAS_DISTRIBUTION_PROCESS_ID": str(number)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for number in range(2)
        ]
    )
    assert [status for status, _ in results] == [2, 2], results
    assert all("All processes must have the same settings" in output for _, output in results)
    assert not list(tmp_path.glob("*/config.json"))
