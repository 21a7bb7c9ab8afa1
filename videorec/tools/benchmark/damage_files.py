"""Damaged videos: sources of many containers and codecs, and a copy of one with a change that follows from a seed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from videorec.config import UserError
from videorec.data.listing import walk

FRAMES, HEIGHT, WIDTH = 24, 72, 96
# What OpenCV's own encoders write: FourCC, and suffixes that say the container.
CODECS = {
    "mp4v": (".mp4", ".mov", ".mkv", ".avi"),
    "MJPG": (".avi", ".mov", ".mkv"),
    "XVID": (".avi",),
    "VP80": (".webm",),
    "VP90": (".webm",),
    "FFV1": (".avi", ".mkv"),
    "PIM1": (".mpg",),
    "mpg2": (".mpg", ".ts"),
    "FLV1": (".flv",),
    "WMV2": (".wmv",),
    "HFYU": (".avi",),
}
PICTURES = (".jpg", ".png")  # folders of them


def sources(folder: Path) -> list[Path]:
    """Videos of 24 frames in 21 kinds, made in `folder`; all frames differ."""
    folder.mkdir(parents=True)
    frames = list(_scene())
    made = [folder / f"{codec}{suffix}" for codec, suffixes in CODECS.items() for suffix in suffixes]
    for path in made:
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*path.stem), 25, (WIDTH, HEIGHT))
        for frame in frames:
            writer.write(frame)
        writer.release()
    for suffix in PICTURES:
        made.append(folder / f"pictures{suffix[1:]}")
        made[-1].mkdir()
        for number, frame in enumerate(frames):
            cv2.imwrite(str(made[-1] / f"{number:02d}{suffix}"), frame)
    pages = [Image.fromarray(frame[..., ::-1]).quantize(64) for frame in frames]
    pages[0].save(folder / "GIF.gif", save_all=True, append_images=pages[1:], duration=40)
    return [*made, folder / "GIF.gif"]


def _scene():
    rng = np.random.default_rng(0)
    texture = cv2.resize(rng.integers(0, 255, (12, 16, 3), np.uint8), (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for number in range(FRAMES):
        frame = np.ascontiguousarray(texture[:, 3 * number : 3 * number + WIDTH])
        cv2.putText(frame, str(number), (30, 45), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
        yield frame


def videos_below(folder: Path) -> list[Path]:
    """The videos in a folder of the user's, as sources.

    Raises:
        UserError: there are none.
    """
    paths = [Path(path) for path in walk(folder)]
    if not paths:
        raise UserError(f"--video-folder must hold videos. Received: {folder}")
    return paths


# === Changes ===


def _cut(content: bytearray, rng: np.random.Generator) -> bytearray:
    return content[: int(rng.uniform(0.05, 0.98) * len(content))]


def _zeros(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _block(content, rng)
    content[start : start + length] = bytes(length)
    return content


def _noise(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _block(content, rng)
    content[start : start + length] = rng.bytes(length)
    return content


def _bits(content: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, len(content), 1 + len(content) // 4000):
        content[place] ^= 1 << int(rng.integers(8))
    return content


def _missing(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _block(content, rng)
    del content[start : start + length]
    return content


def _doubled(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _block(content, rng)
    content[start:start] = content[start : start + length]
    return content


def _header(content: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, min(512, len(content)), 6):
        content[place] = int(rng.integers(256))
    return content


def _block(content: bytearray, rng: np.random.Generator) -> tuple[int, int]:
    length = max(int(rng.uniform(0.002, 0.2) * len(content)), 1)
    return int(rng.integers(0, max(len(content) - length, 1))), length


CHANGES: dict[str, Callable[[bytearray, np.random.Generator], bytearray]] = {
    "cut off": _cut,
    "zeros": _zeros,
    "noise": _noise,
    "bits": _bits,
    "a part missing": _missing,
    "a part twice": _doubled,
    "header": _header,
}


def damage(source: Path, target: Path, seed: int) -> str:
    """A damaged copy of a video, or of a folder with one damaged picture.

    Returns:
        The name of the change.
    """
    rng = np.random.default_rng(seed)
    name = list(CHANGES)[int(rng.integers(len(CHANGES)))]
    if source.is_dir():
        shutil.copytree(source, target)
        pictures = sorted(target.iterdir())
        target = source = pictures[int(rng.integers(len(pictures)))]
    target.write_bytes(CHANGES[name](bytearray(source.read_bytes()), rng))
    return name
