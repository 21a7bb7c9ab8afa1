"""Windows of long videos with the labels of their frames: what models of dense labels are trained on.

A window is T frames, `frames` of them seen. Labels are those of the frames seen, or, with a horizon K, of the K frames after
them, which are then not seen. After the end of a video a window begins again with its own first frame, so that its mean is
that of what there is; these frames count nowhere.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import tensorflow as tf

from videorec.config import Footage
from videorec.config.dense import DenseData
from videorec.data import augment, pipeline, stored_flow
from videorec.data.decode import Reader
from videorec.data.manifest import Video
from videorec.data.moments.frame_labels import frame_labels
from videorec.data.moments.tables import DenseVideo
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.data.video_stream import VideoStream

PIECE = 64  # pictures that are held at once


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Videos with the labels of their frames, and what a window of them is.

    Args:
        videos: of one split.
        lengths: frames of each at the model's rate, by which windows are planned; may be empty where none are.
        classes: C names.
        data: settings.
        horizon: K, frames after those seen whose labels are wanted; 0: the labels of those seen.
        single: frames without a label count nowhere.
    """

    videos: Sequence[DenseVideo]
    lengths: Sequence[int]
    classes: Sequence[str]
    data: DenseData
    horizon: int = 0
    single: bool = False

    @property
    def span(self) -> int:
        """Frames of a window, with those of the horizon."""
        return self.data.frames + self.horizon

    @property
    def labelled_frames(self) -> int:
        """S, frames of a window that have labels."""
        return self.horizon or self.data.frames

    def labels(self, index: int, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """`(S, C)` float32 targets and `(S,)` float32 weights of a window's labelled frames; those from frame `end` of the
        video on do not exist and count nowhere."""
        first = start + (self.data.frames if self.horizon else 0)
        stop = first + self.labelled_frames
        targets, mask = frame_labels(self.videos[index], self.classes, rate_of(self.data), stop)
        targets, mask = targets[first:], mask[first:]
        counts = mask & (np.arange(first, stop) < end)
        if self.single:
            counts &= targets.any(axis=1)
        return targets.astype(np.float32), counts.astype(np.float32)


def rate_of(data: DenseData) -> float:
    """Frames a second that are labelled."""
    return data.of(data.stream).fps


def lengths(videos: Sequence[DenseVideo], data: DenseData) -> list[int]:
    """The number of pictures of each video at the model's rate; 1 of one that cannot be read."""
    return [_length(video, data) for video in videos]


def _length(video: DenseVideo, data: DenseData) -> int:
    fewer = int(data.stream == "flow" and data.flow.method != "stored")  # motion lies between frames
    try:
        options = {"cache_gb": data.remote_cache_gb, "max_pixels": data.max_pixels, "wanted": stored_flow.wanted(data)}
        frames = len(Reader(video.path, rate_of(data), **options))
    except Unreadable:
        return 1  # reported when it is read
    return max(frames - fewer, 1)


def starts(length: int, span: int, phase: float) -> np.ndarray:
    """First frames of the `ceil(length / span)` windows of a video in training.

    Args:
        phase: -0.5 to 0.5: windows are shifted by this part of a window, but not beyond the ends.
    """
    first = np.arange(max(-(-length // span), 1)) * span
    return np.clip(first + round(phase * span), 0, max(length - span, 0))


def starts_of(labelled: Labelled, index: int, seed: int, epoch: int) -> np.ndarray:
    """First frames of one video's windows; shifted by chance in each epoch. In epoch -1, of an evaluation, every labelled frame
    is in one of them, those of labels to come after the first J; the last window may pass the end."""
    length, step = labelled.lengths[index], labelled.labelled_frames
    if epoch < 0:
        unlabelled = labelled.span - step
        return np.arange(max(-(-(length - unlabelled) // step), 1)) * step
    return starts(length, labelled.span, np.random.default_rng([seed, epoch, index]).random() - 0.5)


def plan(labelled: Labelled, seed: int, epoch: int) -> np.ndarray:
    """`(N, 2)` int64: video and first frame of each window, see `starts_of`; in training in random order."""
    pairs = [(index, start) for index in range(len(labelled.videos)) for start in starts_of(labelled, index, seed, epoch)]
    rows = np.array(pairs, np.int64).reshape(-1, 2)
    return rows if epoch < 0 else np.random.default_rng([seed, epoch]).permutation(rows)


def count(labelled: Labelled) -> int:
    """Windows an epoch of training."""
    return sum(-(-length // labelled.span) for length in labelled.lengths)


def class_counts(labelled: Labelled) -> np.ndarray:
    """`(C,)` int64: frames of each class in all videos, without those that are marked ambiguous."""
    counts = np.zeros(len(labelled.classes), np.int64)
    for video, length in zip(labelled.videos, labelled.lengths, strict=True):
        targets, mask = frame_labels(video, labelled.classes, rate_of(labelled.data), length)
        counts += targets[mask].sum(axis=0, dtype=np.int64)
    return counts


# === Batches ===


@pipeline.unconverted
def training(
    labelled: Labelled,
    examples: Callable,
    batch: int,
    epochs: range,
    seed: int,
    outputs: Sequence[str],
    class_weights: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Batches of `(inputs, targets, weights)` for `epochs`, `ceil(N / batch)` an epoch; the order follows from seed and epoch.

    Args:
        examples: `from_features(...)` or `from_frames(...)`.
        outputs: names of the model's outputs, all of which get the targets.
        class_weights: `(C,)`, which those of `steps`, the loss, are multiplied with, see `FrameCrossentropy`. None: by nothing.
    """

    def one_epoch(epoch):
        rows = tf.numpy_function(lambda epoch: plan(labelled, seed, int(epoch)), [epoch], tf.int64)
        return examples(tf.ensure_shape(rows, (None, 2)), epoch).batch(batch)

    def weighted(inputs, targets, weights):
        return inputs, targets | {"steps": targets["steps"] * class_weights}, weights

    batches = tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(one_epoch)
    batches = batches.map(lambda *example: _for_outputs(outputs, *example))
    return (batches if class_weights is None else batches.map(weighted)).prefetch(2)


@pipeline.unconverted
def evaluation(labelled: Labelled, examples: Callable, batch: int, outputs) -> tf.data.Dataset:
    """Batches over all frames once, in order, without augmentation."""
    rows = plan(labelled, 0, -1)
    batches = examples(tf.constant(rows), tf.constant(-1, tf.int64)).batch(batch)
    batches = batches.map(lambda *example: _for_outputs(outputs, *example)).prefetch(2)
    return batches.apply(tf.data.experimental.assert_cardinality(-(-len(rows) // batch)))


def _for_outputs(outputs, inputs, targets, weights):
    return inputs, dict.fromkeys(outputs, targets), dict.fromkeys(outputs, weights)


# === Examples ===


def from_frames(labelled: Labelled, problems: Problems, seed: int) -> Callable:
    """`(rows, epoch) -> examples` from the videos: each is decoded once an epoch, several at a time, and its windows are
    taken on the way. Videos come in the order of their first windows in `rows`; neighbours are of other videos."""
    data, wanted, parallel = labelled.data, labelled.labelled_frames, pipeline.workers(labelled.data)

    def read(index, epoch):
        for start, frames in read_windows(labelled, int(index), starts_of(labelled, int(index), seed, int(epoch)), problems):
            targets, weights = labelled.labels(int(index), start, start + len(frames))
            pictures = filled(frames[: data.frames].reshape(-1, *data.resize, 3), data.frames)
            yield pictures, targets, weights, np.array([epoch, index, start])

    signature = (
        tf.TensorSpec((data.frames, *data.resize, 3), tf.uint8),
        tf.TensorSpec((wanted, len(labelled.classes)), tf.float32),
        tf.TensorSpec((wanted,), tf.float32),
        tf.TensorSpec((3,), tf.int64),
    )

    def of_video(index, epoch):
        return tf.data.Dataset.from_generator(read, args=(index, epoch), output_signature=signature)

    def cropped(frames, targets, weights, key):  # key: epoch (-1: evaluation), video and first frame
        of_video = augment.clip_seed(seed, key[0], key[1])
        chance = tf.random.experimental.stateless_fold_in(of_video, tf.cast(key[2], tf.int32)) if data.augment else None
        return {data.stream: augment.cropped(frames, data.of(data.stream), chance, plain=key[0] < 0)}, targets, weights

    def examples(rows, epoch):
        videos = tf.data.Dataset.from_tensor_slices(tf.unique(rows[:, 0]).y)
        options = {"cycle_length": parallel, "num_parallel_calls": parallel, "deterministic": True}
        frames = videos.interleave(lambda index: of_video(index, epoch), **options)
        return frames.map(cropped, num_parallel_calls=parallel, deterministic=True)

    return examples


def read_windows(
    labelled: Labelled,
    index: int,
    begins: Iterable[int],
    problems: Problems,
    kept: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> Iterator[tuple[int, np.ndarray]]:
    """First frame and pictures of the windows at `begins` (rising) of one video, one window held at a time.

    Pictures are `(t, *data.resize, 3)` uint8 with t = `labelled.span`, those of the horizon too; fewer at the end of the
    video, none after it, and none in the windows that are left of a video that cannot be read on. `begins` may be endless.

    Args:
        kept: what is made of pictures `(t, *data.resize, 3)`, once of each, and stands for them in the windows: `(t, ...)`.
    """
    recent: deque[np.ndarray] = deque(maxlen=labelled.span)
    begins, seen = iter(begins), 0
    begin = next(begins, None)
    try:
        for piece in pieces(labelled.videos[index], labelled.data, problems):
            for picture in kept(piece):
                recent.append(picture)
                seen += 1
                while begin is not None and seen == begin + labelled.span:
                    yield begin, np.stack(recent)
                    begin = next(begins, None)
            if begin is None:
                return
    except Unreadable as error:
        problems.add_unreadable(labelled.videos[index].path, str(error))
        recent.clear()
    while begin is not None:
        rest = list(recent)[len(recent) - max(seen - begin, 0) :]
        yield begin, np.stack(rest) if rest else np.zeros(0, np.uint8)
        begin = next(begins, None)


def filled(x: np.ndarray, length: int) -> np.ndarray:
    """`(t, ...)`, t up to `length` -> `(length, ...)`: again from its start after its end; of nothing, zeros."""
    return x[np.arange(length) % len(x)] if len(x) else np.zeros((length, *x.shape[1:]), x.dtype)


def pieces(video: DenseVideo | Video, data: Footage, problems: Problems, size: int = PIECE) -> Iterator[np.ndarray]:
    """The pictures of a video, or of a segment of one, in order, at `data.fps`: arrays `(t, *data.resize, 3)` uint8, t = `size`
    but for the last.

    Raises:
        Unreadable: no picture can be read.
    """
    video = video if isinstance(video, Video) else Video(video.path, ())
    pictures = VideoStream(data.of(data.stream), problems, threads=2).pictures(video)
    piece = list(islice(pictures, size))
    if not piece:
        raise Unreadable("a single frame: no motion can be measured")
    while piece:
        yield np.stack(piece)
        piece = list(islice(pictures, size))
