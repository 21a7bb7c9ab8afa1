"""A run's model as it is exported: what goes in, what comes out, and on what it is compared with Keras."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

import videorec
from videorec import models
from videorec.config import Data
from videorec.data import augment
from videorec.data.graph_resize import resize_in_graph
from videorec.inference import graphs
from videorec.runs.run import Run

Clip = dict[str, np.ndarray]  # {stream: (T, H, W, C)}


class Serving(ABC):
    """How the model of one run is exported.

    Attributes:
        unit: what one example is called.
        compared: `{output: what it is called}` of the outputs that are compared with Keras.
        slack: `{output: factor}` by which its differences may pass `tolerance()`.
    """

    unit: ClassVar[str]
    compared: ClassVar[dict[str, str]]
    slack: ClassVar[dict[str, int]]

    def __init__(self, run: Run):
        self.run = run

    @abstractmethod
    def rebuild(self, model: keras.Model) -> keras.Model:
        """The network of `model` with new weights, in the dtype policy of now."""

    @abstractmethod
    def inputs(self, model: keras.Model) -> dict[str, tf.TensorSpec]:
        """`{stream: spec of one example, (1, T, H, W, C)}`, named as in the export."""

    @abstractmethod
    def predict(self, model: keras.Model, clips: graphs.Tensors) -> graphs.Tensors:
        """The outputs for any number of such examples, `{stream: (B, T, H, W, C)}`."""

    @abstractmethod
    def signatures(self, model: keras.Model) -> dict[str, graphs.Graph]:
        """The SavedModel's, by name."""

    @abstractmethod
    def examples(self, number: int) -> list[Clip]:
        """Real examples; fewer, or none, where the data are not at hand (a run that was moved), and the log says why."""

    def tolerance(self) -> float:
        """Largest difference to Keras, times `slack` of the output: what the run's model allows."""
        return models.export_tolerance(self.run.experiment.model)

    def raw_example(self) -> tuple[Clip, Clip] | None:
        """The same clip at its video's own size and as the pipeline resizes it; None where nothing is resized in the graph, or
        no video is at hand."""
        return None

    def recipe(self) -> dict:
        """What to feed and what comes out, as plain JSON types: for whoever holds the export alone."""
        experiment = self.run.experiment
        return {
            "videorec": videorec.__version__,
            "task": experiment.task,
            "model": experiment.model.name,
            "classes": list(self.run.classes),
        }


class VideoServing(Serving):
    """Clips of videos in, labels out: raw frames of any size, resized, cropped and scaled inside."""

    compared = {"probabilities": "probabilities", "steps": "logits"}
    slack = {"probabilities": 1, "steps": 10}  # logits reach 10, and their rounding errors grow with them

    def rebuild(self, model):
        plain = dataclasses.replace(self.run.experiment, model=models.untrained(self.run.experiment.model))
        return models.for_experiment(plain, len(self.run.classes))

    def inputs(self, model):
        """One clip of each stream's own number of frames, of `data.resize`."""
        data = self.run.experiment.data
        names = graphs.input_names(data.streams)
        shapes = {stream: (1, data.of(stream).frames, *data.resize, 3) for stream in names}
        return {stream: tf.TensorSpec(shapes[stream], tf.uint8, name) for stream, name in names.items()}

    def predict(self, model, clips):
        """What the pipeline does after resizing is in here: `{stream: (B, T, *data.resize, 3)}` uint8."""
        data = self.run.experiment.data
        return model({stream: augment.cropped(clip, data.of(stream)) for stream, clip in clips.items()}, training=False)

    def signatures(self, model):
        """`serving_default` of raw frames and `serve_jpeg` of encoded ones; both also give the names of the classes."""
        frames = self._signature(model, _resize_clips, "frames", lambda t, name: _raw_frames(t, name))
        images = self._signature(model, _decode_clips, "images", lambda t, name: tf.TensorSpec((None, t), tf.string, name))
        return {"serving_default": frames, "serve_jpeg": images}

    def _signature(self, model: keras.Model, to_clips: Callable, single: str, spec: Callable) -> graphs.Graph:
        """A graph whose inputs become clips by `to_clips`; T is open where the model takes any number of frames."""
        data, names = self.run.experiment.data, tf.constant(self.run.classes)
        lengths = {stream: model.input[stream].shape[1] for stream in data.streams}
        specs = {stream: spec(lengths[stream], name) for stream, name in graphs.input_names(data.streams, single).items()}

        def answer(given):
            clips = {stream: to_clips(frames, data) for stream, frames in given.items()}
            return {**self.predict(model, clips), "classes": names}

        return graphs.trace(answer, specs)

    def recipe(self):
        data = self.run.experiment.data
        streams = {name: {"frames": data.of(name).frames, "fps": data.of(name).fps} for name in data.streams}
        pictures = {"resize": list(data.resize), "crop": list(data.crop), "fit": data.fit, "channels": "RGB"}
        return super().recipe() | {"streams": streams, "pictures": pictures}


def _raw_frames(length: int | None, name: str) -> tf.TensorSpec:
    return tf.TensorSpec((None, length, None, None, 3), tf.uint8, name)


def _resize_clips(frames: tf.Tensor, data: Data) -> tf.Tensor:
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
