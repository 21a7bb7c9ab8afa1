"""Files as Caffe writes them, byte by byte: networks with their weights, in the form of today and in that of 2014."""

import struct
from pathlib import Path

import numpy as np

TYPES_OF_2014 = {"Convolution": 4, "InnerProduct": 14, "LRN": 15, "Pooling": 17}


def varint(number: int) -> bytes:
    more = number >> 7
    return bytes([number & 127 | 128]) + varint(more) if more else bytes([number])


def field(number: int, value: int | bytes | str) -> bytes:
    """A field of a protobuf message: a whole number, or what has a length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def blob(array: np.ndarray, old: bool) -> bytes:
    if old:
        sizes = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(field(number, size) for number, size in enumerate(sizes, start=1))
    else:
        shape = field(7, field(1, b"".join(map(varint, array.shape))))
    return shape + field(5, struct.pack(f"<{array.size}f", *array.ravel()))


def write(path: Path, layers: list[tuple[str, str, str, list[np.ndarray]]], old: bool = False) -> Path:
    """Layers are `(name, type, what it reads, arrays)`."""
    content = field(1, "a network")
    for name, kind, bottom, arrays in layers:
        numbers = (4, 2, 3, 6) if old else (1, 3, 4, 7)
        texts = zip(numbers, (name, bottom, name), strict=False)
        kind = field(5, TYPES_OF_2014[kind]) if old else field(2, kind)
        layer = b"".join(field(number, text) for number, text in texts) + kind
        layer += b"".join(field(numbers[3], blob(array, old)) for array in arrays)
        content += field(2 if old else 100, layer)
    path.write_bytes(content)
    return path
