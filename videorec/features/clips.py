"""The feature cache: with a frozen backbone its features are computed once and every epoch reads them.

One file a video and view, with an array for each of the backbone's outputs. A view is one version of its clip: view 0 is
plain, the others are fixed draws of the augmentation. Files are written atomically and carry checksums (zip), so that a
damaged one is found and made anew.

Not NumPy's .npz: its reader parses each array's header with `ast`, which is not safe in the threads of a pipeline on Python
3.11 ("SystemError: AST constructor recursion depth mismatch"). Here the arrays are plain bytes, their types and shapes JSON.
"""

import dataclasses
import hashlib
import json
import logging
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import videorec
from videorec.config import Data, UserError
from videorec.data import augment, pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.prepared.stream import stored_pictures
from videorec.inference.framewise import Framewise
from videorec.models.split import backbone_layers

log = logging.getLogger(__name__)

PIXEL_SETTINGS = ("frames", "sampling", "step", "short", "fps", "resize", "crop", "fit")
INDEX = "index.json"  # member of an entry: {name of the array: [type, shape]}
AUGMENT_SETTINGS = ("flip", "flip_vertical", "crop_scale", "color")


class FeatureStore:
    """Where the features of one backbone and one way of cutting clips lie.

    Args:
        folder: of all stores.
        data: what the features depend on.
        backbone: the model that computes them; its outputs and its weights are part of the key.
        seed: of the augmented views.
    """

    def __init__(self, folder: str, data: Data, backbone: keras.Model, seed: int):
        weights = hashlib.sha256()
        for array in backbone.get_weights():
            weights.update(np.ascontiguousarray(array))
        self._augmentation = {"seed": seed, **{name: getattr(data, name) for name in AUGMENT_SETTINGS}}
        names = [layer.layer.name for layer in backbone_layers(backbone).values()]
        pixels = [_pixels(data.of(name)) for name in data.streams]
        key = [videorec.__version__, names, _taps(backbone), pixels, weights.hexdigest()]
        self.folder = Path(folder).expanduser() / f"{'+'.join(dict.fromkeys(names))}-{data.stream}-{_digest(key)[:12]}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def path(self, video: Video, view: int) -> Path:
        """The file of one view; the key holds the video's size and time of change, so that a new video is a new entry."""
        try:
            stat = os.stat(video.path)
            key = [os.path.abspath(video.path), stat.st_size, stat.st_mtime_ns, video.start, video.end]
        except OSError:
            key = [os.path.abspath(video.path)]
        digest = _digest([key, view, self._augmentation if view else None])
        return self.folder / digest[:2] / f"{digest[2:20]}.zip"

    @staticmethod
    def read(path: Path) -> dict[str, np.ndarray] | None:
        """`{name: (T, ...) float32 features}`, or None where there are none or the file is damaged."""
        try:
            with zipfile.ZipFile(path) as archive:
                index = json.loads(archive.read(INDEX))
                return {name: _array(archive.read(name), *form) for name, form in index.items()}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            log.warning("damaged cache entry, made anew: %s (%s)", path, error)
            return None

    @staticmethod
    def write(path: Path, features: dict[str, np.ndarray]) -> None:
        """Write whole or not at all.

        Maps `(T, H, W, C)` are stored as float16: half the disk for a rounding far below what augmentation changes.
        """
        stored = {name: _compact(array) for name, array in features.items()}
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(exist_ok=True)
            with open(temporary, "wb") as file:
                _write_zip(file, stored)
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise cannot_write(path, error) from error


def _pixels(data: Data) -> dict:
    """What the pictures of one stream depend on."""
    stored = stored_pictures(data)
    flow = dataclasses.asdict(data.flow) if data.stream == "flow" else None
    pixels = {name: getattr(data, name, None) for name in PIXEL_SETTINGS}  # dense labels have no sampling
    return {"stream": data.stream, "flow": flow, "prepared": stored and dataclasses.asdict(stored.settings), **pixels}


def _taps(backbone: keras.Model) -> dict[str, list[str]]:
    """The layers of each stream's CNN that features come from."""
    outputs = {name: keras.tree.flatten(layer.layer.output) for name, layer in backbone_layers(backbone).items()}
    return {name: [x._keras_history.operation.name for x in tensors] for name, tensors in outputs.items()}


def _write_zip(file, arrays: dict[str, np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(INDEX, json.dumps({name: [array.dtype.str, array.shape] for name, array in arrays.items()}))
        for name, array in arrays.items():
            archive.writestr(name, np.ascontiguousarray(array).tobytes())


def _array(content: bytes, dtype: str, shape: list[int]) -> np.ndarray:
    return np.frombuffer(content, dtype).reshape(shape).astype(np.float32)


def _compact(array: np.ndarray) -> np.ndarray:
    fits = array.ndim == 4 and np.abs(array).max(initial=0) < np.finfo(np.float16).max
    return array.astype(np.float16 if fits else np.float32)


def _digest(key) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"The feature cache cannot be written: {path}: {error.strerror or error}. What is stored already will be used again. "
        "Choose another folder with --train.cache-dir, or train without it: --train.no-cache"
    )


def fill(
    store: FeatureStore,
    videos: Sequence[Video],
    views: int,
    backbone: keras.Model,
    reader: ClipReader,
    batch: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[int, int]:
    """Compute what the store lacks; returns the numbers of entries (reused, made)."""
    wanted = [(video, view, store.path(video, view)) for video in videos for view in range(views)]
    missing = [entry for entry in wanted if FeatureStore.read(entry[2]) is None]
    framewise, done = Framewise(backbone), 0
    for clips, index, readable in _views(missing, reader, seed).batch(batch).prefetch(2):
        features = framewise.features(clips)
        for row, (i, ok) in enumerate(zip(index.numpy(), readable.numpy(), strict=True)):
            if ok:
                FeatureStore.write(missing[i][2], {name: array[row] for name, array in features.items()})
        done += len(index)
        reader.problems.check()
        progress(done, len(missing))
    log.info("feature cache %s: %d clips reused, %d computed", store.folder, len(wanted) - len(missing), len(missing))
    return len(wanted) - len(missing), len(missing)


def _views(entries: Sequence[tuple[Video, int, Path]], reader: ClipReader, seed: int) -> tf.data.Dataset:
    """`(clip, index, readable)` of each entry, decoded in parallel."""
    data = reader.data

    def decode(index):
        video, view, _ = entries[index]
        clip, readable = pipeline.read_clip(video, reader, (seed, view, _stable(video)) if view else None)
        return [*clip.values(), readable]

    views = tf.constant([view for _, view, _ in entries], tf.int32)
    keys = tf.constant([_stable(video) for video, _, _ in entries], tf.int32)

    def load(index):
        *clip, readable = tf.numpy_function(decode, [index], pipeline.types(reader))
        inputs = {}
        for name, pictures in zip(data.streams, clip, strict=True):
            inputs[name] = cut(pipeline.pixels(pictures, reader, data.of(name)), index, data.of(name))
        return inputs, index, tf.ensure_shape(readable, ())

    def cut(pictures, index, part):
        pictures = tf.cond(
            views[index] == 0,
            lambda: augment.centre_crop(pictures, part.crop),
            lambda: augment.augment(pictures, augment.clip_seed(seed, views[index], keys[index]), part),
        )
        return tf.ensure_shape(pictures, (part.frames, *part.crop, 3))

    return tf.data.Dataset.range(len(entries)).map(load, num_parallel_calls=pipeline.workers(data))


def _stable(video: Video) -> int:
    """A number of the video that does not depend on its place in the manifest."""
    return zlib.crc32(video.name.encode()) & 0x7FFFFFFF


def load_features(
    store: FeatureStore, videos: Sequence[Video], views: int, shapes: dict[str, tuple[int, ...]]
) -> pipeline.Load:
    """Read stored features in place of decoding: epoch e shows view (e + index) mod `views` of each video.

    Args:
        shapes: `(T, ...)` of each of the backbone's outputs, by name.
    """
    names = sorted(shapes)

    def read(index, epoch):
        features = FeatureStore.read(store.path(videos[index], int(epoch + index) % views))
        if features is None:  # its video could not be read when the cache was filled
            return [*(np.zeros(shapes[name], np.float32) for name in names), np.float32(0)]
        return [*(features[name] for name in names), np.float32(1)]

    def load(index, epoch):
        *features, readable = tf.numpy_function(read, [index, epoch], [tf.float32] * (len(names) + 1))
        inputs = {name: tf.ensure_shape(x, shapes[name]) for name, x in zip(names, features, strict=True)}
        return inputs, tf.ensure_shape(readable, ())

    return load
