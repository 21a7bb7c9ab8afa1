"""The built-in data set `synthetic`: real encoded videos of one shape that moves over clutter; the label is the motion.

The classes are four pairs, and the second of a pair is the first played backwards: both have the same frames. A model
that ignores the order of frames can tell the pairs apart at most, so it gets 0.5 of the videos right and no more.
"""

import functools
import itertools
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

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
SPRITE = 64  # side of the drawn shape in pixels, before it is scaled into the frame
RIM = 1.15  # half the sprite's side, in radii of the shape: a transparent rim for interpolation


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
    folder = Path(folder)
    manifest = folder / "manifest.csv"
    wanted = plans({"train": train, "val": val, "test": test}, seed)
    text = "path,label,split,group\n" + "".join(f"{p.name},{p.label},{p.split},{p.group}\n" for p in wanted)
    missing = [plan for plan in wanted if not (folder / plan.name).is_file()]
    if not missing and manifest.is_file() and manifest.read_text(encoding="utf-8") == text:
        return manifest
    for label in CLASSES:
        (folder / label).mkdir(parents=True, exist_ok=True)
    # Within the folder, because os.replace works within one file system only.
    with leftovers.working_folder(folder, "videos") as unfinished:
        _write_videos(missing, folder, unfinished, workers or os.cpu_count() or 1, progress)
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
    background = _clutter(rng, height, width, hue)
    sprite, alpha = _shape(rng, hue)
    clip = np.repeat(background[None], frames, axis=0)
    for t in range(frames):
        _paste(clip[t], sprite, alpha, (width / 2 + unit * x[t], height / 2 + unit * y[t]), unit * radius[t])
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


def _clutter(rng: np.random.Generator, height: int, width: int, hue: float) -> np.ndarray:
    """A background `(H, W, 3)` uint8: noise at many scales (1/f, as in photographs) and random patches."""
    image = _noise(rng, height, width, channels=1) + 0.4 * _noise(rng, height, width, channels=3)
    image = rng.uniform(40, 95) + rng.uniform(10, 22) * image
    for _ in range(rng.integers(2, 6)):
        mask = np.zeros((height, width), np.uint8)
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = [int(min(height, width) * rng.uniform(0.05, 0.2)) for _ in range(2)]
        outline = cv2.ellipse2Poly(centre, axes, int(rng.integers(180)), 0, 360, int(rng.choice([15, 90, 120])))
        cv2.fillConvexPoly(mask, outline, 1)
        colour = _rgb(hue + rng.uniform(40, 140), rng.uniform(20, 110), rng.uniform(30, 140))  # not the shape's
        image = np.where(mask[..., None] > 0, 0.7 * colour + 0.3 * image, image)
    return np.clip(image, 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """1/f noise `(H, W, channels)`, mean 0, standard deviation 1: each octave half as strong as the coarser one."""
    total = np.zeros((height, width, channels), np.float32)
    for octave in range(1, 6):
        grid = rng.standard_normal((2**octave, 2**octave, channels), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC).reshape(total.shape) / 2**octave
    return (total - total.mean()) / total.std()


def _shape(rng: np.random.Generator, hue: float) -> tuple[np.ndarray, np.ndarray]:
    """A textured disc, polygon or star: colour `(S, S, 3)` float32 in 0..255 and opacity `(S, S, 1)` in 0..1."""
    corners = int(rng.choice([3, 4, 5, 6, 48]))  # 48: a disc
    star = corners in (4, 5, 6) and rng.random() < 0.4
    angles = rng.uniform(0, 2 * np.pi) + np.arange(corners * (1 + star)) * 2 * np.pi / (corners * (1 + star))
    reach = np.where(np.arange(len(angles)) % 2, 0.55, 1.0) if star else np.ones(len(angles))
    outline = SPRITE / 2 + SPRITE / 2 / RIM * reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    alpha = np.zeros((SPRITE, SPRITE), np.float32)
    cv2.fillPoly(alpha, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)  # 4 bits after the point
    v, u = np.mgrid[:SPRITE, :SPRITE] / SPRITE
    turn, waves = rng.uniform(0, np.pi), rng.uniform(1.5, 3.5)
    along, across = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
    stripes = np.sin(2 * np.pi * waves * along)
    textures = stripes, stripes * np.sin(2 * np.pi * waves * across), _noise(rng, SPRITE, SPRITE, 1)[..., 0]
    mix = 1 / (1 + np.exp(-4 * textures[rng.integers(3)][..., None]))
    light = _rgb(hue, rng.uniform(90, 190), rng.uniform(235, 255))
    dark = _rgb(hue + rng.uniform(-20, 20), rng.uniform(90, 190), rng.uniform(180, 225))
    return (mix * light + (1 - mix) * dark).astype(np.float32), alpha[..., None]


def _rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    """`(3,)` float32 in 0..255; hue in 0..180 (any number, it wraps), saturation and value in 0..255."""
    pixel = np.array([[[hue % 180, saturation, value]]]).astype(np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)


def _paste(frame: np.ndarray, sprite: np.ndarray, alpha: np.ndarray, centre, radius: float) -> None:
    """Draw the shape into a frame `(H, W, 3)` uint8 at a centre (x, y) with a radius, in pixels and not rounded."""
    scale = 2 * radius * RIM / SPRITE
    side = int(np.ceil(scale * SPRITE)) + 2
    corner = [int(np.floor(c - side / 2)) for c in centre]  # of the box that is drawn; it may stick out of the frame
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = [c - k - scale * (SPRITE - 1) / 2 for c, k in zip(centre, corner, strict=True)]
    # Blurred as much as the shape shrinks, else its texture flickers from frame to frame.
    layer = cv2.GaussianBlur(np.concatenate([sprite * alpha, alpha], axis=2), (0, 0), max(0.4 / scale, 0.3))
    layer = cv2.warpAffine(layer, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=0)
    left, top = (max(k, 0) for k in corner)
    box = frame[top : max(corner[1] + side, 0), left : max(corner[0] + side, 0)]
    layer = layer[top - corner[1] :, left - corner[0] :][: box.shape[0], : box.shape[1]]
    box[:] = np.clip(layer[..., :3] + (1 - layer[..., 3:]) * box + 0.5, 0, 255)


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


def _write_videos(plans: list[Plan], folder: Path, unfinished: Path, workers: int, progress) -> None:
    ordered = sorted(plans, key=lambda plan: plan.group)
    groups = [list(group) for _, group in itertools.groupby(ordered, lambda plan: plan.group)]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the frames are small: parallel videos are faster than parallel loops within a frame
    try:
        with ThreadPoolExecutor(workers) as pool:
            for done in itertools.accumulate(pool.map(lambda group: _write_group(group, folder, unfinished), groups)):
                if progress:
                    progress(done, len(plans))
    finally:
        cv2.setNumThreads(threads)


def _write_group(plans: list[Plan], folder: Path, unfinished: Path) -> int:
    """Write the one or two missing videos of a pair, rendered once; returns how many."""
    first = plans[0]
    clip = render(first.label, first.seed, first.frames, *first.size)
    for plan in plans:
        path = unfinished / plan.name.replace("/", "_")
        if not encode(path, clip if plan is first else clip[::-1], plan.fps, plan.codec):
            raise OSError(f"OpenCV did not write {path} ({plan.codec}) whole: is the disk full?")
        os.replace(path, folder / plan.name)
    return len(plans)


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
