"""Recognition: one label of a clip, or several."""

import logging

import keras

from videorec import models
from videorec.config import Experiment, rules
from videorec.config.recognition import RecognitionOptions
from videorec.data.problems import Problems
from videorec.data.record import Record
from videorec.data.splitting import VideoSet
from videorec.models.split import split
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.figures import Figure
from videorec.tasks.recognition import evaluation, page, training
from videorec.tasks.recognition.report import RecognitionReport
from videorec.tasks.recognition.serving import RecognitionServing
from videorec.tasks.recognition.summaries import Summaries
from videorec.tasks.task import Progress, Task
from videorec.training.feed import Feed
from videorec.training.metrics import Answers

log = logging.getLogger(__name__)


class RecognitionTask(Task):
    """See `Task`."""

    options = RecognitionOptions

    def check(self, experiment: Experiment) -> None:
        super().check(experiment)
        rules.check_recognition(experiment)

    def load(self, experiment: Experiment, record: Record | None = None) -> VideoSet:
        return training.load(experiment, record)

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
        training.fill(experiment, dataset, split(whole)[0], problems, progress, share)

    def compile(self, model: keras.Model, experiment: Experiment, dataset: VideoSet, steps: int) -> None:
        classes, validated = len(dataset.classes), len(dataset.split("val"))
        training.compile_model(model, experiment.train, classes, steps, experiment.model.target, validated)

    def callbacks(
        self, run: Run, experiment: Experiment, dataset: VideoSet, whole: keras.Model, feed: Feed, problems: Problems
    ) -> list[keras.callbacks.Callback]:
        def clips(epoch):
            return training.first_clips(experiment, dataset, problems, epoch)

        def validation(chosen):
            return training.validation_clips(experiment, dataset, problems, chosen)

        encoding, validated = experiment.data.flow.encoding, len(dataset.split("val"))
        if validated and not Answers.fits(validated, len(dataset.classes)):
            log.info("TensorBoard shows no worst errors: too many validation clips and classes, or several devices")
        return [Summaries(run.tensorboard, dataset, problems, feed.clips, whole, clips, validation, encoding)]

    def evaluate(self, run: Run, options: RecognitionOptions, progress: Progress) -> RecognitionReport:
        return evaluation.evaluate(run, options, progress)

    def serving(self, run: Run) -> RecognitionServing:
        return RecognitionServing(run)

    def figures(self, results: dict) -> list[Figure]:
        return page.figures(results)

    def measured(self, results: dict) -> str:
        return page.measured(results)

    def page(self, run: Run, results: dict | None, pictures: int) -> list[tuple[str, Html]]:
        return page.parts(run, results, pictures)
