"""Files made to do harm: to run code, to read what lies elsewhere, or to take all memory."""

import base64
import copy
import io
import json
import marshal
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np

WEIGHTS = "model.weights.h5"
SECRET = b"the words of another file that nobody may see " * 8


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def plain_model() -> keras.Model:
    """The smallest model: a dense layer `dense` from 4 values to 3."""
    x = keras.Input((4,), name="x")
    return keras.Model(x, keras.layers.Dense(3, name="dense")(x), name="plain")


def rewrite(path: Path, members: dict[str, bytes | str | None]) -> Path:
    """Replace members of an archive, or add them; None: remove."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents |= members
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            if content is not None:
                archive.writestr(name, content)
    return path


def with_layer(path: Path, change: Callable[[dict], dict]) -> Path:
    """The plain model with another entry in place of its dense layer in the configuration."""
    plain_model().save(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    layers = config["config"]["layers"]
    place = next(number for number, layer in enumerate(layers) if layer["class_name"] == "Dense")
    kept = {key: layers[place][key] for key in ("name", "inbound_nodes") if key in layers[place]}
    layers[place] = change(copy.deepcopy(layers[place])) | kept
    return rewrite(path, {"config.json": json.dumps(config)})


# === Configurations that name code ===


def _code(marker: Path) -> str:
    function = compile(f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]", "hostile", "eval")
    return base64.b64encode(marshal.dumps(eval(function).__code__)).decode()


def _call(module: str, name: str, config, registered: str | None = None) -> dict:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def layers(marker: Path, secret: Path) -> dict[str, Callable[[dict], dict]]:
    """Entries in place of a layer, each of which would run code or read the secret where it is believed."""
    touch = f"touch {marker}"
    body = {"class_name": "__lambda__", "config": {"code": _code(marker), "defaults": None, "closure": None}}
    lookups = {"name": "dense", "vocabulary": str(secret), "trainable": True, "dtype": "string"}
    vectors = {"standardize": None, "split": None, "output_mode": "int", "max_tokens": None, "ngrams": None}
    pickled = base64.b64encode(pickle.dumps(Touch(marker))).decode()
    fetch, other = {"fname": str(marker), "origin": f"file://{secret}"}, {"filepath": str(secret), "safe_mode": False}
    unsafe = _call("keras.config", "enable_unsafe_deserialization", {})
    lambda_layer = _call("keras.layers", "Lambda", {"name": "dense", "function": body, "arguments": {}})

    def in_config(**more):
        return lambda layer: layer | {"config": layer["config"] | more}

    return {
        "Lambda": lambda layer: lambda_layer,
        "__lambda__ as activation": in_config(activation=body),
        "__lambda__ as initializer": in_config(kernel_initializer=body),
        "os.system as class": lambda layer: _call("os", "system", touch),
        "os.system as config": lambda layer: _call("os", "system", {"command": touch}),
        "os.system as registered name": lambda layer: _call("os", "system", {"command": touch}, "os>system"),
        "os.system as function": in_config(activation=_call("builtins", "function", "system", "system") | {"module": "os"}),
        "os.system as activation": in_config(activation="os.system"),
        "subprocess.Popen": lambda layer: _call("subprocess", "Popen", {"args": touch, "shell": True}),
        "builtins.exec": lambda layer: _call("builtins", "exec", f"open({str(marker)!r}, 'w')"),
        "numpy.load": lambda layer: _call("numpy", "load", {"file": str(secret), "allow_pickle": True}),
        "keras.utils.get_file": lambda layer: _call("keras.utils", "get_file", fetch),
        "keras.saving.load_model": lambda layer: _call("keras.saving", "load_model", other),
        "unsafe, then Lambda": in_config(activation=unsafe, kernel_initializer=body),
        "unsafe as layer": lambda layer: unsafe,
        "StringLookup": lambda layer: _call("keras.layers", "StringLookup", lookups),
        "IntegerLookup": lambda layer: _call("keras.layers", "IntegerLookup", lookups | {"dtype": "int64"}),
        "TextVectorization": lambda layer: _call("keras.layers", "TextVectorization", lookups | vectors),
        "TorchModuleWrapper": lambda layer: _call("keras.layers", "TorchModuleWrapper", {"name": "dense", "module": pickled}),
        "TFSMLayer": lambda layer: _call("keras.layers", "TFSMLayer", {"name": "dense", "filepath": str(secret.parent)}),
    }


# === HDF5 that leads elsewhere ===


def leads_elsewhere(file: h5py.File | h5py.Group, name: str, shape: tuple[int, ...], how: str, secret: Path) -> None:
    """Put what reads the secret in the place of an array."""
    if name in file:
        del file[name]
    size = 4 * int(np.prod(shape))
    if how == "external storage":
        file.create_dataset(name, shape, np.float32, external=[(str(secret), 0, size)])
    elif how == "virtual dataset":
        layout = h5py.VirtualLayout(shape, np.float32)
        layout[...] = h5py.VirtualSource(str(secret.with_suffix(".h5")), "secret", shape)
        file.create_virtual_dataset(name, layout)
    elif how == "external link":
        file[name] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "secret")
    else:
        file["elsewhere"] = np.ones(shape, np.float32)
        file[name] = h5py.SoftLink("/elsewhere")


ELSEWHERE = ("external storage", "virtual dataset", "external link", "soft link")


def secret_array(secret: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The secret as HDF5 too, beside the file; the values that a reader would get."""
    values = np.frombuffer(SECRET, np.float32, int(np.prod(shape))).reshape(shape)
    secret.write_bytes(SECRET)
    with h5py.File(secret.with_suffix(".h5"), "w") as file:
        file["secret"] = values
    return values


def changed_weights(path: Path, change: Callable[[h5py.File], None]) -> Path:
    """Change the weights in a .keras file."""
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(content, "r+") as file:
        change(file)
    return rewrite(path, {WEIGHTS: content.getvalue()})
