"""Decode video files whole, and say what is wrong with each."""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from videorec.data.decode import Reader
from videorec.data.file_kinds import reason_not_to_open
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable

# The kinds of problems, the worst first, with the title of their list.
KINDS = {
    "unreadable": "cannot be read",
    "segment": "segments that begin after the end of their video",
    "size": "frames whose size changes within the video",  # OpenCV shows it for folders of frames only
    "count": "another number of frames than the file declares",
    "short": "a single frame",
}


@dataclass(frozen=True)
class Row:
    """What reading one file gave. `declared` is the file's own figure, None where it has none; a folder of frames has
    no rate. `seconds` is frames / fps."""

    path: str
    frames: int
    declared: int | None
    fps: float | None
    width: int
    height: int
    seconds: float | None
    problem: str


def by_file(videos: list[Video]) -> dict[str, list[Video]]:
    """The rows of a manifest by file: a file is decoded once, however many segments of it are listed."""
    files: dict[str, list[Video]] = {}
    for video in videos:
        files.setdefault(video.path, []).append(video)
    return files


def check_all(files: dict[str, list[Video]], workers: int) -> Iterator[tuple[Row, list[str]]]:
    """`check` of every file, in order; they are decoded in parallel, with a bounded number of them in flight.

    Args:
        files: the manifest's rows by file.
        workers: files decoded at once.
    """
    _silence_opencv()
    cv2.setNumThreads(0)  # OpenCV's own threads would fight for the same cores
    stop = threading.Event()
    console = Console(stderr=True)
    columns = [BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]} left"), TimeRemainingColumn()]
    progress = Progress(*columns, transient=True, console=console, disable=not console.is_terminal)
    task = progress.add_task("checking", total=len(files), rate="")
    began = time.monotonic()

    def job(path, rows):
        result = check(path, rows, stop)
        progress.advance(task)
        rate = progress.tasks[0].completed / max(time.monotonic() - began, 1e-3)
        progress.update(task, rate=f"{rate:.1f} videos/s")
        return result

    pending = deque()
    with progress, ThreadPoolExecutor(workers) as pool:
        try:
            for path, rows in files.items():
                pending.append(pool.submit(job, path, rows))
                if len(pending) > 16 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:  # after Ctrl-C nobody waits for the rest
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def check(path: str, segments: list[Video], stop: threading.Event | None = None) -> tuple[Row, list[str]]:
    """Decode one file, or folder of frames, whole: what it holds, and the kinds of its problems, the worst first.

    Args:
        path, segments: the file, and the manifest's rows of it.
        stop: give up early when set.
    """
    frames, sizes, problems = 0, Counter(), {}
    declared, fps = _header(path)
    try:
        for retrieve in Reader(path):
            height, width = retrieve().shape[:2]
            sizes[width, height] += 1
            frames += 1
            if stop is not None and stop.is_set():
                break
    except Unreadable as error:
        problems["unreadable"] = f"{error} (after {frames} frames)" if frames else str(error)
    except cv2.error as error:  # e.g. an image beyond OpenCV's limit of pixels
        problems["unreadable"] = f"OpenCV: {error.err}"
    width, height = next(iter(sizes), (0, 0))
    seconds = frames / fps if fps else None
    if "unreadable" not in problems:
        problems |= _oddities(frames, declared, sizes)
        problems |= _late_segments(segments, seconds)
    kinds = [kind for kind in KINDS if kind in problems]
    listed = "; ".join(problems[kind] for kind in kinds)
    return Row(path, frames, declared, fps, width, height, seconds, listed), kinds


def _header(path: str) -> tuple[int | None, float | None]:
    """Frames and rate that a file declares, None where it does not; a folder has as many frames as images."""
    if os.path.isdir(path) or reason_not_to_open(Path(path)):
        return None, None
    capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    return int(count) if count > 0 else None, rate if 0 < rate < 1000 else None


def _oddities(frames: int, declared: int | None, sizes: Counter) -> dict[str, str]:
    problems = {}
    if len(sizes) > 1:
        listed = ", ".join(f"{count} of {w} x {h}" for (w, h), count in sizes.most_common(3))
        problems["size"] = f"frames of {len(sizes)} sizes: {listed}"
    if declared is not None and declared != frames:
        problems["count"] = f"declares {declared} frames, {frames} can be read"
    if frames == 1:
        problems["short"] = "has 1 frame"
    return problems


def _late_segments(segments: list[Video], seconds: float | None) -> dict[str, str]:
    """Rows whose start lies beyond the end: training would find no frame there."""
    late = [video for video in segments if video.start is not None and seconds is not None and video.start >= seconds]
    if not late:
        return {}
    more = f" and {len(late) - 1} more" if len(late) > 1 else ""
    return {"segment": f"the segment from {late[0].start:g} s{more} begins after the end ({seconds:.2f} s)"}


def _silence_opencv() -> None:
    """OpenCV's own messages name no file and would tear the progress bar; FFmpeg's are silenced by the package."""
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # OpenCV 4, OpenCV 5
    set_level(0)
