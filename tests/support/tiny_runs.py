"""Tiny runs from the command line, and what they leave in their folders."""

import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from videorec.runs.run import Run
from videorec.training import sections

# Of a recogniser's preset: an epoch takes a fraction of a second, and predicts hardly better than chance.
TINY = "--data.frames 4 --data.resize 20 20 --data.crop 16 16 --data.workers 2 --train.batch 8 --train.warmup-epochs 0"
QUICK = f"{TINY} --model.units 8"  # of the quick start
BACKBONE = "--model.backbone tiny --model.weights None"


def trained(preset: str, args: str, name: str = "x", runs: Path | str = "runs") -> Run:
    """The run that `train.py PRESET ARGS` leaves; the script must end well."""
    keras.backend.clear_session()
    assert train.main([preset, "--name", name, "--runs", str(runs), *args.split()]) == 0
    return Run.open(f"{runs}/{name}")


def measured(run: Run, args: str = "", out: Path | None = None) -> dict:
    """The `results.json` of `evaluate.py RUN ARGS`, which must end well; in the run folder or in `out`."""
    assert evaluate.main([run.place, *args.split(), *(["--out", str(out)] if out else [])]) == 0
    return json.loads(((out or run.folder) / "results.json").read_text())


def copied(run: Run, folder: Path | str) -> Run:
    """A copy of a run, to be changed."""
    return Run(shutil.copytree(run.folder, folder))


def history(run: Run) -> list[dict[str, float]]:
    """The figures of each epoch."""
    return run.last_state()["counters"]["history"]


def events(run: Run, part: str = "train") -> EventAccumulator:
    """What TensorBoard shows of a run; `part`: train or val."""
    accumulator = EventAccumulator(str(run.tensorboard / part))
    accumulator.Reload()
    return accumulator


def tags(run: Run, part: str = "train") -> set[str]:
    """The names of the curves, pictures and texts that TensorBoard shows."""
    return set(events(run, part).Tags()["tensors"])


def curves(run: Run, part: str = "train") -> set[str]:
    """The names of the curves by epoch."""
    section = f"{sections.EPOCHS}/"
    return {tag.removeprefix(section) for tag in tags(run, part) if tag.startswith(section)}


# === Going on after a power failure ===


def lose_last_epoch(run: Run) -> None:
    """Damage the newest of the two checkpoints, so that the same command repeats its epoch."""
    weights = run.folder / "state" / run.last_state()["weights"]
    weights.write_bytes(weights.read_bytes()[:1000])


def assert_same_state(run: Run, other: Run, atol: float = 1e-6) -> None:
    """The last checkpoints of both are equal: the figures of all epochs, the weights, and the optimizer's."""
    for ours, theirs in zip(history(run), history(other), strict=True):
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), atol=atol)
    first, second = (_arrays(r.folder / "state" / r.last_state()["weights"]) for r in (run, other))
    assert first.keys() == second.keys() and len(first) > 2
    for name, values in first.items():
        np.testing.assert_allclose(values, second[name], atol=atol, err_msg=name)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, entry: arrays.update({name: entry[()]}) if isinstance(entry, h5py.Dataset) else None)
    return arrays
