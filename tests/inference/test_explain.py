"""Where attention lies on the frame as it came."""

import numpy as np
import pytest

from videorec.data.augment import centre_crop
from videorec.data.resize import resize_frame
from videorec.inference.explain import heat_map, visible


def recipe(resize, crop, fit="stretch", model="visual_attention") -> dict:
    return {"model": model, "pictures": {"resize": resize, "crop": crop, "fit": fit}}


@pytest.mark.parametrize(
    ("resize", "crop", "fit", "expected"),
    [
        ((128, 160), (128, 160), "stretch", (0, 0, 240, 320)),
        ((64, 64), (32, 32), "stretch", (60, 80, 180, 240)),
        ((64, 64), (64, 64), "crop", (0, 40, 240, 280)),
        ((64, 64), (32, 32), "crop", (60, 100, 180, 220)),
        ((64, 128), (64, 64), "crop", (40, 80, 200, 240)),
    ],
)
def test_the_visible_part_is_what_the_pipeline_keeps(resize, crop, fit, expected):
    """A frame whose pixels say where they are, sent through resizing and cropping: the first and last that are left."""
    assert visible(240, 320, recipe(resize, crop, fit)) == expected
    y, x = np.meshgrid(np.arange(240, dtype=np.float32), np.arange(320, dtype=np.float32), indexing="ij")
    kept = np.asarray(centre_crop(resize_frame(np.stack([y, x, x], axis=-1), *resize, fit), crop))
    top, left, bottom, right = expected
    pixel = np.array([bottom - top, right - left]) / crop
    np.testing.assert_allclose(kept[0, 0, :2] + 0.5, [top, left] + pixel / 2, atol=1)
    np.testing.assert_allclose(kept[-1, -1, :2] + 0.5, [bottom, right] - pixel / 2, atol=1)


def test_heat_lies_on_its_place():
    """Of 2 rows and 4 columns, the place in the second row and third column."""
    coefficients = np.zeros(8, np.float32)
    coefficients[6] = 1
    heat = heat_map({"attention": coefficients}, 100, 400, recipe((50, 200), (40, 80)))
    seen = ~np.isnan(heat)
    assert seen[10:90, 120:280].all() and seen.sum() == 80 * 160
    assert np.unravel_index(np.nanargmax(heat), heat.shape) == pytest.approx((70, 220), abs=21)
    assert np.nanmax(heat) == pytest.approx(1, abs=0.02) and np.nanmin(heat) == 0
    assert heat[70, 220] > 0.95 and heat[30, 220] < 0.05 and heat[70, 140] == 0


def test_even_attention_is_half_as_hot():
    heat = heat_map({"attention": np.full((3, 9), 1 / 9)}, 30, 30, recipe((30, 30), (30, 30)))
    np.testing.assert_allclose(heat, 0.5, atol=1e-6)


def test_the_last_of_several_frames_counts():
    first, last = np.eye(4)[0], np.eye(4)[3]
    heat = heat_map({"attention": np.stack([first, last])}, 40, 40, recipe((40, 40), (40, 40)))
    assert heat[5, 5] == 0 and heat[35, 35] == 1


def test_attention_over_frames_has_no_place():
    assert heat_map({"attention": np.full(9, 1 / 9)}, 30, 30, recipe((30, 30), (30, 30), model="attention_lstm")) is None
    assert heat_map({}, 30, 30, recipe((30, 30), (30, 30))) is None
