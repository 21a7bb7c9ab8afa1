"""Models of labels to come as they are exported: the last frames of a video to the labels of the frames after it."""

import tensorflow as tf

from videorec.inference import raw_frames
from videorec.tasks.dense.serving import DenseServing


class AnticipationServing(DenseServing):
    """See `VideoServing`."""

    def drawn(self, counts):
        """The last J frames, as many as an evaluation shows."""
        data = self.run.experiment.data
        return {stream: _last(count, data.of(stream).frames)[None] for stream, count in counts.items()}


def _last(count: tf.Tensor, seen: int) -> tf.Tensor:
    """`(seen,)` indices."""
    rule = f"frames must hold at least the {seen} frames that the model was trained on. Received:"
    return tf.range(seen) + raw_frames.checked(count, count >= seen, rule, count) - seen
