"""Models of videos as they are exported: raw frames of any size in, labels out."""

import dataclasses
import logging
from abc import abstractmethod
from collections.abc import Callable
from functools import partial

import keras
import tensorflow as tf

from videorec import models
from videorec.config import Footage, UserError
from videorec.data import augment
from videorec.inference import graphs, raw_frames
from videorec.tasks.serving import Serving

log = logging.getLogger(__name__)


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

    def centre(self, frames, stream):
        """The part `data.crop` of frames of `data.resize`, as `augment.cropped`."""
        data = self.run.experiment.data.of(stream)
        top, left = ((size - part) // 2 for size, part in zip(data.resize, data.crop, strict=True))
        return frames[:, :, top : top + data.crop[0], left : left + data.crop[1]]

    @abstractmethod
    def drawn(self, counts: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Which frames of whole videos an evaluation takes, in a graph.

        Args:
            counts: the number of pictures of each stream, scalars from 1 on.

        Returns:
            `{stream: (V, T)}` int32 indices of V clips.
        """

    def signatures(self, model):
        """Of whole videos, raw (`serving_default`) and encoded (`serve_jpeg`); of `clips`; and where the model is causal, of
        a `stream` and its start. All but the last also give the names of the classes."""
        return {
            "serving_default": partial(self._whole, model, "frames", (None, None, 3), tf.uint8, _resized),
            "serve_jpeg": partial(self._whole, model, "images", (), tf.string, raw_frames.decoded),
            "clips": partial(self._drawn_clips, model),
        } | self._streaming(model)

    def _whole(self, model: keras.Model, single: str, shape: tuple, dtype: tf.DType, read: Callable) -> graphs.Graph:
        """A graph of all frames of each video, of which `read` takes those that an evaluation draws."""
        data = self.run.experiment.data
        names = graphs.input_names(data.streams, single)
        specs = {stream: tf.TensorSpec((None, None, *shape), dtype, name) for stream, name in names.items()}

        def answer(given):
            given = {stream: raw_frames.check_frames(frames, names[stream]) for stream, frames in given.items()}
            drawn = self.drawn({stream: tf.shape(frames)[1] for stream, frames in given.items()})

            def clip(number):
                chosen = {stream: indices[number] for stream, indices in drawn.items()}
                return {
                    stream: read(tf.gather(given[stream], numbers, axis=1), data.of(stream), names[stream], numbers)
                    for stream, numbers in chosen.items()
                }

            indices = next(iter(drawn.values()))
            return self._with_classes(self.answer(model, clip, indices.shape[0] or tf.shape(indices)[0]))

        return graphs.trace(answer, specs)

    def _drawn_clips(self, model: keras.Model) -> graphs.Graph:
        """A graph of clips as they are drawn; T is open where the model takes any number of frames."""
        data = self.run.experiment.data
        names = graphs.input_names(data.streams)
        shapes = {stream: (None, model.input[stream].shape[1], None, None, 3) for stream in names}
        specs = {stream: tf.TensorSpec(shapes[stream], tf.uint8, name) for stream, name in names.items()}

        def answer(given):
            clips = {
                stream: raw_frames.resized(raw_frames.check_frames(frames, names[stream]), data.of(stream))
                for stream, frames in given.items()
            }
            return self._with_classes(self.answer(model, lambda number: clips, 1))

        return graphs.trace(answer, specs)

    def _streaming(self, model: keras.Model) -> dict[str, Callable[[], graphs.Graph]]:
        """What makes `stream`, one frame of each stream and the states in, the answer and the states out; and `stream_start`,
        the first states. Nothing where the model does not run frame by frame."""
        try:
            step = self.step_model(model)
        except UserError as error:
            log.info("there is no signature for streams: %s", error)
            return {}
        data = self.run.experiment.data
        names = graphs.input_names(data.streams)
        frames = {stream: tf.TensorSpec((None, None, None, 3), tf.uint8, name) for stream, name in names.items()}
        states = {
            name: tf.TensorSpec((None, *state.shape[1:]), state.dtype, name) for name, state in step.initial_states(1).items()
        }

        def answer(given):
            sized = {}
            for stream, name in names.items():
                picture = raw_frames.check_frames(given[stream][:, None], name)  # (B, 1, H, W, 3)
                sized[stream] = raw_frames.resized(picture, data.of(stream))[:, 0]
            return self._with_classes(self.step(step, given | sized))

        start = {"batch": tf.TensorSpec((), tf.int32, "batch")}
        return {
            "stream": partial(graphs.trace, answer, frames | states),
            "stream_start": partial(graphs.trace, lambda given: step.initial_states(given["batch"]), start),
        }

    def frame_shape(self, step, stream):
        """A frame of `data.resize`."""
        return (*self.run.experiment.data.resize, 3)

    def step(self, step, given):
        """What the pipeline does after resizing is in here: frames `(B, *data.resize, 3)` uint8."""
        data = self.run.experiment.data
        return super().step(step, given | {stream: augment.cropped(given[stream], data.of(stream)) for stream in step.inputs})

    def _with_classes(self, outputs: graphs.Tensors) -> graphs.Tensors:
        """The outputs and `classes` `(B, C)`, which has as many rows as they: TensorFlow Serving wants it so."""
        rows = tf.shape(next(iter(outputs.values())))[0]
        return {**outputs, "classes": tf.repeat(tf.constant([self.run.classes]), rows, axis=0)}


def _resized(frames: tf.Tensor, data: Footage, name: str, numbers: tf.Tensor) -> tf.Tensor:
    return raw_frames.resized(frames, data)
