"""Indices of clips, against values worked out by hand."""

import numpy as np
import pytest

from videorec.data import sampling


def test_uniform_takes_the_middle_of_each_part():
    assert sampling.uniform(100, 4).tolist() == [12, 37, 62, 87]
    assert sampling.uniform(16, 16).tolist() == list(range(16))
    assert sampling.uniform(100, 4, np.array([0.0, 0.999, 0.0, 0.999])).tolist() == [0, 49, 50, 99]


def test_short_videos_repeat_the_last_frame():
    assert sampling.uniform(3, 6).tolist() == [0, 1, 2, 2, 2, 2]
    assert sampling.window(3, 6, 1, 0).tolist() == [0, 1, 2, 2, 2, 2]
    assert sampling.dense_windows(3, 6, 1, 8).tolist() == [[0, 1, 2, 2, 2, 2]]
    assert sampling.uniform(1, 4).tolist() == [0, 0, 0, 0]


def test_lrcn_protocol_of_100_frames():
    """13 clips, the last two alike (Donahue et al. 2015, the authors' classify_video.py)."""
    clips = sampling.dense_windows(100, 16, 1, 8)
    assert clips.shape == (13, 16)
    assert clips[:, 0].tolist() == [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 84, 84]
    assert clips[-1].tolist() == list(range(84, 100))


@pytest.mark.parametrize("count", [16, 17, 24, 31, 96, 250])
def test_lrcn_protocol_counts(count):
    clips = sampling.dense_windows(count, 16, 1, 8)
    assert len(clips) == -(-count // 8)
    assert clips.max() == count - 1 or count % 8 == 0
    assert (np.diff(clips, axis=1) == 1).all()


def test_windows_with_steps():
    assert sampling.span(4, 3) == 10
    assert sampling.random_window(20, 4, 3, 0.0).tolist() == [0, 3, 6, 9]
    assert sampling.random_window(20, 4, 3, 0.9999).tolist() == [10, 13, 16, 19]
    assert sampling.spread_windows(20, 4, 3, 2)[:, 0].tolist() == [2, 8]


def test_uniform_views_share_the_parts():
    views = sampling.uniform_views(80, 4, 2)
    assert views.tolist() == [[5, 25, 45, 65], [15, 35, 55, 75]]


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 1000])
@pytest.mark.parametrize("frames", [1, 16])
def test_always_valid_and_rising(count, frames):
    rng = np.random.default_rng(0)
    for _ in range(20):
        for indices in (
            sampling.uniform(count, frames, rng.random(frames)),
            sampling.random_window(count, frames, 2, rng.random()),
        ):
            assert indices.shape == (frames,)
            assert 0 <= indices.min() and indices.max() < count
            assert (np.diff(indices) >= 0).all()
