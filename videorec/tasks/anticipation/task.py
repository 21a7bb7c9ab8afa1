"""Anticipation: the labels of the moments to come, one of all classes each."""

import keras

from videorec.config import Experiment, rules
from videorec.config.dense import AnticipationOptions
from videorec.data.problems import Problems
from videorec.data.splitting import VideoSet
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.anticipation import evaluation, page
from videorec.tasks.anticipation.report import AnticipationReport
from videorec.tasks.anticipation.serving import AnticipationServing
from videorec.tasks.dense import training
from videorec.tasks.dense.task import DenseTask
from videorec.tasks.figures import Figure
from videorec.tasks.task import Progress
from videorec.training.curves import Curves
from videorec.training.feed import Feed


class AnticipationTask(DenseTask):
    """See `Task`; it differs from dense labels in whose labels are learnt, and in what is measured."""

    options = AnticipationOptions

    def check(self, experiment: Experiment) -> None:
        super().check(experiment)
        rules.check_anticipation(experiment)

    def feed(
        self, experiment: Experiment, dataset: VideoSet, whole: keras.Model, problems: Problems, progress: Progress
    ) -> Feed:
        return training.feed(experiment, dataset, whole, problems, progress, experiment.model.horizon)

    def compile(self, model: keras.Model, experiment: Experiment, dataset: VideoSet, steps: int) -> None:
        training.compile_model(model, experiment, steps)

    def callbacks(
        self, run: Run, experiment: Experiment, dataset: VideoSet, whole: keras.Model, feed: Feed, problems: Problems
    ) -> list[keras.callbacks.Callback]:
        return [Curves(run.tensorboard, feed.clips, problems)]

    def evaluate(self, run: Run, options: AnticipationOptions, progress: Progress) -> AnticipationReport:
        return evaluation.evaluate(run, options, progress)

    def serving(self, run: Run) -> AnticipationServing:
        return AnticipationServing(run)

    def figures(self, results: dict) -> list[Figure]:
        return page.figures(results)

    def measured(self, results: dict) -> str:
        return page.measured(results)

    def page(self, run: Run, results: dict | None, pictures: int) -> list[tuple[str, Html]]:
        return page.parts(run, results, pictures)
