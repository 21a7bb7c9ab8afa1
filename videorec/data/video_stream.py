"""One stream of clips read from video files or folders of frames: RGB, or motion measured between neighbouring frames."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from videorec.config import Data
from videorec.data import flow, sampling, stored_flow
from videorec.data.decode import Reader
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.data.resize import resize_frame, scale_to_short_side


class VideoStream:
    """Reads pictures `(*data.resize, 3)` uint8 of one stream.

    Args:
        data: settings of this stream alone (`Data.of`).
        problems: where short videos are noted.
        paired: leave out the last frame, which has no motion, so that the stream is as long as flow; of stored flow the
            frames without flow.
        threads: decoder threads of a file.

    Attributes:
        is_motion: whether pictures are measured between two frames each.
    """

    def __init__(self, data: Data, problems: Problems, paired: bool = False, threads: int = 1):
        self.data, self.problems, self._threads = data, problems, threads
        self.is_motion = data.stream == "flow" and data.flow.method != "stored"
        measured = data.flow.method != "stored"
        self._fewer = 1 if self.is_motion or (paired and measured) else 0  # pictures than frames
        self._wanted = stored_flow.wanted(data, both=paired)

    def read(self, video: Video, choose: Callable[[int], np.ndarray]) -> np.ndarray:
        """`(V, T, H, W, 3)`: the pictures that `choose(number of pictures) -> (V, T)` names; none after the last is decoded."""
        reader = self._open(video)
        count = self._check(len(reader) - self._fewer)
        indices = choose(count)
        kept = self._collect(reader, set(indices.flat))
        self._note_short(video, count, sampling.span(indices.shape[1], self._step))
        return np.stack([[kept[i] for i in row] for row in indices])

    def windows(self, video: Video) -> Iterator[np.ndarray]:
        """The clips `(T, H, W, 3)` of `sampling.dense_windows`, with no more than one window in memory."""
        frames, step, hop = self.data.frames, self.data.step, self.data.hop
        span = sampling.span(frames, step)
        recent: deque[np.ndarray] = deque(maxlen=span)
        count = 0
        for count, picture in enumerate(self.pictures(video), start=1):
            recent.append(picture)
            if count >= span and (count - span) % hop == 0:
                yield np.stack(list(recent)[::step])
        self._check(count)
        full = (count - span) // hop + 1 if count >= span else 0
        if count < span:
            self._note_short(video, count, span)
            rows = sampling.window(count, frames, step, 0, self.data.short)
            last = np.stack([recent[i] for i in rows])
        else:
            last = np.stack(list(recent)[::step])
        for _ in range(full, -(-count // hop)):  # the starts whose window would pass the end
            yield last

    # === Pictures ===

    @property
    def _step(self) -> int:
        return 1 if self.data.sampling == "uniform" else self.data.step

    def _open(self, video: Video) -> Reader:
        data = self.data
        options = {"cache_gb": data.remote_cache_gb, "values": data.values, "max_pixels": data.max_pixels}
        reader = Reader(video.path, data.fps, video.start, video.end, self._threads, **options, wanted=self._wanted)
        if reader.facts.damage:
            self.problems.add_damaged(video.name, reader.facts.damage)
        return reader

    def _check(self, pictures: int) -> int:
        if pictures < 1:
            raise Unreadable("a single frame: no motion can be measured")
        return pictures

    def _note_short(self, video: Video, count: int, span: int) -> None:
        if count < span:
            self.problems.add_short(video.name, count, self.data.frames, self.data.short)

    def scaled(self, frame: np.ndarray) -> np.ndarray:
        """A decoded BGR frame as a picture, or as what motion is measured on; RGB."""
        data = self.data
        if self.is_motion:
            return scale_to_short_side(frame, data.flow.short_side)[..., ::-1]
        return resize_frame(frame, *data.resize, data.fit)[..., ::-1]

    def motion(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The picture of the motion from one scaled frame to the next."""
        motion = flow.estimate(first, second, self.data.flow.method)
        return resize_frame(flow.encode(motion, self.data.flow.encoding), *self.data.resize, self.data.fit)

    def _collect(self, reader: Reader, wanted: set[int]) -> dict[int, np.ndarray]:
        """The wanted pictures by number."""
        needed = wanted | {i + 1 for i in wanted} if self.is_motion else wanted
        upto = zip(range(max(needed) + 1), reader, strict=False)
        frames = {i: self.scaled(retrieve()) for i, retrieve in upto if i in needed}
        return {i: self.motion(frames[i], frames[i + 1]) for i in wanted} if self.is_motion else frames

    def pictures(self, video: Video) -> Iterator[np.ndarray]:
        """Every picture of the video."""
        previous = None
        for retrieve in self._open(video):
            frame = self.scaled(retrieve())
            if not self._fewer:
                yield frame
            elif previous is not None:
                yield self.motion(previous, frame) if self.is_motion else previous
            previous = frame
