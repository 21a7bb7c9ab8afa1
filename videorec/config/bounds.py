"""The bounds of settings. They stand beside each setting, as its annotated type, and are checked here, in one form of words.

    frames: Count = 16
    threshold: Annotated[float, Gt(0), Lt(1)] = 0.5

A number is finite, and an int fits 64 bits, whatever its annotation says.
"""

import dataclasses
import math
import numbers
import operator
import typing
from collections.abc import Iterator
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from videorec.config.errors import UserError

Count = Annotated[int, Ge(1)]
"""1 or more."""
CountOrZero = Annotated[int, Ge(0)]
"""0 or more."""
Seed = Annotated[int, Ge(0), Le(2**32 - 1)]
"""What NumPy and TensorFlow take as a seed."""
Positive = Annotated[float, Gt(0)]
"""Above 0."""
PositiveOrZero = Annotated[float, Ge(0)]
"""0 or more."""
Share = Annotated[float, Ge(0), Le(1)]
"""A share of something, from none to all."""
PositiveShare = Annotated[float, Gt(0), Le(1)]
"""A share of something, never nothing."""
Part = Annotated[float, Ge(0), Lt(1)]
"""A share that leaves something, as of dropout."""

LARGEST = 2**63 - 1
Bound = Ge | Gt | Le | Lt
# Of each bound: what it holds, as a comparison, its limit, and in words.
MEANINGS = {
    Ge: (operator.ge, operator.attrgetter("ge"), "{:g} or more"),
    Gt: (operator.gt, operator.attrgetter("gt"), "above {:g}"),
    Le: (operator.le, operator.attrgetter("le"), "at most {}"),
    Lt: (operator.lt, operator.attrgetter("lt"), "below {}"),
}


def check(settings, prefix: str = "") -> None:
    """Compare every number of a dataclass, and of those in it or in tuples of it, with its bounds.

    Args:
        settings: an instance.
        prefix: what a message begins a setting's name with. With `--` it is named as on the command line, `--data.table-fps`.

    Raises:
        UserError: a number out of its bounds, with the setting's name and rule.
    """
    hints = typing.get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):
        value, name = getattr(settings, field.name), prefix + field.name
        if dataclasses.is_dataclass(value):
            check(value, f"{name}.")
            continue
        if holds_settings(value):
            for number, part in enumerate(value):
                check(part, f"{name}.{number}.")
            continue
        for number, (kind, bounds) in _pairs(value, hints[field.name]):
            if not _within(number, kind, bounds):
                name = name.replace("_", "-") if name.startswith("--") else name
                each = ", each of them" if isinstance(value, list | tuple) else ""
                raise UserError(f"{name} must be {_rule(number, kind, bounds)}{each}. Received: {in_short(value)}")


def holds_settings(value) -> bool:
    """Whether it is a tuple of dataclasses."""
    return isinstance(value, tuple) and bool(value) and all(map(dataclasses.is_dataclass, value))


def numbers_of(hint, bounds: tuple[Bound, ...] = ()) -> list[tuple[type, tuple[Bound, ...]]]:
    """The numbers in a type, each with its bounds: of `tuple[Count, Positive] | None` `[(int, (Ge(1),)), (float, (Gt(0),))]`.

    Of `tuple[Count, ...]` there is one. Texts, switches and choices are none.
    """
    if hint in (int, float):
        return [(hint, bounds)]
    if typing.get_origin(hint) is Annotated:
        kind, *notes = typing.get_args(hint)
        return numbers_of(kind, tuple(note for note in notes if isinstance(note, Bound)))
    if typing.get_origin(hint) is typing.Literal:
        return []
    return [number for part in typing.get_args(hint) for number in numbers_of(part)]


def _pairs(value, hint) -> Iterator[tuple[numbers.Real, tuple[type, tuple[Bound, ...]]]]:
    """Each number of a value, with its type and bounds."""
    limits, values = numbers_of(hint), value if isinstance(value, list | tuple) else (value,)
    if len(limits) == 1:
        limits *= len(values)
    for number, limit in zip(values, limits, strict=False):  # other types and lengths are refused elsewhere
        if isinstance(number, numbers.Real) and not isinstance(number, bool):
            yield number, limit


def _within(number: numbers.Real, kind: type, bounds: tuple[Bound, ...]) -> bool:
    meanings = [(MEANINGS[type(bound)], bound) for bound in bounds]
    return not _too_large(number, kind) and all(holds(number, limit(bound)) for (holds, limit, _), bound in meanings)


def _too_large(number: numbers.Real, kind: type) -> bool:
    """Whether it is not finite, or no int of 64 bits."""
    if kind is int:
        return not -LARGEST <= number <= LARGEST
    try:
        return not math.isfinite(number)
    except OverflowError:  # an int
        return True


def _rule(number: numbers.Real, kind: type, bounds: tuple[Bound, ...]) -> str:
    """What a number must be, in words."""
    words = [text.format(limit(bound)) for bound in bounds for _, limit, text in [MEANINGS[type(bound)]]]
    if not any(isinstance(bound, Le | Lt) for bound in bounds):
        words += ["finite"] if kind is float else [f"at most {LARGEST}"] if _too_large(number, kind) else []
    return " and ".join(words)


def in_short(value) -> str:
    """What came, as it is shown in a message: numbers of a list one after the other, long ones cut."""
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
