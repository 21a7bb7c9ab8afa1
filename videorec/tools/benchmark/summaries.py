"""What TensorBoard costs: the quick start trained with everything that is shown, and with nothing."""

import dataclasses
import logging
import statistics
import tempfile
import time

import keras

from videorec import configs
from videorec.config import Experiment
from videorec.tasks.recognition.task import RecognitionTask
from videorec.tools.benchmark.figures import Figure, quiet
from videorec.training import loop

PART = "summaries"


class _Clock(keras.callbacks.Callback):
    """Seconds from the end of the first epoch, which builds the graphs, to the end of training with all that belongs to it."""

    def __init__(self):
        super().__init__()
        self._began = None
        self.seconds = 0.0

    def on_epoch_end(self, epoch, logs=None):
        """Begin."""
        self._began = self._began or time.perf_counter()

    def on_train_end(self, logs=None):
        """End."""
        self.seconds = time.perf_counter() - self._began


class _TimedTask(RecognitionTask):
    """Recognition with a clock; without its own callbacks nothing at all is shown, by the loop neither."""

    def __init__(self, shown: bool):
        self._shown, self.clock = shown, _Clock()

    def callbacks(self, *args):
        """Those of recognition, or none; and the clock."""
        return [*(super().callbacks(*args) if self._shown else []), self.clock]


def measure(rounds: int = 1, epochs: int = 9, experiment: Experiment | None = None) -> list[Figure]:
    """The figure.

    Args:
        rounds: trainings with and without, in turns.
        epochs: of each; the shorter a training is, the more the first and the last epoch weigh, which are always shown.
        experiment: what is trained; default: the quick start.
    """
    experiment = experiment or configs.load("quickstart")
    train = dataclasses.replace(experiment.train, epochs=epochs, patience=None)
    ratios, seconds = [], []
    for number in range(rounds):
        order = (True, False) if number % 2 == 0 else (False, True)
        spans = {shown: _train(dataclasses.replace(experiment, train=train), shown) for shown in order}
        ratios.append(spans[True] / spans[False])
        seconds.append(spans[False])
    value = statistics.median(ratios) - 1
    detail = f"{rounds} trainings of each, of {statistics.median(seconds):.1f} s without; the first epoch is left out"
    name = f"TensorBoard's share of training the quick start, {epochs} epochs"
    return [Figure(PART, name, f"{100 * value:+.1f} %", detail, "< 3 %", value < 0.03)]


def _train(experiment: Experiment, shown: bool) -> float:
    keras.backend.clear_session()
    task = _TimedTask(shown)
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as folder, quiet("videorec", logging.WARNING):
        loop.train(task, dataclasses.replace(experiment, name="run", runs=folder))
    return task.clock.seconds
