"""`Labeller`: a model's probabilities for every frame of whole videos of any length."""

import logging
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from videorec.config import Footage, UserError
from videorec.data import augment
from videorec.data.manifest import Video
from videorec.data.moments.tables import DenseVideo
from videorec.data.moments.windows import pieces
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.inference.framewise import Framewise
from videorec.inference.stream import Stream
from videorec.models.backend import without_xla
from videorec.models.split import cut

log = logging.getLogger(__name__)


class Labeller:
    """Runs a model of dense labels over whole videos.

    A causal model carries its state from piece to piece, so that memory does not grow with the video. One that reads the
    video in both directions gets the features of the whole video at once, and `whole` says why.

    Args:
        model: `{stream: (B, T, H, W, 3)}` -> `probabilities` `(B, T, C)`.
        data: how videos are read.
        batch: frames that go through the CNN at a time.
    """

    def __init__(self, model: keras.Model, data: Footage, batch: int):
        if set(model.input) != {data.stream}:
            raise UserError(
                f"{model.name} takes the stream {', '.join(model.input)}. Received: --data.stream {data.stream}. "
                f"Evaluate with --data.stream {next(iter(model.input))}"
            )
        self.model, self.data, self.batch, self.whole = model, data, batch, None
        try:
            self._stream = Stream(model, outputs=["probabilities"])
        except UserError as error:
            self._stream, self.whole = None, str(error)
            log.info("each video goes through the model as a whole: %s", error)

    def probabilities(self, video: DenseVideo | Video, problems: Problems) -> np.ndarray:
        """`(T, C)` float32 for the T frames of a video at the rate of `data`.

        Raises:
            Unreadable: no frame can be read.
        """
        parts = self._at_once(video, problems) if self._stream is None else self._in_pieces(video, problems)
        return np.concatenate([part[0] for part in parts])

    def _in_pieces(self, video: DenseVideo | Video, problems: Problems) -> Iterator[np.ndarray]:
        self._stream.reset()  # a video that broke off leaves no state
        for frames in self._frames(video, problems):
            yield self._stream.push({self.data.stream: frames})["probabilities"]
        yield self._stream.end()["probabilities"]

    def _at_once(self, video: DenseVideo | Video, problems: Problems) -> list[np.ndarray]:
        framewise, head = Framewise(self.model, self.batch), without_xla(cut(self.model)[1])
        features = [framewise.features({self.data.stream: frames}) for frames in self._frames(video, problems)]
        whole = {name: np.concatenate([piece[name] for piece in features], axis=1) for name in features[0]}
        return [keras.ops.convert_to_numpy(head.predict_on_batch(whole)["probabilities"])]

    def _frames(self, video: DenseVideo | Video, problems: Problems) -> Iterator[np.ndarray]:
        """`(1, t, *data.crop, 3)` uint8."""
        for pictures in pieces(video, self.data, problems, self.batch):
            yield np.asarray(augment.cropped(pictures, self.data))[None]


class FusedLabeller:
    """The weighted mean of the probabilities of several models for every frame (late fusion), each of which reads the video in
    its own way; used as `Labeller`.

    Args:
        labellers: of the same classes and frames a second.
        weights: of each; their sum is above 0.
    """

    def __init__(self, labellers: Sequence[Labeller], weights: Sequence[float]):
        self.labellers, self.weights, self.data = labellers, weights, labellers[0].data
        self.whole = "; ".join(dict.fromkeys(each.whole for each in labellers if each.whole)) or None
        if len({each.data.stream for each in labellers}) > 1:
            log.info("motion lies between frames: the last frame of each video, after which there is none, is left out")

    def probabilities(self, video: DenseVideo | Video, problems: Problems) -> np.ndarray:
        """As those of a `Labeller`, for the frames that all models have: motion lies between frames, and has one less.

        Raises:
            Unreadable: no frame can be read, or a model is given fewer frames than another (stored flow of another video).
        """
        parts = [each.probabilities(video, problems) for each in self.labellers]
        lengths = [len(part) for part in parts]
        frames = min(lengths)
        if max(lengths) > frames + 1:
            raise Unreadable(f"the runs that are fused see {' and '.join(map(str, lengths))} frames of it")
        fused = np.average([part[:frames] for part in parts], axis=0, weights=self.weights)
        return fused.astype(np.float32)
