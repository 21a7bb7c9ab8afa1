"""What TensorBoard shows: curves of training and validation, clips as the model sees them, what it attends to, the confusion
matrix."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from videorec.data.problems import Problems
from videorec.models.split import SUFFIX
from videorec.reports import pictures
from videorec.tasks.recognition.metrics import MeanClassAccuracy
from videorec.training.curves import Curves


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
