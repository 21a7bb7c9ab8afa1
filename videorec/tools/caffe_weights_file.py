"""A .caffemodel read without Caffe: its layers, what each reads, and their weights.

The file is a protobuf message; here stand the few of its fields that are needed, so that what else is in it is passed over.
Both forms are read: layers of today (field `layer`), and those of 2014 (field `layers`), in which most released networks are.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from videorec.storage import outside

# Of each message its fields: number, name, and what they are. Values are kept as bytes: float32, one after the other.
MESSAGES = {
    "Shape": ((1, "dim", "int64", "repeated"),),
    "Blob": (
        (1, "num", "int32", "optional"),
        (2, "channels", "int32", "optional"),
        (3, "height", "int32", "optional"),
        (4, "width", "int32", "optional"),
        (5, "data", "bytes", "optional"),
        (7, "shape", "Shape", "optional"),
    ),
    "Layer": ((1, "name", "bytes", "optional"), (3, "bottom", "bytes", "repeated"), (7, "blobs", "Blob", "repeated")),
    "Layer2014": ((4, "name", "bytes", "optional"), (2, "bottom", "bytes", "repeated"), (6, "blobs", "Blob", "repeated")),
    "Net": ((100, "layer", "Layer", "repeated"), (2, "layers", "Layer2014", "repeated")),
}
REMEDY = "Give a .caffemodel of Caffe, as it was released"


@dataclass(frozen=True)
class CaffeLayer:
    """A layer of the file: the names of what it reads, and its arrays as Caffe has them: `(out, in, height, width)`,
    `(out, in)`, `(out,)`, with ones ahead of them in files of 2014."""

    bottoms: tuple[str, ...]
    arrays: tuple[np.ndarray, ...]


def read(path: Path) -> dict[str, CaffeLayer]:
    """The layers by their names, in the file's order, with `_` for the `/` in names.

    Raises:
        UserError: no such file, none of Caffe, or a damaged one.
    """
    with outside.reading(path, REMEDY):
        net = _net()
        net.ParseFromString(path.read_bytes())
        layers = [*net.layers, *net.layer]
        if not any(layer.blobs for layer in layers):
            raise ValueError("it holds no layer with weights")
        names = [_name(layer.name) for layer in layers]
        parts = [CaffeLayer(tuple(map(_name, layer.bottom)), tuple(map(_array, layer.blobs))) for layer in layers]
    return dict(zip(names, parts, strict=True))


def _net():
    """An empty message of a network."""
    file = descriptor_pb2.FileDescriptorProto(name="videorec/caffe.proto", package="videorec.caffe", syntax="proto2")
    for message, fields in MESSAGES.items():
        entry = file.message_type.add(name=message)
        for number, name, kind, label in fields:
            field = entry.field.add(name=name, number=number, label=f"LABEL_{label.upper()}")
            field.type = f"TYPE_{'MESSAGE' if kind in MESSAGES else kind.upper()}"
            if kind in MESSAGES:
                field.type_name = f".videorec.caffe.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("videorec.caffe.Net"))()


def _name(name: bytes) -> str:
    return name.decode("utf-8").replace("/", "_")


def _array(blob) -> np.ndarray:
    """Of 2014 every array has four axes, the first of them 1: biases are `(1, 1, 1, out)`."""
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    return np.frombuffer(blob.data, "<f4").reshape(shape)
