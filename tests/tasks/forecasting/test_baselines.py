"""Forecasts without learning, on pictures whose motion is known."""

import cv2
import numpy as np
import pytest

from videorec.config import UserError
from videorec.tasks.forecasting.baselines import advect, repeat_last, repeat_mean

RNG = np.random.default_rng(0)
NOISE = RNG.random((160, 160, 3)).astype(np.float32)
TEXTURE = cv2.normalize(cv2.GaussianBlur(NOISE, (0, 0), 3), None, 0, 1, cv2.NORM_MINMAX)


def blob(x, y, height=64, width=64, radius=5):
    """`(H, W)`: a Gaussian bump."""
    rows, columns = np.mgrid[:height, :width]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))


def moving_blob(frames, start=(16, 30), step=(2, 0), **size):
    """`(1, T, H, W, 1)`."""
    clip = [blob(start[0] + step[0] * t, start[1] + step[1] * t, **size) for t in range(frames)]
    return np.array(clip, np.float32)[None, ..., None]


def moving_view(frames, step, height=48, width=64, corner=(60, 60)):
    """`(1, T, H, W, 3)`: a view of a textured picture whose content moves by `step` (x, y) px a frame."""
    x, y = corner
    views = [
        TEXTURE[y - step[1] * t : y - step[1] * t + height, x - step[0] * t : x - step[0] * t + width] for t in range(frames)
    ]
    return np.array(views)[None]


def frame_mse(truth, forecast):
    """Sum over a frame's pixels, by lead time."""
    return np.square(truth - forecast).sum(axis=(0, 2, 3, 4))


def test_repeat_last():
    inputs = RNG.random((2, 3, 4, 5, 2)).astype(np.float32)
    forecast = repeat_last(inputs, 4)
    assert forecast.shape == (2, 4, 4, 5, 2) and forecast.dtype == np.float32
    for k in range(4):
        np.testing.assert_array_equal(forecast[:, k], inputs[:, 2])
    assert repeat_last(inputs.astype(np.float64)[:, :1], 1).dtype == np.float32


def test_repeat_mean_counts_a_masked_pixel_as_its_last_value():
    inputs = RNG.random((2, 3, 4, 5, 2)).astype(np.float32)
    inputs[1, 2, 0, 0, 0] = np.nan
    forecast = repeat_mean(inputs, 4)
    assert forecast.shape == (2, 4, 4, 5, 2) and forecast.dtype == np.float32
    expected = np.repeat(inputs.mean(axis=1, keepdims=True), 4, axis=1)
    expected[1, :, 0, 0, 0] = (inputs[1, 0, 0, 0, 0] + 2 * inputs[1, 1, 0, 0, 0]) / 3
    np.testing.assert_allclose(forecast, expected, atol=1e-6)


@pytest.mark.parametrize("step", [(2, 0), (-2, 0), (0, 2), (1, -2)])
def test_advect_moves_a_blob_on(step):
    clip = moving_blob(12, start=(32 - 5.5 * step[0], 32 - 5.5 * step[1]), step=step)
    inputs, truth = clip[:, :2], clip[:, 2:]
    moved, kept = frame_mse(truth, advect(inputs, 10)), frame_mse(truth, repeat_last(inputs, 10))
    assert (moved < 0.01 * kept).all()
    assert np.abs(truth - advect(inputs, 10)).max() < 0.1


def test_advect_moves_a_picture_where_it_does_not_come_from_outside():
    clip = moving_view(7, step=(2, 1))
    inputs, truth = clip[:, :2], clip[:, 2:]
    forecast = advect(inputs, 5)
    for k in range(5):
        seen = np.s_[0, k, k + 5 :, 2 * k + 6 :]  # beyond what came in, 1 and 2 px a frame
        assert np.abs(truth[seen] - forecast[seen]).max() < 0.06
        assert np.square(truth[seen] - forecast[seen]).mean() < 0.01 * np.square(truth[seen] - inputs[0, -1][seen[2:]]).mean()


def test_two_things_move_each_its_own_way():
    right, left = moving_blob(8, (14, 16), (2, 0)), moving_blob(8, (50, 48), (-2, 0))
    clip = right + left
    moved, kept = frame_mse(clip[:, 2:], advect(clip[:, :2], 6)), frame_mse(clip[:, 2:], repeat_last(clip[:, :2], 6))
    assert (moved < 0.02 * kept).all()


def test_what_comes_in_is_the_border():
    clip = moving_view(2, step=(2, 0))
    clip[..., :8, :] = 0.75  # the side that the picture moves away from
    forecast = advect(clip, 10)
    np.testing.assert_allclose(forecast[0, :, 8:-8, :6], 0.75, atol=0.02)
    assert forecast.min() >= 0 and forecast.max() <= 1


def test_what_stands_still_stays():
    clip = moving_view(2, step=(0, 0))
    np.testing.assert_allclose(advect(clip, 3), repeat_last(clip, 3), atol=1e-6)
    flat = np.full((1, 2, 20, 20, 1), 0.3, np.float32)
    np.testing.assert_allclose(advect(flat, 3), 0.3, rtol=1e-6)


@pytest.mark.parametrize("size", [(24, 32), (8, 40), (12, 12)])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_small_frames_with_any_channels(size, channels):
    clip = np.repeat(moving_blob(5, (size[1] / 3, size[0] / 2), (1, 0), height=size[0], width=size[1], radius=3), channels, -1)
    clip = clip * np.linspace(1, 0.5, channels, dtype=np.float32)
    forecast = advect(clip[:, :2], 3)
    assert forecast.shape == (1, 3, *size, channels) and forecast.dtype == np.float32
    moved, kept = frame_mse(clip[:, 2:], forecast), frame_mse(clip[:, 2:], repeat_last(clip[:, :2], 3))
    assert (moved < 0.35 * kept).all()
    np.testing.assert_allclose(forecast, forecast[..., :1] * np.linspace(1, 0.5, channels), atol=1e-5)


def test_sequences_do_not_mix():
    clips = np.concatenate([moving_blob(2, step=(2, 0)), moving_blob(2, step=(0, 1))])
    np.testing.assert_array_equal(advect(clips, 3)[1:], advect(clips[1:], 3))


def test_values_are_not_quantised():
    clip = moving_view(2, step=(0, 0))
    levels = advect(clip, 1) * 255
    assert np.abs(levels - np.rint(levels)).max() > 0.4


def test_masked_pixels_take_the_last_value_seen():
    inputs = RNG.random((1, 3, 16, 16, 1)).astype(np.float32)
    expected = inputs[:, -1].copy()
    inputs[0, 2, 3, 4] = np.nan
    expected[0, 3, 4] = inputs[0, 1, 3, 4]
    inputs[0, 1:, 5, 6] = np.nan
    expected[0, 5, 6] = inputs[0, 0, 5, 6]
    inputs[0, :, 7, 8] = np.nan
    expected[0, 7, 8] = 0
    before = inputs.copy()
    np.testing.assert_array_equal(repeat_last(inputs, 1)[:, 0], expected)
    np.testing.assert_array_equal(inputs, before)
    assert np.isfinite(advect(inputs, 2)).all()


def test_a_mask_that_stays_does_not_stop_the_blob():
    clip = moving_blob(8, (16, 30), (2, 0))
    masked = clip.copy()
    masked[:, :, :6] = np.nan  # outside the radar's range
    moved, kept = frame_mse(clip[:, 2:], advect(masked[:, :2], 6)), frame_mse(clip[:, 2:], repeat_last(clip[:, :2], 6))
    assert (moved < 0.02 * kept).all()


def test_thermal_recordings(shared_data):
    """Real frames of 24 x 32 px at 8 Hz: motion helps one frame ahead."""
    for path in sorted((shared_data / "thermal").glob("*.npz")):
        frames = np.load(path)["frames"].astype(np.float32)
        frames = (frames - frames.min()) / (frames.max() - frames.min())
        windows = np.stack([frames[k : k + 3] for k in range(0, len(frames) - 3, 8)])[..., None]
        moved = np.square(windows[:, 2:] - advect(windows[:, :2], 1)).sum(axis=(2, 3, 4)).mean()
        kept = np.square(windows[:, 2:] - repeat_last(windows[:, :2], 1)).sum(axis=(2, 3, 4)).mean()
        assert moved < kept, path.name


@pytest.mark.parametrize(
    ("inputs", "horizon", "error", "message"),
    [
        (np.zeros((1, 1, 16, 16, 1)), 2, UserError, "two input frames"),
        (np.zeros((1, 2, 7, 16, 1)), 2, UserError, "8 x 8 px at least"),
        (np.zeros((2, 16, 16, 1)), 2, ValueError, "must be"),
        (np.zeros((1, 2, 16, 16, 1), np.uint8), 2, ValueError, "float"),
        (np.full((1, 2, 16, 16, 1), 20.0), 2, ValueError, r"in \[0, 1\]"),
        (np.zeros((1, 2, 16, 16, 1)), 0, ValueError, "horizon"),
    ],
)
def test_what_cannot_be_forecast(inputs, horizon, error, message):
    with pytest.raises(error, match=message):
        advect(inputs, horizon)


def test_an_unknown_method():
    with pytest.raises(UserError, match="Did you mean dis"):
        advect(np.zeros((1, 2, 16, 16, 1)), 1, method="diss")
