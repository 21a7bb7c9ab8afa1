"""The grid of changes against NumPy, and what the model refuses."""

import keras
import numpy as np
import pytest
from variants import build, clips

from videorec import models
from videorec.config import UserError


def means(x, side):
    """`(B, T, H, W, C)` to means over squares of places, of those there are at the edges."""
    rows, columns = (range(0, size, side) for size in x.shape[2:4])
    return np.stack([np.stack([x[:, :, i : i + side, j : j + side].mean((2, 3)) for j in columns], 2) for i in rows], 2)


def by_hand(frames, cell, threshold, radius, background, past=None):
    """`(B, T, H, W, 3)` uint8 to `(B, T, D)`: the differences of a thumbnail, as they are and as magnitudes."""
    x = frames / 127.5 - 1
    for _ in range(3):
        x = means(x, 2)
    average = np.zeros_like(x)
    for t in range(x.shape[1] if past else 0):
        average[:, t] = average[:, t - 1] + (x[:, t] - average[:, t - 1]) / min(t + 1, past)
    if background:  # further differences are of what is left
        x = x - (average if past else np.median(x, axis=1, keepdims=True))
    scene = [x] if background else []
    before = np.concatenate([x[:, :1], x[:, :-1]], axis=1)
    around = np.stack([x[:, max(t - radius, 0) : t + radius + 1].mean(axis=1) for t in range(x.shape[1])], axis=1)
    d = np.concatenate([*scene, x - before, x - around], axis=-1)  # (B, T, H / 8, W / 8, 6 or 9)
    both = np.concatenate([2 * d, 8 * np.maximum(np.abs(d) - threshold, 0)], axis=-1)
    return means(both, cell).reshape(*frames.shape[:2], -1)


@pytest.mark.parametrize(("background", "past"), [(False, None), (True, None), (True, 3)])
@pytest.mark.parametrize("size", [(32, 48), (44, 36)])  # the second: cells cut off at the edges
def test_the_grid_equals_numpy(size, background, past):
    settings = {"cell": 2, "threshold": 0.1, "radius": 2, "background": background, "past": past}
    model = models.build("change_grid", {"rgb": (None, *size, 3)}, 4, units=3, **settings)
    frames = np.random.default_rng(0).integers(0, 256, (2, 5, *size, 3)).astype(np.uint8)
    grid = keras.Model(model.input, model.get_layer("grid").output)
    got = keras.ops.convert_to_numpy(grid({"rgb": frames}))
    expected = by_hand(frames, 2, 0.1, 2, background, past)
    assert (expected[..., 9:] == 0).mean() < 1 and got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_room_that_does_not_change_is_not_seen():
    """Any still video gives what any other gives."""
    model, x = build("change_grid-thumbnail"), clips("change_grid-thumbnail", 2, 1)["rgb"]
    still = {"rgb": np.repeat(x, 4, axis=1)}
    steps = keras.ops.convert_to_numpy(model(still, training=False)["steps"])
    np.testing.assert_allclose(steps[0], steps[1], atol=1e-6)


def test_settings_that_make_no_grid():
    with pytest.raises(UserError, match="needs the tap map. Received: tap='pooled'"):
        build("change_grid", tap="pooled")
    with pytest.raises(UserError, match="reads differences: .* Received: none"):
        build("change_grid", differences=(), background=False)
    assert build("change_grid", differences=(), background=True).count_params()
    with pytest.raises(UserError, match="past is how far .* it needs background. Received: past=30, without"):
        build("change_grid", background=False, past=30)
