"""Resizing by OpenCV, and in the graph in its place."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

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


SIZES = {
    "whole numbers": [(48, 64), (24, 64), (48, 32), (72, 96), (120, 96)],
    "both sides shrink": [(97, 141), (25, 33), (240, 320), (200, 300), (26, 32), (24, 47)],
    "a side grows": [(12, 16), (20, 300), (200, 20), (23, 31), (23, 64), (7, 5), (1, 1), (1, 40), (40, 1)],
    "the same": [(24, 32)],
}


@pytest.mark.parametrize("fit", ["stretch", "crop"])
@pytest.mark.parametrize("kind", SIZES)
def test_the_graph_gives_the_pixels_of_opencv(fit, kind):
    """OpenCV rounds in four ways, one for each kind; none of them is off by one anywhere."""
    data, rng = Data(resize=(24, 32), fit=fit), np.random.default_rng(0)
    spec = tf.TensorSpec((None, None, None, 3), tf.uint8)
    resize = tf.function(lambda frames: resize_in_graph(frames, data), input_signature=[spec], autograph=False)
    odd = [tuple(rng.integers(1, 150, 2)) for _ in range(5)]
    for size in [*SIZES[kind], *odd]:
        frames = rng.integers(0, 256, (3, *size, 3), np.uint8)
        frames[1] = cv2.GaussianBlur(frames[1], (5, 5), 1)
        expected = [resize_frame(frame, 24, 32, fit) for frame in frames]
        np.testing.assert_array_equal(resize(tf.constant(frames)), expected, err_msg=f"{size}")
