"""Forecasting: the next frames."""

import keras

from videorec import models
from videorec.config import Experiment
from videorec.config.forecasting import ForecastOptions
from videorec.data.problems import Problems
from videorec.data.record import Record
from videorec.data.sequences import windows
from videorec.data.sequences.windows import SequenceSet
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.figures import Figure
from videorec.tasks.forecasting import evaluation, page, training
from videorec.tasks.forecasting.report import ForecastReport
from videorec.tasks.forecasting.serving import ForecastServing
from videorec.tasks.forecasting.summaries import ForecastSummaries
from videorec.tasks.task import Progress, Task
from videorec.training.feed import Feed


class ForecastingTask(Task):
    """See `Task`. What its data must hold is checked where they are opened."""

    options = ForecastOptions

    def load(self, experiment: Experiment, record: Record | None = None) -> SequenceSet:
        return windows.open_sequences(experiment.data, experiment.model.horizon, experiment.train.seed, record)

    def build(self, experiment: Experiment, dataset: SequenceSet) -> keras.Model:
        return models.from_config(experiment.model, {"rgb": (None, *dataset.shape)}, classes=1)

    def problems(self, experiment: Experiment, dataset: SequenceSet) -> Problems:
        """None are collected: a sequence that cannot be read ends the run."""
        return Problems(1, 1.0)

    def feed(
        self, experiment: Experiment, dataset: SequenceSet, whole: keras.Model, problems: Problems, progress: Progress
    ) -> Feed:
        return training.feed(experiment, dataset, whole)

    def compile(self, model: keras.Model, experiment: Experiment, dataset: SequenceSet, steps: int) -> None:
        training.compile_model(model, experiment, steps)

    def callbacks(
        self, run: Run, experiment: Experiment, dataset: SequenceSet, whole: keras.Model, feed: Feed, problems: Problems
    ) -> list[keras.callbacks.Callback]:
        split = "train" if feed.val is None else "val"
        shown = training.first_windows(experiment, dataset, split)
        return [ForecastSummaries(run.tensorboard, whole, shown, feed.clips)]

    def evaluate(self, run: Run, options: ForecastOptions, progress: Progress) -> ForecastReport:
        return evaluation.evaluate(run, options, progress)

    def serving(self, run: Run) -> ForecastServing:
        return ForecastServing(run)

    def figures(self, results: dict) -> list[Figure]:
        return page.figures(results)

    def measured(self, results: dict) -> str:
        return page.measured(results)

    def page(self, run: Run, results: dict | None, pictures: int) -> list[tuple[str, Html]]:
        return page.parts(run, results, pictures)
