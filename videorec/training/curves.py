"""The curves of an epoch that TensorBoard shows, whatever is learnt."""

import time
from pathlib import Path

import keras
import tensorflow as tf

from videorec.data.problems import Problems
from videorec.terminal import printable
from videorec.training import sections
from videorec.training.budget import Budget
from videorec.training.callbacks import current_learning_rate, tidy
from videorec.training.metrics import Answered, Answers
from videorec.training.waiting import Waiting


class Curves(keras.callbacks.Callback):
    """Writes the figures of each epoch, `train` and `val` as two curves of one chart.

    Args:
        folder: of the events.
        clips: training clips an epoch.
        problems: unreadable and damaged videos, shown as curves and as text; None: nothing is shown of them.

    Attributes:
        budget: of the time that pictures may take.
        train_writer, val_writer: of the events, for callbacks that show more.
    """

    def __init__(self, folder: Path, clips: int, problems: Problems | None = None):
        super().__init__()
        self.clips, self.problems, self.budget = clips, problems, Budget()
        self._train = self.train_writer = tf.summary.create_file_writer(str(folder / "train"))
        self._val = self.val_writer = tf.summary.create_file_writer(str(folder / "val"))
        self._waiting, self._waited, self._shown = None, 0.0, None

    def write(self, epoch: int) -> None:
        """More of an epoch (from 1), written where validation is shown if there was one; for subclasses.

        It is called while the budget lasts, and after the first and the last epoch of this process.
        """

    def measure(self, waiting: Waiting) -> None:
        """The clock around the training data."""
        self._waiting = waiting

    @property
    def waited(self) -> float:
        """Seconds that training waited for its input so far."""
        return self._waiting.seconds if self._waiting else 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._began, self._trained, self._waited = time.monotonic(), None, self.waited

    def on_train_batch_end(self, batch, logs=None):
        """Count the steps: the last epoch may have a part of them (`train.steps`)."""
        self._done = batch + 1

    def on_test_begin(self, logs=None):
        """Training of this epoch is over: validation does not count into its throughput, and its answers are kept."""
        self._trained = time.monotonic()
        for metric in self.metrics(Answers):
            metric.open()

    def on_test_end(self, logs=None):
        """The answers are complete."""
        for metric in self.metrics(Answers):
            metric.close()

    @property
    def validated(self) -> bool:
        """Whether this epoch had a validation."""
        return self._trained is not None

    @property
    def answers(self) -> Answered | None:
        """What was answered in the validation of this epoch; None without one, or where it is not kept (`Answers.fits`)."""
        return next((metric.answered() for metric in self.metrics(Answers) if self.validated), None)

    @property
    def writer(self) -> tf.summary.SummaryWriter:
        """Where what is measured on the validation set is shown; without one, on the training set."""
        return self._val if self.validated else self._train

    def metrics(self, kind: type) -> list[keras.metrics.Metric]:
        """The metrics of a kind that the fitted model is compiled with."""
        metrics = [part for metric in self.model.metrics for part in getattr(metric, "metrics", [metric])]
        return [metric for metric in metrics if isinstance(metric, kind)]

    def on_epoch_end(self, epoch, logs=None):
        """Write everything; steps of these charts are epochs, from 1."""
        self._write_curves(epoch + 1, tidy(logs))
        first, last = self._shown is None, self.model.stop_training or epoch + 1 == self.params["epochs"]
        self.showing = first or last or self.budget.allows(epoch + 1)
        if self.showing:
            self._shown = epoch + 1
            with self.budget.spending(), self.writer.as_default(epoch + 1):
                self.write(epoch + 1)
        self._train.flush()
        self._val.flush()

    def _write_curves(self, epoch: int, logs: dict[str, float]) -> None:
        seconds, steps = (self._trained or time.monotonic()) - self._began, self.params["steps"] or self._done
        with self._train.as_default(epoch):
            for key, value in logs.items():
                if not key.startswith("val_"):
                    tf.summary.scalar(f"{sections.EPOCHS}/{key}", value)
            tf.summary.scalar(f"{sections.MODEL}/learning_rate", current_learning_rate(self.model))
            tf.summary.scalar(f"{sections.INPUT}/clips_per_second", self.clips * self._done / steps / seconds)
            if self._waiting:
                share = min((self.waited - self._waited) / seconds, 1.0)
                tf.summary.scalar(f"{sections.INPUT}/waiting_share", share, description=WAITING)
            if self.problems:
                self._show_problems(self.problems)
        with self._val.as_default(epoch):
            for key, value in logs.items():
                if key.startswith("val_"):
                    tf.summary.scalar(f"{sections.EPOCHS}/{key.removeprefix('val_')}", value)

    def _show_problems(self, problems: Problems) -> None:
        for kind, reasons in (("unreadable", problems.unreadable), ("damaged", problems.damaged)):
            tf.summary.scalar(f"{sections.INPUT}/{kind}_videos", len(reasons))
            if reasons:
                lines = [f"    {name}: {reason}" for name, reason in reasons.items()]  # indented: as it is, no Markdown
                tf.summary.text(f"{kind} videos", printable("\n".join(lines)))


WAITING = (
    "Share of the time of training that the steps waited for their clips: near 0 the model is the slow part, near 1 the data."
)
