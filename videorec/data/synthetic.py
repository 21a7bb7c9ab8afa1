"""The built-in data set `synthetic`: real encoded videos of one shape that moves over clutter; the label is the motion.

The classes are four pairs, and the second of a pair is the first played backwards: both have the same frames. A model
that ignores the order of frames can tell the pairs apart at most, so it gets 0.5 of the videos right and no more.
"""

import functools
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from videorec.data import scenery
from videorec.storage import leftovers

CLASSES = ("left", "right", "up", "down", "clockwise", "anticlockwise", "grow", "shrink")
VERSION = 1  # in every file name: raise it when the videos change, so that old ones are not taken for new ones
PAIRS = ("horizontal", "vertical", "orbit", "size")  # PAIRS[i // 2] holds CLASSES[i]
SPLITS = ("train", "val", "test")
SIZES = ((72, 96), (96, 128), (120, 120), (120, 160))  # (height, width)
# What the FFmpeg in opencv-python's wheels encodes (it has no H.264 encoder), and the share of the videos: VP8 is slow.
# No WebM, because OpenCV prints a warning for each such file; the MKV files hold the same VP8.
ENCODERS = ((".mp4", "mp4v", 0.4), (".avi", "MJPG", 0.3), (".mov", "mp4v", 0.25), (".mkv", "VP80", 0.05))
FALLBACK = (".avi", "MJPG")  # built into OpenCV, without FFmpeg


class Plan(NamedTuple):
    """One video to write."""

    name: str  # path relative to the folder
    label: str
    split: str
    group: str
    seed: tuple[int, ...]
    frames: int
    size: tuple[int, int]  # (height, width)
    fps: float
    codec: str


def write(
    folder: str | Path, train: int = 60, val: int = 8, test: int = 12, seed: int = 0, workers: int = 0, progress=None
) -> Path:
    """Write the videos and `manifest.csv` (`path,label,split,group`) into a folder, unless they are there; its path.

    Files appear under their names only when they are complete and the manifest comes last, so an interrupted call is
    taken up by the next one, and processes that write the same folder at the same time do not disturb each other.

    Args:
        folder: `folder/<class>/<name>` are the videos.
        train, val, test: videos of each class in each split. The two videos of a pair share a group.
        seed: another seed gives other videos (and other file names).
        workers: videos rendered at the same time; 0: one a core.
        progress: None or a function, called with (videos done, videos to do) after each pair.

    Raises:
        OSError: a video cannot be written there.
    """
    wanted = plans({"train": train, "val": val, "test": test}, seed)
    return write_planned(folder, wanted, _pair, workers, progress)


def write_planned(
    folder: str | Path,
    wanted: list[Plan],
    render_group: Callable[[list[Plan]], Iterable[np.ndarray]],
    workers: int = 0,
    progress=None,
) -> Path:
    """As `write`, for videos that are planned already.

    Args:
        wanted: all videos of the data set.
        render_group: the clips `(T, H, W, 3)` uint8 of the missing videos of a group, in their order.

    Raises:
        OSError: a video cannot be written there.
    """
    folder = Path(folder)
    manifest = folder / "manifest.csv"
    text = "path,label,split,group\n" + "".join(f"{p.name},{p.label},{p.split},{p.group}\n" for p in wanted)
    missing = [plan for plan in wanted if not (folder / plan.name).is_file()]
    if not missing and manifest.is_file() and manifest.read_text(encoding="utf-8") == text:
        return manifest
    for label in {plan.label for plan in wanted}:
        (folder / label).mkdir(parents=True, exist_ok=True)
    # Within the folder, because os.replace works within one file system only.
    with leftovers.working_folder(folder, "videos") as unfinished:
        _write_videos(missing, render_group, folder, unfinished, workers or os.cpu_count() or 1, progress)
        (path := unfinished / manifest.name).write_text(text, encoding="utf-8")
        os.replace(path, manifest)
    return manifest


def render(label: str, seed: int | tuple[int, ...], frames: int = 32, height: int = 96, width: int = 128) -> np.ndarray:
    """Draw one clip, `(T, H, W, 3)` uint8, RGB.

    The two labels of a pair give the same frames for the same seed, one in the reverse order of the other.
    """
    if label not in CLASSES:
        raise ValueError(f"label must be one of {', '.join(CLASSES)}. Received: label={label!r}")
    kind, backwards = divmod(CLASSES.index(label), 2)
    rng = np.random.default_rng([*np.atleast_1d(seed).tolist(), kind])
    unit = min(height, width)
    x, y, radius = _path(PAIRS[kind], rng, frames, height / unit, width / unit)
    hue = rng.uniform(0, 180)
    background = scenery.clutter(rng, height, width, hue)
    sprite, alpha = scenery.shape(rng, hue)
    clip = np.repeat(background[None], frames, axis=0)
    for t in range(frames):
        scenery.paste(clip[t], sprite, alpha, (width / 2 + unit * x[t], height / 2 + unit * y[t]), unit * radius[t])
    return clip[::-1].copy() if backwards else clip


def _path(pair: str, rng: np.random.Generator, frames: int, height: float, width: float) -> tuple[np.ndarray, ...]:
    """x, y (0 is the centre, y points down) and radius, `(T,)` each, for the first label; all in short sides.

    Travels and orbits start anywhere, so that the place in any one frame tells nothing about the sense of the motion.
    """
    t, still = np.linspace(0, 1, frames), np.zeros(frames)
    radius = still + rng.uniform(0.14, 0.22)
    if pair == "orbit":
        angle = rng.uniform(0, 2 * np.pi) + 2 * np.pi * rng.uniform(0.5, 1.1) * t
        distance = rng.uniform(0.2, 0.3)
        return distance * np.cos(angle), distance * np.sin(angle), radius  # y points down: clockwise on the screen
    if pair == "size":
        x, y = rng.uniform(-0.15, 0.15, 2)
        return still + x, still + y, rng.uniform(0.08, 0.15) * rng.uniform(2, 2.8) ** t
    # Round a circle that is one shape longer than the frame: it leaves on one side and comes back on the other.
    circle = (width if pair == "horizontal" else height) + 2 * radius[0]
    along = (rng.uniform() - rng.uniform(0.65, 0.95) * t) % 1 * circle - circle / 2
    across = still + rng.uniform(-0.3, 0.3)
    return (along, across, radius) if pair == "horizontal" else (across, along, radius)


def plans(counts: dict[str, int], seed: int) -> list[Plan]:
    """All videos of the data set. A pair shares length, size, rate and codec: none of them tells its labels apart.

    Args:
        counts: videos of each class, by split.
        seed: as for `write`.
    """
    rows = []
    for label, split in itertools.product(CLASSES, SPLITS):
        pair, which = CLASSES.index(label) // 2, SPLITS.index(split)
        for number in range(counts[split]):
            rng = np.random.default_rng([seed, pair, which, number])
            suffix, codec = encoders()[rng.choice(len(ENCODERS), p=[share for _, _, share in ENCODERS])]
            stem = f"v{VERSION}_s{seed}_{split}_{number:03d}"
            name, group = f"{label}/{stem}{suffix}", f"{PAIRS[pair]}_{stem}"
            frames, size = int(rng.integers(24, 41)), SIZES[rng.integers(len(SIZES))]
            fps = float(rng.choice([15, 20, 24, 25, 30]))
            rows.append(Plan(name, label, split, group, (seed, which, number), frames, size, fps, codec))
    return rows


def _write_videos(plans: list[Plan], render_group, folder: Path, unfinished: Path, workers: int, progress) -> None:
    ordered = sorted(plans, key=lambda plan: plan.group)
    groups = [list(group) for _, group in itertools.groupby(ordered, lambda plan: plan.group)]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the frames are small: parallel videos are faster than parallel loops within a frame
    try:
        with ThreadPoolExecutor(workers) as pool:
            for done in itertools.accumulate(
                pool.map(lambda group: _write_group(group, render_group, folder, unfinished), groups)
            ):
                if progress:
                    progress(done, len(plans))
    finally:
        cv2.setNumThreads(threads)


def _write_group(plans: list[Plan], render_group, folder: Path, unfinished: Path) -> int:
    """Write the missing videos of a group, rendered together; returns how many."""
    for plan, clip in zip(plans, render_group(plans), strict=True):
        path = unfinished / plan.name.replace("/", "_")
        if not encode(path, clip, plan.fps, plan.codec):
            raise OSError(f"OpenCV did not write {path} ({plan.codec}) whole: is the disk full?")
        os.replace(path, folder / plan.name)
    return len(plans)


def _pair(plans: list[Plan]) -> Iterable[np.ndarray]:
    """The clips of one or two videos of a pair, rendered once."""
    first = plans[0]
    clip = render(first.label, first.seed, first.frames, *first.size)
    return [clip if plan is first else clip[::-1] for plan in plans]


def encode(path: Path, clip: np.ndarray, fps: float, codec: str) -> bool:
    """Write an RGB clip `(T, H, W, 3)` uint8; whether all of its frames can be read back."""
    height, width = clip.shape[1:3]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (width, height))
    for frame in clip:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    reader = cv2.VideoCapture(str(path))  # VideoWriter reports no error, not even of a full disk
    count = sum(1 for _ in iter(reader.grab, False))
    reader.release()
    return count == len(clip)


@functools.lru_cache
def encoders() -> tuple[tuple[str, str], ...]:
    """`(suffix, codec)` for each of `ENCODERS`, with the fallback in place of what this OpenCV cannot write."""
    clip = np.zeros((4, 64, 64, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        return tuple(
            (suffix, codec) if encode(Path(folder) / f"probe{number}{suffix}", clip, 24.0, codec) else FALLBACK
            for number, (suffix, codec, _) in enumerate(ENCODERS)
        )
