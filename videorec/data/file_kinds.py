"""Which files are videos and pictures, and which are not opened at all."""

from pathlib import Path

VIDEO_SUFFIXES = frozenset(".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .wmv .flv .ogv .gif .ts .3gp".split())
IMAGE_SUFFIXES = frozenset(".jpg .jpeg .png .bmp .tif .tiff .webp".split())


def reason_not_to_open(path: Path) -> str | None:
    """What the operating system says, which OpenCV does not pass on; names at which OpenCV ends the process."""
    if not is_utf8(path):
        return "its name is not UTF-8, which OpenCV needs: rename it"
    try:
        with open(path, "rb") as file:
            return None if file.read(1) else "the file is empty"
    except FileNotFoundError:
        return "no such file"
    except OSError as error:
        return f"the file cannot be opened: {error.strerror}"


def is_utf8(path: Path) -> bool:
    """Whether the name is valid UTF-8: OpenCV ends the process at one that is not."""
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False
