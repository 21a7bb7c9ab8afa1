"""Recognisers as they are exported: raw frames of any size, or encoded ones, to class probabilities."""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import keras
import numpy as np
import tensorflow as tf

from videorec.config import Data, UserError
from videorec.data import augment, graph_sampling, pipeline, sources
from videorec.data.clips import ClipReader, is_paired
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.inference import graphs, raw_frames
from videorec.tasks.serving import SPLITS, Clip, spread
from videorec.tasks.video_serving import VideoServing

log = logging.getLogger(__name__)


class RecognitionServing(VideoServing):
    """See `VideoServing`."""

    unit = "clip"

    def examples(self, number, splits=SPLITS):
        """Clips `{stream: (T, *data.resize, 3)}` uint8 of the run's videos."""
        videos = (spread(self._videos(split), number) for split in splits)
        return [clips[0] for clips, _ in islice(self._read(chain.from_iterable(videos), 1), number)]

    def labelled(self, number):
        """See `Serving`; more than one class may be a clip's with target multilabel."""
        if number and self.run.experiment.model.target == "clip":
            videos = spread(self._videos("test"), number)[:number]
            for clips, video in self._read(videos, self.run.experiment.evaluate.clips):
                yield clips, self.run.classes.index(video.labels[0])

    def drawn(self, counts):
        """The clips of the run's own protocol, `evaluate.clips`."""
        data = self.run.experiment.data
        parts = {stream: data.of(stream) for stream in data.streams}
        if is_paired(data):
            rule = "flow must have one picture fewer than rgb has frames: motion lies between them. Received rgb, flow:"
            rgb, flow = counts["rgb"], counts["flow"]
            count = raw_frames.checked(flow, tf.equal(rgb - 1, flow), rule, rgb, flow)
            counts = dict.fromkeys(parts, count)  # as ClipReader, which leaves out the frame without a motion
        clips = self.run.experiment.evaluate.clips
        return {stream: graph_sampling.drawn(counts[stream], part, clips) for stream, part in parts.items()}

    def answer(self, model, clip, clips):
        """Of one view, the outputs of the model. Of several, clips times crops: probabilities are their mean, and all else is
        `(B, views, ...)`."""
        crops = self.run.experiment.evaluate.crops
        if isinstance(clips, int) and clips == crops == 1:
            return super().answer(model, clip, clips)
        types = {name: tf.as_dtype(x.dtype) for name, x in model.output.items()}
        each = tf.map_fn(
            lambda number: self._views(model, clip(number)), tf.range(clips), fn_output_signature=types, parallel_iterations=1
        )
        views = clips * crops if isinstance(clips, int) else None
        return {name: _joined(name, x, (views, *model.output[name].shape[1:])) for name, x in each.items()}

    def _views(self, model: keras.Model, clip: graphs.Tensors) -> graphs.Tensors:
        """`{name: (crops, B, ...)}` of one clip `{stream: (B, T, *data.resize, 3)}`."""
        data, crops = self.run.experiment.data, self.run.experiment.evaluate.crops
        inputs = {}
        for stream, x in clip.items():
            part, shape = data.of(stream), tf.shape(x)
            frames = augment.crops(tf.reshape(x, (-1, *data.resize, 3)), crops, part)  # (crops, B * T, h, w, 3)
            inputs[stream] = tf.reshape(frames, (crops * shape[0], x.shape[1] or shape[1], *part.crop, 3))
        outputs = model(inputs, training=False)
        return {name: tf.reshape(x, tf.concat([[crops, -1], tf.shape(x)[1:]], axis=0)) for name, x in outputs.items()}

    def _videos(self, split: str) -> list[Video]:
        """Those of a split that are at hand."""
        with contextlib.suppress(UserError):
            return sources.load_for_evaluation(self.run.experiment.data, split, self.run.experiment, self.run.record)
        return []

    def _read(self, videos: Iterable[Video], clips: int) -> Iterator[tuple[list[Clip], Video]]:
        """The clips `{stream: (T, *data.resize, 3)}` uint8 of each video that can be read."""
        data = self.run.experiment.data
        try:
            reader = ClipReader(data, Problems(1, 1.0))
        except UserError as error:  # the prepared folder, or the method of flow
            log.warning("%s", error)
            return
        for video in videos:
            with contextlib.suppress(Unreadable):
                plain = list(reader.plain_clips(video, clips))
                yield [{stream: _pixels(x, reader, data.of(stream)) for stream, x in clip.items()} for clip in plain], video


def _joined(name: str, values: tf.Tensor, shape: tuple) -> tf.Tensor:
    """What clips and crops say, `(clips, crops, B, ...)`, a row a video: the mean of probabilities, else `(B, views, ...)`."""
    views = tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], axis=0))  # (clips * crops, B, ...)
    if name == "probabilities" or name.endswith("_probabilities"):
        return tf.ensure_shape(tf.reduce_mean(views, axis=0), (None, *shape[1:]))
    axes = tf.concat([[1, 0], tf.range(2, tf.rank(views))], axis=0)
    return tf.ensure_shape(tf.transpose(views, axes), (None, *shape))


def _pixels(pictures: np.ndarray, reader: ClipReader, data: Data) -> np.ndarray:
    return pipeline.pixels(tf.constant(pictures), reader, data).numpy() if reader.encoded else np.ascontiguousarray(pictures)
