"""What many videos cost before training begins: the time until the first batch is asked for, and memory."""

import contextlib
import dataclasses
import logging
import os
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import keras
import numpy as np

from videorec import models
from videorec.config import Data, Experiment, Train
from videorec.data import sources
from videorec.features.store import FeatureStore
from videorec.models.lrcn import LRCN
from videorec.models.split import split
from videorec.tasks.recognition.task import RecognitionTask
from videorec.tools.benchmark.figures import Figure, quiet, seconds
from videorec.tools.benchmark.memory import in_a_process_of_its_own, peak
from videorec.training import loop

PART = "start"
CLASSES = 50
KINDS = 12  # videos that differ in what they show; the others differ in bytes that no player reads
PADDING = 4_000_000  # bytes at most, so that few videos have one size, as real ones; of the disk they take nothing
MOST_SECONDS, MOST_MB = 5, 500
SIZE, FRAMES, VIEWS = (48, 64), 8, 4


class _Begun(BaseException):
    """Raised at the first training step."""


class _Stop(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        """All that comes before has happened."""
        raise _Begun


class _TimedTask(RecognitionTask):
    """Recognition that ends at the first step, with a clock around what builds the network."""

    building = np.zeros(2)

    def build(self, experiment, dataset):
        """The network."""
        began = now()
        try:
            return super().build(experiment, dataset)
        finally:
            self.building = self.building + now() - began

    def callbacks(self, *args):
        """Those of recognition, and the end."""
        return [*super().callbacks(*args), _Stop()]


def measure(videos: int = 10_000, few: int = 100) -> list[Figure]:
    """The figures, of training on frames and on stored features.

    Args:
        videos: how many there are.
        few: to compare the memory with.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as made:
        counts = {count: Path(made) / str(count) for count in (few, videos)}
        first = {}
        for count, folder in counts.items():
            write(folder, count)
            first[count] = in_a_process_of_its_own(prepare, str(folder))
        for stored in (False, True):
            (*_, few_mb), (took, clock, many_mb) = (
                in_a_process_of_its_own(begin, str(folder), stored) for folder in counts.values()
            )
            what = f"{VIEWS} views of each stored" if stored else "frames read"
            name = f"{videos} videos, {what}: from the start to the first batch, without imports and building the network"
            detail = f"processor time; {clock:.1f} s by the clock; videos measured before ({first[videos]:.0f} s, once)"
            rows.append(Figure(PART, name, f"{took:.1f} s", detail, f"< {MOST_SECONDS} s", took < MOST_SECONDS))
            more = many_mb - few_mb
            name = f"{videos} videos, {what}: peak memory against {few} videos"
            detail = f"{many_mb:.0f} and {few_mb:.0f} MB (with TensorFlow's own)"
            rows.append(Figure(PART, name, f"{more:+.0f} MB", detail, f"<= {MOST_MB} MB more", more <= MOST_MB))
    return rows


# === In processes of their own ===


def prepare(folder: str) -> float:
    """Measure every video, and store features of each; the seconds that the first took."""
    with _at_home(folder) as experiment:
        took = seconds(lambda: sources.load(experiment.data))
        videos = sources.load(experiment.data)
        loop.set_up(experiment.train)
        model = models.for_experiment(experiment, len(videos.classes))
        backbone, _ = split(model)
        store = FeatureStore(experiment.train.cache_dir, experiment.data, backbone, experiment.train.seed)
        features = {name: np.zeros((FRAMES, *x.shape[2:]), np.float32) for name, x in backbone.output.items()}
        for video in videos.videos:
            for view in range(1 if video.split == "val" else VIEWS):
                store.write(store.path(video, view), features)
    return took


def begin(folder: str, stored: bool) -> tuple[float, float, float]:
    """Train up to the first step; the seconds that it took without building the network, of the processor (which a load meets
    less) and by the clock, and the peak memory in MB."""
    with _at_home(folder) as experiment:
        task = _TimedTask()
        train = dataclasses.replace(experiment.train, cache=stored)
        began = now()
        with contextlib.suppress(_Begun):
            loop.train(task, dataclasses.replace(experiment, name=f"stored-{stored}", train=train))
        return *(now() - began - task.building), peak()


def now() -> np.ndarray:
    """Seconds of the processor and by the clock."""
    return np.array([time.process_time(), time.perf_counter()])


@contextlib.contextmanager
def _at_home(folder: str) -> Iterator[Experiment]:
    """An experiment on the videos of a folder, where the index of measured videos lies too."""
    os.environ["HOME"] = folder
    with quiet("videorec", logging.WARNING):
        yield Experiment(
            runs=f"{folder}/runs",
            data=Data(path=f"{folder}/videos", frames=FRAMES, resize=SIZE, crop=SIZE),
            model=LRCN(backbone="tiny", tap="pooled", weights=None, units=8),
            train=Train(epochs=1, cache_views=VIEWS, cache_dir=f"{folder}/features"),
        )


# === Videos ===


def write(folder: Path, count: int) -> None:
    """`count` small videos in `CLASSES` folders below `folder/videos`, no two of them alike."""
    rng, kinds = np.random.default_rng(0), []
    folder.mkdir()
    for number in range(KINDS):
        path = folder / f"{number}.mp4"
        texture = cv2.resize(rng.integers(0, 255, (12, 40, 3), np.uint8), (160, SIZE[0]))
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, SIZE[::-1])
        for frame in range(20 + number):
            writer.write(np.ascontiguousarray(texture[:, 2 * frame : 2 * frame + SIZE[1]]))
        writer.release()
        kinds.append(path.read_bytes())
        path.unlink()
    for number in range(count):
        path = folder / "videos" / f"class{number % CLASSES:02d}" / f"{number:06d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        padding, kind = int(rng.integers(8, PADDING)), kinds[number % KINDS]
        path.write_bytes(kind + struct.pack(">I4sI", 8 + padding, b"free", number))  # an MP4 box that nothing reads
        os.truncate(path, len(kind) + 8 + padding)
