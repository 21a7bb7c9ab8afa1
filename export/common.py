"""What both exports share: the run's model in float32 without cuDNN, and clips to compare on."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro

from videorec import models
from videorec.config import Data, UserError
from videorec.data import augment, sources
from videorec.data.clips import ClipReader
from videorec.data.decode import Unreadable
from videorec.data.problems import Problems
from videorec.run import Run

VERIFY_CLIPS = 4
LARGE_BACKBONES = ("caffenet", "caffenet_hybrid", "vgg16", "inception_v3", "resnet50", "efficientnet_b0")


@dataclass(frozen=True)
class Options:
    """What both export scripts take."""

    run: tyro.conf.Positional[Path]
    """The run folder, runs/NAME."""
    out: Path | None = None
    """Where to write. Default: into the run folder."""
    verify: bool = True
    """Compare the result with Keras afterwards."""


@dataclass(frozen=True)
class VerifyOptions:
    """What export.verify takes."""

    run: tyro.conf.Positional[Path]
    """The run folder, runs/NAME, with exports in their default places."""


def float32_model(run: Run) -> keras.Model:
    """The run's best model as it is exported.

    A mixed-precision model is rebuilt in float32 with the same weights, since it would not convert; cuDNN is switched
    off, since a graph that names cuDNN's operations does not run on a CPU.
    """
    model = run.load_model()
    if run.experiment.train.precision != "float32":
        keras.config.set_dtype_policy("float32")
        plain = dataclasses.replace(run.experiment.model, weights=None)
        rebuilt = models.for_experiment(dataclasses.replace(run.experiment, model=plain), len(run.classes))
        rebuilt.set_weights(model.get_weights())
        model = rebuilt
    for layer in model._flatten_layers():
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False
    return model


def predict_resized(model: keras.Model, frames: tf.Tensor, data: Data) -> dict[str, tf.Tensor]:
    """Model outputs for uint8 frames `(B, T, *data.resize, 3)`: what the pipeline does after resizing is in here."""
    return model({data.stream: augment.centre_crop(frames, data.crop)}, training=False)


def tolerance(run: Run) -> float:
    """Largest difference to Keras: 1e-5, or 1e-4 for backbones of many wide layers, whose sums round differently."""
    return 1e-4 if run.experiment.model.backbone in LARGE_BACKBONES else 1e-5


class _RawReader(ClipReader):
    """Clips at the videos' own sizes."""

    def _fit(self, frame: np.ndarray) -> np.ndarray:
        return frame


def clips(run: Run, number: int = VERIFY_CLIPS, raw: bool = False) -> list[np.ndarray]:
    """Real clips of the run's videos, `(T, *data.resize, 3)` uint8, or with `raw` at the videos' own sizes.

    Where the videos are not at hand (a run that was moved), noise.
    """
    data, found = run.experiment.data, []
    reader = (_RawReader if raw else ClipReader)(data, Problems(1, 1.0))
    for video in _videos(run):
        try:
            found.append(np.ascontiguousarray(next(reader.plain_clips(video, 1))))
        except Unreadable:
            continue
        if len(found) == number:
            return found
    if raw:
        return found
    rng = np.random.default_rng(0)
    return found or [rng.integers(0, 256, (data.frames, *data.resize, 3), np.uint8) for _ in range(number)]


def _videos(run: Run) -> Iterator:
    for split in ("test", "val", "train"):
        try:
            yield from sources.load_for_evaluation(run.experiment.data, split, run.experiment)
        except UserError:
            continue


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
