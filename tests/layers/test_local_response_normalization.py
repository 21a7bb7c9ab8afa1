"""Caffe's local response normalisation against NumPy."""

import keras
import numpy as np
import pytest

from videorec.layers import LocalResponseNormalization


def by_hand(x, size, alpha, beta, k):
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        window = x[..., max(0, c - size // 2) : c + size // 2 + 1]
        y[..., c] = x[..., c] / (k + alpha / size * np.sum(window**2, axis=-1)) ** beta
    return y


@pytest.mark.parametrize("settings", [{}, {"size": 3, "alpha": 0.5, "beta": 0.6, "k": 2.0}])
def test_equals_numpy(settings):
    x = np.random.default_rng(0).normal(scale=100, size=(2, 3, 3, 7)).astype("float32")
    full = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0} | settings
    np.testing.assert_allclose(LocalResponseNormalization(**settings)(x), by_hand(x, **full), rtol=1e-5)


def test_one_channel_value():
    # 10 / (1 + 1e-4 / 5 * 100) ^ 0.75 = 10 / 1.002 ^ 0.75
    y = LocalResponseNormalization()(np.full((1, 1), 10.0, "float32"))
    np.testing.assert_allclose(y, [[9.985026]], rtol=1e-6)


def test_half_precision_does_not_overflow():
    y = LocalResponseNormalization(dtype="mixed_float16")(np.full((1, 8), 1000.0, "float32"))
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    assert np.all(np.isfinite(y))


def test_even_size_is_refused():
    with pytest.raises(ValueError, match="odd"):
        LocalResponseNormalization(size=4)
