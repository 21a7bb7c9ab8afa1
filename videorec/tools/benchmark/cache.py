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
from videorec.tasks.recognition.task import RecognitionTask
from videorec.tools.benchmark.figures import Figure, quiet
from videorec.training import loop

PART = "cache"
CLASSES = tuple("abcdefghi")


class _Stopwatch(keras.callbacks.Callback):
    """Notes the end of each epoch: from one to the next lies an epoch with all that belongs to it."""

    def __init__(self, run: Run):
        super().__init__()
        self._run = run
        self.ends: list[tuple[float, float]] = []
        self.models: list[int] = []

    def on_epoch_end(self, epoch, logs=None):
        """Note the time, on the wall and of the processor, and when the best model so far was stored."""
        self.ends.append((time.perf_counter(), time.process_time()))
        self.models.append(self._run.model_path.stat().st_mtime_ns)


class _TimedTask(RecognitionTask):
    """Recognition of given videos, with a stopwatch after its own callbacks."""

    def __init__(self, videos: VideoSet):
        self._videos = videos
        self.stopwatch: _Stopwatch | None = None

    def load(self, experiment, known=None):
        """The videos."""
        return self._videos

    def callbacks(self, run, *args):
        """Those of recognition, and the stopwatch."""
        self.stopwatch = _Stopwatch(run)
        return [*super().callbacks(run, *args), self.stopwatch]


def measure(epochs: int = 13, clips: int = 218, validation: int = 38, backbone: str = "mobilenet_v2") -> list[Figure]:
    """The figure; the first epoch, which builds the graph, is left out.

    Args:
        epochs: to train.
        clips, validation: training and validation videos.
        backbone: whose features are stored; frames are 32 x 32, since an epoch does not see their size.
    """
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as folder, quiet("videorec", logging.WARNING):
        videos = _videos(Path(folder), clips, validation)
        experiment = Experiment(
            name="run",
            runs=folder,
            data=Data(path=folder, frames=16, resize=(32, 32), crop=(32, 32)),
            model=LRCN(backbone=backbone, tap="pooled", weights=None, units=256),
            train=Train(epochs=epochs, cache_views=1, monitor="loss", cache_dir=f"{folder}/cache"),
        )
        width = _store_features(experiment, videos)
        task = _TimedTask(videos)
        loop.train(task, experiment)  # sets the same seed again: the same backbone, whose features are stored
    spans, processor = np.diff(task.stopwatch.ends, axis=0).T
    value = statistics.median(spans)
    name = (
        f"an epoch of LRCN's head on {clips} clips of stored features (16 x {width}), with validation on {validation}, "
        "checkpoint and TensorBoard"
    )
    stored = np.count_nonzero(np.diff(task.stopwatch.models))
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
