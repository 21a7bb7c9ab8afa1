"""A look at all sequences before a run: what the log is to say of their files, and what is odd about their values."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from videorec.data import values
from videorec.data.file_kinds import VIDEO_SUFFIXES
from videorec.data.sequences.formats import Sequence
from videorec.data.sequences.packing import Note

log = logging.getLogger(__name__)

LOOKED_THROUGH = 1 << 30  # bytes: of more data only the first window of each file is looked at


def say(sequences: list[Sequence]) -> None:
    """Log each note on the files once, with how many it is true of and up to three of them."""
    files: dict[Note, list[str]] = {}
    for sequence in {s.file: s for s in sequences}.values():
        for note in sequence.notes:
            files.setdefault(note, []).append(sequence.file)
    for note, names in files.items():
        log.log(note.level, "%s: %s", listed(names), note.text)


def listed(names: list[str]) -> str:
    """`a.npy`, or `12 files (a.npy, b.npy, c.npy, ...)`."""
    if len(names) == 1:
        return names[0]
    return f"{len(names)} files ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"


def look_through(sequences: list[Sequence], span: int) -> None:
    """Look at the values once, so that what is wrong with them is known at the start; log what is clipped, masked or black.

    Args:
        span: frames of a window, first to last.

    Raises:
        UserError: as `videorec.data.values.scale`, or a file that cannot be read.
    """
    scaled = [s for s in sequences if not values.is_plain(s.dtype, s.values)]
    whole = _size(scaled) <= LOOKED_THROUGH
    if not whole:
        scaled = list({s.file: s for s in reversed(scaled)}.values())
    total, outside, masked = 0, 0, 0
    for sequence in scaled:
        frames = sequence.read(range(sequence.frames if whole else span))
        count = values.count(frames, sequence.values, sequence.name)
        total, outside, masked = total + count.total, outside + count.outside, masked + count.masked
    where = "" if whole else ", in the first window of each file"
    if outside:
        least, most = scaled[0].values
        log.warning("%d of %d values lie outside %g to %g and are clipped%s", outside, total, least, most, where)
    if masked:
        log.warning("%d of %d values are NaN or infinite: masked in targets, 0 in inputs%s", masked, total, where)
    _look_for_masks([s for s in sequences if values.is_plain(s.dtype, s.values)], span)


def _size(sequences: list[Sequence]) -> int:
    return sum(s.frames * int(np.prod(s.shape)) * s.dtype.itemsize for s in sequences)


def _look_for_masks(sequences: list[Sequence], span: int) -> None:
    """Name the files of bytes that hold 0 and 1 alone. As a rule the first window of a file shows another value."""
    by_file: dict[str, list[Sequence]] = {}
    for sequence in sequences:
        if Path(sequence.file).suffix.lower() not in VIDEO_SUFFIXES:
            by_file.setdefault(sequence.file, []).append(sequence)
    whole = _size(sequences) <= LOOKED_THROUGH
    masks = [file for file, parts in by_file.items() if _greatest(parts if whole else parts[:1], span, whole) == 1]
    if masks:
        log.warning(
            "%s: only the values 0 and 1, as uint8, which is almost black from 0 to 255. 1 as white: --data.values 0 1",
            listed(masks),
        )


def _greatest(sequences: list[Sequence], span: int, whole: bool) -> int:
    """The greatest value of a file; what comes first above 1 will do."""
    greatest = 0
    for block in (block for sequence in sequences for block in _blocks(sequence, span, whole)):
        greatest = max(greatest, int(block.max()))
        if greatest > 1:
            break
    return greatest


def _blocks(sequence: Sequence, span: int, whole: bool) -> Iterator[np.ndarray]:
    for start in range(0, sequence.frames if whole else 1, span):
        yield sequence.read(range(start, min(start + span, sequence.frames)))
