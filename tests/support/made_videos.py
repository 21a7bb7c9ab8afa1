"""Videos with odd containers, made with PyAV: stamps, rates and containers of choice, each frame telling its number."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest


class Pipe:
    """A file that cannot be gone back in, as a pipe."""

    def __init__(self, path: Path):
        self._file = open(path, "wb")  # noqa: SIM115 -- closed by `close`

    def write(self, content: bytes) -> int:
        return self._file.write(content)

    def close(self) -> None:
        self._file.close()


def make(
    path: Path,
    stamps: Sequence[float],
    codec: str = "mpeg4",
    kind: str | None = None,
    piped: bool = False,
    rate: int = 25,
    options: dict | None = None,
) -> Path:
    """A video whose frame k, grey of 10 k (mod 250), is shown at `stamps[k]` seconds.

    Args:
        kind: FFmpeg's name of the container. Default: by the suffix.
        piped: written to something that cannot be gone back in.
    """
    av = pytest.importorskip("av", reason="PyAV makes the videos")
    path.parent.mkdir(parents=True, exist_ok=True)
    target = Pipe(path) if piped else str(path)
    with av.open(target, "w", format=kind, options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.max_b_frames = 0
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * k % 250, np.uint8), "bgr24")
            frame.pts, frame.time_base = round(stamp * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if piped:
        target.close()
    return path
