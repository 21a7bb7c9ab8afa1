"""Recognisers as they are exported: raw frames of any size, or encoded ones, to class probabilities."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from videorec import models
from videorec.config import Data, Experiment, UserError
from videorec.data import augment, pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.decode import Reader, Unreadable
from videorec.data.graph_resize import resize_in_graph
from videorec.data.problems import Problems
from videorec.data.resize import scale_to_short_side
from videorec.inference import graphs
from videorec.models.two_stream import part
from videorec.runs.run import Run

log = logging.getLogger(__name__)

UNIT = "clip"
COMPARED = {"probabilities": "probabilities", "steps": "logits"}
SLACK = {"probabilities": 1, "steps": 10}  # logits reach 10, and their rounding errors grow with them
LARGE_BACKBONES = ("caffenet", "caffenet_hybrid", "vgg16", "inception_v3", "resnet50", "efficientnet_b0")


def rebuild(experiment: Experiment, classes: tuple[str, ...], model: keras.Model) -> keras.Model:
    """The experiment's network."""
    return models.for_experiment(experiment, len(classes))


def tolerance(run: Run) -> float:
    """Largest difference of probabilities to Keras: 1e-5, or 1e-4 for backbones of many wide layers."""
    parts = [part(run.experiment.model, stream) for stream in run.experiment.data.streams]
    return 1e-4 if any(model.backbone in LARGE_BACKBONES for model in parts) else 1e-5


# === Graphs ===


def inputs(run: Run, model: keras.Model) -> dict[str, tf.TensorSpec]:
    """One clip of each stream's own number of frames, of `data.resize`."""
    data = run.experiment.data
    names = graphs.input_names(data.streams)
    shapes = {stream: (1, data.of(stream).frames, *data.resize, 3) for stream in names}
    return {stream: tf.TensorSpec(shapes[stream], tf.uint8, name) for stream, name in names.items()}


def predict(run: Run, model: keras.Model, clips: graphs.Tensors) -> graphs.Tensors:
    """Model outputs for `{stream: (B, T, *data.resize, 3)}` uint8: what the pipeline does after resizing is in here."""
    data = run.experiment.data
    return model({stream: augment.cropped(clip, data) for stream, clip in clips.items()}, training=False)


def signatures(run: Run, model: keras.Model) -> dict[str, graphs.Graph]:
    """`serving_default` of raw frames and `serve_jpeg` of encoded ones; both also give the names of the classes."""
    data, names = run.experiment.data, tf.constant(run.classes)
    lengths = {stream: model.input[stream].shape[1] for stream in data.streams}  # None where any number of frames will do

    def graph(fit, single: str, spec):
        """A graph whose inputs become clips by `fit`."""
        specs = {stream: spec(lengths[stream], name) for stream, name in graphs.input_names(data.streams, single).items()}

        def fitted(given):
            clips = {stream: fit(frames, data) for stream, frames in given.items()}
            return {**predict(run, model, clips), "classes": names}

        return graphs.trace(fitted, specs)

    return {
        "serving_default": graph(_fit_clips, "frames", lambda t, x: tf.TensorSpec((None, t, None, None, 3), tf.uint8, x)),
        "serve_jpeg": graph(_decode_clips, "images", lambda t, x: tf.TensorSpec((None, t), tf.string, x)),
    }


def _fit_clips(frames: tf.Tensor, data: Data) -> tf.Tensor:
    """`(B, T, H, W, 3)` uint8 of any size -> `(B, T, *data.resize, 3)` uint8."""
    shape = tf.shape(frames)
    flat = tf.reshape(frames, (-1, shape[2], shape[3], 3))  # (B * T, H, W, 3)
    return tf.reshape(resize_in_graph(flat, data), (shape[0], frames.shape[1] or shape[1], *data.resize, 3))


def _decode_clips(images: tf.Tensor, data: Data) -> tf.Tensor:
    """`(B, T)` encoded frames -> `(B, T, *data.resize, 3)` uint8."""

    def decode(image):
        frame = tf.io.decode_image(image, channels=3, expand_animations=False)
        return resize_in_graph(frame[None], data)[0]

    shape, spec = tf.shape(images), tf.TensorSpec((*data.resize, 3), tf.uint8)
    flat = tf.map_fn(decode, tf.reshape(images, (-1,)), fn_output_signature=spec)
    return tf.reshape(flat, (shape[0], images.shape[1] or shape[1], *data.resize, 3))


# === Clips to compare on ===


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


def clips(run: Run, number: int, raw: bool = False) -> list[dict[str, np.ndarray]]:
    """Real clips of the run's videos, `{stream: (T, *data.resize, 3)}` uint8, or with `raw` at the videos' own sizes.

    None where the videos are not at hand (a run that was moved).
    """
    data, found = run.experiment.data, []
    try:
        reader = (_RawReader if raw else ClipReader)(data, Problems(1, 1.0))
        for video in _videos(run):
            with contextlib.suppress(Unreadable):
                clip = next(reader.plain_clips(video, 1))
                found.append({stream: _pixels(x, reader, data.of(stream), raw) for stream, x in clip.items()})
            if len(found) == number:
                return found
    except UserError as error:  # the prepared folder, or the method of flow
        log.warning("%s", error)
    return found


def _pixels(pictures: np.ndarray, reader: ClipReader, data: Data, raw: bool) -> np.ndarray:
    if not reader.encoded:
        return np.ascontiguousarray(pictures)
    if raw:
        return np.stack([tf.io.decode_jpeg(x, channels=3, dct_method="INTEGER_FAST").numpy() for x in pictures])
    return pipeline.pixels(tf.constant(pictures), reader, data).numpy()


def _videos(run: Run) -> Iterator:
    for split in ("test", "val", "train"):
        try:
            yield from sources.load_for_evaluation(run.experiment.data, split, run.experiment)
        except UserError:
            continue
