"""Whole videos, a piece at a time: their pictures, and the features of a frozen backbone, computed once and stored.

A stored video is a file of plain numbers for each of the backbone's outputs, which windows are read from without reading the
rest, and beside them a small JSON file, written last: without it the entry does not exist. Maps are stored as float16 where
they fit, as those of clips are.
"""

import contextlib
import json
import logging
import math
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from videorec.config import Footage, UserError
from videorec.data import augment, pipeline
from videorec.data.manifest import Video
from videorec.data.moments.sources import durations
from videorec.data.moments.tables import DenseVideo
from videorec.data.moments.windows import Labelled, filled, pieces, rate_of
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.features.store import LESS, FeatureStore, cannot_write, fits_half
from videorec.inference.framewise import Framewise
from videorec.models import hosts
from videorec.models.backend import without_xla
from videorec.models.split import background_layers, cut
from videorec.storage import files, leftovers, outside, room

log = logging.getLogger(__name__)

CONVERTED = 1 << 20  # numbers converted to float16 at a time

# === Stored features ===


class WholeFeatures:
    """The features of whole videos: where they lie, reading and writing.

    Args:
        folder: of all stores.
        data: what the features depend on.
        backbone: the model that computes them; its outputs and its weights are part of the key.
        seed: of the augmented views.
    """

    def __init__(self, folder: str, data: Footage, backbone: keras.Model, seed: int):
        self.data, self.seed = data, seed
        self._store = FeatureStore(folder, data, backbone, seed)
        self.shapes = {name: tuple(x.shape[2:]) for name, x in backbone.output.items()}

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self._store.folder

    def make_room(self, videos: Sequence[DenseVideo], views: int) -> None:
        """Say how much disk so many views of videos take, of which those of unknown length are named as such.

        Raises:
            UserError: more than is free.
        """
        seconds, rate = durations(videos, self.data), rate_of(self.data)
        frames, longest = math.ceil(sum(seconds.values()) * rate), math.ceil(max(seconds.values(), default=0) * rate)
        numbers = [(math.prod(shape), len(shape) == 3) for shape in self.shapes.values()]  # of a frame; whether it is a map
        size = views * frames * sum(count * (2 if is_map else 4) for count, is_map in numbers)
        floats = views * longest * sum(2 * count for count, is_map in numbers if is_map)  # maps of one video are float32 first
        unknown = sum(video.path not in seconds for video in videos)
        more = f", and what {unknown} of unknown length take" if unknown else ""
        log.info("feature cache %s: %d videos to compute, %s of disk%s", self.folder, len(videos), room.as_text(size), more)
        room.check_disk(size + floats, self.folder, LESS)

    def path(self, video: DenseVideo, view: int = 0) -> Path:
        """The JSON file of a view, without which there is none; its numbers lie beside it."""
        return self._store.path(Video(video.path, video.labels), view).with_suffix(".json")

    def frames(self, video: DenseVideo, view: int = 0) -> int | None:
        """The number of frames stored, or None where the entry is missing or incomplete."""
        path = self.path(video, view)
        try:
            with outside.reading(path):
                count = outside.checked(json.loads(path.read_text(encoding="utf-8")), {"frames": int})["frames"]
                whole = all(self._holds(path, name, count) for name in self.shapes)
        except UserError:  # half written, or not by this program
            return None
        return count if whole else None

    def _holds(self, path: Path, name: str, frames: int) -> bool:
        numbers, kind = _stored(path, name)
        return numbers.stat().st_size == frames * math.prod(self.shapes[name]) * kind.itemsize

    def read(self, video: DenseVideo, view: int, start: int, stop: int) -> dict[str, np.ndarray]:
        """Features `(stop - start, ...)` float32 of some frames, by the backbone's outputs."""
        path, features = self.path(video, view), {}
        for name, shape in self.shapes.items():
            size, (place, kind) = math.prod(shape), _stored(path, name)
            numbers = np.fromfile(place, kind, (stop - start) * size, offset=start * size * kind.itemsize)
            features[name] = numbers.astype(np.float32, copy=False).reshape(-1, *shape)
        return features

    def write(self, video: DenseVideo, views: int, parts: Iterator[Sequence[dict[str, np.ndarray]]]) -> int:
        """Store all views of a video, whole or not at all; `parts` gives for each piece the features of each view.

        Returns:
            The number of frames.
        """
        paths, frames, fitting = [self.path(video, view) for view in range(views)], 0, {}
        temporary = {(view, name): _unfinished(path, name) for view, path in enumerate(paths) for name in self.shapes}
        try:
            with contextlib.ExitStack() as stack:
                opened = {}
                for key, place in temporary.items():
                    paths[key[0]].parent.mkdir(parents=True, exist_ok=True)
                    opened[key] = stack.enter_context(open(place, "wb"))
                for part in parts:
                    for (view, name), file in opened.items():
                        file.write(numbers := np.ascontiguousarray(part[view][name], np.float32))
                        fitting[view, name] = fitting.get((view, name), True) and fits_half(numbers)
                    frames += len(next(iter(part[0].values())))
            for (view, name), place in temporary.items():
                _finish(place, paths[view], name, fitting[view, name])
            for path in paths:
                files.write(path, json.dumps({"frames": frames, "shapes": self.shapes}).encode())
        except OSError as error:
            raise cannot_write(paths[0], error) from error
        finally:
            for place in temporary.values():
                place.unlink(missing_ok=True)
        return frames


def _stored(path: Path, name: str) -> tuple[Path, np.dtype]:
    """The file of an output's numbers, and what they are."""
    half = path.with_suffix(f".{name}.f16")
    return (half, np.dtype(np.float16)) if half.exists() else (path.with_suffix(f".{name}.f32"), np.dtype(np.float32))


def _unfinished(path: Path, name: str) -> Path:
    return path.with_name(leftovers.unfinished_name(path.with_suffix(f".{name}.f32").name))


def _finish(temporary: Path, path: Path, name: str, half: bool) -> None:
    """Give a file of float32 numbers its name; `half`: as float16, in its own place."""
    if half:
        numbers = np.memmap(temporary, np.float32, "r+")
        halves, count = numbers.view(np.float16)[: numbers.size], numbers.size
        for start in range(0, count, CONVERTED):  # what is written lies behind what is still to be read
            halves[start : start + CONVERTED] = numbers[start : start + CONVERTED].astype(np.float16)
        del numbers, halves  # before the file is cut
        os.truncate(temporary, 2 * count)
    os.replace(temporary, path.with_suffix(f".{name}{'.f16' if half else '.f32'}"))
    path.with_suffix(f".{name}{'.f32' if half else '.f16'}").unlink(missing_ok=True)


def fill(
    store: WholeFeatures,
    videos: Sequence[DenseVideo],
    views: int,
    backbone: keras.Model,
    problems: Problems,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Compute what the store lacks: a video is decoded once for all its views, a piece of it held at a time. Several
    processes compute a share each, as for clips.

    Raises:
        UserError: the disk has no room for it, or too many videos cannot be read.
    """
    missing = _missing(store, videos, views)
    if hosts.count() > 1:
        _compute(store, missing[hosts.index() :: hosts.count()], views, backbone, problems, progress)
        hosts.agree()
        _compute(store, _missing(store, videos, views), views, backbone, problems, progress)
        hosts.agree()
    else:
        _compute(store, missing, views, backbone, problems, progress)
    reused = len(videos) - len(missing)
    log.info("feature cache %s: %d videos reused, %d computed", store.folder, reused, len(missing))


def _missing(store: WholeFeatures, videos: Sequence[DenseVideo], views: int) -> list[DenseVideo]:
    return [video for video in videos if any(store.frames(video, view) is None for view in range(views))]


def _compute(store: WholeFeatures, missing: Sequence[DenseVideo], views: int, backbone, problems: Problems, progress) -> None:
    if not missing:
        return
    store.make_room(missing, views)
    framewise, rest = Framewise(backbone), without_xla(cut(backbone)[1]) if background_layers(backbone) else None
    for done, video in enumerate(missing):
        progress(done, len(missing))
        try:
            parts = _features(store, video, views, framewise, problems)
            store.write(video, views, parts if rest is None else iter([_of_whole(list(parts), rest)]))
        except Unreadable as error:
            problems.add_unreadable(video.path, str(error))
            problems.check()
    progress(len(missing), len(missing))


def _features(
    store: WholeFeatures, video: DenseVideo, views: int, framewise: Framewise, problems: Problems
) -> Iterator[list[dict[str, np.ndarray]]]:
    data, key = store.data.of(store.data.stream), zlib.crc32(video.path.encode("utf-8", "surrogateescape")) & 0x7FFFFFFF
    for piece in pieces(video, store.data, problems):
        yield [_of_piece(view_of(piece, view, store.seed, key, data), data.stream, framewise) for view in range(views)]


def _of_whole(parts: list[list[dict[str, np.ndarray]]], rest: keras.Model) -> list[dict[str, np.ndarray]]:
    """What comes after the backbone, of the features of all pieces at once: a video's views are held, one is worked on."""
    views = []
    for pieces_of_view in zip(*parts, strict=True):
        whole = {name: np.concatenate([piece[name] for piece in pieces_of_view])[None] for name in pieces_of_view[0]}
        views.append({name: keras.ops.convert_to_numpy(x)[0] for name, x in rest.predict_on_batch(whole).items()})
    return views


def _of_piece(pictures: tf.Tensor, stream: str, framewise: Framewise) -> dict[str, np.ndarray]:
    features = framewise.features({stream: pictures[None]})  # (1, t, ...)
    return {name: x[0] for name, x in features.items()}


def view_of(pictures: np.ndarray, view: int, seed: int, key: int, data: Footage) -> tf.Tensor:
    """`(t, *data.resize, 3)` -> `(t, *data.crop, 3)` uint8: view 0 is plain, the others each one draw of the augmentation,
    the same for all pieces of a video (`key`); contrast changes about the mean grey of the piece."""
    return augment.cropped(tf.constant(pictures), data, augment.clip_seed(seed, view, key) if view else None)


def from_features(labelled: Labelled, store: WholeFeatures, views: int) -> Callable:
    """`(rows, epoch) -> examples` from stored features: epoch e shows view (e + index of the video) mod `views`."""
    names, seen = sorted(store.shapes), labelled.data.frames

    def read(row, epoch):
        index, start = map(int, row)
        view = 0 if epoch < 0 else (int(epoch) + index) % views
        stop = min(start + seen, labelled.lengths[index])
        stored = store.read(labelled.videos[index], view, start, stop)
        return [*(filled(stored[name], seen) for name in names), *labelled.labels(index, start, labelled.lengths[index])]

    def example(row, epoch):
        *features, targets, weights = tf.numpy_function(read, [row, epoch], [tf.float32] * (len(names) + 2))
        inputs = {name: tf.ensure_shape(x, (seen, *store.shapes[name])) for name, x in zip(names, features, strict=True)}
        shape = (labelled.labelled_frames, len(labelled.classes))
        return inputs, tf.ensure_shape(targets, shape), tf.ensure_shape(weights, shape[:1])

    def examples(rows, epoch):
        order, parallel = tf.data.Dataset.from_tensor_slices(rows), pipeline.workers(labelled.data)
        return order.map(lambda row: example(row, epoch), num_parallel_calls=parallel, deterministic=True)

    return examples
