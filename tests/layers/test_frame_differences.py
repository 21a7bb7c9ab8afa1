"""Differences between frames against NumPy, and frame by frame."""

import keras
import numpy as np
import pytest
from layers import assert_close, by_steps, random

from videorec.layers import FrameDifferences

X = random(2, 5, 3, 4)


def test_equals_numpy():
    y = keras.ops.convert_to_numpy(FrameDifferences(("mean", "previous"))(X))
    assert y.shape == (2, 5, 3, 12)
    np.testing.assert_array_equal(y[..., :4], X)
    np.testing.assert_allclose(y[..., 4:8], X - X.mean(1, keepdims=True), atol=1e-6)
    np.testing.assert_array_equal(y[:, 0, :, 8:], 0)
    np.testing.assert_allclose(y[:, 1:, :, 8:], np.diff(X, axis=1), atol=1e-6)


@pytest.mark.parametrize("radius", [1, 2, 9])
def test_mean_of_the_steps_around(radius):
    y = keras.ops.convert_to_numpy(FrameDifferences(("mean",), radius)(X))
    means = [X[:, max(t - radius, 0) : t + radius + 1].mean(1) for t in range(X.shape[1])]
    np.testing.assert_allclose(y, np.concatenate([X, X - np.stack(means, 1)], axis=-1), atol=1e-6)


@pytest.mark.parametrize("references", [("previous",), ("previous", "previous")])
def test_step_by_step(references):
    layer = FrameDifferences(references)
    layer.build(X.shape)
    outputs, _ = by_steps(layer.cell, X, layer.cell.get_initial_state(2))
    assert type(layer.cell).from_config(layer.cell.get_config()).times == len(references)
    differences = np.diff(X, axis=1, prepend=X[:, :1])
    assert_close(outputs, np.concatenate([X, *[differences] * len(references)], axis=-1), atol=1e-6)


def test_one_frame_has_no_differences():
    y = FrameDifferences(("previous", "mean"))(X[:, :1])
    assert_close(y, np.concatenate([X[:, :1], np.zeros((2, 1, 3, 8))], axis=-1), atol=0)


def test_causal_without_the_mean():
    assert FrameDifferences(("previous",)).causal and not FrameDifferences(("previous", "mean")).causal


@pytest.mark.parametrize("references", [(), ("next",)])
def test_errors(references):
    with pytest.raises(ValueError, match="must be among previous, mean"):
        FrameDifferences(references)
    with pytest.raises(ValueError, match="radius must be 1 or more.* Received: radius=0"):
        FrameDifferences(("mean",), radius=0)
