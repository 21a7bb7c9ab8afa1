"""What TensorBoard shows of a model of dense labels: curves, and the timeline of a video."""

import logging
from pathlib import Path

import keras
import tensorflow as tf

from videorec.config.dense import DenseData, DenseEvaluate
from videorec.data.moments.sources import durations
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.data.splitting import VideoSet
from videorec.inference.labeller import Labeller
from videorec.reports import pictures
from videorec.tasks.dense import timeline
from videorec.tasks.dense.scores import score_one
from videorec.training.curves import Curves

log = logging.getLogger(__name__)


class DenseSummaries(Curves):
    """Curves, and at the end the timeline of the shortest validation video (training video where there is none).

    Args:
        folder: of the events.
        count: training windows an epoch.
        whole: the model on frames.
        dataset: the videos, and the classes.
        data, evaluate: how they are read and labelled.
        problems: unreadable and damaged videos.
    """

    def __init__(
        self,
        folder: Path,
        count: int,
        whole: keras.Model,
        dataset: VideoSet,
        data: DenseData,
        evaluate: DenseEvaluate,
        problems: Problems,
    ):
        super().__init__(folder, count, problems)
        self.whole, self.dataset, self.data, self.evaluate = whole, dataset, data, evaluate

    def on_train_end(self, logs=None):
        """The timeline, beside the truth."""
        validation = self.dataset.split("val")
        videos = validation or self.dataset.split("train")
        seconds = durations(videos, self.data)
        video = min(videos, key=lambda video: seconds.get(video.path, float("inf")))
        try:
            labeller = Labeller(self.whole, self.data, self.evaluate.batch)
            scores = score_one(labeller, video, self.dataset.classes, Problems(1, 1.0))
        except Unreadable as error:
            log.warning("no timeline: %s: %s", video.path, error)
            return
        shown = timeline.Timeline(scores, self.dataset.classes, self.data.single, self.evaluate)
        with (self._val if validation else self._train).as_default(self.params["epochs"]):
            tf.summary.image("timeline", pictures.to_array(shown.picture())[None])
