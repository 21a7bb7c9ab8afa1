"""What a run says of videos and of their clips."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Scores:
    """What a run says of N videos and of their M clips."""

    videos: np.ndarray
    """`(N, C)` probabilities: the mean over clips and crops. NaN where a video cannot be read."""
    clips: np.ndarray | None
    """`(M, C)` probabilities: the mean over the crops of a clip. None for fused runs whose clips differ."""
    owner: np.ndarray
    """`(M,)` index of each clip's video, in order."""
    sampling: frozenset
    """How clips are taken from videos: runs that differ here have different clips."""
    streams: dict[str, np.ndarray] = field(default_factory=dict)
    """Of a model with several streams: what each says alone, as `videos`."""
