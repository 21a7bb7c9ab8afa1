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
from videorec.models.split import SUFFIX
from videorec.tasks.recognition.metrics import MeanClassAccuracy


class Curves(keras.callbacks.Callback):
    """Writes the figures of each epoch, `train` and `val` as two curves of one chart.

    Args:
        folder: of the events.
        clips: training clips an epoch.
    """

    def __init__(self, folder: Path, clips: int):
        super().__init__()
        self.clips = clips
        self._train = tf.summary.create_file_writer(str(folder / "train"))
        self._val = tf.summary.create_file_writer(str(folder / "val"))

    def write(self, epoch: int) -> None:
        """More of an epoch (from 1), written where validation is shown if there was one; for subclasses."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._began, self._trained = time.monotonic(), None

    def on_test_begin(self, logs=None):
        """Training of this epoch is over: validation does not count into its throughput."""
        self._trained = time.monotonic()

    @property
    def validated(self) -> bool:
        """Whether this epoch had a validation."""
        return self._trained is not None

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
        with self._val.as_default(epoch + 1):
            for key, value in logs.items():
                if key.startswith("val_"):
                    tf.summary.scalar(key.removeprefix("val_"), value)
        with (self._val if self.validated else self._train).as_default(epoch + 1):
            self.write(epoch + 1)
        self._train.flush()
        self._val.flush()


class Summaries(Curves):
    """Curves, unreadable videos and the confusion matrix after each epoch; clips and attention on demand.

    Args:
        folder: of the events.
        classes: names, in the order of the outputs.
        confusion: the metric that holds the confusion matrix; None: there is none.
        problems: unreadable videos, shown as a curve and as text.
        clips: training clips an epoch.
    """

    def __init__(
        self, folder: Path, classes: tuple[str, ...], confusion: MeanClassAccuracy | None, problems: Problems, clips: int
    ):
        super().__init__(folder, clips)
        self.classes, self.confusion, self.problems = classes, confusion, problems

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

    def write(self, epoch: int) -> None:
        """Unreadable videos, and the confusion matrix."""
        with self._train.as_default(epoch):
            tf.summary.scalar("input/unreadable_videos", len(self.problems.unreadable))
            if self.problems.unreadable:
                lines = [f"* {name}: {reason}" for name, reason in self.problems.unreadable.items()]
                tf.summary.text("unreadable videos", "\n".join(lines))
        if self.confusion is None:
            return
        matrix = keras.ops.convert_to_numpy(self.confusion.matrix)
        title = f"{'validation' if self.validated else 'training'}, epoch {epoch}"
        figure = pictures.confusion_figure(matrix, self.classes, title)
        tf.summary.image("confusion", pictures.to_array(figure)[None])
