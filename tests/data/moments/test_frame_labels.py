"""From segments in seconds to labels of frames."""

import numpy as np
import pytest

from videorec.config import UserError
from videorec.data.moments.frame_labels import frame_labels, single_labels
from videorec.data.moments.tables import DenseVideo, Segment


def test_frames_of_segments():
    video = DenseVideo(
        "v",
        (
            Segment("a", 0.2, 0.5),
            Segment("b", 0.5, 0.7),
            Segment("a", 0.61, 0.69),
            Segment("b", 0.75, 99),
            Segment("a", 0.3, 0.3),
        ),
        ambiguous=(Segment("Ambiguous", 0.35, 0.6),),
    )
    targets, mask = frame_labels(video, ["b", "a"], rate=10, frames=10)
    # Frame k at k / 10 s: a from frame 2 up to 4, b at 5 and 6, none at 7, b from 8 to the end.
    assert targets[:, 1].tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert targets[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 1, 1]
    assert mask.tolist() == [True] * 4 + [False] * 2 + [True] * 4
    assert targets.dtype == np.uint8 and mask.dtype == bool
    assert single_labels(targets, none=7).tolist() == [7, 7, 1, 1, 1, 0, 0, 7, 0, 0]
    with pytest.raises(ValueError, match="the first at 1"):
        single_labels(np.array([[1, 0], [1, 1]]), none=0)


@pytest.mark.parametrize("rate", [8, 10, 23.976, 25, 30])
def test_times_rounded_to_milliseconds_give_their_frames(rate):
    for first in range(200):
        video = DenseVideo("v", (Segment("a", round(first / rate, 3), round((first + 3) / rate, 3)),))
        targets, _ = frame_labels(video, ["a"], rate, 300)
        assert np.flatnonzero(targets).tolist() == [first, first + 1, first + 2]


def test_frame_labels_errors():
    video = DenseVideo("v", (Segment("jmp", 0, 1, "t.csv, line 2"),))
    with pytest.raises(UserError, match="t.csv, line 2: unknown label 'jmp'. Did you mean jump"):
        frame_labels(video, ["jump"], 10, 10)
    with pytest.raises(UserError, match="rate must be above 0"):
        frame_labels(video, ["jmp"], 0, 10)
