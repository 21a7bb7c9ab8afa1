"""Weights files for a backbone: read, compared with the network layer by layer, and set."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from videorec.config import UserError
from videorec.storage import outside, weights_files

FORMATS = ".weights.h5, .h5, .hdf5 or .keras"


def load(network: keras.Model, path: str, stream: str = "rgb") -> None:
    """Set the weights of `network` from a file; what the file holds beyond its layers is left out.

    Formats: `.weights.h5` (Keras 3), `.h5` and `.hdf5` (older Keras), `.keras` (a whole model: a CNN or a trained video
    model, whose backbone is then taken: that of `stream` where it has one, else its first).

    Raises:
        UserError: no such file, another format, or layers that do not fit, with the expected and the stored shapes.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"Backbone weights must be a file ({FORMATS}), imagenet, or None. Not found: {path}")
    layers = [layer for layer in network.layers if layer.weights]
    with outside.reading(file, f"Backbone weights must be {FORMATS}"), _opened(file, network, stream) as stored:
        _check(layers, stored, path, network.name)
        arrays = {layer.name: [np.asarray(values[()]) for values in stored[layer.name]] for layer in layers}
    for layer in layers:
        layer.set_weights(arrays[layer.name])
        if hasattr(layer, "finalize_state"):  # Normalization keeps a copy of its weights
            layer.finalize_state()


def _check(layers, stored, path, name):
    problems = []
    for layer in layers:
        expected = [tuple(weight.shape) for weight in layer.weights]
        given = [tuple(values.shape) for values in stored.get(layer.name, [])]
        if given != expected:
            problems.append(f"  {layer.name}: expected {_shapes(expected)}, the file has {_shapes(given)}")
    if problems:
        more = [f"  ... and {len(problems) - 8} more"] if len(problems) > 8 else []
        raise UserError(
            f"{path} does not fit {name}: {len(problems)} of {len(layers)} layers differ.\n"
            + "\n".join(problems[:8] + more)
            + "\nChoose the backbone (and tap) that the file was made with, or another file."
        )


def _shapes(shapes) -> str:
    return ", ".join(map(str, shapes)) or "nothing"


@contextlib.contextmanager
def _opened(file: Path, network, stream) -> Iterator[dict[str, list[np.ndarray | h5py.Dataset]]]:
    """The file's arrays for each of the network's layer names; those of HDF5 are not read before they are asked for."""
    if file.suffix == ".keras":
        yield _read_model(file, stream)
        return
    if file.suffix not in (".h5", ".hdf5"):
        raise ValueError(f"its name ends in {file.suffix!r}")
    with open(file, "rb") as content:
        weights_files.check_weights(content)
    with h5py.File(file, "r") as group:
        group = group.get("model_weights", group)
        yield _read_legacy(group, network) if "layer_names" in group.attrs else _read_keras3(group, network)


def _read_keras3(group, network):
    """Keras 3 names layers by class and order: conv2d, conv2d_1, ..."""
    stored, counts = {}, {}
    for layer in network.layers:
        kind = _snake_case(type(layer).__name__)
        number = counts[kind] = counts.get(kind, -1) + 1
        variables = group.get(f"layers/{kind}_{number}/vars" if number else f"layers/{kind}/vars", {})
        stored[layer.name] = [variables[str(i)] for i in range(len(variables))]
    return stored


def _read_legacy(group, network):
    """Older Keras stores each layer by its name. Networks with automatic names (conv2d_94) are matched by order."""
    stored = {}
    for name in _texts(group.attrs["layer_names"]):
        arrays = [group[name][weight] for weight in _texts(group[name].attrs["weight_names"])]
        if arrays:
            stored[name] = arrays
    names = [layer.name for layer in network.layers if layer.weights]
    return stored if stored.keys() & set(names) == set(names) else dict(zip(names, stored.values(), strict=False))


def _read_model(file, stream):
    model = weights_files.load_model(file)
    backbones = {layer.name: layer.layer for layer in model.layers if layer.name.endswith("_backbone")}
    first = next(iter(backbones.values()), model)
    return {layer.name: layer.get_weights() for layer in backbones.get(f"{stream}_backbone", first).layers}


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _texts(values) -> list[str]:
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]
