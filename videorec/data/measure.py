"""Read one video from end to end, in a process of its own: a file that hangs or ends the decoder ends that process alone.

`videorec.data.measuring` starts `python -m videorec.data.measure`, which reads a request a line and answers with a line.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from videorec.data import clock, containers, decoder_messages
from videorec.data.facts import Facts
from videorec.data.file_kinds import is_utf8, kind_of_special, reason_not_to_open
from videorec.data.pictures import Types, Unreadable, picture_paths, read_stored
from videorec.data.stored_flow import without_flow

Image.MAX_IMAGE_PIXELS = None  # the size is compared here, before anything is decoded
MOST_FRAMES = 1e8
LONGER = 1.25  # than its frames: sound, or a few frames of delay, make a length a little longer
ALIVE_SECONDS = 2.0  # between two signs of life

Alive = Callable[[], None]


def measure(path: Path, max_pixels: int, alive: Alive = lambda: None) -> Facts:
    """What a video file or a folder of pictures holds.

    Args:
        max_pixels: of a frame; above it nothing is decoded.
        alive: called between frames.
    """
    try:
        return _of_folder(path, max_pixels, alive) if path.is_dir() else _of_file(path, max_pixels, alive)
    except OSError as error:
        return Facts(unreadable=error.strerror or str(error))
    except cv2.error as error:
        return Facts(unreadable=f"OpenCV: {error.err}")
    except MemoryError:
        return Facts(unreadable="its frames do not fit into memory")


@dataclass(frozen=True)
class Header:
    """What a file says of itself: size of a frame; a number of frames, which is counted or follows from its length."""

    size: Facts
    declared: float
    rate: float | None
    counted: bool

    @property
    def frames(self) -> int | None:
        """Where the container counts them. A pipe leaves nothing, or the largest number there is."""
        return int(self.declared) if self.counted and 0 < self.declared < MOST_FRAMES else None

    @property
    def seconds(self) -> float | None:
        """The length, where the container does not count frames."""
        return self.declared / self.rate if not self.counted and self.rate and 0 < self.declared < MOST_FRAMES else None


# === A file ===


def _of_file(path: Path, max_pixels: int, alive: Alive) -> Facts:
    reason = reason_not_to_open(path)
    if reason:
        return Facts(unreadable=reason)
    too_large = Facts(*(0, *_size_of_picture(path)))
    if too_large.above(max_pixels):
        return _refused(too_large, max_pixels)
    capture = _opened(path)
    ended = containers.missing_end(path)
    if not capture.isOpened():
        return _unreadable("no video stream in it, or a format that FFmpeg does not know", ended)
    size = Facts(0, *(int(capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)))
    if size.above(max_pixels):
        return _refused(size, max_pixels)
    declared, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    stamps = []
    while capture.grab():
        stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC))
        alive()
    if not stamps:
        return _unreadable("no frame can be decoded", ended)
    signs = [*([ended] if ended else []), *_signs_of_gif(path, len(stamps))]
    header = Header(size, declared, rate if 0 < rate < 100_000 else None, containers.counts_frames(path))
    return _facts(path, header, np.array(stamps) / 1000, signs, alive)


def _opened(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def _facts(path: Path, header: Header, stamps: np.ndarray, signs: list[str], alive: Alive) -> Facts:
    times, frames = clock.clock(stamps, header.rate), len(stamps)
    signs = [*decoder_messages.errors(times.restarts), *signs]
    if signs:  # of a whole file every frame can be converted
        frames = _converted(path, frames, alive)
        signs += [f"frame {frames} cannot be converted"] if frames < len(stamps) else []
    if not frames:
        return Facts(unreadable="; ".join(["no frame can be decoded", *signs]))
    return Facts(
        frames=frames,
        width=header.size.width,
        height=header.size.height,
        declared=header.frames,
        rate=times.rate,
        packed_times=clock.pack(times.times[:frames]),
        damage=_damage(frames, header.frames, signs),
        remarks=_remarks(frames, header, times, bool(signs)),
    )


def _converted(path: Path, frames: int, alive: Alive) -> int:
    """The frames up to the first that OpenCV cannot make a picture of, though it was decoded."""
    capture = _opened(path)
    for number in range(frames):
        alive()
        try:
            if not (capture.grab() and capture.retrieve()[0]):
                return number
        except cv2.error:
            return number
    return frames


def _unreadable(reason: str, ended: str | None) -> Facts:
    return Facts(unreadable="; ".join([reason, *decoder_messages.errors(), *([ended] if ended else [])]))


def _refused(size: Facts, max_pixels: int) -> Facts:
    return Facts(0, size.width, size.height, unreadable=size.above(max_pixels))


def _size_of_picture(path: Path) -> tuple[int, int]:
    """Width and height by the header of a picture or GIF, whatever its name; FFmpeg would decode a frame to learn them."""
    try:
        if kind_of_special(path):  # at a pipe it would wait
            return 0, 0
        with Image.open(path) as picture:
            return picture.size
    except Exception:  # Pillow raises errors of many kinds at a damaged header; OpenCV says what is wrong
        return 0, 0


def _signs_of_gif(path: Path, frames: int) -> list[str]:
    """FFmpeg passes over broken parts of a GIF without a word; Pillow does not."""
    with open(path, "rb") as file:
        if file.read(4) != b"GIF8":
            return []
    try:
        with Image.open(path) as pages:
            count = pages.n_frames
            for number in range(count):
                pages.seek(number)
                pages.load()
    except Exception as error:  # of many kinds
        return [f"Pillow reports an error: {error}"]
    return [f"{count} pictures are in it"] if count > frames else []


def _damage(frames: int, declared: int | None, signs: list[str]) -> str:
    if not signs:
        return ""
    share = f"{frames} of {declared} frames can be read" if declared and declared > frames else f"{frames} frames can be read"
    return "; ".join([share, *signs])


def _remarks(frames: int, header: Header, times: clock.Clock, damaged: bool) -> dict[str, str]:
    remarks, seconds = {}, times.times[-1] + 1 / times.rate
    if header.frames not in (None, frames) and not damaged:
        remarks["count"] = f"declares {header.frames} frames, {frames} can be read"
    if header.seconds is not None and header.seconds > LONGER * seconds:
        remarks["length"] = f"declares {header.seconds:.2f} s, its frames end after {seconds:.2f} s"
    if times.remarks:
        remarks["clock"] = "; ".join(times.remarks)
    if times.skipped:
        remarks["skips"] = f"its time stamps leave room for {times.skipped} more frames"
    if frames == 1:
        remarks["short"] = "has 1 frame"
    return remarks


# === A folder of pictures ===


def _of_folder(folder: Path, max_pixels: int, alive: Alive) -> Facts:
    paths = picture_paths(folder)
    if not paths:
        return Facts(unreadable="a folder without pictures")
    if not is_utf8(folder):
        return Facts(unreadable="its name is not UTF-8, which OpenCV needs: rename it")
    sizes, types, missing, signs = Counter(), Types(), {}, []
    frames = set(without_flow(paths))  # flow has a type of its own
    for path in paths:
        alive()
        of_header = Facts(0, *_size_of_picture(path))
        if of_header.above(max_pixels):
            return Facts(0, of_header.width, of_header.height, unreadable=f"{path.name}: {of_header.above(max_pixels)}")
        decoder_messages.forget()
        try:
            picture = read_stored(path)
        except Unreadable as error:
            missing[path.name] = str(error)
            continue
        sizes[picture.shape[1], picture.shape[0]] += 1
        if path in frames:
            types.add(path.name, picture)
        ended, said = containers.missing_end(path), decoder_messages.errors()
        if ended or said:
            signs.append(f"{path.name}: {'; '.join([*([ended] if ended else []), *said])}")
    return _facts_of_folder(len(paths), sizes, types, missing, signs)


def _facts_of_folder(count: int, sizes: Counter, types: Types, missing: dict[str, str], signs: list[str]) -> Facts:
    frames = count - len(missing)
    broken = list(missing.values())
    if not frames:
        return Facts(unreadable=f"none of its {count} pictures can be read: {broken[0]}")
    (width, height), _ = sizes.most_common(1)[0]
    if types.fault:
        return Facts(unreadable=types.fault)
    damage = []
    if broken:
        damage.append(f"{frames} of {count} pictures can be read, left out: {_some(broken)}")
    if signs:
        damage.append(f"{len(signs)} can be read in part: {_some(signs)}")
    remarks = {"short": "has 1 frame"} if frames == 1 else {}
    if types.remark:
        remarks["values"] = types.remark
    if len(sizes) > 1:
        listed = ", ".join(f"{number} of {w} x {h}" for (w, h), number in sizes.most_common(3))
        remarks["size"] = f"frames of {len(sizes)} sizes: {listed}"
    return Facts(frames, width, height, damage="; ".join(damage), remarks=remarks, missing=tuple(missing))


def _some(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


# === The process ===


def main() -> None:
    """Answer requests `{"path": ..., "max_pixels": ...}` on standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="ascii")
    requests = os.fdopen(os.dup(0), "r", encoding="ascii")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    cv2.setNumThreads(1)
    last = time.monotonic()

    def alive():
        nonlocal last
        if time.monotonic() - last > ALIVE_SECONDS:
            last = time.monotonic()
            answers.write(".\n")

    with decoder_messages.listening():
        for line in requests:
            request = json.loads(line)
            decoder_messages.forget()
            last = time.monotonic()
            answers.write(measure(Path(request["path"]), request["max_pixels"], alive).to_json() + "\n")


if __name__ == "__main__":
    main()
