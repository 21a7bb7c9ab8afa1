"""`MovedFrames` against its equations, pixel by pixel, and against frames that are known to move."""

import keras
import numpy as np
import pytest
from equations import sigmoid
from layers import numpy, random

from videorec.layers import MovedFrames

FAR = 50.0  # a logit that leaves the others of its softmax nothing


def softmax(x):
    shares = np.exp(x - x.max())
    return shares / shares.sum()


def by_pixel(frame, moves, mix, reach, copies, patch):
    """The equations for one frame `(H, W, C)`; moves `(K, h, w, ...)`, mix `(K, H, W, ...)`."""
    height, width = frame.shape[:2]
    size, results = 2 * reach + 1, []
    stay = np.where(np.arange(size) == reach, 3.0, 0.0)
    moved = [frame.astype("float64")] * copies

    def shift(before, logits, axis, copy):
        after = np.zeros_like(before)
        for y, x in np.ndindex(height, width):
            shares = softmax(logits[y // patch, x // patch].reshape(2, copies, size)[axis, copy] + stay)
            for share, step in zip(shares, range(-reach, reach + 1), strict=True):
                source = (y, x + step) if axis == 0 else (y + step, x)
                if 0 <= source[0] < height and 0 <= source[1] < width:
                    after[y, x] += share * before[source]
        return after

    for logits, logits_of_mix in zip(moves, mix, strict=True):
        moved = [shift(shift(before, logits, 0, n), logits, 1, n) for n, before in enumerate(moved)]
        result = np.zeros_like(frame, "float64")
        for y, x in np.ndindex(height, width):
            masks = softmax(logits_of_mix[y, x, : copies + 1] + np.array([1.0] * copies + [0.0]))
            content = sigmoid(logits_of_mix[y, x, copies + 1 :] - 2.0)
            pixels = [*(copy[y, x] for copy in moved), content]
            result[y, x] = sum(mask * pixel for mask, pixel in zip(masks, pixels, strict=True))
        results.append(result)
    return np.stack(results)


@pytest.mark.parametrize("reach, copies, patch, channels", [(1, 2, 2, 1), (2, 1, 1, 3), (2, 3, 4, 2)])
def test_equals_the_equations(reach, copies, patch, channels):
    frames = np.random.default_rng(0).random((2, 4, 8, channels)).astype("float32")
    moves = random(2, 3, 4 // patch, 8 // patch, 2 * (2 * reach + 1) * copies, seed=1, scale=2.0)
    mix = random(2, 3, 4, 8, copies + 1 + channels, seed=2, scale=2.0)
    got = numpy(MovedFrames(reach, copies)([frames, moves, mix]))
    expected = [by_pixel(*one, reach, copies, patch) for one in zip(frames, moves, mix, strict=True)]
    np.testing.assert_allclose(got, np.stack(expected), atol=1e-5)


def test_two_things_each_move_their_own_way_without_blur():
    """A dot on the left moves down by 2, one on the right up by 1 and to the left by 2, whatever patches they cross."""
    frame = np.zeros((1, 12, 12, 1), "float32")
    frame[0, 1, 1], frame[0, 10, 10] = 1.0, 0.5
    moves = np.zeros((1, 3, 3, 3, 2, 2, 5), "float32")  # patches of 4 px; axis, copy, shift
    for copy, (across, down) in enumerate([(0, 2), (-2, -1)]):
        moves[..., 0, copy, 2 - across] = moves[..., 1, copy, 2 - down] = FAR
    mix = np.zeros((1, 3, 12, 12, 4), "float32")
    mix[..., :6, 0] = mix[..., 6:, 1] = FAR  # the first copy on the left, the second on the right
    mix[0, 2, ..., 6:, 1] = 0.0
    mix[0, 2, ..., 6:, 2:] = FAR  # at last the right is new and bright
    got = numpy(MovedFrames(2)([frame, moves.reshape(1, 3, 3, 3, 20), mix]))[0, ..., 0]
    expected = np.zeros((3, 12, 12))
    for k, (y, x) in enumerate([(3, 1), (5, 1), (7, 1)]):
        expected[k, y, x] = 1.0
    expected[0, 9, 8], expected[1, 8, 6], expected[2, :, 6:] = 0.5, 0.5, 1.0
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("arguments", [(0,), (1.0,), (2, 0)])
def test_sizes_are_checked(arguments):
    with pytest.raises(ValueError, match="reach and copies must be ints above 0"):
        MovedFrames(*arguments)


@pytest.mark.parametrize(
    "moves, mix", [((3, 2, 3, 10), (3, 4, 6, 5)), ((3, 3, 3, 12), (3, 4, 6, 5)), ((3, 2, 3, 12), (3, 4, 6, 4))]
)
def test_shapes_are_checked(moves, mix):
    with pytest.raises(ValueError, match=r"moves must be \(B, K, h, w, 12\)"):
        MovedFrames(1)([keras.Input((4, 6, 2)), keras.Input(moves), keras.Input(mix)])
