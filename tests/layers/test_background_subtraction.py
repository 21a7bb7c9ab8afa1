"""Background subtraction against NumPy."""

import keras
import numpy as np
import pytest
from layers import assert_close, random

from videorec.layers import BackgroundSubtraction

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
