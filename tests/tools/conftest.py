"""Small videos for the tests of the tools."""

from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def write_video():
    """`write_video(path, frames)` writes a small MJPG .avi or MPEG-4 .mp4 and makes its folder; returns the path."""

    def write(path: Path, frames: int = 8) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        codec = "MJPG" if path.suffix == ".avi" else "mp4v"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, (48, 32))
        rng = np.random.default_rng(0)
        for _ in range(frames):
            writer.write(rng.integers(0, 256, (32, 48, 3), np.uint8))
        writer.release()
        return path

    return write
