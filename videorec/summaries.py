"""What TensorBoard shows: curves of training and validation, clips as the model sees them, what it attends to, the confusion
matrix."""

import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from videorec import pictures
from videorec.callbacks import current_learning_rate, tidy
from videorec.data.problems import Problems
from videorec.metrics import MeanClassAccuracy
from videorec.models.split import SUFFIX


class Summaries(keras.callbacks.Callback):
    """Writes events after each epoch, `train` and `val` as two curves of one chart.

    Args:
        folder: of the events.
        classes: names, in the order of the outputs.
        confusion: the metric that holds the confusion matrix.
        problems: unreadable videos, shown as a curve and as text.
        clips: training clips an epoch.
    """

    def __init__(self, folder: Path, classes: tuple[str, ...], confusion: MeanClassAccuracy, problems: Problems, clips: int):
        super().__init__()
        self.classes, self.confusion, self.problems, self.clips = classes, confusion, problems, clips
        self._train = tf.summary.create_file_writer(str(folder / "train"))
        self._val = tf.summary.create_file_writer(str(folder / "val"))

    def show_clips(self, clips: dict[str, np.ndarray], encoding: str, step: int) -> None:
        """A strip of training clips `(N, T, H, W, 3)` uint8 of each stream, as augmented.

        Flow is drawn for people: the hue is the direction of the motion, the brightness its speed.
        """
        with self._train.as_default(step):
            for stream, pictures_ in clips.items():
                shown = pictures.motion(pictures_, encoding) if stream == "flow" else pictures_
                tf.summary.image("clips" if stream == "rgb" else "flow", pictures.clip_strip(shown)[None])

    def show_attention(self, model: keras.Model, clips: dict[str, np.ndarray], step: int) -> None:
        """The clips `(N, T, H, W, 3)` uint8, bright where (or when) the whole `model` looked; nothing without attention."""
        names = [name for name in model.output if name.endswith("attention")]
        outputs = model.predict_on_batch(clips) if names else {}
        for name in names:
            stream = name.split("_")[0] if "_" in name else next(iter(clips))
            coefficients = keras.ops.convert_to_numpy(outputs[name])
            places = model.get_layer(f"{stream}{SUFFIX}").output.shape[2:4] if coefficients.ndim == 3 else (1, 1)
            with self._train.as_default(step):
                strip = pictures.clip_strip(pictures.attended(clips[stream], coefficients, places))
                tf.summary.image(name, strip[None])

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._began, self._trained = time.monotonic(), None

    def on_test_begin(self, logs=None):
        """Training of this epoch is over: validation does not count into its throughput."""
        self._trained = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Write everything; steps of the charts are epochs, from 1."""
        logs = tidy(logs)
        seconds = (self._trained or time.monotonic()) - self._began
        with self._train.as_default(epoch + 1):
            for key, value in logs.items():
                if not key.startswith("val_"):
                    tf.summary.scalar(key, value)
            tf.summary.scalar("learning_rate", current_learning_rate(self.model))
            tf.summary.scalar("input/clips_per_second", self.clips / seconds)
            tf.summary.scalar("input/unreadable_videos", len(self.problems.unreadable))
            if self.problems.unreadable:
                lines = [f"* {name}: {reason}" for name, reason in self.problems.unreadable.items()]
                tf.summary.text("unreadable videos", "\n".join(lines))
        with self._val.as_default(epoch + 1):
            for key, value in logs.items():
                if key.startswith("val_"):
                    tf.summary.scalar(key.removeprefix("val_"), value)
        validated = self._trained is not None
        with (self._val if validated else self._train).as_default(epoch + 1):
            matrix = keras.ops.convert_to_numpy(self.confusion.matrix)
            title = f"{'validation' if validated else 'training'}, epoch {epoch + 1}"
            figure = pictures.confusion_figure(matrix, self.classes, title)
            tf.summary.image("confusion", pictures.to_array(figure)[None])
        self._train.flush()
        self._val.flush()
