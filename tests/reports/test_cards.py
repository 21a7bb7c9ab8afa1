"""Clips as cards, measured in their pixels: truth and wrong answers in their colours, bars as long as probabilities."""

import numpy as np

from videorec.reports import cards
from videorec.reports.palette import GREY, RIGHT, WRONG, rgb


def longest(picture: np.ndarray, color: str) -> int:
    """The longest row of a colour where bars are, px."""
    return int((picture[:, cards.WIDTH // 2 :] == rgb(color)).all(axis=-1).sum(axis=1).max())


def test_a_wrong_answer():
    frames = np.full((10, 32, 32, 3), 77, np.uint8)
    grid = cards.frames_grid(frames)
    assert grid.shape == (2 * cards.CELL + cards.GAP, cards.WIDTH, 3) and (grid == 77).all(axis=-1).mean() > 0.9
    answers = [("run", 0.8), ("sit", 0.16), ("walk", 0.04), ("jump", 0.0)]
    picture = cards.card([grid], ("sit",), answers, "x.avi")
    assert abs(longest(picture, RIGHT) / longest(picture, WRONG) - 0.2) < 0.02  # bars of 0.16 and 0.8
    assert 0 < longest(picture, GREY) < longest(picture, RIGHT)
    top = len(picture) - cards.LINE - cards.EDGE - len(grid)
    np.testing.assert_array_equal(picture[top : top + len(grid)], grid)  # nothing over the frames


def test_a_right_answer_has_nothing_wrong_in_it_and_an_unlikely_truth_is_shown():
    grid = cards.frames_grid(np.zeros((2, 16, 64, 3), np.uint8))
    right = cards.card([grid], ("run",), [("run", 0.6), ("sit", 0.4)])
    assert not (right == rgb(WRONG)).all(axis=-1).any()
    answers = [(name, 0.2) for name in "abcd"] + [("truth", 0.1)]
    assert len(cards.card([grid], ("truth",), answers)) == len(cards.card([grid], ("a",), answers)) + cards.LINE
    assert cards.stacked([right, cards.card([grid], ("run",))]).shape == (2, *right.shape)
