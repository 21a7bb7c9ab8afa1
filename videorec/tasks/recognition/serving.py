"""Recognisers as they are exported: raw frames of any size, or encoded ones, to class probabilities."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from videorec.config import Data, UserError
from videorec.data import augment, graph_sampling, pipeline, sources
from videorec.data.clips import ClipReader, same_clock
from videorec.data.decode import Reader, Unreadable
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.data.resize import scale_to_short_side
from videorec.inference import graphs, raw_frames
from videorec.tasks.video_serving import VideoServing

log = logging.getLogger(__name__)


class RecognitionServing(VideoServing):
    """See `VideoServing`."""

    unit = "clip"

    def examples(self, number):
        """Clips `{stream: (T, *data.resize, 3)}` uint8 of the run's videos, those of the test split first."""
        return self._clips(number, ClipReader)

    def raw_example(self):
        """A clip of the first readable video; prepared pictures as they are stored."""
        raw, resized = self._clips(1, _RawReader), self._clips(1, ClipReader)
        return (raw[0], resized[0]) if raw and resized else None

    def drawn(self, counts):
        """The clips of the run's own protocol, `evaluate.clips`."""
        data = self.run.experiment.data
        parts = {stream: data.of(stream) for stream in data.streams}
        if len(parts) == 2 and same_clock(*parts.values()):
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

    def _clips(self, number: int, reader_class: type[ClipReader]) -> list[dict[str, np.ndarray]]:
        data, clips = self.run.experiment.data, []
        try:
            reader = reader_class(data, Problems(1, 1.0))
            for video in self._videos():
                with contextlib.suppress(Unreadable):
                    clip = next(reader.plain_clips(video, 1))
                    clips.append({stream: _pixels(x, reader, data.of(stream)) for stream, x in clip.items()})
                if len(clips) == number:
                    return clips
        except UserError as error:  # the prepared folder, or the method of flow
            log.warning("%s", error)
        return clips

    def _videos(self) -> Iterator[Video]:
        for split in ("test", "val", "train"):
            with contextlib.suppress(UserError):
                yield from sources.load_for_evaluation(self.run.experiment.data, split, self.run.experiment)


class _RawReader(ClipReader):
    """Clips at the videos' own sizes; flow at the size that it is measured at. Prepared pictures as they are stored."""

    def plain_clips(self, video, clips):
        if not self.encoded:
            frame = next(iter(Reader(video.path, cache_gb=self.data.remote_cache_gb)))()
            for name, stream in self.streams.items():
                is_motion = name == "flow" and self.data.flow.method != "stored"
                shown = scale_to_short_side(frame, stream.data.flow.short_side) if is_motion else frame
                stream.data = dataclasses.replace(stream.data, resize=shown.shape[:2])
        return super().plain_clips(video, clips)


def _joined(name: str, values: tf.Tensor, shape: tuple) -> tf.Tensor:
    """What clips and crops say, `(clips, crops, B, ...)`, a row a video: the mean of probabilities, else `(B, views, ...)`."""
    views = tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], axis=0))  # (clips * crops, B, ...)
    if name == "probabilities" or name.endswith("_probabilities"):
        return tf.ensure_shape(tf.reduce_mean(views, axis=0), (None, *shape[1:]))
    axes = tf.concat([[1, 0], tf.range(2, tf.rank(views))], axis=0)
    return tf.ensure_shape(tf.transpose(views, axes), (None, *shape))


def _pixels(pictures: np.ndarray, reader: ClipReader, data: Data) -> np.ndarray:
    if not reader.encoded:
        return np.ascontiguousarray(pictures)
    if isinstance(reader, _RawReader):
        return np.stack([tf.io.decode_jpeg(x, channels=3, dct_method="INTEGER_FAST").numpy() for x in pictures])
    return pipeline.pixels(tf.constant(pictures), reader, data).numpy()
