"""What videorec computes with, and where it keeps things."""

import os
import platform
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from videorec.config.base import CachedFit
from videorec.data import index
from videorec.models import backend
from videorec.runs import mirror
from videorec.storage import copies, room

Rows = list[tuple[str, str]]


def rows() -> Rows:
    """System, backend, devices, memory, and the free disk of every place that fills."""
    named = {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores",
        "backend": f"{keras.backend.backend()}, precision {keras.config.dtype_policy().name}",
        "devices": _devices(),
        "memory": f"{room.as_text(room.available())} free",
    }
    if backend.on_jax():
        named["GPU"] = "as above; TensorFlow reads the data, on the CPU"
    elif not tf.config.list_physical_devices("GPU"):
        named["GPU"] = _without_gpu()
    places = {
        "runs": Path("runs"),
        "cached features": Path(CachedFit.cache_dir).expanduser(),
        "index of videos": Path(index.PLACE).expanduser(),
        "remote videos": Path(copies.FOLDER).expanduser(),
        "remote runs": Path(mirror.FOLDER).expanduser(),
        "weights of Keras": Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models",
    }
    return [*named.items(), *((name, _disk(path)) for name, path in places.items())]


def _devices() -> str:
    """Those that Keras computes on."""
    if backend.on_jax():
        import jax

        return ", ".join(f"{device.platform.upper()} {device.device_kind}" for device in jax.devices())
    return ", ".join(map(_device, tf.config.list_physical_devices()))


def _device(device) -> str:
    name = tf.config.experimental.get_device_details(device).get("device_name", "")
    return f"{device.device_type} {name}".strip()


def _without_gpu() -> str:
    if tf.test.is_built_with_cuda() and platform.system() == "Linux":
        return f'none. Where there is one of NVIDIA: pip install "tensorflow[and-cuda]=={tf.__version__}"'
    return "none: this TensorFlow computes on the CPU"


def _disk(path: Path) -> str:
    """A place, what lies there, and the free disk of where it is or would be."""
    there = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    free = room.as_text(shutil.disk_usage(there).free)
    kept = sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
    writable = "" if os.access(there, os.W_OK) else "; NOT WRITABLE"
    return f"{path}: {room.as_text(kept) if kept else 'nothing'} there, {free} free{writable}"
