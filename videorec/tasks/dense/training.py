"""Training on dense labels: windows of long videos, a binary cross-entropy for every frame and class; and of anticipation: the
labels of the coming frames, one of all classes each."""

import logging
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from videorec import models
from videorec.config import Experiment
from videorec.data.moments import sources, windows
from videorec.data.moments.tables import DenseVideo
from videorec.data.moments.windows import Labelled
from videorec.data.problems import Problems
from videorec.data.splitting import VideoSet
from videorec.features.videos import WholeFeatures, fill
from videorec.models.split import is_frozen, split
from videorec.runs.run import Run
from videorec.tasks.dense.learning import FrameAccuracy, FrameAveragePrecision, FrameCrossentropy
from videorec.tasks.dense.summaries import DenseSummaries
from videorec.training import loop
from videorec.training.callbacks import Guard
from videorec.training.loop import Feed
from videorec.training.optimizers import optimizer

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def load(experiment: Experiment) -> VideoSet:
    """The videos, and the classes that are learnt."""
    return sources.load(experiment.data, experiment.train.seed)


def fit(experiment: Experiment, run: Run, found: VideoSet, strategy: tf.distribute.Strategy, progress: Progress) -> None:
    """Build, resume and train; the best model and the last state are in the run folder afterwards."""
    train = experiment.train
    problems = Problems(len(found.videos), experiment.data.max_unreadable)
    with strategy.scope():
        whole = models.for_experiment(experiment, len(found.classes))
        loop.initialise(run, train, whole)
        food = feed(experiment, found, whole, problems, progress)
        compile_model(food.model, experiment, loop.steps(food, train))
        state = loop.resume(run, food.model)
    if loop.is_finished(run, train, *state):
        return
    summaries = DenseSummaries(run.tensorboard, food.clips)
    loop.fit(food, run, whole, train, state, [Guard(problems), summaries])
    if experiment.task == "dense":
        summaries.show_timeline(whole, found, experiment.data, experiment.evaluate, train.epochs)


# === Data ===


def feed(experiment: Experiment, found: VideoSet, whole: keras.Model, problems: Problems, progress: Progress) -> Feed:
    """Windows of frames for a trainable backbone; of features for a frozen one, computed once for whole videos and stored."""
    train, data = experiment.train, experiment.data
    parts = {name: found.split(name) for name in ("train", "val")}
    if train.cache and is_frozen(whole):
        backbone, model = split(whole)
        store = WholeFeatures(train.cache_dir, data, backbone, train.seed)
        views = {"train": train.cache_views if data.augment else 1, "val": 1}
        for name, videos in parts.items():
            fill(store, videos, views[name], backbone, problems, progress)
        parts = {name: [video for video in videos if store.frames(video)] for name, videos in parts.items()}
        labelled = {name: cut(experiment, found, part, [store.frames(video) for video in part]) for name, part in parts.items()}
        examples = {name: videos.from_features(part, store, views[name]) for name, part in labelled.items()}
    else:
        model = whole
        labelled = {name: cut(experiment, found, part, windows.expected_lengths(part, data)) for name, part in parts.items()}
        examples = {name: windows.from_frames(part, problems, train.seed) for name, part in labelled.items()}
    val = windows.evaluation(labelled["val"], examples["val"], train.batch, tuple(model.output)) if parts["val"] else None

    def batches(epochs: range) -> tf.data.Dataset:
        training = labelled["train"], examples["train"]
        return windows.training(*training, train.batch, epochs, train.seed, tuple(model.output))

    return Feed(model, batches, val, windows.count(labelled["train"]))


def cut(experiment: Experiment, found: VideoSet, videos: Sequence[DenseVideo], lengths: Sequence[int]) -> Labelled:
    """Windows of some videos: with the labels of their own frames, or of those to come."""
    ahead = experiment.model.horizon if experiment.task == "anticipation" else 0
    return Labelled(videos, lengths, found.classes, experiment.data, ahead, single=bool(ahead))


# === Model ===


def compile_model(model: keras.Model, experiment: Experiment, steps: int) -> None:
    """The loss on the logits `steps`, a frame each; accuracy and, of several labels at once, average precision."""
    train, exclusive = experiment.train, experiment.task == "anticipation"
    accuracy = FrameAccuracy()
    metrics = {"probabilities": [accuracy, FrameAveragePrecision(model.output["steps"].shape[-1])]}
    model.compile(
        optimizer=optimizer(train, steps),
        loss={"steps": FrameCrossentropy(exclusive)},
        weighted_metrics={"steps": [accuracy]} if exclusive else metrics,
        jit_compile=train.jit,
    )
