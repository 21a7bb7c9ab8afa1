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
    """Time from the end of the first epoch, which builds the graphs, to the end of training with all that belongs to it."""

    def __init__(self):
        super().__init__()
        self._began = None
        self.seconds = self.processor = 0.0

    def on_epoch_end(self, epoch, logs=None):
        """Begin."""
        self._began = self._began or (time.perf_counter(), time.process_time())

    def on_train_end(self, logs=None):
        """End."""
        self.seconds, self.processor = time.perf_counter() - self._began[0], time.process_time() - self._began[1]


class _TimedTask(RecognitionTask):
    """Recognition with a clock; without its own callbacks nothing at all is shown, by the loop neither."""

    def __init__(self, shown: bool):
        self._shown, self.clock = shown, _Clock()

    def callbacks(self, *args):
        """Those of recognition, or none; and the clock."""
        return [*(super().callbacks(*args) if self._shown else []), self.clock]


def measure(rounds: int = 1, epochs: int = 9, experiment: Experiment | None = None) -> list[Figure]:
    """The figure: of the processor's time, which what else runs on the machine disturbs less than the clock's.

    Args:
        rounds: trainings with and without, in turns.
        epochs: of each; the shorter a training is, the more the first and the last epoch weigh, which are always shown.
        experiment: what is trained; default: the quick start.
    """
    experiment = experiment or configs.load("quickstart")
    train = dataclasses.replace(experiment.train, epochs=epochs, patience=None)
    ratios, clocks, seconds = [], [], []
    for number in range(rounds):
        order = (True, False) if number % 2 == 0 else (False, True)
        spans = {shown: _train(dataclasses.replace(experiment, train=train), shown) for shown in order}
        ratios.append(spans[True].processor / spans[False].processor)
        clocks.append(spans[True].seconds / spans[False].seconds)
        seconds.append(spans[False].seconds)
    value = statistics.median(ratios) - 1
    detail = (
        f"processor time, {rounds} trainings of each; by the clock {100 * statistics.median(clocks) - 100:+.1f} % of "
        f"{statistics.median(seconds):.1f} s; the first epoch is left out"
    )
    name = f"TensorBoard's share of training the quick start, {epochs} epochs"
    return [Figure(PART, name, f"{100 * value:+.1f} %", detail, "< 3 %", value < 0.03)]


def _train(experiment: Experiment, shown: bool) -> _Clock:
    keras.backend.clear_session()
    task = _TimedTask(shown)
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as folder, quiet("videorec", logging.WARNING):
        loop.train(task, dataclasses.replace(experiment, name="run", runs=folder))
    return task.clock
