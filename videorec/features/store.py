"""The feature cache: what no training changes is computed once, and every epoch reads it.

`backbone` is the part of a model below its first trained layers (`videorec.models.split.split`): it gives the features at the
end of a frozen CNN, or maps where it is trained from a layer on. One file a video and view, with an array for each of its
outputs. A view is one version of its clip: view 0 is plain, the others are fixed draws of the augmentation. Files are written
atomically and carry checksums (zip), so that a damaged one is noticed and made anew.

Not NumPy's .npz: its reader parses each array's header with `ast`, which is not safe in the threads of a pipeline on Python
3.11 ("SystemError: AST constructor recursion depth mismatch"). Here the arrays are plain bytes, their types and shapes JSON.
"""

import hashlib
import json
import logging
import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

import videorec
from videorec.config import Footage, UserError
from videorec.data.manifest import Video
from videorec.data.prepared.stream import stored_pictures
from videorec.models.split import backbone_layers, background_layers
from videorec.storage import archives, files, leftovers, outside, room

log = logging.getLogger(__name__)

OTHERWISE = "Choose another folder with --train.cache-dir, or train without it: --train.no-cache"
LESS = (
    f"{OTHERWISE}, or store less: fewer --train.cache-views, or --model.trainable-from none for a CNN trained from a layer on"
)
INDEX = "index.json"  # member of an entry: {name of the array: [type, shape]}
DOUBTED = "damaged"  # beside the entries, where one of them was damaged when it was wanted: at the next start all are read


class FeatureStore:
    """Where the features of one backbone and one way of reading clips lie.

    Args:
        folder: of all stores.
        data: what the features depend on.
        backbone: the model that computes them; its outputs and its weights are part of the key.
        seed: of the augmented views.

    Attributes:
        failure: what a pipeline could not read, for `pipeline.own_errors`.
    """

    failure: UserError | None = None

    def __init__(self, folder: str, data: Footage, backbone: keras.Model, seed: int):
        weights = hashlib.sha256()
        for array in backbone.get_weights():
            weights.update(np.ascontiguousarray(array))
        self._augmentation = {"seed": seed, **data.augmentation_settings()}
        self._outputs = set(backbone.output)
        self.bytes_a_view = sum(_size(x, data.of(name.split("_")[0]).frames) for name, x in backbone.output.items())
        names = [layer.layer.name for layer in backbone_layers(backbone).values()]
        names += [f"background{getattr(layer, 'past', '')}" for layer in background_layers(backbone).values()]
        pixels = [_pixels(data.of(name)) for name in data.streams]
        key = [videorec.__version__, names, _taps(backbone), pixels, weights.hexdigest()]
        self.folder = Path(folder).expanduser() / f"{'+'.join(dict.fromkeys(names))}-{data.stream}-{_digest(key)[:12]}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            leftovers.sweep(self.folder, below=True)
            self._doubted = (self.folder / DOUBTED).exists()
            (self.folder / DOUBTED).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def make_room(self, views: int) -> None:
        """Say how much disk so many views take.

        Raises:
            UserError: more than is free.
        """
        size = views * self.bytes_a_view
        log.info("feature cache %s: %d clips to compute, %s of disk", self.folder, views, room.as_text(size))
        room.check_disk(size, self.folder, LESS)

    def missing(self, videos: Sequence[Video], views: int) -> list[tuple[Video, int]]:
        """The `(video, view)` that nothing is stored of, by the names of the files: they are opened when they are wanted.
        Only after one was damaged then all are read here."""
        entries = [(video, view) for video in videos for view in range(views)]
        if self._doubted:
            return [entry for entry in entries if self.features(*entry) is None]
        there = {name for _, _, names in os.walk(self.folder) for name in names}
        keys = {video.name: _key(video) for video in videos}
        names = (self._name(keys[video.name], view)[1] for video, view in entries)
        return [entry for entry, name in zip(entries, names, strict=True) if name not in there]

    def path(self, video: Video, view: int) -> Path:
        """The file of one view; the key holds the video's size and time of change, so that a new video is a new entry."""
        return self.folder.joinpath(*self._name(_key(video), view))

    def _name(self, key: list, view: int) -> tuple[str, str]:
        digest = _digest([key, view, self._augmentation if view else None])
        return digest[:2], f"{digest[2:20]}.zip"

    def wanted(self, video: Video, view: int) -> dict[str, np.ndarray] | None:
        """As `features`, in training; None where there is no file, for the video could not be read.

        Raises:
            UserError: the file is damaged. The next start makes it anew, and all others that are.
        """
        features = self.features(video, view)
        if features is None and (path := self.path(video, view)).exists():
            files.write(self.folder / DOUBTED, b"")
            self.failure = UserError(f"{path} of the feature cache is damaged. The same command makes it anew, and goes on.")
            raise self.failure
        return features

    def features(self, video: Video, view: int) -> dict[str, np.ndarray] | None:
        """What is stored of one view, as `read` gives it; None also where it has other outputs than the backbone."""
        path = self.path(video, view)
        features = self.read(path)
        if features is None or set(features) == self._outputs:
            return features
        stored, wanted = (", ".join(sorted(names)) for names in (features, self._outputs))
        log.warning("cache entry with the outputs %s in place of %s, made anew: %s", stored, wanted, path)
        return None

    @staticmethod
    def read(path: Path) -> dict[str, np.ndarray] | None:
        """`{name: (T, ...) features}`, float32, or float16 where `write` stored them so; None where there are none or the file
        is damaged."""
        if not path.exists():
            return None
        try:
            with outside.reading(path), zipfile.ZipFile(path) as archive:
                archives.check(archive)
                index = json.loads(archive.read(INDEX))
                return {name: _array(archive.read(name), *form) for name, form in index.items()}
        except UserError as error:
            log.warning("damaged cache entry, made anew: %s", error)
            return None

    @staticmethod
    def write(path: Path, features: dict[str, np.ndarray]) -> None:
        """Write whole or not at all.

        Maps `(T, H, W, C)` are stored as float16: half the disk for a rounding far below what augmentation changes.
        """
        stored = {name: _compact(array) for name, array in features.items()}
        temporary = path.with_name(leftovers.unfinished_name(path.name))
        try:
            path.parent.mkdir(exist_ok=True)
            with open(temporary, "wb") as file:
                _write_zip(file, stored)
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise cannot_write(path, error) from error


def _key(video: Video) -> list:
    try:
        stat = os.stat(video.path)
        return [os.path.abspath(video.path), stat.st_size, stat.st_mtime_ns, video.start, video.end]
    except OSError:
        return [os.path.abspath(video.path)]


def _pixels(data: Footage) -> dict:
    """What the pictures of one stream depend on."""
    stored = stored_pictures(data)
    return {"flow": None, "prepared": stored and stored.settings.to_dict(), **data.pixel_settings()}


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
    return np.frombuffer(content, dtype).reshape(shape)


def _size(features: keras.KerasTensor, frames: int) -> int:
    """Bytes of the stored features `(B, T, ...)` of a clip, as `_compact` makes them."""
    return math.prod((frames, *features.shape[2:])) * (2 if len(features.shape) == 5 else 4)


def _compact(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float16 if fits_half(array) else np.float32)


def fits_half(array: np.ndarray) -> bool:
    """Whether features are maps `(T, H, W, C)` whose values are within the range of float16."""
    return array.ndim == 4 and bool(np.abs(array).max(initial=0) < np.finfo(np.float16).max)


def _digest(key) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"The feature cache cannot be written: {path}: {error.strerror or error}. What is stored already will be used again. "
        f"{OTHERWISE}"
    )
