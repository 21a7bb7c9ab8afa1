"""Resizing by OpenCV, and in the graph in its place."""

import cv2
import numpy as np
import pytest

from videorec.config import Data
from videorec.data.graph_resize import resize_in_graph
from videorec.data.resize import resize_frame


def test_resize_frame():
    frame = np.zeros((40, 80, 3), np.uint8)
    frame[:, 20:60] = 200
    assert resize_frame(frame, 40, 80) is frame
    assert resize_frame(frame, 20, 20).mean() == 100
    assert resize_frame(frame, 20, 20, "crop").min() == 200  # the middle square is all 200
    assert resize_frame(frame, 80, 160, "stretch").shape == (80, 160, 3)


@pytest.mark.parametrize("fit", ["stretch", "crop"])
@pytest.mark.parametrize("size", [(24, 32), (48, 64), (97, 141), (200, 90), (12, 16), (20, 300)])
def test_the_graph_resizes_as_opencv_does(fit, size):
    rng = np.random.default_rng(0)
    frame = cv2.GaussianBlur(rng.integers(0, 256, (*size, 3), np.uint8), (5, 5), 1)
    got = resize_in_graph(frame[None], Data(resize=(24, 32), fit=fit))[0].numpy().astype(int)
    expected = resize_frame(frame, 24, 32, fit).astype(int)
    assert np.abs(got - expected).max() <= 2
    assert np.abs(got - expected).mean() < 0.3
