"""Background subtraction against NumPy."""

import keras
import numpy as np
import pytest
from layers import assert_close, random

from videorec.layers import BackgroundSubtraction, RunningBackgroundSubtraction

X = random(2, 5, 3, 4)


@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_less_the_median_of_all_steps(steps):
    x = X[:, :steps]
    assert_close(BackgroundSubtraction()(x), x - np.median(x, axis=1, keepdims=True), atol=1e-6)


def test_the_median_of_a_fixed_camera_is_the_scene():
    """What hides each place for two of five frames leaves no trace in the others."""
    scene = random(1, 1, 6, 2)
    frames = np.repeat(scene, 5, axis=1)
    for place in range(6):
        frames[:, [place % 5, (place + 2) % 5], place] += 3
    y = keras.ops.convert_to_numpy(BackgroundSubtraction()(frames))
    np.testing.assert_allclose(y, frames - scene, atol=1e-6)


def test_any_number_of_steps():
    inputs = keras.Input((None, 2, 3))
    model = keras.Model(inputs, BackgroundSubtraction()(inputs))
    assert model.output.shape == (None, None, 2, 3)
    x = random(1, 7, 2, 3)
    assert_close(model.predict_on_batch(x), x - np.median(x, axis=1, keepdims=True), atol=1e-6)


def running(x, past):
    """Each frame less the average so far, by its weights: (1 - 1 / past) less of a frame at each that comes later."""
    y = np.empty_like(x, dtype=np.float64)
    for t in range(x.shape[1]):
        rates = [1 / min(k + 1, past) for k in range(t + 1)]
        weights = [rates[k] * np.prod([1 - rate for rate in rates[k + 1 :]]) for k in range(t + 1)]
        assert np.isclose(sum(weights), 1)
        y[:, t] = x[:, t] - np.tensordot(weights, x[:, : t + 1], axes=(0, 1))
    return y


@pytest.mark.parametrize("past", [1, 2, 3, 9])
def test_less_the_running_average(past):
    y = RunningBackgroundSubtraction(past)(X)
    assert_close(y, running(X, past), atol=1e-6)
    if past >= X.shape[1]:  # the plain mean of the frames so far
        assert_close(y, X - np.cumsum(X, axis=1) / np.arange(1, 6)[None, :, None, None], atol=1e-6)


def test_the_running_average_keeps_small_steps_in_half_precision():
    """A step of a 300th is below what float16 tells from nothing: an average of that precision stayed where it is."""
    x = np.full((1, 900, 2), 0.5, np.float32)
    x[:, :300] = 0
    y = RunningBackgroundSubtraction(300, dtype="mixed_float16")(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    assert_close(y[0, -1], np.full(2, 0.5 * (1 - 1 / 300) ** 600), atol=1e-4)


def test_a_past_without_frames():
    with pytest.raises(ValueError, match="past must be 1 or more. Received: past=0"):
        RunningBackgroundSubtraction(0)
