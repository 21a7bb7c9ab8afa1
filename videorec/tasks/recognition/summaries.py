"""What TensorBoard shows of a recogniser: curves, clips as the model sees them, what it attends to, the confusion matrix."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from videorec.data.problems import Problems
from videorec.models.split import SUFFIX
from videorec.reports import pictures
from videorec.tasks.recognition.metrics import MeanClassAccuracy
from videorec.training.curves import Curves

Clips = dict[str, np.ndarray]  # {stream: (N, T, H, W, 3)} uint8


class Summaries(Curves):
    """Curves and the confusion matrix each epoch; clips at the start, attention to them at the end.

    Args:
        folder: of the events.
        classes: names, in the order of the outputs.
        problems: unreadable and damaged videos, shown as curves and as text.
        count: training clips an epoch.
        whole: the model on frames, whose attention is shown.
        first_clips: a few training clips as the augmentation of an epoch makes them.
        encoding: of the flow stream's pictures.
    """

    def __init__(
        self,
        folder: Path,
        classes: tuple[str, ...],
        problems: Problems,
        count: int,
        whole: keras.Model,
        first_clips: Callable[[int], Clips],
        encoding: str,
    ):
        super().__init__(folder, count, problems)
        self.classes, self.whole = classes, whole
        self._first_clips, self._encoding, self._clips = first_clips, encoding, None

    def on_epoch_begin(self, epoch, logs=None):
        """In the first epoch of this process: the clips."""
        super().on_epoch_begin(epoch, logs)
        if self._clips is None:
            self._clips = self._first_clips(epoch)
            self._show_clips(self._clips, epoch)

    def on_train_end(self, logs=None):
        """What was attended to in them."""
        if self._clips is not None:
            self._show_attention(self._clips, self.params["epochs"])

    def write(self, epoch: int) -> None:
        """The confusion matrix where the metrics keep one."""
        metrics = [part for metric in self.model.metrics for part in getattr(metric, "metrics", [metric])]
        for confusion in (metric for metric in metrics if isinstance(metric, MeanClassAccuracy)):
            matrix = keras.ops.convert_to_numpy(confusion.matrix)
            title = f"{'validation' if self.validated else 'training'}, epoch {epoch}"
            figure = pictures.confusion_figure(matrix, self.classes, title)
            tf.summary.image("confusion", pictures.to_array(figure)[None])

    def _show_clips(self, clips: Clips, step: int) -> None:
        """A strip of each stream. Flow is drawn for people: hue is the direction of motion, brightness its speed."""
        with self._train.as_default(step):
            for stream, shown in clips.items():
                drawn = pictures.motion(shown, self._encoding) if stream == "flow" else shown
                tf.summary.image("clips" if stream == "rgb" else "flow", pictures.clip_strip(drawn)[None])

    def _show_attention(self, clips: Clips, step: int) -> None:
        """The clips, bright where (or when) the whole model looked; nothing without attention."""
        names = [name for name in self.whole.output if name.endswith("attention")]
        outputs = self.whole.predict_on_batch(clips) if names else {}
        for name in names:
            stream = name.split("_")[0] if "_" in name else next(iter(clips))
            coefficients = keras.ops.convert_to_numpy(outputs[name])
            places = self.whole.get_layer(f"{stream}{SUFFIX}").output.shape[2:4] if coefficients.ndim == 3 else (1, 1)
            with self._train.as_default(step):
                strip = pictures.clip_strip(pictures.attended(clips[stream], coefficients, places))
                tf.summary.image(name, strip[None])
