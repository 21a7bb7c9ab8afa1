"""Attention in pictures, measured in their pixels: bars as long as weights, heat that leaves the frame to be seen."""

import numpy as np

from videorec.reports import attention_pictures
from videorec.reports.heat import heated
from videorec.reports.palette import ORANGE, VERMILION, rgb

SIDE = 128  # px of a square frame in these pictures


def of_color(picture: np.ndarray, *colors: str) -> np.ndarray:
    return np.any([(picture == rgb(color)).all(axis=-1) for color in colors], axis=0)


def test_heat_covers_what_is_hot_in_lighter_colors_and_darkens_what_is_not_seen():
    heat = np.array([[0.0, 1.0], [0.5, np.nan]], np.float32)
    cold, hot, warm, unseen = heated(np.full((2, 2, 3), 100, np.uint8), heat).reshape(4, 3).astype(int)
    assert cold.tolist() == [100, 100, 100] and unseen.tolist() == [45, 45, 45]
    np.testing.assert_allclose(hot, 0.35 * 100 + 0.65 * np.array([252, 255, 164]), atol=2)  # inferno's last color
    np.testing.assert_allclose(warm, 0.675 * 100 + 0.325 * np.array([188, 55, 84]), atol=2)  # and the one in the middle


def test_bars_are_as_tall_as_the_weights():
    weights = np.array([0.1, 0.4, 0.2, 0.3])
    picture = attention_pictures.over_time(np.zeros((4, 32, 32, 3), np.uint8), weights)
    below = of_color(picture, VERMILION)[SIDE:]
    heights = [int(below[:, left + 8].sum()) for left in range(0, picture.shape[1], SIDE + 4)]
    np.testing.assert_allclose(np.array(heights) / heights[1], weights / 0.4, atol=0.05)
    assert heights[1] >= 50


def test_a_long_clip_shows_the_frame_of_each_stretch_with_the_most_attention():
    frames = np.zeros((12, 8, 8, 3), np.uint8)
    frames[:] = np.arange(12)[:, None, None, None] * 20
    weights = np.full(12, 0.05)
    weights[[2, 4, 9]] = 0.2
    picture = attention_pictures.over_time(frames, weights, columns=3)
    assert picture.shape[1] == 3 * SIDE + 2 * 4
    assert [int(picture[5, left + 5, 0]) for left in (0, 132, 264)] == [40, 80, 180]
    assert [int(of_color(picture, color)[SIDE:].any(axis=0).sum() > 0) for color in (VERMILION, ORANGE)] == [1, 1]


def test_heat_over_places_leaves_the_frames_to_be_seen():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (5, SIDE, SIDE, 3), np.uint8)
    heat = np.zeros((5, SIDE, SIDE), np.float32)
    heat[:, 32:64, 32:64] = 1
    picture = attention_pictures.over_space(frames, heat, columns=5)[:SIDE, :SIDE]
    hot = np.zeros((SIDE, SIDE), bool)
    hot[32:64, 32:64] = True
    np.testing.assert_array_equal(picture[~hot], frames[0][~hot])
    assert picture[hot].mean() > frames[0][hot].mean() + 40
    assert np.corrcoef(picture[hot][:, 0], frames[0][hot][:, 0])[0, 1] > 0.99
    even = attention_pictures.over_space(frames, np.full_like(heat, 0.5), columns=5)[:SIDE, :SIDE]
    assert even.mean() > 0.6 * frames[0].mean()
