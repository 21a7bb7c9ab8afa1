"""What a model says of the frames of one video, beside the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from videorec.data.moments.frame_labels import frame_labels
from videorec.data.moments.tables import DenseVideo
from videorec.data.moments.windows import rate_of
from videorec.data.problems import Problems
from videorec.inference.labeller import Labeller


@dataclass(frozen=True)
class VideoScores:
    """Probabilities and labels of the T frames of one video; frame k stands for the time k / rate, in seconds."""

    video: DenseVideo
    rate: float
    """Frames a second."""
    probabilities: np.ndarray
    """`(T, C)` float32."""
    targets: np.ndarray
    """`(T, C)` uint8, 1 where the class is true."""
    mask: np.ndarray
    """`(T,)` bool, False where a frame counts nowhere (marked ambiguous)."""
    values: tuple[float, float] | None = None
    """With which a folder of pictures is read: `data.values`."""


def score_one(labeller: Labeller, video: DenseVideo, classes: Sequence[str], problems: Problems) -> VideoScores:
    """Probabilities and labels of every frame of one video."""
    probabilities, rate = labeller.probabilities(video, problems), rate_of(labeller.data)
    labels = frame_labels(video, classes, rate, len(probabilities))
    return VideoScores(video, rate, probabilities, *labels, values=labeller.data.values)
