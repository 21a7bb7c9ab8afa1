"""What goes on inside a model while it answers: calls of its layers, noted as they are made."""

import contextlib
from collections.abc import Callable, Iterator

import keras


def parts(layer: keras.layers.Layer, name: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """The layers in a layer, at any depth, each with the name of the outermost one that it lies in."""
    inside = getattr(layer, "layers", None)
    for inner in inside if isinstance(inside, list) else _held(layer):
        outermost = name or inner.name
        yield outermost, inner
        yield from parts(inner, outermost)


def _held(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    values = [x for value in vars(layer).values() for x in (value if isinstance(value, list | tuple) else [value])]
    return list({id(x): x for x in values if isinstance(x, keras.layers.Layer)}.values())


@contextlib.contextmanager
def noted(owner: object, method: str, note: Callable) -> Iterator[None]:
    """While the block runs, `note(arguments, result)` is called for every call of a method of this object."""
    original = getattr(owner, method)

    def call(*args, **kwargs):
        result = original(*args, **kwargs)
        note(args, result)
        return result

    held = method in vars(owner)
    object.__setattr__(owner, method, call)
    try:
        yield
    finally:
        if held:
            object.__setattr__(owner, method, original)
        else:
            object.__delattr__(owner, method)
