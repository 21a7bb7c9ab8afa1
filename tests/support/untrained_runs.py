"""Runs that were never trained: random weights, larger than new ones, so that answers depend on what is seen."""

from pathlib import Path

import cv2
import numpy as np

from videorec import models
from videorec.config import Experiment
from videorec.runs.run import Run


def untrained_run(folder: Path, experiment: Experiment, classes: tuple[str, ...], scale: float = 0.5) -> Run:
    """A run of a recogniser as training leaves it, but for its weights."""
    run = Run.create(folder, experiment, classes)
    model = models.for_experiment(experiment, len(classes))
    rng = np.random.default_rng(2)  # the backbone's too
    pairs = zip(model.weights, model.get_weights(), strict=True)
    model.set_weights([x if "variance" in weight.path else rng.normal(0, scale, x.shape) for weight, x in pairs])
    run.save_model(model)
    return run


def frames_of(path: Path | str) -> np.ndarray:
    """All frames of a video file, `(N, H, W, 3)` RGB, by OpenCV alone."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        ok, frame = capture.read()
        if not ok:
            return np.stack(frames)[..., ::-1]
        frames.append(frame)
