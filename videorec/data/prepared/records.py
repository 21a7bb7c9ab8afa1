"""The format of prepared pictures: `tf.train.Example`s in TFRecord files.

A record holds at most `PICTURES` consecutive pictures of one stream of one video, so that a long video needs neither a large
record nor memory for it. Its features:

    video     bytes         name of the video below the source's folder, with its segment where there is one
    label     bytes list    class names
    stream    bytes         rgb or flow
    first     int64         number of the first picture in its stream
    pictures  bytes list    JPEGs as any viewer shows them: red, green, blue; of flow u, v and the third channel
    stamps    float list    seconds from the start of the video or segment, a picture each; empty for folders of frames
"""

import dataclasses
import errno
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from videorec.config import Flow
from videorec.data import clock, flow
from videorec.data.decode import Reader
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.resize import resize_frame, scale_to_short_side
from videorec.data.stored_flow import FRAMES, Wanted
from videorec.data.values import Values

PICTURES = 64  # a record: dense clips read one or two, and one is about 1 MB at a short side of 256
FLOW_QUALITY = 95
HEADER, FOOTER = 12, 4  # bytes around a TFRecord's content: its length with a checksum before, its own checksum after
Timed = tuple[bytes, float | None]  # JPEG, seconds


@dataclass(frozen=True)
class Settings:
    """What prepared pictures were made with.

    Args:
        streams: rgb, flow or both.
        short_side, quality, fps: of the RGB pictures; smaller videos keep their size; fps None: every frame.
        flow: of the flow pictures, with `short_side` and `fps` filled in; None without that stream.
        videos_per_shard: rows of the manifest in a file.
        values: of folders of pictures, as `videorec.data.pictures.PictureFolder`.
    """

    streams: tuple[str, ...]
    short_side: int
    quality: int
    fps: float | None
    flow: Flow | None
    videos_per_shard: int
    values: Values = None

    def to_dict(self) -> dict:
        """As plain JSON types; `values` where given, so that folders prepared before this setting was there serve on."""
        tree = dataclasses.asdict(self) | {"streams": list(self.streams)}
        return tree | {"values": list(self.values)} if self.values else {k: v for k, v in tree.items() if k != "values"}

    @classmethod
    def from_dict(cls, tree: dict) -> "Settings":
        """The inverse of `to_dict`."""
        stored = tree["flow"] and Flow(**tree["flow"])
        values = tree.get("values")
        return cls(**tree | {"streams": tuple(tree["streams"]), "flow": stored, "values": values and tuple(values)})


# === Pictures of a video ===


def pictures(video: Video, stream: str, settings: Settings) -> Iterator[Timed]:
    """The JPEGs of one stream, in order, with their time stamps; all of one size, that of the first.

    RGB is shrunk to the short side by area averaging, and never enlarged: that is for training to do. Motion is measured on
    frames brought to flow's short side exactly, since its unit is their px. Its JPEGs are of quality 95 with colour at full
    resolution, since colour is motion here: after both encodings u and v are off by 0.04 px on average (lrcn; 0.09 px of
    short_snippets), by less than 0.1 px (0.32 px) in 99 of 100 pixels, at worst by 1 px.

    Raises:
        Unreadable: nothing can be decoded, an image of a folder is broken, or one frame alone has no motion.
    """
    try:
        if stream == "rgb":
            yield from _frames(_open(video, settings.fps, settings), settings.short_side, _options(settings.quality))
        elif settings.flow.method == "stored":
            wanted = Wanted("flow", settings.flow.encoding)
            reader, options = _open(video, settings.flow.fps, settings, wanted), _options(FLOW_QUALITY, full_colour=True)
            yield from _frames(reader, settings.flow.short_side, options)
        else:
            yield from _motion(_open(video, settings.flow.fps, settings), settings.flow)
    except cv2.error as error:  # e.g. an image beyond OpenCV's or JPEG's limit of pixels
        raise Unreadable(f"OpenCV: {error.err}") from error


def _options(quality: int, full_colour: bool = False) -> list[int]:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return [*options, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444] if full_colour else options


def _open(video: Video, fps: float | None, settings: Settings, wanted: Wanted = FRAMES) -> Reader:
    return Reader(video.path, fps, video.start, video.end, values=settings.values, wanted=wanted)


def _frames(reader: Reader, short_side: int, options: list[int]) -> Iterator[Timed]:
    size = None
    for retrieve in reader:
        frame = retrieve()
        if size is None:
            size = _shrunk(frame.shape, short_side)
        yield _jpeg(resize_frame(frame, *size), options), reader.stamp


def _shrunk(shape: tuple[int, ...], short_side: int) -> tuple[int, int]:
    """Height and width with the given short side and the same aspect ratio; the frame's own where they are smaller."""
    scale = min(short_side / min(shape[:2]), 1.0)
    return max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)


def _motion(reader: Reader, settings: Flow) -> Iterator[Timed]:
    options, first, stamp, alone = _options(FLOW_QUALITY, full_colour=True), None, None, True
    for retrieve in reader:
        second = retrieve()[..., ::-1]  # BGR -> RGB
        if first is None:
            second = scale_to_short_side(second, settings.short_side)
        else:
            second, alone = resize_frame(second, *first.shape[:2]), False
            picture = flow.encode(flow.estimate(first, second, settings.method), settings.encoding)
            yield _jpeg(picture[..., ::-1], options), stamp
        first, stamp = second, reader.stamp
    if alone:
        raise Unreadable("a single frame: no motion can be measured")


def _jpeg(picture: np.ndarray, options: list[int]) -> bytes:
    """`(H, W, 3)` uint8 BGR -> JPEG."""
    return cv2.imencode(".jpg", picture, options)[1].tobytes()


# === Records ===


def write(path: Path, name: str, labels: Sequence[str], stream: str, timed: Iterable[Timed]) -> dict:
    """Write one stream of one video to a local TFRecord file of its own, a record at a time.

    Returns:
        Its entry of the index: the number of `pictures`; their clock (see `clock_of`); `records`, for each the place of its
        content in bytes, the content's length and its CRC-32.

    Raises:
        OSError: the disk is full, for example.
    """
    import tensorflow as tf  # takes seconds: not for --help

    records, stamps, count, end = [], [], 0, 0
    timed = iter(timed)
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            while chunk := list(islice(timed, PICTURES)):
                content = serialize(name, labels, stream, count, chunk)
                writer.write(content)
                records.append([end + HEADER, len(content), zlib.crc32(content)])
                stamps += [stamp for _, stamp in chunk]
                count, end = count + len(chunk), end + HEADER + len(content) + FOOTER
    except tf.errors.ResourceExhaustedError as error:
        raise OSError(errno.ENOSPC, error.message, str(path)) from error
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message, str(path)) from error
    return {"pictures": count, **clock_of(stamps), "records": records}


def serialize(name: str, labels: Sequence[str], stream: str, first: int, chunk: Sequence[Timed]) -> bytes:
    """The content of one record: the same bytes for the same pictures."""
    from tensorflow.train import BytesList, Example, Feature, Features, FloatList, Int64List

    def texts(*values):
        return Feature(bytes_list=BytesList(value=[value.encode() for value in values]))

    features = {
        "video": texts(name),
        "label": texts(*labels),
        "stream": texts(stream),
        "first": Feature(int64_list=Int64List(value=[first])),
        "pictures": Feature(bytes_list=BytesList(value=[jpeg for jpeg, _ in chunk])),
        "stamps": Feature(float_list=FloatList(value=[stamp for _, stamp in chunk if stamp is not None])),
    }
    return Example(features=Features(feature=features)).SerializeToString(deterministic=True)


def parse(content: bytes) -> Sequence[bytes]:
    """The JPEGs of a record."""
    from tensorflow.train import Example

    return Example.FromString(content).features.feature["pictures"].bytes_list.value


# === Time ===


def clock_of(stamps: Sequence[float | None]) -> dict:
    """Time stamps for the index, see `clock.pack`; nothing without a clock."""
    return clock.pack(np.array(stamps)) if stamps and stamps[0] is not None else {}


def at_rate(entry: dict, fps: float | None) -> np.ndarray:
    """Numbers of the pictures of an entry that are shown at a rate, see `clock.shown`; all of them without a clock."""
    times = clock.unpack(entry, entry["pictures"])
    return np.arange(entry["pictures"]) if fps is None or times is None else clock.shown(times, fps)
