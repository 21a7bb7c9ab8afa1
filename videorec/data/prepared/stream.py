"""One stream of clips from pictures that videorec.tools.prepare has stored."""

from collections.abc import Callable, Iterator

import numpy as np

from videorec.config import Data
from videorec.data import sampling
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.prepared.index import Prepared, is_prepared
from videorec.data.problems import Problems


def stored_pictures(data: Data) -> Prepared | None:
    """The prepared folder that `data` reads from, or None where it reads videos."""
    folder = data.videos or data.path
    return Prepared(folder) if is_prepared(folder) else None


class PreparedStream:
    """Reads the JPEGs of one stream; nothing is decoded here.

    Args:
        stored: the prepared folder.
        data: settings of this stream alone (`Data.of`).
        problems: where short videos are noted.
        paired: leave out the last frame, which has no motion, so that the stream is as long as flow.
    """

    def __init__(self, stored: Prepared, data: Data, problems: Problems, paired: bool = False):
        self.data, self.problems, self._stored, self._paired = data, problems, stored, paired

    def read(self, video: Video, choose: Callable[[int], np.ndarray]) -> np.ndarray:
        """`(V, T)` JPEGs (bytes): the pictures that `choose(number of pictures) -> (V, T)` names."""
        numbers = self._numbers(video)
        indices = choose(len(numbers))
        step = 1 if self.data.sampling == "uniform" else self.data.step
        if len(numbers) < sampling.span(indices.shape[1], step):
            self.problems.add_short(video.name, len(numbers), self.data.frames, self.data.short)
        wanted, places = np.unique(indices, return_inverse=True)
        pictures = self._stored.pictures(video, self.data.stream, numbers[wanted])
        return np.array(pictures, object)[places.reshape(indices.shape)]

    def windows(self, video: Video) -> Iterator[np.ndarray]:
        """The clips `(T,)` of `sampling.dense_windows`."""
        data, count = self.data, len(self._numbers(video))
        for row in sampling.dense_windows(count, data.frames, data.step, data.hop, data.short):
            yield self.read(video, lambda n, row=row: row[None])[0]

    def _numbers(self, video: Video) -> np.ndarray:
        """Stored pictures at the wanted rate."""
        numbers = self._stored.indices(video, self.data.stream, self.data.fps)
        numbers = numbers[:-1] if self._paired and self.data.stream == "rgb" else numbers
        if not len(numbers):
            raise Unreadable("a single frame: no motion can be measured")
        return numbers
