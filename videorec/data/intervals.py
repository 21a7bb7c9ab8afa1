"""How far apart in time the frames of a clip are: what a stream of frames must keep to, to look like training clips."""

import os
from collections.abc import Sequence

import numpy as np

from videorec.config import Data, Footage
from videorec.data.decode import Reader
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.prepared.stream import stored_pictures
from videorec.storage import files

LOOKED_AT = 64  # videos, spread over all; a median needs no more, and opening 10,000 files takes minutes


def frame_intervals(videos: Sequence[Video], data: Footage) -> dict[str, float | None]:
    """Seconds between two frames of a plain clip, by stream: the median over up to 64 videos.

    From settings alone where frames are taken at a rate (`fps`); otherwise also from the time stamps of the files. None where
    nothing says it: folders of frames (also prepared ones) without a rate, and remote videos.
    """
    return {stream: _median(videos, data.of(stream)) for stream in data.streams}


def _median(videos: Sequence[Video], data: Footage) -> float | None:
    if _is_spread(data) or data.fps is None:
        chosen = {int(index) for index in np.linspace(0, len(videos) - 1, min(len(videos), LOOKED_AT))}
        known = [seconds for index in sorted(chosen) if (seconds := _readable(videos[index], data))]
        return round(float(np.median(known)), 6) if known else None
    return getattr(data, "step", 1) / data.fps


def _is_spread(data: Footage) -> bool:
    return isinstance(data, Data) and data.sampling == "uniform"


def _readable(video: Video, data: Footage) -> float | None:
    try:
        return _of_video(video, data)
    except Unreadable:  # reported when its frames are wanted
        return None


def _of_video(video: Video, data: Footage) -> float | None:
    if files.is_remote(video.path) or not os.path.isfile(video.path):
        return _without_clock(video, data)
    reader = Reader(video.path, max_pixels=data.max_pixels)
    if not _is_spread(data):
        return getattr(data, "step", 1) / reader.rate
    seconds = min(getattr(video, "end", None) or reader.seconds, reader.seconds) - (getattr(video, "start", None) or 0.0)
    # A video of fewer frames than a clip shows each of them, and then holds the last.
    return max(seconds / data.frames, 1 / (data.fps or reader.rate)) if seconds > 0 else None


def _without_clock(video: Video, data: Footage) -> float | None:
    """A folder of frames counts as already at the wanted rate; prepared pictures have theirs."""
    if os.path.isdir(video.path):
        rate, frames = data.fps, len(Reader(video.path, max_pixels=data.max_pixels))
    elif isinstance(data, Data) and (stored := stored_pictures(data)):
        rate = data.fps or (stored.settings.flow if data.stream == "flow" else stored.settings).fps
        frames = len(stored.indices(video, data.stream, data.fps))
    else:
        return None
    if rate is None:
        return None
    return max(frames / rate / data.frames, 1 / rate) if _is_spread(data) else getattr(data, "step", 1) / rate
