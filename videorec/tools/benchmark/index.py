"""The first reading of every video against bare OpenCV, and what a later start takes."""

import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from videorec.data.index import MAX_PIXELS, Index
from videorec.tools.benchmark import pipeline
from videorec.tools.benchmark.figures import Figure, in_turns, seconds

PART = "index"
THREADS = 2


def measure(rounds: int = 5, videos: int = 24, frames: int = 150, files: int = 10_000) -> list[Figure]:
    """The figures.

    Args:
        rounds: turns of each candidate.
        videos, frames: of the first figure.
        files: of the second.
    """
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as made:
        return [_first_pass(Path(made), rounds, videos, frames), _later_start(Path(made), files)]


def _first_pass(folder: Path, rounds: int, videos: int, frames: int) -> Figure:
    paths = [str(folder / f"{number:03d}.mp4") for number in range(videos)]
    kinds = {pipeline.write(path, frames, seed=number) for number, path in enumerate(paths)}
    candidates = {"ours": lambda: seconds(lambda: _ours(paths)), "bare": lambda: seconds(lambda: _bare(paths))}
    candidates["ours"]()  # starts the processes, which are kept
    times = in_turns(candidates, rounds)
    rates = [videos * frames / float(np.median(times[name])) for name in candidates]
    value = float(np.median(np.divide(times["bare"], times["ours"])))
    detail = f"{rates[0]:.0f} / {rates[1]:.0f} frames/s; {videos} videos, {kinds.pop()}, 320 x 240, {frames} frames"
    name = f"first reading of every video / bare OpenCV grabbing in {THREADS} threads"
    return Figure(PART, name, f"{value:.2f}", detail, ">= 0.9", value >= 0.9)


def _ours(paths: list[str]) -> None:
    Index(None).fill(paths, MAX_PIXELS, THREADS, lambda done, total: None)


def _bare(paths: list[str]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(_grab, paths))


def _grab(path: str) -> int:
    capture, count = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1]), 0
    while capture.grab():
        count += 1
    return count


def _later_start(folder: Path, files: int) -> Figure:
    first = folder / "first.avi"
    writer = cv2.VideoWriter(str(first), cv2.VideoWriter_fourcc(*"MJPG"), 25, (32, 32))
    for grey in range(5):
        writer.write(np.full((32, 32, 3), 10 * grey, np.uint8))
    writer.release()
    (folder / "many").mkdir()
    paths = [shutil.copy(first, folder / "many" / f"{number:05d}.avi") for number in range(files)]
    place, took = str(folder / "index.sqlite"), []
    for _ in range(2):
        began = time.monotonic()
        Index(place).fill(paths, MAX_PIXELS, THREADS, lambda done, total: None)
        took.append(time.monotonic() - began)
    detail = f"the first took {took[0]:.1f} s; {files:,} files of 5 frames"
    return Figure(PART, "a later start: what is known of every video", f"{took[1]:.2f} s", detail, "< 1 s", took[1] < 1)
