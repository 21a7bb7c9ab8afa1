"""Arrays, axes and values of single files of sequences."""

import h5py
import numpy as np
import pytest

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.sequences import axes, formats, values


@pytest.mark.parametrize("order", ["NTHW", "NHWT", "NTHWC", "CNHWT", "TNWH"])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_orders_of_axes(tmp_path, order, suffix):
    array = np.random.default_rng(0).integers(0, 256, (4, 8, 6, 5, 1), dtype=np.uint8)  # N T H W C
    kept = array if "C" in order else array[..., 0]
    stored = kept.transpose([("NTHWC" if "C" in order else "NTHW").index(letter) for letter in order])
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, stored)
    elif suffix == ".npz":
        np.savez_compressed(path, x=stored, other=np.arange(3))
    else:
        with h5py.File(path, "w") as file:
            file["x"] = stored
    opened = formats.open_file(path, "a", Sequences(path=str(path), axes=order), 5)
    assert [(s.frames, s.shape, s.name) for s in opened] == [(8, (6, 5, 1), f"a #{n}") for n in range(4)]
    for n, sequence in enumerate(opened):
        np.testing.assert_array_equal(sequence.read(range(1, 8, 3)), array[n, 1:8:3])


@pytest.mark.parametrize("letters", ["NTH", "THWW", "THWX", "T"])
def test_wrong_letters(letters):
    with pytest.raises(UserError, match=f"each letter once.*Received: {letters}"):
        axes.layout(letters, (3, 4, 5), "a")


def test_axes_that_need_no_letters():
    assert axes.layout("auto", (20, 8, 8, 3), "a").frame == (8, 8, 3)
    for shape, message in (((3, 20, 8, 8), "3 x 20 x 8 x 8.*NTHW or NHWT"), ((7, 7), "7 x 7")):
        with pytest.raises(UserError, match=message):
            axes.layout("auto", shape, "a")


def test_types_of_values():
    unit = np.array([0, 0.25, 1, np.nan], np.float64)
    np.testing.assert_array_equal(values.scale(unit, None, "a"), unit.astype(np.float32))
    plain = np.array([0, 255], np.uint8)
    assert values.scale(plain, None, "a") is plain
    np.testing.assert_array_equal(values.scale(np.array([-10, 30], np.int16), (-10, 50), "a"), np.float32([0, 2 / 3]))
    np.testing.assert_array_equal(values.scale(np.array([False, True]), None, "a"), [0, 1])
    assert values.scale(np.array([np.inf, -np.inf], np.float32), (0, 70), "a").tolist() == [1, 0]
    with pytest.raises(UserError, match="real numbers. Received: complex128"):
        values.check_type(np.dtype(complex), None, "a")
    for pair in ((2, 1), (1, 1), (0, np.nan)):
        with pytest.raises(UserError, match="--data.values must be two numbers"):
            values.check(pair)
