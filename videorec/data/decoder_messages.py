"""What FFmpeg, libjpeg and libpng say while they decode: they write to the standard error of their process, and name no file.

A process that reads one file at a time knows whose messages they are (`videorec.data.measure`).
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 1 << 16  # bytes that are looked at
PACKET = b"Packet corrupt"
ERROR = re.compile(
    rb"\[OPENCV:FFMPEG:(?:8|08|16)\] (.*)|\[OPENCV:FFMPEG:24\] (" + PACKET + rb").*"
    rb"|((?:Corrupt JPEG|Premature end|libpng error).*)"
)
# What FFmpeg says of whole files too: of chapters, and of what the machine lacks.
HARMLESS = re.compile(rb"chapter track|hardware accelerated|Failed to get pixel format")
# What FFmpeg must be told, before OpenCV is imported, to say all of this: errors, and warnings of packets.
ENVIRONMENT = {"OPENCV_FFMPEG_LOGLEVEL": "24", "OPENCV_LOG_LEVEL": "SILENT"}

_file = None  # where they go


@contextmanager
def listening() -> Iterator[None]:
    """Standard output and error of this process go to a file that `errors` reads; without it there are no errors."""
    global _file
    with tempfile.TemporaryFile("w+b", buffering=0) as _file:
        for number in (1, 2):
            os.dup2(_file.fileno(), number)
        yield


def forget() -> None:
    """Begin with the next file or picture."""
    if _file is not None:
        os.ftruncate(_file.fileno(), 0)
        os.lseek(_file.fileno(), 0, os.SEEK_SET)


def errors(joined: bool = False) -> list[str]:
    """How many errors were reported since `forget`, and the first, as one remark; empty without any.

    Args:
        joined: files that were joined: where one ends and the next begins, whole packets are called corrupt.
    """
    if _file is None:
        return []
    os.lseek(_file.fileno(), 0, os.SEEK_SET)
    said = os.read(_file.fileno(), MOST)
    os.lseek(_file.fileno(), 0, os.SEEK_END)
    texts = [next(filter(None, match.groups())).strip() for match in ERROR.finditer(said)]
    if joined:
        texts = [text for text in texts if text != PACKET]
    texts = [text.rstrip(b".").decode(errors="replace") for text in texts if text and not HARMLESS.search(text)]
    if not texts:
        return []
    count = "an error" if len(texts) == 1 else f"{len(texts)} errors"
    return [f"the decoder reports {count}: {texts[0]}"]
