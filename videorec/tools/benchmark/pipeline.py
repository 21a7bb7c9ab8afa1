"""Training clips a second, decoded and augmented, against bare OpenCV reading of the same videos; and where the time goes."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from videorec.config import Data, UserError
from videorec.data import pipeline, sampling
from videorec.data.clips import ClipReader
from videorec.data.listing import walk
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.tools.benchmark import stages
from videorec.tools.benchmark.figures import Figure, in_turns
from videorec.tools.benchmark.stages import BATCH, CLASSES, EPOCH

PART = "pipeline"
SETTINGS = {"frames": 16, "resize": (128, 128), "crop": (112, 112), "augment": True, "workers": 2}
MEASURED = 16  # videos whose stages are measured
OURS = f"training clips (16 frames, resized to 128, augmented, cropped to 112, batches of {BATCH}, 2 workers)"
BARE = "bare OpenCV (2 threads: VideoCapture, read() of {}, resize of the 16 to 128)"
READ = {"all": "every frame", "needed": "the frames up to the last wanted one"}


# === The candidates ===


class Ours:
    """videorec's training pipeline, as `fit` iterates it."""

    def __init__(self, paths: list[str], data: Data, batches: int):
        self.cpu, self._batches = 0.0, batches
        rows = paths * -(-EPOCH // len(paths))
        videos = [Video(path, (CLASSES[i % 2],)) for i, path in enumerate(rows)]
        reader = ClipReader(data, Problems(len(videos), max_share=0.0))
        load = pipeline.load_frames(videos, data, reader, seed=0)
        self._dataset = pipeline.training(videos, CLASSES, data, load, BATCH, range(1_000_000), seed=0)

    def turn(self) -> float:
        """Seconds of some batches. The iterator ends with the turn, or it would decode ahead in the other's turn."""
        batches = iter(self._dataset)
        next(batches)  # a run pays the start once; and whoever waits for the first finds no second one ready
        began, cpu, clips = time.perf_counter(), time.process_time(), 0
        while clips < self._batches * BATCH:
            clips += len(next(batches)[0]["rgb"])
        took = (time.perf_counter() - began) * self._batches * BATCH / clips
        self.cpu = (time.process_time() - cpu) / clips
        return took


class Bare:
    """OpenCV alone: as many threads, each `VideoCapture(path)`, `read()` frame by frame (see `READ`), and `resize` of
    the wanted ones; no augmentation, no batches."""

    def __init__(self, paths: list[str], data: Data, batches: int, read: str):
        self.cpu, self._data, self._rng, self._read = 0.0, data, np.random.default_rng(0), read
        self._paths = [paths[i % len(paths)] for i in range(batches * BATCH)]
        self._counts = {path: int(cv2.VideoCapture(path).get(cv2.CAP_PROP_FRAME_COUNT)) for path in paths}

    def turn(self) -> float:
        """Seconds of as many clips."""
        wanted = [self._indices(self._counts[path]) for path in self._paths]
        began, cpu = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(self._data.workers) as pool:
            list(pool.map(self._clip, self._paths, wanted))
        self.cpu = (time.process_time() - cpu) / len(self._paths)
        return time.perf_counter() - began

    def _indices(self, count: int) -> np.ndarray:
        frames = self._data.frames
        if self._data.sampling == "uniform":
            return sampling.uniform(count, frames, self._rng.random(frames))
        return sampling.random_window(count, frames, self._data.step, self._rng.random())

    def _clip(self, path: str, indices: np.ndarray) -> np.ndarray:
        capture, kept, wanted = cv2.VideoCapture(path), [], set(indices.tolist())
        end = max(wanted) if self._read == "needed" else np.inf
        index, (ok, frame) = 0, capture.read()
        while ok:
            if index in wanted:
                kept.append(cv2.resize(frame, self._data.resize[::-1]))
            if index == end:
                break
            index, (ok, frame) = index + 1, capture.read()
        return np.stack(kept)


def measure(
    folder: Path | None = None, rounds: int = 5, batches: int = 3, videos: int = 16, frames: int = 150, seconds: float = 10.0
) -> list[Figure]:
    """The figures, for both ways of sampling.

    Args:
        folder: of the videos; None: `videos` of them with `frames` frames are made.
        rounds: turns of each candidate, of `batches` batches.
        seconds: of each source, that all cores feed whoever takes all, and a GPU.
    """
    rows = []
    with _videos(folder, videos, frames) as (paths, kind):
        for mode in ("uniform", "dense"):
            data = Data(sampling=mode, **SETTINGS)
            ours = Ours(paths, data, batches)
            bare = {read: Bare(paths, data, batches, read) for read in READ}
            ours.turn()  # the first one also learns the true frame counts
            times = in_turns({"ours": ours.turn} | {read: bare[read].turn for read in READ}, rounds)
            for read in READ:
                clips = batches * BATCH
                rates = [clips / float(np.median(times[name])) for name in ("ours", read)]
                detail = f"{rates[0]:.1f} / {rates[1]:.1f} clips/s, processor time a clip {1000 * ours.cpu:.0f} / "
                detail += f"{1000 * bare[read].cpu:.0f} ms; {len(paths)} videos, {kind}"
                value = float(np.median(np.divide(times[read], times["ours"])))
                target = (">= 0.8", value >= 0.8) if read == "all" else ("", None)
                name = f"{mode} sampling: {OURS} / {BARE.format(READ[read])}"
                rows.append(Figure(PART, name, f"{value:.2f}", detail, *target))
        with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as empty:
            data = Data(**SETTINGS)
            rows += stages.measure(PART, paths[:MEASURED], Path(empty), data, clips=rounds * batches * 2, seconds=seconds)
    return rows


# === Videos ===


@contextlib.contextmanager
def _videos(folder: Path | None, count: int, frames: int) -> Iterator[tuple[list[str], str]]:
    """Paths of the videos, and what they are in words."""
    if folder is not None:
        yield videos_below(folder), f"of {folder}"
        return
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as made:
        paths = [str(Path(made) / f"{number:03d}.mp4") for number in range(count)]
        kinds = [write(path, frames, seed=number) for number, path in enumerate(paths)]
        kilobits = sum(Path(path).stat().st_size for path in paths) * 8 / 1000 / (count * frames / 25)
        yield paths, f"{kinds[0]}, 320 x 240, {frames} frames, {kilobits:.0f} kbit/s"


def videos_below(folder: Path) -> list[str]:
    """Paths of the videos in a folder, at any depth.

    Raises:
        UserError: there are none.
    """
    paths = walk(folder, pictures=False)
    if not paths:
        raise UserError(f"--video-folder must hold videos. Received: {folder}, which holds none.")
    return paths


def write(path: str, frames: int, seed: int) -> str:
    """Write a moving scene: H.264 where PyAV is installed, else MPEG-4 Part 2, the best that OpenCV's wheels encode."""
    scene = _scene(frames, seed)
    try:
        import av
    except ImportError:
        writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), 25, (320, 240))
        for frame in scene:
            writer.write(frame)
        writer.release()
        return "MPEG-4 Part 2 and not H.264 (pip install av gives that)"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in scene:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "bgr24")))
        container.mux(stream.encode())
    return "H.264"


def _scene(frames: int, seed: int) -> Iterator[np.ndarray]:
    """A camera that pans over a cluttered picture, shapes that cross it, sensor noise; BGR `(240, 320, 3)`."""
    rng = np.random.default_rng(seed)
    picture = sum(
        cv2.resize(rng.normal(0, 14 * 2**level, (480 >> level, 640 >> level, 3)).astype(np.float32), (640, 480))
        for level in range(1, 6, 2)
    )
    picture = np.clip(picture / 4 + 128, 0, 255)
    speed, places, colours = rng.uniform(0.3, 1.5, 2), rng.uniform(0, 240, (4, 2)), rng.uniform(0, 255, (4, 3))
    moves = rng.uniform(-3, 3, (4, 2))
    for t in range(frames):
        left, top = (speed * t % (300, 220)).astype(int)
        frame = picture[top : top + 240, left : left + 320].copy()
        for place, move, colour in zip(places, moves, colours, strict=True):
            centre = ((place + move * t) % (320, 240)).astype(int)
            cv2.circle(frame, tuple(int(x) for x in centre), 24, tuple(colour), -1, cv2.LINE_AA)
        yield np.clip(frame + rng.normal(0, 1.5, frame.shape), 0, 255).astype(np.uint8)
