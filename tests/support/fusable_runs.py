"""Runs that were never trained, to be fused: recognisers with random weights, the record of their videos, and a recipe."""

import dataclasses
from pathlib import Path

import keras
import numpy as np

from videorec import models
from videorec.config import Data, Experiment, Flow, Model
from videorec.data import sources
from videorec.models.attention_lstm import AttentionLSTM
from videorec.models.backbones.tiny import TINY
from videorec.models.gru_rcn import GRURCN
from videorec.models.lrcn import LRCN
from videorec.runs import recipe
from videorec.runs.run import Run
from videorec.tools import fuse

FROZEN = LRCN(
    **TINY | {"trainable_from": "conv3"}, units=4, bidirectional=True
)  # as `best`: the CNN is trained from a layer on
GRU, CAUSAL = GRURCN(**TINY, filters=(3, 3, 3, 4)), LRCN(**TINY, units=4, differences=("previous",))
SMALL = {"frames": 4, "resize": (24, 32), "crop": (20, 24), "workers": 1}


def fusable_run(
    folder: Path, path: Path | str, seed: int = 0, model: Model = FROZEN, frozen: int = 0, splits: int = 0, **data
) -> Run:
    """A run in a new folder.

    Args:
        path: its videos.
        seed: of the weights that training would change; `frozen`: of those that it would not.
        splits: of a split that is drawn.
        data: its settings, beside `SMALL`.
    """
    settings = Data(path=str(path), **SMALL | data)
    experiment = Experiment(folder.name, settings, model, runs=str(folder.parent))
    experiment = dataclasses.replace(experiment, train=dataclasses.replace(experiment.train, seed=splits))
    videos = sources.load(settings, splits)
    network = models.for_experiment(experiment, len(videos.classes))
    trained, fixed = np.random.default_rng(seed + 100), np.random.default_rng(frozen)
    own = {id(weight) for weight in network.trainable_weights}
    for weight in network.weights:
        weight.assign((trained if id(weight) in own else fixed).normal(0, 0.25, weight.shape))
    contents = recipe.make(experiment, videos.classes, None, dict.fromkeys(settings.streams, 0.25))
    return Run.add(folder, experiment, videos.classes, videos.record(), contents, network)


def answers(run: Run, clips: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What its model says of clips `{stream: (B, T, H, W, 3)}`; streams that it does not see are left out."""
    model = run.load_model()
    outputs = model({stream: clips[stream] for stream in model.input}, training=False)
    return {name: keras.ops.convert_to_numpy(x) for name, x in outputs.items()}


def make_members(runs: Path, path: Path) -> None:
    """Three seeds of one preset, other models, two on flow, and two that run frame by frame."""
    for seed in range(3):
        fusable_run(runs / f"s{seed}", path, seed)
    fusable_run(runs / "gru", path, 3, GRU)
    fusable_run(runs / "otherwise_frozen", path, 4, FROZEN, frozen=1)
    fusable_run(runs / "flow", path, 5, AttentionLSTM(**TINY, units=4), stream="flow")
    fusable_run(runs / "slow_flow", path, 6, CAUSAL, stream="flow", flow=Flow(frames=3, fps=5.0, short_side=32))
    fusable_run(runs / "causal0", path, 7, CAUSAL)
    fusable_run(runs / "causal1", path, 8, CAUSAL)


def fused(words: str, name: str = "x") -> Run:
    """The run that the command line makes of runs by their names in `runs`."""
    places = [word if word[0] in "-0123456789" else f"runs/{word}" for word in words.split()]
    assert fuse.main([*places, "--name", name]) == 0
    return Run(f"runs/{name}")


def noise(rgb: int = 4, flow: int = 4) -> dict[str, np.ndarray]:
    """Two clips of each stream, of so many pictures."""
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 256, (2, t, 20, 24, 3), np.uint8) for name, t in (("rgb", rgb), ("flow", flow))}


def mean(names: list[str], weights: list[float], clips: dict) -> np.ndarray:
    """The weighted mean of what runs say, in NumPy."""
    rows = [answers(Run(f"runs/{name}"), clips)["probabilities"].astype(np.float64) for name in names]
    assert max(np.abs(row - rows[0]).max() for row in rows) > 0.05  # members that differ
    return sum(w * row for w, row in zip(weights, rows, strict=True)) / sum(weights)
