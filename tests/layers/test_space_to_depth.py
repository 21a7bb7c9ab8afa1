"""`SpaceToDepth` and `DepthToSpace` against patches taken one by one."""

import keras
import numpy as np
import pytest
from equations import patches, pixels
from layers import numpy, random

from videorec.layers import DepthToSpace, SpaceToDepth

FRAMES = random(2, 3, 8, 12, 2)


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_equals_patches_taken_one_by_one(patch):
    expected = patches(FRAMES, patch)
    assert expected.shape == (2, 3, 8 // patch, 12 // patch, 2 * patch**2)
    np.testing.assert_array_equal(numpy(SpaceToDepth(patch)(FRAMES)), expected)
    np.testing.assert_array_equal(numpy(DepthToSpace(patch)(expected)), FRAMES)
    np.testing.assert_array_equal(pixels(expected, patch), FRAMES)


def test_rows_of_a_patch_come_first():
    frame = np.arange(16, dtype="float32").reshape(1, 1, 4, 4, 1)
    np.testing.assert_array_equal(numpy(SpaceToDepth(2)(frame))[0, 0, 0], [[0, 1, 4, 5], [2, 3, 6, 7]])


@pytest.mark.parametrize("layer", [SpaceToDepth, DepthToSpace])
@pytest.mark.parametrize("patch", [0, 2.0])
def test_patch_is_checked(layer, patch):
    with pytest.raises(ValueError, match="patch must be"):
        layer(patch)


def test_shapes_of_symbols():
    frames = keras.Input((None, 8, 12, 2))
    assert SpaceToDepth(4)(frames).shape == (None, None, 2, 3, 32)
    assert DepthToSpace(4)(SpaceToDepth(4)(frames)).shape == frames.shape


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="multiples of the patch"):
        SpaceToDepth(3)(FRAMES)
    with pytest.raises(ValueError, match="known multiples"):
        SpaceToDepth(2)(keras.Input((None, None, 12, 2)))
    with pytest.raises(ValueError, match="multiple of the patch's pixels"):
        DepthToSpace(2)(FRAMES)
