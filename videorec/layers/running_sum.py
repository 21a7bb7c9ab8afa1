"""Running sums that keep their digits: for streams of any length."""

from keras import ops


def empty_sum(shape) -> list:
    """The states of a running sum before the first value: the sum, what rounding has left of it (`shape`, float32), and the
    number of values `(B, 1)`, int32 (float32 would stop at 2 ** 24).

    Args:
        shape: `(B, ...)`.
    """
    return [ops.zeros(shape, "float32"), ops.zeros(shape, "float32"), ops.zeros((shape[0], 1), "int32")]


def added(states: list, x) -> list:
    """The states after a further value `(B, ...)`, float32.

    The compensated sum of Kahan (1965): plain float32 sums of 100,000 equal values are off by 1 in 1,000.
    """
    total, rest, count = states
    x = x - rest
    new = total + x
    return [new, (new - total) - x, count + 1]


def mean_so_far(states: list):
    """The mean so far `(B, ...)`, float32, after at least one value."""
    total, _, count = states
    return total / ops.reshape(ops.cast(count, "float32"), (-1, *[1] * (len(total.shape) - 1)))
