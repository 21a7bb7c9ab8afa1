"""How many bytes a file ought to have by its own container: what was cut off is seen here and nowhere else.

A decoder that reaches the end of a file takes it for the end of the video. Read are the outermost boxes alone, of the
containers that say how long they are. A transport stream says it of its packets; an MPEG program stream, and a file that was
written to a pipe, say nothing.
"""

import os
from pathlib import Path
from typing import BinaryIO

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
JPEG_START, JPEG_END, JPEG_SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")  # what an MP4 or QuickTime file begins with


def missing_end(path: Path) -> str | None:
    """What tells that the end of a video, GIF or JPEG file is missing, in words; None where nothing does.

    Raises:
        OSError: the file cannot be read.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[:6] in (b"GIF87a", b"GIF89a"):
            return None if _ends_with(file, size, b";") else "it lacks the mark at the end of a GIF"
        if head[:2] == JPEG_START:
            return None if _has_jpeg_end(file) else "it lacks the mark at the end of a JPEG"
        packet = _transport_packet(file)
        if packet and size % packet:
            return "it ends within a packet of its transport stream"
        declared = _declared_size(file, head, size)
    return f"it ends after {size:,} of {declared:,} bytes" if declared is not None and declared > size else None


def counts_frames(path: Path) -> bool:
    """Whether the container has a table of its frames (MP4, QuickTime, AVI): others declare a number that is an estimate."""
    with open(path, "rb") as file:
        head = file.read(12)
    return head[4:8] in BOXES or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


def _declared_size(file: BinaryIO, head: bytes, size: int) -> int | None:
    if head[4:8] in BOXES:
        return _end_of_boxes(file, size)
    if head[:4] == b"RIFF":
        return _end_of_riff(file, size)
    return _end_of_matroska(file) if head[:4] == EBML else None


def _end_of_boxes(file: BinaryIO, size: int) -> int | None:
    """ISO/IEC 14496-12, 4.2: size (4 bytes, big endian; 1: 8 more bytes follow the name; 0: up to the end), name."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        head = file.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or not name.isascii():  # up to the end, or what follows is no box
            return None
        end += length
    return end


def _end_of_riff(file: BinaryIO, size: int) -> int | None:
    """Chunks `RIFF`, size (4 bytes, little endian), of which large AVI files have several. A pipe leaves 0, or all ones."""
    end = 0
    while end + 12 <= size:
        file.seek(end)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or length == 0 or length >= 0x7FFFFFFF:
            return None
        end += 8 + length
    return end


def _end_of_matroska(file: BinaryIO) -> int | None:
    """RFC 8794: identifier, size (1 to 8 bytes; all ones: unknown), content; the header, and one segment."""
    header = _ebml_size(file, len(EBML))
    if header is None:
        return None
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != SEGMENT:
        return None
    length = _ebml_size(file, 0)
    return None if length is None else file.tell() + length


def _ebml_size(file: BinaryIO, skipped: int) -> int | None:
    file.seek(skipped, os.SEEK_CUR)
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _transport_packet(file: BinaryIO) -> int | None:
    """ISO/IEC 13818-1: packets of 188 bytes begin with 0x47; those of 192 (Blu-ray, cameras) after four bytes."""
    head = file.read(2 * 192 + 5)
    file.seek(0)
    for packet, first in ((188, 0), (192, 4)):
        if head[first::packet][:3] == b"\x47" * 3:
            return packet
    return None


def _ends_with(file: BinaryIO, size: int, mark: bytes) -> bool:
    file.seek(max(size - 1024, 0))
    return file.read().rstrip(b"\0").endswith(mark)


def _has_jpeg_end(file: BinaryIO) -> bool:
    """Whether the mark follows the scan of the picture itself: a thumbnail in its header has one of its own."""
    content, place = file.read(), 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        if content[place + 1] == JPEG_SCAN:
            return content.find(JPEG_END, place) >= 0
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return JPEG_END in content[place:]
