"""An epoch of the LRCN head on stored features, through the code that train.py runs."""

import logging
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import keras
import numpy as np

from videorec import models
from videorec.config import Data, Experiment, Train
from videorec.data.manifest import Video
from videorec.data.splitting import VideoSet
from videorec.features.store import FeatureStore
from videorec.models.lrcn import LRCN
from videorec.models.split import split
from videorec.runs.run import Run
from videorec.tasks.recognition import training
from videorec.tools.benchmark.figures import Figure
from videorec.training import loop

PART = "cache"
CLASSES = tuple("abcdefghi")


class _TimedRun(Run):
    """Notes when each epoch's state was saved: from one to the next lies an epoch with all that belongs to it."""

    def __init__(self, folder):
        super().__init__(folder)
        self.saved: list[tuple[float, float]] = []
        self.best: list[int] = []

    def save_state(self, model, epoch, counters):
        """Save, and note the time."""
        super().save_state(model, epoch, counters)
        self.saved.append((time.perf_counter(), time.process_time()))

    def save_model(self, model):
        """Save, and note the epoch: not each one is the best so far."""
        super().save_model(model)
        self.best.append(len(self.saved) + 1)


def measure(epochs: int = 13, clips: int = 218, validation: int = 38, backbone: str = "mobilenet_v2") -> list[Figure]:
    """The figure; the first epoch, which builds the graph, is left out.

    Args:
        epochs: to train.
        clips, validation: training and validation videos.
        backbone: whose features are stored; frames are 32 x 32, since an epoch does not see their size.
    """
    logging.getLogger("videorec").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as folder:
        videos = _videos(Path(folder), clips, validation)
        experiment = Experiment(
            name="benchmark",
            data=Data(path=folder, frames=16, resize=(32, 32), crop=(32, 32)),
            model=LRCN(backbone=backbone, tap="pooled", weights=None, units=256),
            train=Train(epochs=epochs, cache_views=1, monitor="loss", cache_dir=f"{folder}/cache"),
        )
        width = _store_features(experiment, videos)
        strategy = loop.set_up(experiment.train)  # the same seed again: fit finds the same backbone's features
        run = _TimedRun.create(Path(folder) / "run", experiment, videos.classes)
        training.fit(experiment, run, videos, strategy)
    spans, processor = np.diff(run.saved, axis=0).T
    value = statistics.median(spans)
    name = (
        f"an epoch of LRCN's head on {clips} clips of stored features (16 x {width}), with validation on {validation}, "
        "checkpoint and TensorBoard"
    )
    stored = sum(epoch > 1 for epoch in run.best)
    detail = (
        f"median of epochs 2 to {epochs} ({stored} of them stored a new best model); fastest {min(spans):.2f} s, "
        f"slowest {max(spans):.2f} s; processor time {statistics.median(processor):.2f} s"
    )
    return [Figure(PART, name, f"{value:.2f} s", detail, "< 2 s", value < 2)]


def _store_features(experiment: Experiment, videos: VideoSet) -> int:
    """Fill the cache with features that tell the classes apart, so that epochs do find better models; their width."""
    keras.backend.clear_session()
    loop.set_up(experiment.train)
    data, train = experiment.data, experiment.train
    model = models.from_config(experiment.model, {"rgb": (None, *data.crop, 3)}, len(videos.classes))
    backbone, _ = split(model)
    store = FeatureStore(train.cache_dir, data, backbone, train.seed)
    rng, width = np.random.default_rng(0), backbone.output["rgb"].shape[-1]
    centres = dict(zip(videos.classes, rng.random((len(videos.classes), width)), strict=True))
    for video in videos.videos:
        features = centres[video.labels[0]] + rng.normal(0, 2, (data.frames, width))
        store.write(store.path(video, view=0), {"rgb": features})
    keras.backend.clear_session()
    return width


def _videos(folder: Path, training_videos: int, validation: int) -> VideoSet:
    """Copies of one small video, of which only those that TensorBoard shows are ever decoded."""
    first = folder / "first.avi"
    writer = cv2.VideoWriter(str(first), cv2.VideoWriter_fourcc(*"MJPG"), 25, (32, 32))
    for frame in np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8):
        writer.write(frame)
    writer.release()
    videos = []
    for number in range(training_videos + validation):
        path = folder / f"{number:04d}.avi"
        shutil.copy(first, path)
        side = "train" if number < training_videos else "val"
        videos.append(Video(str(path), (CLASSES[number % len(CLASSES)],), split=side))
    return VideoSet(tuple(videos), CLASSES)
