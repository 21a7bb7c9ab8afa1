"""Decode every video whole and say what is wrong with it, before a training run finds out.

    python -m videorec.tools.check videos/
    python -m videorec.tools.check videos/manifest.csv --out report.csv

Exit status: 0 where every video can be read, 1 where one cannot.
"""

import contextlib
import csv
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from videorec import terminal
from videorec.config import Data, UserError
from videorec.data import sources
from videorec.data.decode import Reader, Unreadable
from videorec.data.manifest import Video

# The kinds of problems, the worst first, with the title of their list.
KINDS = {
    "unreadable": "cannot be read",
    "segment": "segments that begin after the end of their video",
    "size": "frames whose size changes within the video",  # OpenCV shows it for folders of frames only
    "count": "another number of frames than the file declares",
    "short": "a single frame",
}


@dataclass(frozen=True)
class Options:
    """Which videos, and where the report goes."""

    source: tyro.conf.Positional[str]
    """What --data.path of train.py takes: a folder with one sub-folder a class, a manifest (.csv), or a folder with the
    UCF101 or HMDB51 lists."""
    videos: str | None = None
    """Folder that relative video paths start from. Default: the folder of the source."""
    workers: int = 0
    """Videos decoded at once; 0: one a core."""
    out: Path | None = None
    """Write a row for every video, good or not, to this CSV file."""


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


def main(args: list[str]) -> int:
    """Find -> decode -> list."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.check")
    if options.workers < 0:
        raise UserError(f"--workers must be 0 or more. Received: {options.workers}")
    videos = _find(options)
    _silence_opencv()
    cv2.setNumThreads(0)  # files are decoded in parallel; OpenCV's own threads would fight for the same cores
    report = Report()
    began = time.monotonic()
    with _writer(options.out) as write:
        for row, kinds in _all(videos, options.workers or os.cpu_count() or 1):
            report.add(row, kinds)
            write(row)
    report.show(Console(), time.monotonic() - began)
    if options.out:
        Console().print(f"written: {terminal.rich_escape(str(options.out))}", soft_wrap=True)
    return 1 if report.listed["unreadable"] or report.listed["segment"] else 0


def _find(options: Options) -> dict[str, list[Video]]:
    """The rows of the source by file: a file is decoded once, however many segments of it are listed."""
    source = Path(options.source).expanduser()
    if options.source != "synthetic" and not (source.is_dir() or (source.suffix == ".csv" and source.exists())):
        what = "is a file that is no .csv" if source.exists() else "does not exist"
        raise UserError(f"A folder of videos or a manifest (.csv) is expected. Received: {options.source}, which {what}.")
    if options.out and options.out.exists() and source.is_file() and options.out.samefile(source):
        raise UserError(f"--out would replace the manifest itself. Received: {options.out}")
    files: dict[str, list[Video]] = {}
    for video in sources.find(Data(path=options.source, videos=options.videos)):
        files.setdefault(video.path, []).append(video)
    return files


def _silence_opencv() -> None:
    """FFmpeg's and OpenCV's own messages name no file and would tear the progress bar."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # OpenCV 4, OpenCV 5
    set_level(0)


# === Reading ===


def _all(files: dict[str, list[Video]], workers: int) -> Iterator[tuple[Row, list[str]]]:
    """Check the files in parallel, in order, with a bounded number of them in flight."""
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
    frames, sizes, found = 0, Counter(), {}
    declared, fps = _header(path)
    try:
        for retrieve in Reader(path):
            height, width = retrieve().shape[:2]
            sizes[width, height] += 1
            frames += 1
            if stop is not None and stop.is_set():
                break
    except Unreadable as error:
        found["unreadable"] = f"{error} (after {frames} frames)" if frames else str(error)
    except cv2.error as error:  # e.g. an image beyond OpenCV's limit of pixels
        found["unreadable"] = f"OpenCV: {error.err}"
    width, height = next(iter(sizes), (0, 0))
    seconds = frames / fps if fps else None
    if "unreadable" not in found:
        found |= _oddities(frames, declared, sizes)
        found |= _late_segments(segments, seconds)
    kinds = [kind for kind in KINDS if kind in found]
    problem = "; ".join(found[kind] for kind in kinds)
    return Row(path, frames, declared, fps, width, height, seconds, problem), kinds


def _header(path: str) -> tuple[int | None, float | None]:
    """Frames and rate that a file declares, None where it does not; a folder has as many frames as images."""
    if os.path.isdir(path):
        return None, None
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    return int(count) if count > 0 else None, rate if 0 < rate < 1000 else None


def _oddities(frames: int, declared: int | None, sizes: Counter) -> dict[str, str]:
    found = {}
    if len(sizes) > 1:
        listed = ", ".join(f"{count} of {w} x {h}" for (w, h), count in sizes.most_common(3))
        found["size"] = f"frames of {len(sizes)} sizes: {listed}"
    if declared is not None and declared != frames:
        found["count"] = f"declares {declared} frames, {frames} can be read"
    if frames == 1:
        found["short"] = "has 1 frame"
    return found


def _late_segments(segments: list[Video], seconds: float | None) -> dict[str, str]:
    """Rows whose start lies beyond the end: training would find no frame there."""
    late = [video for video in segments if video.start is not None and seconds is not None and video.start >= seconds]
    if not late:
        return {}
    more = f" and {len(late) - 1} more" if len(late) > 1 else ""
    return {"segment": f"the segment from {late[0].start:g} s{more} begins after the end ({seconds:.2f} s)"}


# === Report ===


class Report:
    """Counts all files, and keeps those with problems."""

    def __init__(self):
        self.files, self.frames, self.seconds = 0, 0, 0.0
        self.listed: dict[str, list[Row]] = {kind: [] for kind in KINDS}

    def add(self, row: Row, kinds: list[str]) -> None:
        """Note one file; it is listed once, under its worst problem."""
        self.files += 1
        self.frames += row.frames
        self.seconds += row.seconds or 0.0
        if kinds:
            self.listed[kinds[0]].append(row)

    def show(self, console: Console, took: float) -> None:
        """The problem files by kind, and a line that sums up."""
        for kind, title in KINDS.items():
            if self.listed[kind]:
                console.print(f"[bold]{title} ({len(self.listed[kind])})[/]")
            for row in self.listed[kind]:
                console.print(f"  {terminal.rich_escape(f'{row.path}: {row.problem}')}", soft_wrap=True, highlight=False)
        hours = f"{self.seconds / 3600:.2f} hours" if self.seconds >= 360 else f"{self.seconds:.1f} seconds"
        rest = sum(len(rows) for kind, rows in self.listed.items() if kind != "unreadable")
        parts = [f"{self.files} videos", hours, f"{self.frames} frames", f"{len(self.listed['unreadable'])} unreadable"]
        parts += [f"{rest} otherwise odd", f"checked in {took:.1f} s ({self.files / max(took, 1e-3):.1f} videos/s)"]
        console.print(", ".join(parts), highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _writer(path: Path | None) -> Iterator[Callable[[Row], None]]:
    """`with _writer(path) as write: write(row)`: rows go to the CSV file as they come, or nowhere without a path."""
    if path is None:
        yield lambda row: None
        return
    try:
        file = open(path, "w", newline="", encoding="utf-8")  # noqa: SIM115 -- closed below
    except OSError as error:
        raise UserError(f"The report {path} cannot be written: {error}") from error
    with file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(Row))
        yield lambda row: writer.writerow(_cell(value) for value in astuple(row))


def _cell(value):
    if value is None:
        return ""
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


if __name__ == "__main__":
    terminal.run(main)
