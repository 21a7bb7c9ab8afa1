"""Which files are videos and pictures, which names are no one's data, and which files are not opened at all."""

import os
import re
import stat
from pathlib import Path

VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .qt .mkv .mk3d .webm .avi .divx .mpg .mpeg .mpe .m1v .m2v .m2p .vob .ts .m2t .mts .m2ts .wmv .asf .flv "
    ".f4v .ogv .ogm .3gp .3g2 .rm .rmvb .mxf .gxf .wtv .dv .nut .ivf .y4m .h264 .264 .hevc .h265 .265 .mjpg .mjpeg .gif".split()
)
IMAGE_SUFFIXES = frozenset(".jpg .jpeg .png .bmp .tif .tiff .webp".split())

# What systems and programs leave beside people's files, lower case; names that begin with a point are hidden anyway.
_SYSTEM_NAMES = frozenset(
    "@eadir @tmp @recycle @recently-snapshot #recycle #snapshot __macosx thumbs.db ehthumbs.db ehthumbs_vista.db desktop.ini "
    "$recycle.bin recycler lost+found icon\r".split(" ")
) | {"system volume information", "network trash folder", "temporary items"}

HEAD = 4096  # bytes of a file that are looked at before FFmpeg may open it
_DRAWN = frozenset(".txt .nfo .ans .asc .art .diz .ice .vt .bin .xb .adf .idf".split())  # FFmpeg makes pictures of their text
_PATTERN = re.compile(r"%\d*d")  # with the suffix of a picture FFmpeg reads all the files that it stands for
# Texts that make FFmpeg read or fetch other files: it tells them by how they begin.
_PLAYLISTS = {
    b"#EXTM3U": "a playlist (M3U)",
    b"ffconcat version": "a playlist (ffconcat)",
    b"v=0": "a session description (SDP)",
    b"<?xml": "XML (a playlist?)",
    b"<MPD": "a playlist (DASH)",
    b"<ASX": "a playlist (ASX)",
    b"<asx": "a playlist (ASX)",
    b"[playlist]": "a playlist (PLS)",
    b"[Reference]": "a playlist (ASF)",
    b"RTSPtext": "a playlist (QuickTime)",
    b"rtsp://": "a playlist (RAM)",
    b"http://": "a playlist (RAM)",
    b"https://": "a playlist (RAM)",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # bytes of no text; tab, line ends and escape are some


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or a system's own: `._x.mp4`, `@eaDir`, `__MACOSX`, `Thumbs.db`."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def reason_not_to_open(path: Path) -> str | None:
    """Why the file is not given to FFmpeg; None where it is.

    What the operating system says, which OpenCV does not pass on; names at which OpenCV ends the process; pipes, devices and
    sockets, at which it waits for ever; texts, of which FFmpeg draws some and follows others to the files that they name.
    """
    if not is_utf8(path.absolute()):
        return "its name is not UTF-8, which OpenCV needs: rename it"
    try:
        special = kind_of_special(path)
        if special:
            return f"{special}, not a file"
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        return "no such file: the link leads nowhere" if os.path.islink(path) else "no such file"
    except OSError as error:
        return f"the file cannot be opened: {error.strerror}"
    if not head:
        return "the file is empty"
    return _reason_of_name(path) or _reason_of_content(head)


def kind_of_special(path: str | Path) -> str | None:
    """What `path` is where it is neither a file nor a folder, links followed; such things are not opened.

    Raises:
        OSError: there is nothing, or it cannot be reached.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    kinds = {stat.S_ISFIFO: "a named pipe", stat.S_ISSOCK: "a socket"}
    return next((kind for test, kind in kinds.items() if test(mode)), "a device")


def is_utf8(path: str | Path) -> bool:
    """Whether the name is valid UTF-8: OpenCV ends the process at one that is not."""
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False


def _reason_of_name(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if suffix in _DRAWN:
        return f"{suffix} is a suffix of texts, of which FFmpeg makes pictures: rename it where it is a video"
    if suffix not in VIDEO_SUFFIXES and _PATTERN.search(str(path.absolute())):
        return "FFmpeg takes %d in its path for numbers, and reads the files of all of them: rename it"
    return None


def _reason_of_content(head: bytes) -> str | None:
    """Texts, whatever their names are, also such as pretend to go on as something else."""
    if head.startswith(b"ID3"):  # which FFmpeg skips before it looks at the rest
        return "an audio file"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for start, kind in _PLAYLISTS.items():
        if text.startswith(start):
            return f"{kind}, not a video: what it names is not read"
    if b"\nc=IN IP" in head or (b"<MPD" in head and b"dash" in head):  # where these stand does not matter to FFmpeg
        return "a session description or playlist, not a video: what it names is not read"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or not (_CONTROL.search(head) or head.startswith(b"YUV4MPEG2 ")):
        return "text, not a video"
    return None
