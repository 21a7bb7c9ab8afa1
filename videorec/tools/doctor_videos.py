"""Which codecs work on this machine, found out by reading and by writing."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from videorec.config import UserError
from videorec.data.pictures import Unreadable
from videorec.reports.video_file import VideoFile, has_h264
from videorec.tools import doctor_samples

Rows = list[tuple[str, str]]

LEVELS = (100, 150)  # grey levels of the two frames of each sample
NEAR = 8  # that codecs may be off


def readable() -> Rows:
    """Each codec with what came of reading a sample of it."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            (codec, _read(Path(folder, f"sample{ending}"), content))
            for (codec, ending), content in doctor_samples.files().items()
        ]


def _read(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    levels = levels_of(path)
    path.unlink()
    if not levels:
        return f"CANNOT BE READ by OpenCV {cv2.__version__}: convert it, as with ffmpeg -i IN -c:v libx264 OUT.mp4"
    right = len(levels) == len(LEVELS) and np.allclose(levels, LEVELS, atol=NEAR)
    return "yes" if right else f"WRONG: {len(levels)} frames with the levels {', '.join(f'{x:.0f}' for x in levels)}"


def levels_of(path: Path) -> list[float]:
    """The mean grey level of every frame that OpenCV decodes."""
    capture, levels = cv2.VideoCapture(str(path)), []
    while True:
        ok, frame = capture.read()
        if not ok:
            return levels
        levels.append(float(frame.mean()))


def writable() -> Rows:
    """What an annotated video is written as, tried."""
    codec = "H.264" if has_h264() else "MPEG-4, which browsers do not play (pip install av: H.264)"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "written.mp4")
        try:
            with VideoFile(path, (64, 64), 25.0) as file:
                for number, level in enumerate(LEVELS):
                    file.write(np.full((64, 64, 3), level, np.uint8), number / 25)
        except (OSError, UserError, Unreadable) as error:
            return [("mp4", f"CANNOT BE WRITTEN: {error}")]
        right = np.allclose(levels_of(path), LEVELS, atol=NEAR)
    return [("mp4", f"yes, {codec}" if right else "WRONG: other frames come back")]
