"""Attributes of arrays (CF conventions): what they make of stored numbers, and what is said of them."""

import logging

import h5py
import numpy as np
import pytest

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.sequences import packing
from videorec.data.sequences.files import FileSequences


def unpack(stored, **attributes):
    packed, notes = packing.read(attributes, stored.dtype, "a.h5:x")
    return packed.unpack(stored), [note.text for note in notes]


def test_scale_offset_and_missing_values():
    """Missing values are numbers as stored, before scale and offset."""
    stored = np.array([-32768, -1, 0, 200, 9999], np.int16)
    attributes = {"_FillValue": np.int16(-32768), "missing_value": np.array([9999], np.int16)}
    values, notes = unpack(stored, scale_factor=np.float32(0.5), add_offset=np.array([10.0]), **attributes)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.float32([np.nan, 9.5, 10, 110, np.nan]))
    assert notes == [
        "by its attributes: -32768 and 9999 masked (_FillValue, missing_value), "
        "stored numbers x 0.5 + 10 (scale_factor, add_offset)"
    ]


def test_a_missing_value_of_another_type():
    """Of double precision for single: -999.9 is no float32, and means the nearest; -9999 is no byte: not 241 either."""
    values, _ = unpack(np.array([-999.9, 1], np.float32), missing_value=np.float64(-999.9))
    np.testing.assert_array_equal(values, np.float32([np.nan, 1]))
    values, notes = unpack(np.array([241, 1], np.uint8), _FillValue=np.int32(-9999))
    assert values.dtype == np.uint8 and values.tolist() == [241, 1]
    assert notes == ["the missing value -9999 cannot occur in uint8 and is ignored"]


def test_unsigned_numbers_in_signed_ones():
    stored = np.array([-1, -56, 100], np.int8)
    values, notes = unpack(stored, _Unsigned="true")
    assert values.dtype == np.uint8 and values.tolist() == [255, 200, 100]
    assert notes == ["by its attributes: signed integers read as unsigned (_Unsigned)"]
    values, _ = unpack(stored, _Unsigned=b"true", _FillValue=np.int8(-1), scale_factor=0.1)
    np.testing.assert_allclose(values, [np.nan, 20, 10])


def test_attributes_without_effect():
    stored = np.arange(3, dtype=np.uint8)
    values, notes = unpack(stored, scale_factor=1.0, add_offset=0.0, units="dBZ")
    assert values.dtype == np.uint8 and values.tolist() == [0, 1, 2] and notes == []


def test_what_is_not_applied_is_named():
    _, notes = unpack(np.zeros(3, np.float32), valid_min=0.0, valid_max=60.0, gain=0.5, nodata=255)
    assert notes == [
        "not applied: valid_min, valid_max; --data.values LEAST MOST clips and counts what lies outside",
        "not applied: gain, nodata, which are no attributes of the CF conventions",
    ]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"scale_factor": "0.1"}, "scale_factor must be a finite number. Received: '0.1'"),
        ({"add_offset": np.array([1.0, 2.0])}, "add_offset must be a finite number"),
        ({"scale_factor": np.nan}, "scale_factor must be a finite number"),
        ({"scale_factor": 0.0}, "scale_factor must not be 0"),
        ({"_FillValue": b"none"}, "_FillValue must be numbers"),
    ],
)
def test_attributes_that_are_no_numbers(attributes, message):
    with pytest.raises(UserError, match=f"a.h5:x: its attribute {message}"):
        packing.read(attributes, np.dtype(np.int16), "a.h5:x")


def test_windows_of_packed_files(tmp_path, caplog):
    """Packed temperatures: --data.values is in degrees, as unpacked."""
    for n in range(3):
        with h5py.File(tmp_path / f"{n}.nc", "w") as file:
            file["t"] = np.full((6, 4, 4), 100, np.int16)
            file["t"][0, 0, 0] = -1
            file["t"].attrs["number"] = n  # copies of one file are never split
            file["t"].attrs.update(scale_factor=0.25, add_offset=-5.0, _FillValue=np.int16(-1))
    with caplog.at_level(logging.INFO):
        source = FileSequences(Sequences(str(tmp_path), frames=3, values=(0, 40)), 2, 0)
    window = source.window("train", 0)
    assert np.isnan(window[0, 0, 0, 0]) and np.all(window[1:] == 0.5)
    assert "3 files (0.nc, 1.nc, 2.nc): by its attributes: -1 masked" in caplog.text
    assert "3 of 288 values are NaN or infinite: masked" in caplog.text
    with pytest.raises(UserError, match="values from 20 to 20, where float data must be in"):
        FileSequences(Sequences(str(tmp_path), frames=3), 2, 0)


def test_bytes_of_which_some_are_masked_stay_0_to_255(tmp_path):
    for n in range(3):
        with h5py.File(tmp_path / f"{n}.h5", "w") as file:
            file["x"] = np.full((6, 4, 4), 51, np.uint8)
            file["x"][0, 0, 0] = 255
            file["x"].attrs.update(_FillValue=np.uint8(255), number=n)
    window = FileSequences(Sequences(str(tmp_path), frames=3), 2, 0).window("train", 0)
    assert np.isnan(window[0, 0, 0, 0]) and np.all(window[1:] == np.float32(0.2))
    given = FileSequences(Sequences(str(tmp_path), frames=3, values=(0, 102)), 2, 0).window("train", 0)
    assert np.isnan(given[0, 0, 0, 0]) and np.all(given[1:] == 0.5)
