"""Callbacks of the training loop: state to resume from, guards, and progress."""

import contextlib
import logging
import math
import re
import time

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from videorec.config import Fit, UserError
from videorec.data.problems import Problems
from videorec.models import hosts
from videorec.runs.run import Run
from videorec.terminal import clock
from videorec.training.metrics import Answers

log = logging.getLogger(__name__)


def tidy(logs: dict) -> dict[str, float]:
    """Keras's logs as plain floats, without the name of the output that the metrics read, and without what has no value."""
    names = {key: re.sub("(probabilities|frames|steps)_(?!loss)", "", key) for key in logs or {}}
    return {name: float(logs[key]) for key, name in names.items() if name.removeprefix("val_") != Answers.NAME}


def current_learning_rate(model: keras.Model) -> float:
    """Learning rate of the next step."""
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


class Checkpoint(keras.callbacks.Callback):
    """After each epoch: keep the best model, the state to go on from, and stop early.

    Writing the whole model takes longer than an epoch on cached features. Where only the head is fitted, better weights
    are therefore kept at once (a small file), and the whole model is written when STORE_SECONDS have passed, and at the end.
    Of several processes the first one alone writes; all stop at the same epoch.

    Args:
        run: where to.
        whole: the model that is saved as best; the fitted model may be its head.
        train: `monitor` and `patience`.
        counters: of the checkpoint that the run goes on from, or None. Their `seconds` are those of all finished epochs,
            training and validation, over all parts of the run; their `steps` all training steps.
        own: a context in which the fitted model has the weights to go on with, where it is kept with others.
    """

    STORE_SECONDS = 20.0

    def __init__(self, run: Run, whole: keras.Model, train: Fit, counters: dict | None = None, own=contextlib.nullcontext):
        super().__init__()
        self._own = own
        self.run, self.whole, self.train = run, whole, train
        new = {"best": None, "best_epoch": 0, "wait": 0, "history": [], "stored": True, "seconds": 0.0, "steps": 0}
        self.counters = new | (counters or {})
        self._best_weights = None if self.counters["stored"] else run.load_best_weights()
        self._stored_at = -math.inf

    def on_epoch_begin(self, epoch, logs=None):
        """Remember the time."""
        self._epoch_began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """The last of `train.steps` ends the training, in the middle of an epoch too."""
        self.counters["steps"] += 1
        if self.counters["steps"] == self.train.steps:  # else the model is not asked for: JAX would hand over its weights
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        """Save; `epoch` counts from 0."""
        self.counters["seconds"] += time.monotonic() - self._epoch_began
        logs = tidy(logs)
        figures = {**logs, "last": epoch + 1}
        value = figures.get(f"val_{self.train.monitor}", figures[self.train.monitor])
        best, sign = self.counters["best"], -1 if self.train.monitor == "loss" else 1
        self.counters["history"].append(logs)
        with self._writing(f"after epoch {epoch + 1}"):
            better = best is None or sign * value > sign * best
            self.counters["wait"] = 0 if better else self.counters["wait"] + 1
            if better or value == best:  # on a small validation set ties are common: the later model has learnt more
                self._best_weights = self.model.get_weights()
                if hosts.first():
                    self.run.save_best_weights(self._best_weights)
                self.counters.update(best=value, best_epoch=epoch + 1, stored=False)
            self.model.stop_training |= stopped_early(self.train, self.counters)
            last = self.model.stop_training or epoch + 1 == self.params["epochs"]
            waited = time.monotonic() - self._stored_at
            if last or self.model is self.whole or waited > self.STORE_SECONDS:
                self.store_best()
            with self._own():
                if hosts.first():
                    self.run.save_state(self.model, epoch + 1, self.counters)

    def store_best(self):
        """Bring `model.keras` up to the best weights."""
        if self.counters["stored"] or not hosts.first():
            return
        current = self.model.get_weights()
        self.model.set_weights(self._best_weights)
        self.run.save_model(self.whole)
        self.model.set_weights(current)
        self.counters["stored"], self._stored_at = True, time.monotonic()

    def close(self):
        """After an interrupt or an error too, the run folder holds its best model."""
        with self._writing("with its best model"):
            self.store_best()

    @contextlib.contextmanager
    def _writing(self, when: str):
        try:
            yield
        except OSError as error:
            raise UserError(
                f"The run {self.run.folder} cannot be written {when}: {error}. What was saved before is whole: make room and "
                "run the same command again."
            ) from error


class Push(keras.callbacks.Callback):
    """Brings a remote run up to date after each epoch; where that fails, training goes on and the next epoch tries again."""

    def __init__(self, run: Run):
        super().__init__()
        self.run = run

    def on_epoch_end(self, epoch, logs=None):
        """Upload."""
        push_if_possible(self.run)


def push_if_possible(run: Run) -> None:
    """Bring a remote run up to date; where that fails the log says so."""
    try:
        run.push()
    except UserError as error:
        log.warning("%s", error)


def steps_done(train: Fit, counters: dict) -> bool:
    """Whether all of `train.steps` are done."""
    return train.steps is not None and counters.get("steps", 0) >= train.steps


def stopped_early(train: Fit, counters: dict) -> bool:
    """Whether `patience` epochs have passed without a better figure."""
    return train.patience is not None and counters["wait"] >= train.patience


class Guard(keras.callbacks.Callback):
    """Stops a run that cannot succeed: the loss is not finite, or too many videos are unreadable."""

    def __init__(self, problems: Problems):
        super().__init__()
        self.problems, self._epoch = problems, 0

    def on_epoch_begin(self, epoch, logs=None):
        """Remember the epoch for the message."""
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Check after every step."""
        self.problems.check()
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            kept = f"The last good state is that of epoch {self._epoch}." if self._epoch else "No epoch was finished."
            raise UserError(
                f"The loss is {loss} at step {batch + 1} of epoch {self._epoch + 1}, learning rate "
                f"{current_learning_rate(self.model):.3g}. {kept} Try a lower --train.learning-rate, or --train.clipnorm 1"
            )

    def on_test_batch_end(self, batch, logs=None):
        """Videos of the validation set count too."""
        self.problems.check()


class EpochSeeds(keras.callbacks.Callback):
    """Dropout's random numbers follow from (seed, epoch), so that a resumed run draws what it would have drawn.

    Keras does not save the state of its seed generators: `(2,)` integers, the seed and a counter of draws.
    """

    DRAWS = 1 << 20  # more than an epoch takes

    def on_epoch_begin(self, epoch, logs=None):
        """Set every counter to the epoch's first."""
        for variable in self.model.non_trainable_variables:
            if variable.name == "seed_generator_state":
                seed = int(keras.ops.convert_to_numpy(variable)[0])
                variable.assign([seed, (epoch * self.DRAWS) % (1 << 32)])


class ProgressBar(keras.callbacks.Callback):
    """One line an epoch: loss, accuracy, clips a second, time left of the epoch and of the run.

    The first epoch of a process builds the graphs: the time left counts from the second, and until then it is an estimate from
    the first epoch without its first step.
    """

    def __init__(self, batch: int, clips: int):
        super().__init__()
        self.batch, self.clips = batch, clips
        self._bar = None

    def on_train_begin(self, logs=None):
        """Nothing is known yet of how long an epoch takes."""
        self._first = self._warm = self._second = None

    def on_epoch_begin(self, epoch, logs=None):
        """Open the bar."""
        self._first = epoch if self._first is None else self._first
        self._epoch_began = time.monotonic()
        columns = [TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.completed}/{task.total} clips")]
        columns += [TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
        self._bar = Progress(*columns, transient=True, disable=not Console().is_terminal)
        self._task = self._bar.add_task(f"epoch {epoch + 1}/{self.params['epochs']}", total=self.clips, rate="")
        self._bar.start()

    def on_train_batch_end(self, batch, logs=None):
        """Advance it."""
        if self._warm is None:
            self._warm = time.monotonic()
        done = min((batch + 1) * self.batch, self.clips)
        rate = done / (time.monotonic() - self._epoch_began)
        self._bar.update(self._task, completed=done, rate=f"{rate:.0f} clips/s  loss {float(logs['loss']):.3f}")
        self._rate = rate

    def on_epoch_end(self, epoch, logs=None):
        """Replace it by a line that stays."""
        self._bar.stop()
        epochs = self.params["epochs"]
        figures = "  ".join(f"{key} {value:.3f}" for key, value in tidy(logs).items() if "top" not in key)
        print(f"epoch {epoch + 1}/{epochs}  {figures}  {self._rate:.0f} clips/s  {self._left(epoch)} left", flush=True)

    def _left(self, epoch: int) -> str:
        now, left = time.monotonic(), self.params["epochs"] - epoch - 1
        if self._second is None:
            self._second = now
            return f"{'about ' if left else ''}{clock((now - self._warm) * left)}"
        return clock((now - self._second) / (epoch - self._first) * left)

    def close(self):
        """Give the terminal back after an interrupt or an error."""
        if self._bar is not None:
            self._bar.stop()
