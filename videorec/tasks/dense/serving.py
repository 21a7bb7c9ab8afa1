"""Models of dense labels as they are exported: raw frames of any size to the labels of each frame."""

import logging

import tensorflow as tf

from videorec.config import UserError
from videorec.data.moments import sources, windows
from videorec.data.moments.windows import Labelled
from videorec.data.problems import Problems
from videorec.tasks.serving import SPLITS, spread
from videorec.tasks.video_serving import VideoServing

log = logging.getLogger(__name__)


class DenseServing(VideoServing):
    """See `VideoServing`."""

    unit = "window"

    def drawn(self, counts):
        """All frames: each has its labels."""
        return {stream: tf.range(count)[None] for stream, count in counts.items()}

    def examples(self, number, splits=SPLITS):
        """The first whole windows `{stream: (T, *data.resize, 3)}` uint8 of the run's videos."""
        data, examples = self.run.experiment.data, []
        try:
            videos = sources.load(data, self.run.experiment.train.seed, self.run.record)
        except UserError as error:
            log.warning("%s", error)
            return examples
        for video in (video for split in splits for video in spread(videos.split(split), number)):
            labelled = Labelled([video], [data.frames], self.run.classes, data)
            _, frames = next(windows.read_windows(labelled, 0, [0], Problems(1, 1.0)))
            if len(frames) == data.frames:
                examples.append({data.stream: frames})
            if len(examples) == number:
                break
        return examples
