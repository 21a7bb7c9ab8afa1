"""Where the windows of a video lie, in training and in evaluations."""

from collections import Counter

import numpy as np
import pytest

from videorec.config.dense import DenseData
from videorec.data.moments import windows


def labelled(length: int, frames: int, horizon: int = 0) -> windows.Labelled:
    return windows.Labelled((), (length,), ("sit",), DenseData(frames=frames), horizon)


@pytest.mark.parametrize("span", [1, 4, 7])
@pytest.mark.parametrize("length", [1, 3, 4, 5, 8, 9, 29])
def test_windows_cover_a_video(length, span):
    moments = labelled(length, span)
    plain = windows.starts_of(moments, 0, 0, -1)
    times_seen = Counter(k for start in plain for k in range(start, start + span) if k < length)
    assert times_seen == dict.fromkeys(range(length), 1)
    reached = set()
    for phase in np.linspace(-0.5, 0.5, 41):
        begins = windows.starts(length, span, phase)
        assert len(begins) == len(plain) == windows.count(moments) == -(-length // span)
        assert (np.diff(begins) >= 0).all() and begins[0] >= 0 and begins[-1] <= max(length - span, 0)
        reached.update(k for start in begins for k in range(start, start + span))
    assert reached >= set(range(length))


@pytest.mark.parametrize("length", [1, 4, 5, 6, 8, 9, 29])
@pytest.mark.parametrize("horizon", [1, 3, 9])
def test_in_an_evaluation_each_frame_comes_once(length, horizon):
    """But for the first four, which are seen alone; in training windows share none."""
    moments = labelled(length, 4, horizon)
    begins = windows.starts_of(moments, 0, 0, -1)
    coming = Counter(k for start in begins for k in range(start + 4, start + 4 + horizon) if k < length)
    assert coming == dict.fromkeys(range(4, length), 1)
    assert len(begins) == max(np.ceil((length - 4) / horizon), 1)
    assert windows.count(moments) == np.ceil(length / (4 + horizon))
