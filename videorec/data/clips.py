"""From a video to its clips: choose indices for each stream, and have its reader fetch the pictures.

Streams lie side by side in time. Flow picture k is the motion from frame k to frame k + 1, so N frames have N - 1 flow
pictures. Where both streams have one rate and length, picture t of both belongs to the same frame, and the frame without a
motion, the last, is left out of both. Where they differ, or are not to be paired, both show the same place: the whole video
(uniform), its start (first), or windows that begin at the same share of their possible starts (dense).
"""

from collections.abc import Callable, Iterator

import numpy as np

from videorec.config import Data
from videorec.data import flow, sampling
from videorec.data.manifest import Video
from videorec.data.prepared.stream import PreparedStream, stored_pictures
from videorec.data.problems import Problems
from videorec.data.video_stream import VideoStream

Choose = Callable[[int], np.ndarray]


class ClipReader:
    """Reads clips, a dict with an array for each stream.

    Of videos: `(T, *data.resize, 3)` uint8, RGB. Of prepared pictures (`encoded` is True): `(T,)` JPEGs, for TensorFlow to
    decode.

    Attributes:
        streams: the reader of each stream, by its name.
        encoded: whether clips are JPEGs.

    Raises:
        UserError: the prepared folder lacks what `data` asks for, or the method of flow is not installed.
    """

    def __init__(self, data: Data, problems: Problems, threads: int = 1):
        self.data, self.problems = data, problems
        stored = stored_pictures(data)
        self.encoded = stored is not None
        if stored:
            stored.check(data)
        elif "flow" in data.streams and data.flow.method != "stored":
            flow.check_method(data.flow.method)
        parts = [data.of(name) for name in data.streams]
        paired = is_paired(data)
        self.streams = {
            part.stream: PreparedStream(stored, part, problems, paired)
            if stored
            else VideoStream(part, problems, leaves_frames_out(data), threads)
            for part in parts
        }

    def training_clip(self, video: Video, key: tuple) -> dict[str, np.ndarray]:
        """A random clip: a random place in each part of the video (uniform) or a random window (dense).

        Args:
            key: seed of the random numbers. All streams draw the same.
        """
        clip = {}
        for name, stream in self.streams.items():
            choose = _training_choice(stream.data, np.random.default_rng(key))
            clip[name] = stream.read(video, choose)[0]
        return clip

    def plain_clips(self, video: Video, clips: int) -> Iterator[dict[str, np.ndarray]]:
        """The clips of a deterministic protocol: `clips` spread evenly, or with 0 one every `hop` frames."""
        if clips == 0:
            parts = [stream.windows(video) for stream in self.streams.values()]
        else:
            parts = [stream.read(video, _plain_choice(stream.data, clips)) for stream in self.streams.values()]
        for rows in zip(*parts, strict=True):
            yield dict(zip(self.streams, rows, strict=True))


def is_paired(data: Data) -> bool:
    """Whether there are two streams, and picture t of both belongs to the same frame: as many at the same rate and distance."""
    one, other = data.of("rgb"), data.of("flow")
    same = (one.frames, one.fps, one.step) == (other.frames, other.fps, other.step)
    return len(data.streams) == 2 and data.flow.paired and same


def leaves_frames_out(data: Data) -> bool:
    """Whether there are two streams, and the frames without motion are left out of both."""
    stored = data.flow.method == "stored" and data.flow.paired
    return is_paired(data) or (len(data.streams) == 2 and stored)


def _training_choice(data: Data, rng: np.random.Generator) -> Choose:
    """`number of pictures -> (1, T)` indices."""
    frames, step, short = data.frames, data.step, data.short
    if data.sampling == "first":
        return lambda n: sampling.window(n, frames, step, 0, short)[None]
    if data.sampling == "dense":
        position = rng.random()
        return lambda n: sampling.random_window(n, frames, step, position, short)[None]
    positions = rng.random(frames)
    return lambda n: sampling.uniform(n, frames, positions, short)[None]


def _plain_choice(data: Data, clips: int) -> Choose:
    """`number of pictures -> (clips, T)` indices."""
    frames, step, short = data.frames, data.step, data.short
    if data.sampling == "first":
        return lambda n: np.stack([sampling.window(n, frames, step, 0, short)] * clips)
    if data.sampling == "dense":
        return lambda n: sampling.spread_windows(n, frames, step, clips, short)
    return lambda n: sampling.uniform_views(n, frames, clips, short)
