"""Videos whose frames tell their numbers."""

from pathlib import Path

import cv2
import numpy as np


def write_video(path: Path, frames: int = 20, size: tuple[int, int] = (48, 64), fps: float = 10.0) -> Path:
    """A video whose frame k is grey of value 10 k (mod 250): a decoded frame tells its number."""
    codec = {".avi": "MJPG"}.get(path.suffix, "mp4v")
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, size[::-1])
    assert writer.isOpened()
    for k in range(frames):
        writer.write(np.full((*size, 3), 10 * k % 250, np.uint8))
    writer.release()
    return path


def frame_numbers(clip: np.ndarray) -> list[int]:
    """The numbers of the frames of a clip of such a video, below 25 frames."""
    return [round(float(frame.mean()) / 10) for frame in clip]


def declare(path: Path, frames: int) -> Path:
    """Let the header of an AVI file say another number of frames: `dwTotalFrames` of `avih`, `dwLength` of `strh`."""
    content = bytearray(path.read_bytes())
    for place in (content.index(b"avih") + 8 + 16, content.index(b"strh") + 8 + 32):
        content[place : place + 4] = frames.to_bytes(4, "little")
    path.write_bytes(content)
    return path
