"""Tiny runs of the tasks that are not recognition of clips: trained for an epoch or two, which is enough for their files."""

from pathlib import Path

import numpy as np
from moments import write_set
from tiny_runs import BACKBONE, measured, trained

from videorec.runs.run import Run

MOMENTS = f"{BACKBONE} --data.resize 32 32 --data.crop 32 32 --data.fps 10 --train.batch 4 --train.epochs 1 --train.no-cache"
DENSE = f"{MOMENTS} --data.frames 20 --model.units 4 --model.window 3 --model.attention-units 4"
COMING = f"{MOMENTS} --data.frames 6 --model.horizon 2 --model.units 4 --model.embedding 4 --model.trainable-from none"
FORECAST = "--data.frames 3 --model.horizon 2 --model.filters 2 --model.kernel 3 --model.patch 2 --train.epochs 2"


def train_all(folder: Path) -> None:
    """Leave runs/dense, runs/anticipation and runs/forecasting in a folder, evaluated, and what they are trained on."""
    table = write_set(folder / "moments", {"train": 3, "val": 2, "test": 2}, overlap=False)
    (folder / "sequences").mkdir()
    rng = np.random.default_rng(0)
    for number in range(40):
        np.save(folder / f"sequences/{number:02d}.npy", rng.integers(0, 256, (5, 8, 8), np.uint8))
    for preset, args, name in (
        ("multi_lstm", f"{DENSE} --data.path {table}", "dense"),
        ("anticipation", f"{COMING} --data.path {table}", "anticipation"),
        ("convlstm_forecaster", f"{FORECAST} --data.path {folder}/sequences", "forecasting"),
    ):
        measured(trained(preset, args, name, folder / "runs"))


def by_task(folder: Path) -> dict[str, Run]:
    """The runs that `train_all` left."""
    return {name: Run(folder / "runs" / name) for name in ("dense", "anticipation", "forecasting")}
