"""Dense labels: any number of labels at every moment of long videos."""

import keras

from videorec import models
from videorec.config import Experiment, rules
from videorec.config.dense import DenseOptions
from videorec.data.moments import sources
from videorec.data.problems import Problems
from videorec.data.record import Record
from videorec.data.splitting import VideoSet
from videorec.models.split import split_whole_videos
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.dense import evaluation, page, training
from videorec.tasks.dense.serving import DenseServing
from videorec.tasks.dense.summaries import DenseSummaries
from videorec.tasks.figures import Figure
from videorec.tasks.task import Progress, Report, Task
from videorec.training.feed import Feed


class DenseTask(Task):
    """See `Task`."""

    options = DenseOptions

    def check(self, experiment: Experiment) -> None:
        super().check(experiment)
        rules.check_dense(experiment.data)
        rules.check_segments(experiment.data, experiment.evaluate)
        rules.check_exclusive(experiment)

    def load(self, experiment: Experiment, record: Record | None = None) -> VideoSet:
        return sources.load(experiment.data, experiment.train.seed, record)

    def build(self, experiment: Experiment, dataset: VideoSet) -> keras.Model:
        return models.for_experiment(experiment, len(dataset.classes))

    def feed(
        self, experiment: Experiment, dataset: VideoSet, whole: keras.Model, problems: Problems, progress: Progress
    ) -> Feed:
        return training.feed(experiment, dataset, whole, problems, progress)

    def fill(
        self,
        experiment: Experiment,
        dataset: VideoSet,
        whole: keras.Model,
        problems: Problems,
        progress: Progress,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        super().fill(experiment, dataset, whole, problems, progress, share)
        training.fill(experiment, dataset, split_whole_videos(whole)[0], problems, progress, share)

    def compile(self, model: keras.Model, experiment: Experiment, dataset: VideoSet, steps: int) -> None:
        training.compile_model(model, experiment, steps)

    def callbacks(
        self, run: Run, experiment: Experiment, dataset: VideoSet, whole: keras.Model, feed: Feed, problems: Problems
    ) -> list[keras.callbacks.Callback]:
        return [DenseSummaries(run.tensorboard, feed.clips, whole, dataset, experiment.data, experiment.evaluate, problems)]

    def evaluate(self, run: Run, options: DenseOptions, progress: Progress) -> Report:
        return evaluation.evaluate(run, options, progress)

    def serving(self, run: Run) -> DenseServing:
        return DenseServing(run)

    def figures(self, results: dict) -> list[Figure]:
        return page.figures(results)

    def measured(self, results: dict) -> str:
        return page.measured(results)

    def page(self, run: Run, results: dict | None, pictures: int) -> list[tuple[str, Html]]:
        return page.parts(run, results, pictures)
