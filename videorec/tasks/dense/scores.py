"""What a model says of the frames of one video, beside the truth."""

from dataclasses import dataclass

import numpy as np

from videorec.data.moments.tables import DenseVideo


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
