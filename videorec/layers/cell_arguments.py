"""What several cells ask of their arguments."""

import keras


def pair(name: str, value) -> tuple[int, int]:
    """A kernel's size, given as an int or a pair, as a pair.

    Raises:
        ValueError: not an int above 0, nor two of them.
    """
    size = (value, value) if isinstance(value, int) else tuple(value)
    if len(size) != 2 or any(not isinstance(side, int) or side < 1 for side in size):
        raise ValueError(f"{name} must be an int above 0 or a pair of them. Received: {name}={value}")
    return size


def check_dropout(dropout: float, recurrent_dropout: float, unconditional: bool) -> None:
    """Rates are in [0, 1), and what has no input drops none of it.

    Raises:
        ValueError: otherwise.
    """
    for name, rate in {"dropout": dropout, "recurrent_dropout": recurrent_dropout}.items():
        if not 0 <= rate < 1:
            raise ValueError(f"{name} must be at least 0 and below 1. Received: {name}={rate}")
    if unconditional and dropout:
        raise ValueError(f"dropout needs an input: use recurrent_dropout if unconditional. Received: dropout={dropout}")


def fresh(option):
    """A copy of an initializer with a seed of its own: one instance without a seed would start all weights from the same
    random numbers. Any other option stays as it is."""
    return option.clone() if isinstance(option, keras.initializers.Initializer) else option
