"""Caffe's input scaling, on one pixel."""

import numpy as np
import pytest

from videorec.layers import CaffeScaling


def test_bgr_minus_mean():
    frame = np.array([[[10, 20, 30]]], "uint8")  # R, G, B
    y = CaffeScaling()(frame)
    np.testing.assert_allclose(y, [[[30 - 103.939, 20 - 116.779, 10 - 123.68]]], rtol=1e-6)


def test_three_means():
    with pytest.raises(ValueError, match="B, G and R"):
        CaffeScaling(mean=(1.0,))
