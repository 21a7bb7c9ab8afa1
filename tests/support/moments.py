"""Generated videos whose moments can be seen: the colour of a frame tells its labels."""

import csv
from pathlib import Path

import cv2
import numpy as np

RATE = 10.0  # frames a second
COLORS = {"red": (0, 0, 200), "green": (0, 200, 0)}  # BGR; both at once: yellow


def write_moments(path: Path, segments, frames: int, seed: int = 0) -> Path:
    """A video of noise, in which `(label, start, end)` in seconds show as colours of red and green."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 40, (frames, 32, 32, 3)).astype(np.uint8)
    for label, start, end in segments:
        pictures[round(start * RATE) : round(end * RATE)] += np.array(COLORS[label], np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE, (32, 32))
    assert writer.isOpened()
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


def random_segments(rng: np.random.Generator, seconds: float, overlap: bool) -> list[tuple[str, float, float]]:
    """A few moments of each colour, at tenths of a second; without `overlap` at different times."""
    edges = np.sort(rng.choice(np.arange(1, round(seconds * RATE)), 8, replace=False)) / RATE
    first = [("red", edges[0], edges[1]), ("red", edges[4], edges[5])]
    other = [("green", edges[2], edges[3]), ("green", edges[6], edges[7])]
    if overlap:
        other = [("green", edges[0] + 0.1, edges[3]), ("green", edges[5], edges[7])]
    return [(label, float(start), float(end)) for label, start, end in first + other if end > start]


def write_set(folder: Path, videos: dict[str, int], seconds: float = 8.0, overlap: bool = True) -> Path:
    """`table.csv` and videos, `videos` of each split: `{"train": 6, ...}`; of unequal lengths."""
    rng = np.random.default_rng(0)
    with open_table(folder) as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "start", "end", "split"])
        for split, count in videos.items():
            for number in range(count):
                length = seconds + number / RATE
                segments = random_segments(rng, length, overlap)
                name = f"{split}{number}.avi"
                write_moments(folder / name, segments, round(length * RATE), seed=int(rng.integers(1 << 30)))
                table.writerows([name, label, f"{start:.1f}", f"{end:.1f}", split] for label, start, end in segments)
    return folder / "table.csv"


def open_table(folder: Path):
    """`table.csv` of a folder, for writing."""
    folder.mkdir(parents=True, exist_ok=True)
    return open(folder / "table.csv", "w", newline="")
