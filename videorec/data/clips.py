"""From a video to its clips: choose indices, read on to the last of them, resize what is kept."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from videorec.config import Data
from videorec.data import sampling
from videorec.data.decode import Reader, fit_frame
from videorec.data.manifest import Video
from videorec.data.problems import Problems

Choose = Callable[[int], np.ndarray]


class ClipReader:
    """Reads clips `(T, H, W, 3)` uint8 RGB of size `data.resize`.

    The header's frame count is only a first guess: where reading shows another, the indices are chosen again and the
    video read again. True counts are remembered, so that this happens once a video and process.
    """

    def __init__(self, data: Data, problems: Problems, threads: int = 1):
        self.data, self.problems, self._threads = data, problems, threads
        self._counts: dict[str, int] = {}

    def training_clip(self, video: Video, rng: np.random.Generator) -> np.ndarray:
        """A random clip: a random place in each part of the video (uniform) or a random window (dense)."""
        frames, step = self.data.frames, self.data.step
        if self.data.sampling == "uniform":
            positions = rng.random(frames)
            return self._read(video, lambda n: sampling.uniform(n, frames, positions)[None], to_end=True)[0]
        position = rng.random()
        return self._read(video, lambda n: sampling.random_window(n, frames, step, position)[None], to_end=False)[0]

    def plain_clips(self, video: Video, clips: int) -> Iterator[np.ndarray]:
        """The clips of a deterministic protocol: `clips` spread evenly, or with 0 one every `hop` frames."""
        if clips == 0:
            return self._dense(video)
        frames, step = self.data.frames, self.data.step
        if self.data.sampling == "uniform":
            return iter(self._read(video, lambda n: sampling.uniform_views(n, frames, clips), to_end=True))
        return iter(self._read(video, lambda n: sampling.spread_windows(n, frames, step, clips), to_end=True))

    def _open(self, video: Video) -> Reader:
        return Reader(video.path, self.data.fps, video.start, video.end, self._threads)

    def _fit(self, frame: np.ndarray) -> np.ndarray:
        return fit_frame(frame, *self.data.resize, self.data.fit)

    def _read(self, video: Video, choose: Choose, to_end: bool) -> np.ndarray:
        """`(V, T, H, W, 3)`: the frames that `choose(number of frames) -> (V, T)` names.

        `to_end` reads past the last of them to learn the true count, where the choice depends on it.
        """
        reader = self._open(video)
        known = self._counts.get(video.name)
        expected = known or reader.declared
        kept, count = self._collect(reader, set(choose(expected).flat), to_end and known is None)
        if count is not None:
            self._counts[video.name] = count
        indices = choose(count or expected)
        if not kept.keys() >= set(indices.flat):  # the header was wrong in a way that matters
            kept, _ = self._collect(self._open(video), set(indices.flat), False)
        if (count or expected) < sampling.span(indices.shape[1], self._step):
            self.problems.add_short(video.name, count or expected, indices.shape[1])
        return np.stack([[kept[i] for i in row] for row in indices])[..., ::-1]  # BGR -> RGB

    @property
    def _step(self) -> int:
        return self.data.step if self.data.sampling == "dense" else 1

    def _collect(self, reader: Reader, wanted: set[int], to_end: bool) -> tuple[dict[int, np.ndarray], int | None]:
        """The wanted frames that exist, and the number of frames where the end was reached."""
        kept, last, index = {}, max(wanted), -1
        for index, retrieve in enumerate(reader):
            if index in wanted:
                kept[index] = self._fit(retrieve())
            if index == last and not to_end:
                return kept, None
        return kept, index + 1

    def _dense(self, video: Video) -> Iterator[np.ndarray]:
        """The windows of `sampling.dense_windows`, with no more than one window in memory."""
        frames, step, hop = self.data.frames, self.data.step, self.data.hop
        span = sampling.span(frames, step)
        recent: deque[np.ndarray] = deque(maxlen=span)
        count = 0
        for count, retrieve in enumerate(self._open(video), start=1):
            recent.append(self._fit(retrieve()))
            if count >= span and (count - span) % hop == 0:
                yield np.stack(list(recent)[::step])[..., ::-1]
        full = (count - span) // hop + 1 if count >= span else 0
        if count < span:
            self.problems.add_short(video.name, count, frames)
            recent.extend([recent[-1]] * (span - count))
        for _ in range(full, -(-count // hop)):  # the starts whose window would pass the end
            yield np.stack(list(recent)[::step])[..., ::-1]
