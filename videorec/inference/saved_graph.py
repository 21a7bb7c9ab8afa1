"""A SavedModel is a program: one that would read or write files, or run Python, is refused before it is loaded."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import tensorflow as tf

NAME = "saved_model.pb"
# Operations that reach beyond the tensors they are given; none is in what export.saved_model writes, but for KEPT.
REACHING = re.compile(
    "File|Save|Restore|Checkpoint|PyFunc|Print|Debug|Summary|Reader|CSV|LMDB|Sql|TFRecord|FixedLengthRecord|TextLine|"
    "Snapshot|CacheDataset|RegisterDataset|DataService|Rpc|Remote|LoadAndRemap|LoadDataset|^_?(Send|Recv|HostSend|HostRecv)$"
)
KEPT = ("SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename")  # of TensorFlow's own saving, which nothing here calls


def load(folder: Path):
    """The SavedModel of a folder; to be used in `videorec.storage.outside.reading`.

    Raises:
        ValueError: it reads or writes files, or runs Python. Of a damaged one whatever TensorFlow raises.
    """
    check((folder / NAME).read_bytes())
    return tf.saved_model.load(str(folder))


def check(content: bytes) -> None:
    """Refuse the program of a SavedModel by its operations.

    Raises:
        ValueError: with the operation.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    for part in SavedModel.FromString(content).meta_graphs:
        if not part.object_graph_def.nodes:
            raise ValueError("it is of TensorFlow 1")
        functions = {function.signature.name: function.node_def for function in part.graph_def.library.function}
        called = _called(functions, part.object_graph_def.concrete_functions)
        for name, nodes in {"": part.graph_def.node, **functions}.items():
            for node in nodes:
                if REACHING.search(node.op) and not (node.op in KEPT and name not in called):
                    raise ValueError(f"it holds the operation {node.op}, which may reach other files: nothing like it is run")


def _called(functions: dict[str, Iterable], start: Iterable[str]) -> set[str]:
    """The functions that can be called from some."""
    seen, ahead = set(), list(start)
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += [inner for node in functions.get(name, ()) for inner in _functions_of(node)]
    return seen


def _functions_of(node) -> Iterator[str]:
    for value in node.attr.values():
        yield from [value.func.name] if value.func.name else []
        yield from [function.name for function in value.list.func]
    yield node.op  # a function may be called by its name alone
