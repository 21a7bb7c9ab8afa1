"""Training of recognisers: the videos, what is fed, losses and metrics."""

import dataclasses
import functools
import logging
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from videorec.config import Data, Experiment, Train
from videorec.data import class_weights, pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.part import WHOLE, Part
from videorec.data.problems import Problems
from videorec.data.record import Record
from videorec.data.splitting import VideoSet
from videorec.features import clips as features
from videorec.features.store import FeatureStore
from videorec.models import backend
from videorec.models.split import has_frozen_part, split
from videorec.tasks.recognition.losses import StepBinaryCrossentropy, StepCrossentropy
from videorec.tasks.recognition.metrics import MeanClassAccuracy, hit_at_1
from videorec.training.feed import Feed
from videorec.training.metrics import Answers, MeanAveragePrecision
from videorec.training.optimizers import optimizer

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

STRIP_CLIPS = 6  # training clips that TensorBoard shows


# === Data ===


def load(experiment: Experiment, record: Record | None = None) -> VideoSet:
    """The videos, and the classes that are learnt; `record`: of the run that goes on."""
    videos = sources.load(experiment.data, experiment.train.seed, record)
    several = sum(len(video.labels) > 1 for video in videos.videos)
    if several and experiment.model.target == "clip":
        log.info("%d videos have several labels, but one class a clip is learnt: --model.target multilabel learns all", several)
    return videos


def feed(experiment: Experiment, videos: VideoSet, model: keras.Model, problems: Problems, progress: Progress) -> Feed:
    """Frames, or what the frozen first layers of the backbone make of them, computed once and stored."""
    data, train = experiment.data, experiment.train
    training = videos.split("train")
    if not (train.cache and has_frozen_part(model)):
        reader = ClipReader(data, problems)
        load = pipeline.load_frames(training, data, reader, train.seed)

        def decoded(some: list[Video], batch: int) -> tf.data.Dataset:
            return pipeline.evaluation(some, data, reader, clips=1, crops=1, batch=batch)

        return _feed(experiment, videos, model, load, decoded)
    backbone, head = split(model)
    store, views = fill(experiment, videos, backbone, problems, progress)
    shapes = {name: (data.of(name.split("_")[0]).frames, *x.shape[2:]) for name, x in head.input.items()}
    load = features.load_features(store, training, views, shapes)

    def stored(some: list[Video], batch: int) -> tf.data.Dataset:
        return stored_validation(some, data, features.load_features(store, some, 1, shapes), batch)

    fed = _feed(experiment, videos, head, load, stored)
    return dataclasses.replace(fed, own_errors=functools.partial(pipeline.own_errors, store))


def fill(
    experiment: Experiment,
    videos: VideoSet,
    backbone: keras.Model,
    problems: Problems,
    progress: Progress,
    share: tuple[int, int] = (0, 1),
) -> tuple[FeatureStore, int]:
    """Compute what is missing of the features of the videos, or of a share of them; returns where they lie, and the number of
    views of those of training."""
    data, train = experiment.data, experiment.train
    store, reader = FeatureStore(train.cache_dir, data, backbone, train.seed), ClipReader(data, problems)
    views = train.cache_views if data.augment else 1
    for name, number in (("train", views), ("val", 1)):
        some = videos.split(name)[share[0] :: share[1]]
        features.fill(store, some, number, backbone, reader, train.batch, train.seed, progress)
    return store, views


def _feed(
    experiment: Experiment,
    videos: VideoSet,
    model: keras.Model,
    load: pipeline.Load,
    answered: Callable[[list[Video], int], tf.data.Dataset],
) -> Feed:
    """`answered`: of some videos of the validation set, and the size of a batch, the clips that it sees."""
    data, train, outputs = experiment.data, experiment.train, tuple(model.output)
    training, validation = videos.split("train"), videos.split("val")
    weights = weights_of_classes(training, videos.classes, train.class_balance)

    def batches(epochs: range, part: Part = WHOLE) -> tf.data.Dataset:
        return pipeline.training(training, videos.classes, data, load, train.batch, epochs, train.seed, outputs, part, weights)

    def val(part: Part = WHOLE) -> tf.data.Dataset | None:
        if not validation:
            return None
        positions, counts, gains = part.rows(len(validation), train.batch, evenly=True)
        own, batch = [validation[position] for position in positions], part.batch(train.batch)
        return pipeline.validation(answered(own, batch), own, videos.classes, batch, outputs, counts, gains)

    return Feed(model, batches, val(), len(training), parts=lambda part, epochs: (batches(epochs, part), val(part)))


def weights_of_classes(videos: list[Video], classes: tuple[str, ...], balance: float) -> np.ndarray | None:
    """`(C,)` by the training videos, named in the log; None without balance."""
    if not balance:
        return None
    labels = pipeline.one_hot(videos, classes)
    counts, shares = labels.sum(axis=0), (labels / labels.sum(axis=1, keepdims=True)).mean(axis=0)
    weights = class_weights.class_weights(counts, balance, shares)
    class_weights.tell(weights, counts, classes, "clips")
    return weights


@pipeline.unconverted
def stored_validation(videos: list[Video], data: Data, load: pipeline.Load, batch: int) -> tf.data.Dataset:
    """Batches of `(stored features, index of the video, 1 or 0)`, in order."""

    def sample(index):
        inputs, readable = load(index, tf.constant(0, tf.int64))
        return inputs, index, readable

    return tf.data.Dataset.range(len(videos)).map(sample, num_parallel_calls=pipeline.workers(data)).batch(batch).prefetch(2)


@pipeline.unconverted
def first_clips(
    experiment: Experiment, videos: VideoSet, problems: Problems, epoch: int
) -> tuple[dict[str, np.ndarray], list[Video]]:
    """A few training clips `{stream: (N, T, H, W, 3)}` uint8 as the augmentation of `epoch` makes them, and their videos."""
    training, data = videos.split("train"), experiment.data
    load = pipeline.load_frames(training, data, ClipReader(data, problems), experiment.train.seed)
    chosen = np.linspace(0, len(training) - 1, min(STRIP_CLIPS, len(training))).astype(np.int64)
    order = tf.data.Dataset.from_tensor_slices(chosen)
    clips = order.map(lambda i: load(i, tf.constant(epoch, tf.int64))[0], num_parallel_calls=pipeline.workers(data))
    return next(clips.batch(STRIP_CLIPS).as_numpy_iterator()), [training[i] for i in chosen]


def validation_clips(experiment: Experiment, videos: VideoSet, problems: Problems, chosen: list[int]) -> dict[str, np.ndarray]:
    """The clips that validation sees of some of its videos, by index: `{stream: (N, T, H, W, 3)}` uint8."""
    validation, data = videos.split("val"), experiment.data
    shown = [validation[index] for index in chosen]
    batches = pipeline.evaluation(shown, data, ClipReader(data, problems), clips=1, crops=1, batch=len(shown))
    return next(batches.as_numpy_iterator())[0]


# === Model ===


def compile_model(model: keras.Model, train: Train, classes: int, steps: int, target: str = "clip", validated: int = 0) -> None:
    """Loss on `steps`, or on the steps of each stream of two; metrics on `probabilities`.

    Args:
        target: of the model, clip or multilabel.
        validated: videos of the validation set, to which the answers are kept.
    """
    if target == "clip":
        loss, metrics = StepCrossentropy, [keras.metrics.CategoricalAccuracy(name="accuracy"), MeanClassAccuracy(classes)]
        if classes > 5:
            metrics.append(keras.metrics.TopKCategoricalAccuracy(5, name="top5"))
    else:
        accuracy = keras.metrics.MeanMetricWrapper(hit_at_1, name="accuracy")
        loss, metrics = StepBinaryCrossentropy, [accuracy, MeanAveragePrecision(classes)]
    if Answers.fits(validated, classes):
        metrics.append(Answers(validated, classes))
    of_streams = [name for name in model.output if name.endswith("_steps")]
    model.compile(
        optimizer=optimizer(train, steps, model),
        loss={name: loss(train.step_gain, train.step_reduction, train.label_smoothing) for name in of_streams or ["steps"]},
        weighted_metrics={"probabilities": metrics},
        jit_compile=backend.jit(train.jit),
    )
