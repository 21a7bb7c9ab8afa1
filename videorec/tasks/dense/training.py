"""Training on labels of frames: windows of long videos, a cross-entropy for every frame; also of labels to come."""

import logging
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from videorec.config import Experiment, Model
from videorec.data import class_weights
from videorec.data.moments import windows
from videorec.data.moments.tables import DenseVideo
from videorec.data.moments.windows import Labelled
from videorec.data.problems import Problems
from videorec.data.splitting import VideoSet
from videorec.features import videos as whole_videos
from videorec.features.videos import WholeFeatures, from_features
from videorec.models import backend
from videorec.models.split import background_layers, has_frozen_part, split_whole_videos
from videorec.tasks.dense.learning import FrameAccuracy, FrameCrossentropy
from videorec.training.feed import Feed
from videorec.training.metrics import MeanAveragePrecision
from videorec.training.optimizers import optimizer

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def feed(
    experiment: Experiment,
    dataset: VideoSet,
    whole: keras.Model,
    problems: Problems,
    progress: Progress,
    horizon: int = 0,
) -> Feed:
    """Windows of frames, or of what the frozen first layers of the backbone make of them, computed once for whole videos and
    stored.

    Args:
        horizon: frames to come whose labels are learnt; 0: the labels of the frames seen.
    """
    train, data = experiment.train, experiment.data
    parts = {name: dataset.split(name) for name in ("train", "val")}

    def labelled(videos: Sequence[DenseVideo], lengths: Sequence[int]) -> Labelled:
        return Labelled(videos, lengths, dataset.classes, data, horizon, single=is_exclusive(experiment.model))

    if train.cache and has_frozen_part(whole):
        backbone, model = split_whole_videos(whole)
        store, views = fill(experiment, dataset, backbone, problems, progress)
        parts = {name: [video for video in videos if store.frames(video)] for name, videos in parts.items()}
        moments = {name: labelled(part, [store.frames(video) for video in part]) for name, part in parts.items()}
        examples = {name: from_features(part, store, views[name]) for name, part in moments.items()}
    else:
        model = whole
        if background_layers(whole):
            log.warning("the scene that is subtracted is that of each window in training, of the whole video afterwards")
        moments = {name: labelled(part, windows.lengths(part, data)) for name, part in parts.items()}
        examples = {name: windows.from_frames(part, problems, train.seed) for name, part in moments.items()}
    outputs, weights = tuple(model.output), weights_of_classes(moments["train"], train.class_balance)
    val = windows.evaluation(moments["val"], examples["val"], train.batch, outputs) if parts["val"] else None

    def batches(epochs: range) -> tf.data.Dataset:
        return windows.training(moments["train"], examples["train"], train.batch, epochs, train.seed, outputs, weights)

    return Feed(model, batches, val, windows.count(moments["train"]))


def weights_of_classes(labelled: Labelled, balance: float) -> np.ndarray | None:
    """`(C,)` by the labelled frames of the training videos, named in the log; None without balance."""
    if not balance:
        return None
    counts = windows.class_counts(labelled)
    weights = class_weights.class_weights(counts, balance)
    class_weights.tell(weights, counts, labelled.classes, "frames")
    return weights


def fill(
    experiment: Experiment,
    dataset: VideoSet,
    backbone: keras.Model,
    problems: Problems,
    progress: Progress,
    share: tuple[int, int] = (0, 1),
) -> tuple[WholeFeatures, dict[str, int]]:
    """Compute what is missing of the features of the videos, or of a share of them; returns where they lie, and the number of
    views by split."""
    train, data = experiment.train, experiment.data
    store = WholeFeatures(train.cache_dir, data, backbone, train.seed)
    views = {"train": train.cache_views if data.augment else 1, "val": 1}
    for name, number in views.items():
        whole_videos.fill(store, dataset.split(name)[share[0] :: share[1]], number, backbone, problems, progress)
    return store, views


def is_exclusive(model: Model) -> bool:
    """Whether a frame has one of the classes, in place of any number of them: labels to come, or the model's setting."""
    return model.target == "labels" or model.exclusive


def compile_model(model: keras.Model, experiment: Experiment, steps: int) -> None:
    """The loss on the logits `steps`, a frame each; accuracy and, where every frame has probabilities, average precision."""
    train, accuracy = experiment.train, FrameAccuracy()
    metrics = {"probabilities": [accuracy, MeanAveragePrecision(model.output["steps"].shape[-1])]}
    model.compile(
        optimizer=optimizer(train, steps, model),
        loss={"steps": FrameCrossentropy(is_exclusive(experiment.model), train.label_smoothing)},
        weighted_metrics=metrics if experiment.model.target == "dense" else {"steps": [accuracy]},
        jit_compile=backend.jit(train.jit),
    )
