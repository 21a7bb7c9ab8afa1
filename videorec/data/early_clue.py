"""The built-in data set `synthetic_early`: long videos whose label shows in the first second alone.

For one second of about twenty the scene lies in coloured light; the colour is the label. Then the light goes out, and shapes
of any colour cross the scene until the end. The four videos of a group have the same shapes on the same ground: after the
first second they are equal to the bit, as files too, so that what has lost the beginning gets a quarter right and no more.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from videorec.data import scenery
from videorec.data.synthetic import FALLBACK, SPLITS, Plan, write_planned

CLASSES = ("red", "yellow", "green", "blue")
HUES = (0, 30, 60, 115)  # of the light, in 0..180
VERSION = 1  # in every file name, as in `synthetic`
RATE = 6  # frames a second
CLUE = RATE  # frames in coloured light, from the first on
SIZES = ((48, 64), (54, 72), (60, 60))  # (height, width)


def write(
    folder: str | Path, train: int = 60, val: int = 20, test: int = 20, seed: int = 0, workers: int = 0, progress=None
) -> Path:
    """Write the videos and `manifest.csv` into a folder, unless they are there; its path. See `synthetic.write`.

    Args:
        train, val, test: videos of each class in each split. The four videos that differ in the light share a group.

    Raises:
        OSError: a video cannot be written there.
    """
    wanted = plans({"train": train, "val": val, "test": test}, seed)
    return write_planned(folder, wanted, _group, workers, progress)


def plans(counts: dict[str, int], seed: int) -> list[Plan]:
    """All videos of the data set. A group shares length and size: neither tells its labels apart.

    Motion JPEG, whose frames are stored each on its own: the light of the first second leaves no trace in a later one.

    Args:
        counts: videos of each class, by split.
        seed: as for `write`.
    """
    suffix, codec = FALLBACK
    rows = []
    for label, (which, split) in itertools.product(CLASSES, enumerate(SPLITS)):
        for number in range(counts[split]):
            rng = np.random.default_rng([seed, which, number])
            frames, size = int(rng.integers(18 * RATE, 22 * RATE + 1)), SIZES[rng.integers(len(SIZES))]
            stem = f"v{VERSION}_s{seed}_{split}_{number:03d}"
            rows.append(
                Plan(f"{label}/{stem}{suffix}", label, split, stem, (seed, which, number), frames, size, float(RATE), codec)
            )
    return rows


def render(label: str, seed: int | tuple[int, ...], frames: int = 120, height: int = 48, width: int = 64) -> np.ndarray:
    """Draw one clip, `(T, H, W, 3)` uint8, RGB. All labels give the same frames for the same seed, but for the first `CLUE`.

    Raises:
        ValueError: an unknown label.
    """
    if label not in CLASSES:
        raise ValueError(f"label must be one of {', '.join(CLASSES)}. Received: label={label!r}")
    return _lit(_scene(seed, frames, height, width), label)


def _group(plans: list[Plan]) -> Iterable[np.ndarray]:
    """The clips of videos of one group, whose scene is rendered once."""
    scene = _scene(plans[0].seed, plans[0].frames, *plans[0].size)
    return (_lit(scene, plan.label) for plan in plans)


def _lit(scene: np.ndarray, label: str) -> np.ndarray:
    """The scene with the light of a label in its first second."""
    clip = scene.copy()
    colour = scenery.rgb(HUES[CLASSES.index(label)], 230, 255) / 255
    bright = clip[:CLUE].mean(axis=-1, keepdims=True)
    clip[:CLUE] = np.clip(0.3 * clip[:CLUE] + (0.7 * bright + 40) * colour + 0.5, 0, 255)
    return clip


def _scene(seed: int | tuple[int, ...], frames: int, height: int, width: int) -> np.ndarray:
    """Shapes that cross a cluttered ground one after another, `(T, H, W, 3)` uint8: two to four seconds each."""
    rng = np.random.default_rng(np.atleast_1d(seed).tolist())
    clip = np.repeat(scenery.clutter(rng, height, width, rng.uniform(0, 180))[None], frames, axis=0)
    start, unit = -int(rng.integers(2 * RATE)), min(height, width)
    while start < frames:
        length = int(rng.integers(2 * RATE, 4 * RATE + 1))
        sprite, alpha = scenery.shape(rng, rng.uniform(0, 180))
        radius, angle = unit * rng.uniform(0.14, 0.22), rng.uniform(0, 2 * np.pi)
        along = np.array([np.cos(angle), np.sin(angle)]) * (np.hypot(height, width) / 2 + radius)
        centre = np.array([width, height]) * (0.5 + rng.uniform(-0.2, 0.2, 2))
        for t in range(max(start, 0), min(start + length, frames)):
            scenery.paste(clip[t], sprite, alpha, centre + along * (2 * (t - start) / (length - 1) - 1), radius)
        start += length
    return clip
