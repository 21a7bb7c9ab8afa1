"""Embeddings of validation clips for TensorBoard's projector, with their pictures."""

import contextlib
import logging
import time
from collections.abc import Iterator

import cv2
import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector

from videorec.config import Data
from videorec.data.clips import ClipReader
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.models.backend import taken
from videorec.runs.run import Run
from videorec.storage import files
from videorec.terminal import printable
from videorec.training.board.inside import noted, parts
from videorec.training.curves import Curves
from videorec.training.feed import Feed

log = logging.getLogger(__name__)

MOST = 400  # points
APART = 8  # frames from point to point, where frames have labels
SIDE = 48  # pixels of a picture
SHARE = 0.01  # of the time of training
LEAST = 0.1  # seconds


class Projector(keras.callbacks.Callback):
    """At the end of training: the features that the classifier reads, of as many validation clips as a little time allows.

    Args:
        curves: which say whether there was a validation.
        run, feed, dataset: of the training.
    """

    def __init__(self, curves: Curves, run: Run, feed: Feed, dataset):
        super().__init__()
        self._curves, self._run, self._feed, self._dataset = curves, run, feed, dataset

    def on_train_begin(self, logs=None):
        """Remember when."""
        self._began = time.monotonic()

    def on_train_end(self, logs=None):
        """Write the points, their labels and their pictures."""
        named = [layer for _, layer in parts(self.model) if layer.name.endswith("steps")]
        heads = list({id(layer): layer for layer in named if isinstance(layer, keras.layers.Dense)}.values())
        if self._feed.val is None or not heads:
            return
        now = time.monotonic()
        until = now + max(LEAST, SHARE * (now - self._began))
        points, truth, pictures = self._embed(heads, until)
        if len(points) < 3:
            return
        classes = [printable(name) for name in self._dataset.classes]
        labels = [";".join(classes[k] for k in np.flatnonzero(row)) or "(none)" for row in truth]
        _write(
            self._run.tensorboard / "val", points, labels, self._stored(len(points), until) if pictures is None else pictures
        )
        log.info("TensorBoard's projector shows %d validation clips", len(points))

    def _embed(self, heads: list, until: float) -> tuple[np.ndarray, np.ndarray, list[np.ndarray] | None]:
        """Points `(N, D)`, truth `(N, C)`, and pictures where the model reads frames."""
        points, truth, pictures = [], [], []
        for inputs, targets, *_ in self._feed.val:
            with read_by(heads) as read:
                self.model(taken(inputs), training=False)
            target = np.asarray(next(iter(targets.values())))
            frames = np.asarray(inputs["rgb"]) if "rgb" in inputs and inputs["rgb"].dtype == tf.uint8 else None
            if target.ndim == 3:  # frames have labels of their own
                chosen = range(0, target.shape[1], APART)
                features, target = np.concatenate(read, axis=-1)[:, chosen], target[:, chosen]
            else:
                chosen = [0 if frames is None else frames.shape[1] // 2]
                features = np.concatenate([x.reshape(len(x), -1, x.shape[-1]).mean(axis=1) for x in read], axis=-1)
            points.append(features.reshape(-1, features.shape[-1]).astype(np.float32))
            truth.append(target.reshape(-1, target.shape[-1]))
            if frames is not None:
                pictures += [_small(frame) for frame in frames[:, chosen].reshape(-1, *frames.shape[2:])]
            if time.monotonic() > until or sum(map(len, points)) >= MOST:
                break
        points, truth = np.concatenate(points)[:MOST], np.concatenate(truth)[:MOST]
        return points, truth, pictures[:MOST] if len(pictures) >= len(points) else None

    def _stored(self, count: int, until: float) -> list[np.ndarray] | None:
        """Pictures of the first videos, where features are stored and no frames are at hand."""
        data = self._run.experiment.data
        videos = self._dataset.split("val")[:count]
        if not isinstance(data, Data) or len(videos) < count:
            return None
        reader, pictures = ClipReader(data, Problems(1, 1.0)), []
        if reader.encoded or "rgb" not in data.streams:
            return None
        for video in videos:
            frame = np.zeros((SIDE, SIDE, 3), np.uint8)
            if time.monotonic() < until + LEAST:
                with contextlib.suppress(Unreadable):  # stays black; the log names it already
                    frame = _small(next(iter(reader.plain_clips(video, 1)))["rgb"][data.frames // 2])
            pictures.append(frame)
        return pictures


@contextlib.contextmanager
def read_by(layers: list[keras.layers.Layer]) -> Iterator[list[np.ndarray]]:
    """While the block runs, what these layers are called with, in a list."""
    read = []
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(noted(layer, "call", lambda args, _: read.append(keras.ops.convert_to_numpy(args[0]))))
        yield read


def _small(frame: np.ndarray) -> np.ndarray:
    return cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _write(folder, points: np.ndarray, labels: list[str], pictures: list[np.ndarray] | None) -> None:
    lines = ["\t".join(f"{x:.5g}" for x in row) for row in points]
    files.write(folder / "embeddings.tsv", "\n".join(lines).encode())
    files.write(folder / "labels.tsv", "".join(label.replace("\t", " ") + "\n" for label in labels).encode())
    config = projector.ProjectorConfig()
    shown = config.embeddings.add(tensor_name="validation clips", tensor_path="embeddings.tsv", metadata_path="labels.tsv")
    if pictures:
        columns = int(np.ceil(np.sqrt(len(pictures))))
        sheet = np.zeros((columns * SIDE, columns * SIDE, 3), np.uint8)
        for number, picture in enumerate(pictures):
            top, left = (SIDE * x for x in divmod(number, columns))
            sheet[top : top + SIDE, left : left + SIDE] = picture
        files.write(folder / "thumbnails.png", cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())
        shown.sprite.image_path = "thumbnails.png"
        shown.sprite.single_image_dim.extend([SIDE, SIDE])
    projector.visualize_embeddings(str(folder), config)
