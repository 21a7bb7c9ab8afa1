"""What an array says of its own values: the attributes of the CF conventions (netCDF, and HDF5 written alike).

Source: CF conventions 1.11, sections 2.5.1 and 8.1, and the NetCDF Users Guide's `_Unsigned`.
"""

import logging
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from videorec.config import UserError

MISSING = ("_FillValue", "missing_value")
LIMITS = ("valid_range", "valid_min", "valid_max")
ALIKE = frozenset("fillvalue fill_value _fill_value nodata undetect missing scale gain slope offset intercept".split())


class Note(NamedTuple):
    """What the log is to say of an array.

    Attributes:
        level: logging.INFO or logging.WARNING.
        text: without the name of the file.
    """

    level: int
    text: str


class Packing(NamedTuple):
    """How stored numbers become values.

    Attributes:
        missing: stored numbers that stand for no value.
        scale, offset: value = stored number x scale + offset.
        unsigned: signed integers are to be read as unsigned ones.
    """

    missing: tuple[float, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    unsigned: bool = False

    @property
    def scales(self) -> bool:
        """Whether values are other numbers than those stored."""
        return (self.scale, self.offset) != (1.0, 0.0)

    def dtype(self, stored: np.dtype) -> np.dtype:
        """Of the numbers before they are scaled."""
        return np.dtype(stored.str.replace("i", "u")) if self.unsigned else stored

    def unpack(self, stored: np.ndarray) -> np.ndarray:
        """Values of an array; float32, NaN where missing, except where `unsigned` is all there is."""
        numbers = stored.view(self.dtype(stored.dtype))
        if not self.scales and not self.missing:
            return numbers
        scaled = numbers.astype(np.float64) * self.scale + self.offset if self.scales else numbers
        values = scaled.astype(np.float32)
        values[np.isin(numbers, self.missing)] = np.nan
        return values


def read(attributes: Mapping, dtype: np.dtype, name: str) -> tuple[Packing, list[Note]]:
    """The packing that attributes describe, and what is to be said of it.

    Args:
        attributes: of the array.
        dtype: as stored.
        name: of the array, for messages.

    Raises:
        UserError: an attribute that is no number.
    """
    unsigned = dtype.kind == "i" and _text(attributes.get("_Unsigned", "")).lower() == "true"
    packing = Packing(unsigned=unsigned)
    scale, offset = _one_number(attributes, "scale_factor", 1.0, name), _one_number(attributes, "add_offset", 0.0, name)
    if not scale:
        raise UserError(f"{name}: its attribute scale_factor must not be 0.")
    stored = packing.dtype(dtype)
    missing, impossible = [], []
    for key in MISSING:
        for number in _numbers(attributes, key, name):
            fits = _as_stored(number, dtype, stored)
            (impossible if fits is None else missing).append(number if fits is None else fits)
    missing = tuple(dict.fromkeys(float(number) for number in missing if np.isfinite(number)))
    packing = Packing(missing, scale, offset, unsigned)
    return packing, [*_applied(packing), *_not_applied(attributes, impossible, stored)]


def _applied(packing: Packing) -> list[Note]:
    said = ["signed integers read as unsigned (_Unsigned)"] if packing.unsigned else []
    if packing.missing:
        said.append(f"{' and '.join(f'{number:g}' for number in packing.missing)} masked (_FillValue, missing_value)")
    if packing.scales:
        said.append(f"stored numbers x {packing.scale:g} + {packing.offset:g} (scale_factor, add_offset)")
    return [Note(logging.INFO, f"by its attributes: {', '.join(said)}")] if said else []


def _not_applied(attributes: Mapping, impossible: list, stored: np.dtype) -> list[Note]:
    notes = [f"the missing value {number:g} cannot occur in {stored} and is ignored" for number in impossible]
    limits = [key for key in LIMITS if key in attributes]
    if limits:
        notes.append(f"not applied: {', '.join(limits)}; --data.values LEAST MOST clips and counts what lies outside")
    alike = [key for key in attributes if key.casefold() in ALIKE]
    if alike:
        notes.append(f"not applied: {', '.join(alike)}, which are no attributes of the CF conventions")
    return [Note(logging.WARNING, text) for text in notes]


def _one_number(attributes: Mapping, key: str, default: float, name: str) -> float:
    return float(next(iter(_numbers(attributes, key, name, most=1)), default))


def _numbers(attributes: Mapping, key: str, name: str, most: int | None = None) -> list[np.number]:
    """The numbers of an attribute, no more than `most` and finite where that is given; none where it is absent."""
    if key not in attributes:
        return []
    value = np.ravel(attributes[key])
    if value.dtype.kind not in "uif" or not value.size or (most and (value.size > most or not np.isfinite(value).all())):
        rule = "a finite number" if most else "numbers"
        raise UserError(f"{name}: its attribute {key} must be {rule}. Received: {attributes[key]!r}")
    return list(value)


def _as_stored(number: np.number, dtype: np.dtype, stored: np.dtype) -> np.number | None:
    """A missing value as it would be stored; None where it cannot be."""
    if stored.kind == "f":
        with np.errstate(over="ignore"):
            return stored.type(number)
    if stored.kind not in "ui" or not np.isfinite(number) or number != int(number):
        return None
    for kind in (dtype, stored):  # of _Unsigned the missing value may be given signed
        if np.iinfo(kind).min <= int(number) <= np.iinfo(kind).max:
            return np.array(int(number), kind).view(stored)[()]
    return None


def _text(value) -> str:
    first = next(iter(np.ravel(value)), "")
    return first.decode(errors="replace") if isinstance(first, bytes) else str(first)
