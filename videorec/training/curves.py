"""The curves of an epoch that TensorBoard shows, whatever is learnt."""

import time
from pathlib import Path

import keras
import tensorflow as tf

from videorec.data.problems import Problems
from videorec.terminal import printable
from videorec.training.callbacks import current_learning_rate, tidy
from videorec.training.metrics import Answered, Answers


class Curves(keras.callbacks.Callback):
    """Writes the figures of each epoch, `train` and `val` as two curves of one chart.

    Args:
        folder: of the events.
        clips: training clips an epoch.
        problems: unreadable and damaged videos, shown as curves and as text; None: nothing is shown of them.
    """

    def __init__(self, folder: Path, clips: int, problems: Problems | None = None):
        super().__init__()
        self.clips, self.problems = clips, problems
        self._train = tf.summary.create_file_writer(str(folder / "train"))
        self._val = tf.summary.create_file_writer(str(folder / "val"))

    def write(self, epoch: int) -> None:
        """More of an epoch (from 1), written where validation is shown if there was one; for subclasses."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._began, self._trained = time.monotonic(), None

    def on_test_begin(self, logs=None):
        """Training of this epoch is over: validation does not count into its throughput, and its answers are kept."""
        self._trained = time.monotonic()
        for metric in self._metrics(Answers):
            metric.open()

    def on_test_end(self, logs=None):
        """The answers are complete."""
        for metric in self._metrics(Answers):
            metric.close()

    @property
    def validated(self) -> bool:
        """Whether this epoch had a validation."""
        return self._trained is not None

    @property
    def answers(self) -> Answered | None:
        """What was answered in the validation of this epoch; None without one, or where it is not kept (`Answers.fits`)."""
        return next((metric.answered() for metric in self._metrics(Answers) if self.validated), None)

    def _metrics(self, kind: type) -> list[keras.metrics.Metric]:
        """The metrics of a kind that the fitted model is compiled with."""
        metrics = [part for metric in self.model.metrics for part in getattr(metric, "metrics", [metric])]
        return [metric for metric in metrics if isinstance(metric, kind)]

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
            if self.problems:
                self._show_problems(self.problems)
        with self._val.as_default(epoch + 1):
            for key, value in logs.items():
                if key.startswith("val_"):
                    tf.summary.scalar(key.removeprefix("val_"), value)
        with (self._val if self.validated else self._train).as_default(epoch + 1):
            self.write(epoch + 1)
        self._train.flush()
        self._val.flush()

    def _show_problems(self, problems: Problems) -> None:
        for kind, reasons in (("unreadable", problems.unreadable), ("damaged", problems.damaged)):
            tf.summary.scalar(f"input/{kind}_videos", len(reasons))
            if reasons:
                lines = [f"    {name}: {reason}" for name, reason in reasons.items()]  # indented: as it is, no Markdown
                tf.summary.text(f"{kind} videos", printable("\n".join(lines)))
