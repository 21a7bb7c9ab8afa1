"""Peak memory of reading clips from a video of ten minutes against one of ten seconds, and of labelling all its frames: it must
not grow with the video."""

import logging
import multiprocessing
import re
import resource
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from videorec import models
from videorec.config import Data
from videorec.config.dense import DenseData, DenseEvaluate
from videorec.data import pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.moments.tables import DenseVideo
from videorec.data.problems import Problems
from videorec.inference.labeller import Labeller
from videorec.models.multi_lstm import MultiLSTM
from videorec.tools.benchmark.figures import Figure, quiet

PART = "memory"
RATE = 25  # frames a second
BATCH = 16
BOUND = 300  # MB
LABELLING = "the labels of all frames, 10 a second, MultiLSTM"
# What is read: (settings, clips a video as in `Evaluate.clips`).
READING = {
    "a clip of 300 frames at 1 a second": (Data(frames=300, fps=1), 1),
    "a clip of 16 frames spread over the video": (Data(frames=16), 1),
    "clips of 16 frames, one every 8 frames": (Data(frames=16, sampling="dense", hop=8), 0),
}


def measure(seconds: tuple[float, float] = (10, 600), reading: dict[str, tuple[Data, int]] = READING) -> list[Figure]:
    """A figure for each way of reading.

    Args:
        seconds: lengths of the short and of the long video.
        reading: settings and clips a video, by name.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as folder:
        paths = [str(Path(folder) / f"{number}.mp4") for number in range(2)]
        for path, length in zip(paths, seconds, strict=True):
            write(path, round(length * RATE))
        work = {name: ("clips", read, *settings) for name, settings in reading.items()}
        for name, (unit, function, *settings) in (work | {LABELLING: ("labelled frames", label)}).items():
            (short, few), (long, many) = (in_a_process_of_its_own(function, path, *settings) for path in paths)
            lengths = f"a video of {seconds[1]:g} s against one of {seconds[0]:g} s"
            sizes = f"{many} and {few} {unit}, {RATE} frames/s, 320 x 240"
            detail = f"peaks {long:.0f} and {short:.0f} MB (with TensorFlow's own); {sizes}"
            more = long - short
            rows.append(Figure(PART, f"{name}: {lengths}", f"{more:+.0f} MB", detail, f"<= {BOUND} MB more", more <= BOUND))
    return rows


def in_a_process_of_its_own(function: Callable, *args) -> tuple[float, int]:
    """A function in a new process, whose peak nothing else has raised."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def read(path: str, data: Data, clips: int) -> tuple[float, int]:
    """Read a video's clips as evaluate.py does; the peak memory of this process in MB, and the number of clips."""
    reader = ClipReader(data, Problems(1, max_share=0.0))
    batches = pipeline.evaluation([Video(path, ("a",))], data, reader, clips, 1, BATCH)
    count = 0
    with quiet("videorec.data.problems", logging.ERROR):  # the short video is meant to be short
        for _, index, _ in batches:
            reader.problems.check()
            count += len(index)
    return peak(), count


def label(path: str) -> tuple[float, int]:
    """Run a MultiLSTM over a whole video, 10 frames a second; the peak memory of this process in MB, and how many frames."""
    settings = MultiLSTM(backbone="mobilenet_025", weights=None, units=128)
    data = DenseData(fps=10.0)
    model = models.from_config(settings, {"rgb": (None, *data.crop, 3)}, classes=10)
    probabilities = Labeller(model, data, DenseEvaluate().batch).probabilities(DenseVideo(path, ()), Problems(1, 0.0))
    return peak(), len(probabilities)


def peak() -> float:
    """Most memory that this process has held so far, in MB."""
    try:
        # Not ru_maxrss: Linux hands that of the parent down to a new process.
        return int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))[1]) / 1024
    except OSError:  # not Linux
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 2**20 if sys.platform == "darwin" else most / 1024


def write(path: str, frames: int) -> None:
    """A video of 320 x 240 px: a second of a picture that turns, over and over."""
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 256, (30, 40, 3), np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC)
    scene = [np.roll(picture, (2 * k, 4 * k), axis=(0, 1)) for k in range(RATE)]
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), RATE, (320, 240))
    for k in range(frames):
        writer.write(scene[k % RATE])
    writer.release()
