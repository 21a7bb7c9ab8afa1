"""`SpaceToDepth` and `DepthToSpace` against patches cut one by one."""

import keras
import numpy as np
import pytest
from equations import patches, pixels

from videorec.layers import DepthToSpace, SpaceToDepth

FRAMES = np.random.default_rng(0).normal(size=(2, 3, 8, 12, 2)).astype("float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_equals_patches_cut_one_by_one(patch):
    expected = patches(FRAMES, patch)
    assert expected.shape == (2, 3, 8 // patch, 12 // patch, 2 * patch**2)
    np.testing.assert_array_equal(numpy(SpaceToDepth(patch)(FRAMES)), expected)
    np.testing.assert_array_equal(numpy(DepthToSpace(patch)(expected)), FRAMES)
    np.testing.assert_array_equal(pixels(expected, patch), FRAMES)


def test_rows_of_a_patch_come_first():
    frame = np.arange(16, dtype="float32").reshape(1, 1, 4, 4, 1)
    np.testing.assert_array_equal(numpy(SpaceToDepth(2)(frame))[0, 0, 0], [[0, 1, 4, 5], [2, 3, 6, 7]])


def test_dynamic_batch_and_time_round_trip(tmp_path):
    frames = keras.Input((None, 8, 12, 2))
    maps = SpaceToDepth(4)(frames)
    assert maps.shape == (None, None, 2, 3, 32)
    model = keras.Model(frames, [maps, DepthToSpace(4)(maps)])
    assert model.output_shape[1] == (None, None, 8, 12, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for batch, time in [(2, 3), (1, 2), (1, 1)]:
        x = FRAMES[:batch, :time]
        maps, back = loaded.predict(x, verbose=0)
        np.testing.assert_array_equal(maps, patches(x, 4))
        np.testing.assert_array_equal(back, x)


def test_mixed_precision():
    maps = SpaceToDepth(2, dtype="mixed_float16")(FRAMES)
    assert keras.backend.standardize_dtype(maps.dtype) == "float16"
    assert keras.backend.standardize_dtype(DepthToSpace(2, dtype="float32")(maps).dtype) == "float32"


@pytest.mark.parametrize("layer", [SpaceToDepth, DepthToSpace])
@pytest.mark.parametrize("patch", [0, 2.0])
def test_patch_is_checked(layer, patch):
    with pytest.raises(ValueError, match="patch must be"):
        layer(patch)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="multiples of the patch"):
        SpaceToDepth(3)(FRAMES)
    with pytest.raises(ValueError, match="known multiples"):
        SpaceToDepth(2)(keras.Input((None, None, 12, 2)))
    with pytest.raises(ValueError, match="multiple of the patch's pixels"):
        DepthToSpace(2)(FRAMES)
