"""What TensorBoard shows of a model of dense labels: curves, and the timeline of a video."""

import logging

import keras
import tensorflow as tf

from videorec.config.dense import DenseData, DenseEvaluate
from videorec.data.decode import Unreadable
from videorec.data.moments.sources import durations
from videorec.data.moments.windows import rate_of
from videorec.data.problems import Problems
from videorec.data.splitting import VideoSet
from videorec.reports import pictures
from videorec.tasks.dense import timeline
from videorec.tasks.dense.found_segments import found_segments
from videorec.tasks.dense.whole_scores import Labeller, score_one
from videorec.training.curves import Curves

log = logging.getLogger(__name__)


class DenseSummaries(Curves):
    """Curves, and on demand a timeline; its arguments are those of `Curves`."""

    def show_timeline(self, model: keras.Model, found: VideoSet, data: DenseData, evaluate: DenseEvaluate, step: int) -> None:
        """What the model finds in the shortest validation video (training video where there is none), beside the truth."""
        videos = found.split("val") or found.split("train")
        seconds = durations(videos, rate_of(data))
        video = min(videos, key=lambda video: seconds.get(video.path, float("inf")))
        try:
            scores = score_one(Labeller(model, data, evaluate.batch), video, found.classes, Problems(1, 1.0))
        except Unreadable as error:
            log.warning("no timeline: %s: %s", video.path, error)
            return
        cut = scores.rate, evaluate.threshold, data.single, evaluate.smooth
        segments = found_segments(scores.probabilities, found.classes, *cut)
        figure = timeline.figure(scores, segments, found.classes, timeline.thumbnails(scores), data.single)
        with (self._val if found.split("val") else self._train).as_default(step):
            tf.summary.image("timeline", pictures.to_array(figure)[None])
