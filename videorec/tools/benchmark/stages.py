"""Where the time of a training clip goes: reading, decoding, resizing, augmenting, copying; of videos, of prepared pictures,
and of stored features; and whether a GPU would wait for them."""

import dataclasses
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from videorec.config import Data
from videorec.data import augment, manifest, pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.prepared.index import Prepared
from videorec.data.problems import Problems
from videorec.features import clips as features
from videorec.features.store import FeatureStore
from videorec.tools import prepare
from videorec.tools.benchmark.figures import Figure
from videorec.training.waiting import Waiting

BATCH = 16
EPOCH = 256  # clips at least: videos are listed several times, since an epoch of 16 is no one's
CLASSES = ("a", "b")
CORES, TAKEN = 16, 2000  # of the machine that is asked for; frames that its GPU takes a second
MAPS = (7, 7, 1280)  # of MobileNetV2 at 224 x 224 px, stored in half precision
MOST_WAITING = 0.01


class Clock:
    """Processor seconds of each stage, over all threads; what a stage within another takes is not the other's."""

    def __init__(self):
        self.seconds: Counter[str] = Counter()
        self._inner = 0.0

    @contextmanager
    def of(self, stage: str, share: float = 1.0) -> Iterator[None]:
        """While the block runs; `share` of it counts."""
        outer, self._inner, began = self._inner, 0.0, time.process_time()
        try:
            yield
        finally:
            took = time.process_time() - began
            self.seconds[stage] += share * (took - self._inner)
            self._inner = outer + took

    def around(self, stage: str, function: Callable) -> Callable:
        """The same function, timed."""

        def timed(*args):
            with self.of(stage):
                return function(*args)

        return timed


def measure(part: str, paths: Sequence[str], folder: Path, data: Data, clips: int, seconds: float) -> list[Figure]:
    """Three figures a source: frames a second of one core with the share of each stage, those of all cores together, and the
    share of waiting.

    Args:
        part: that the figures are of.
        paths: videos.
        folder: an empty one, for what is prepared and stored.
        data: how their clips are read.
        clips: of each source, whose stages are measured.
        seconds: that batches of each source are taken for, twice.
    """
    videos = [Video(os.path.abspath(path), (CLASSES[k % 2],)) for k, path in enumerate(paths)]
    rows = []
    for name, load, stages in _sources(videos, folder, data):
        clock = Clock()
        stages(0, Clock())  # what happens once counts for nobody
        for number in range(clips):
            stages(number, clock)
        rows.append(_speed(part, name, clock, data.frames, clips))
        rows += _together(part, name, load, data, seconds)
    return rows


# === The figures ===


def _speed(part: str, name: str, clock: Clock, frames: int, clips: int) -> Figure:
    """Frames a second of a core; and what limits so many cores: their work, or the one stage that is Python's."""
    total = sum(clock.seconds.values())
    shares = ", ".join(f"{stage} {took / total:.0%}" for stage, took in clock.seconds.items())
    core, alone = frames * clips / total, frames * clips / clock.seconds["read"] if "read" in clock.seconds else np.inf
    slowest = max(clock.seconds, key=clock.seconds.get)
    rate = min(CORES * core, alone)
    limit = slowest if rate < alone else "read, which is Python's: no more than one thread at a time is sure"
    detail = f"{1000 * total / clips:.1f} ms of a core a clip: {shares}; {CORES} cores: {rate:.0f} frames/s, limited by {limit}"
    title = f"{name}: frames a second of one core"
    return Figure(part, title, f"{core:.0f}", detail, f"{CORES} cores: >= {TAKEN}", rate >= TAKEN)


def _together(part: str, name: str, load: pipeline.Load, data: Data, seconds: float) -> Iterator[Figure]:
    """What all cores here give; and the share that a GPU waits that takes as many frames a second and core as the one asked
    for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    data = dataclasses.replace(data, workers=cores)
    frames, took, _ = _take(load, data, seconds, None)
    detail = f"{frames} in {took:.1f} s, measured; nobody computes beside it"
    yield Figure(part, f"{name}: frames a second of the {cores} cores here", f"{frames / took:.0f}", detail)
    taken = TAKEN * cores / CORES
    frames, took, waited = _take(load, data, seconds, taken)
    share = waited / took
    fewer = "as asked for" if cores == CORES else f"{CORES / cores:g} times fewer than asked for"
    detail = f"{frames} frames in {took:.1f} s; {taken:.0f} frames/s taken on {cores} cores, {fewer}"
    title = f"{name}: share that a GPU of {TAKEN} frames/s on {CORES} cores waits"
    yield Figure(part, title, f"{share:.1%}", detail, f"< {MOST_WAITING:.0%}", share < MOST_WAITING)


def _take(load: pipeline.Load, data: Data, seconds: float, rate: float | None) -> tuple[int, float, float]:
    """Take batches for so long: frames, seconds, and those of them spent waiting.

    Args:
        rate: frames a second that are taken at most; None: all that come.
    """
    videos, waiting = [Video(str(number), (CLASSES[number % 2],)) for number in range(EPOCH)], Waiting()
    taking = iter(waiting.around(pipeline.training(videos, CLASSES, data, load, BATCH, range(1_000_000), seed=0)))
    next(taking)
    began, before, frames = time.perf_counter(), waiting.seconds, 0
    while not frames or time.perf_counter() - began < seconds:
        size = len(next(iter(next(taking)[0].values()))) * data.frames
        time.sleep(size / rate if rate else 0)
        frames += size
    return frames, time.perf_counter() - began, waiting.seconds - before


# === The sources ===

Stages = Callable[[int, Clock], None]


def _sources(videos: list[Video], folder: Path, data: Data) -> Iterator[tuple[str, pipeline.Load, Stages]]:
    """Name, what the pipeline loads with, and the stages of the clip of a number."""
    short = min(data.resize)
    manifest.write(folder / "videos.csv", videos)
    times = -(-EPOCH // len(videos))
    _quietly(lambda: prepare.main([str(folder / "videos.csv"), str(folder / "prepared"), "--short-side", str(short)]))
    stored = dataclasses.replace(data, path=str(folder / "prepared"))
    for name, those, settings in (
        ("videos", videos, data),
        (f"prepared pictures of short side {short}", Prepared(stored.path).videos(), stored),
    ):
        reader = ClipReader(settings, Problems(len(those), 1.0))
        yield name, pipeline.load_frames(those * times, settings, reader, 0), _of_frames(those, reader)
    entries = _Entries(folder / "stored", len(videos), data.frames)
    load = features.load_features(entries, videos * times, 1, {"rgb": (data.frames, *MAPS)})
    yield f"stored maps of {' x '.join(map(str, MAPS))}", load, _of_features(load, len(videos))


def _of_frames(videos: list[Video], reader: ClipReader) -> Stages:
    data, stream = reader.data, next(iter(reader.streams.values()))
    decode, resize = tf.function(pipeline.decoded), tf.function(lambda pictures: pipeline.resized(pictures, data))
    change = tf.function(lambda clip, seed: augment.cropped(clip, data, seed))
    scaled = getattr(stream, "scaled", None)

    def stages(number: int, clock: Clock) -> None:
        if not reader.encoded:
            stream.scaled = clock.around("resize", scaled)
        with clock.of("read" if reader.encoded else "decode"):
            clip = pipeline.read_clip(videos[number % len(videos)], (0, 0, number), reader)[0]["rgb"]
        if reader.encoded:
            with clock.of("decode"):
                clip = decode(tf.constant(clip))
            with clock.of("resize"):
                clip = resize(clip)
        with clock.of("augment"):
            clip = change(clip, augment.clip_seed(0, 0, number))
        _copy(clip, clock)

    return stages


class _Entries:
    """A store of as many random maps."""

    def __init__(self, folder: Path, count: int, frames: int):
        folder.mkdir()
        self._paths, rng = [folder / f"{number}.zip" for number in range(count)], np.random.default_rng(0)
        for path in self._paths:
            FeatureStore.write(path, {"rgb": rng.random((frames, *MAPS), np.float32)})
        self._number = {}

    def wanted(self, video: Video, view: int):
        """What is stored of a video."""
        number = self._number.setdefault(video.path, len(self._number))
        return FeatureStore.read(self._paths[number % len(self._paths)])


def _of_features(load: pipeline.Load, count: int) -> Stages:
    def stages(number: int, clock: Clock) -> None:
        with clock.of("read"):
            inputs, _ = load(tf.constant(number % count, tf.int64), tf.constant(0, tf.int64))
        _copy(inputs["rgb"], clock)

    return stages


def _copy(clip: tf.Tensor, clock: Clock) -> None:
    """Into a batch."""
    with clock.of("copy", share=1 / BATCH):
        tf.stack([clip] * BATCH)


def _quietly(job: Callable[[], object]) -> None:
    logging.disable(logging.INFO)
    try:
        job()
    finally:
        logging.disable(logging.NOTSET)
