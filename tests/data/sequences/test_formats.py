"""Arrays, axes and values of single files of sequences."""

import os

import h5py
import numpy as np
import pytest

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data import values
from videorec.data.sequences import axes, formats
from videorec.storage import room


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
    with pytest.raises(UserError, match="real numbers. Received: complex128"):
        values.check_type(np.dtype(complex), None, "a")
    for pair in ((2, 1), (1, 1), (0, np.nan)):
        with pytest.raises(UserError, match="--data.values must be two numbers"):
            values.check(pair)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_infinite_values_are_masked(dtype):
    """As NaN; 70,000 is too large for float16, and 1e300 for float32 only: that one is clipped, and counted as outside."""
    stored = np.array([np.inf, -np.inf, np.nan, 0.25], dtype)
    for given, expected in ((None, 0.25), ((0, 0.5), 0.5)):
        np.testing.assert_array_equal(values.scale(stored, given, "a"), np.float32([np.nan, np.nan, np.nan, expected]))
        assert values.count(stored, given, "a") == (4, 0, 3)
    with np.errstate(over="ignore"):
        large = np.array([7e4, 1e300, 1], "float64").astype(dtype)
    masked = {"float16": 2, "float32": 1, "float64": 0}[dtype]
    assert values.count(large, (0, 1), "a") == (3, 2 - masked, masked)
    assert values.scale(large, (0, 1), "a")[2] == 1 and np.isnan(values.scale(large, (0, 1), "a")).sum() == masked
    if dtype == "float64":
        with pytest.raises(UserError, match="values from 1 to inf, where float data must be in"):
            values.scale(large, None, "a")


def test_frames_without_a_pixel(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 0, 8)))
    with pytest.raises(UserError, match="frames of a pixel or more. Received: axes THW, frames of 0 x 8 x 1"):
        formats.open_file(tmp_path / "a.npy", "a", Sequences(), 5)


def test_a_window_must_fit_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "available", lambda: 1000.0)
    np.save(tmp_path / "a.npy", np.zeros((9, 10, 10), np.uint8))
    formats.open_file(tmp_path / "a.npy", "a", Sequences(), 9)
    np.save(tmp_path / "a.npy", np.zeros((9, 10, 10), np.uint16))
    with pytest.raises(UserError, match=r"A window of .*a\.npy must fit in memory. It takes 1.8 kB, of which 1 kB are free"):
        formats.open_file(tmp_path / "a.npy", "a", Sequences(), 9)


def test_pipes_are_not_opened(tmp_path):
    """Opening one waits for somebody who writes."""
    for name in ("a.npy", "a.h5", "a.avi"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(UserError, match=f"{name} must be a file. Received: a named pipe"):
            formats.open_file(tmp_path / name, name, Sequences(), 9)
