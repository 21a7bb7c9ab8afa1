"""What TensorBoard shows of a model of dense labels: curves, and the timeline of a video."""

import logging
from pathlib import Path

import keras
import tensorflow as tf

from videorec.config.dense import DenseData, DenseEvaluate
from videorec.data.moments.sources import durations
from videorec.data.moments.tables import DenseVideo
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.data.splitting import VideoSet
from videorec.inference.labeller import Labeller
from videorec.reports import pictures
from videorec.tasks.dense import timeline
from videorec.tasks.dense.scores import score_one
from videorec.training import sections
from videorec.training.curves import Curves

log = logging.getLogger(__name__)

SHORT = 20.0  # seconds of a video whose timeline is drawn each epoch


class DenseSummaries(Curves):
    """Curves, and the timeline of the shortest validation video (training video where there is none).

    It is drawn each epoch where the video is short, else at the end.

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
        self._video, self._short, self._drawn, self._last = None, False, 0, 0

    def write(self, epoch: int) -> None:
        """The timeline, where its video is short."""
        videos = self.dataset.split("val") or self.dataset.split("train")
        if self._video is None:
            seconds = durations(videos, self.data)
            self._video = min(videos, key=lambda video: seconds.get(video.path, float("inf")))
            self._short = seconds.get(self._video.path, float("inf")) <= SHORT
        if self._short or epoch == self.params["epochs"]:
            self._show(self._video, epoch)

    def on_train_end(self, logs=None):
        """The timeline after the last epoch, where training ended early."""
        if self._video is not None and self._drawn < self._last:
            with (self._val if self.dataset.split("val") else self._train).as_default(self._last):
                self._show(self._video, self._last)

    def on_epoch_end(self, epoch, logs=None):
        """See `Curves`."""
        super().on_epoch_end(epoch, logs)
        self._last = epoch + 1

    def _show(self, video: DenseVideo, epoch: int) -> None:
        """Beside the truth."""
        self._drawn = epoch
        try:
            labeller = Labeller(self.whole, self.data, self.evaluate.batch)
            scores = score_one(labeller, video, self.dataset.classes, Problems(1, 1.0))
        except Unreadable as error:
            log.warning("no timeline: %s: %s", video.path, error)
            return
        shown = timeline.Timeline(scores, self.dataset.classes, self.data.single, self.evaluate)
        tf.summary.image(f"{sections.ANSWERS}/timeline", pictures.to_array(shown.picture())[None])
