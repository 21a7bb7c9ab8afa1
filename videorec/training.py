"""The parts of train.py: set-up, feeding, optimizer, compile, fit."""

import contextlib
import dataclasses
import logging
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from videorec import models
from videorec.callbacks import Checkpoint, EpochSeeds, Guard, ProgressBar, Push, stopped_early
from videorec.config import Data, Experiment, Train, UserError
from videorec.data import features, files, pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.data.sources import VideoSet
from videorec.losses import StepCrossentropy
from videorec.metrics import MeanClassAccuracy
from videorec.models.split import is_frozen, split
from videorec.models.transfer import transfer
from videorec.run import Run
from videorec.summaries import Summaries

log = logging.getLogger(__name__)

STRIP_CLIPS = 6  # training clips that TensorBoard shows


def set_up(train: Train) -> tf.distribute.Strategy:
    """Seeds, determinism, precision and devices; call it before anything is built."""
    keras.utils.set_random_seed(train.seed)
    if train.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(train.precision)
    if not train.multi_gpu:
        return tf.distribute.get_strategy()
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) < 2:
        raise UserError(f"--train.multi-gpu needs at least two GPUs; TensorFlow sees {len(gpus)}.")
    return tf.distribute.MirroredStrategy()


# === Data ===


@dataclasses.dataclass
class Feed:
    """What `fit` is fed: `model` is the whole model on frames, or its head on cached features."""

    model: keras.Model
    train: Callable[[range], tf.data.Dataset]
    """Batches of the given epochs."""
    val: tf.data.Dataset | None
    clips: int
    """Training clips an epoch."""


def feed(experiment: Experiment, videos: VideoSet, model: keras.Model, problems: Problems, progress=None) -> Feed:
    """Frames for a trainable backbone; for a frozen one the features, computed once and stored."""
    data, train = experiment.data, experiment.train
    training, validation = videos.split("train"), videos.split("val")
    reader = ClipReader(data, problems)
    if not (train.cache and is_frozen(model)):
        load = pipeline.load_frames(training, data, reader, train.seed)
        val = pipeline.evaluation(validation, data, reader, clips=1, crops=1, batch=train.batch)
        val = pipeline.validation(val, validation, videos.classes, train.batch, tuple(model.output))
        return _feed(experiment, videos.classes, model, training, load, val if validation else None)
    backbone, head = split(model)
    store = features.FeatureStore(train.cache_dir, data, backbone, train.seed)
    views = train.cache_views if data.augment else 1
    for part, number in ((training, views), (validation, 1)):
        features.fill(store, part, number, backbone, reader, train.batch, train.seed, progress or (lambda *_: None))
    shapes = {name: (data.of(name.split("_")[0]).frames, *x.shape[2:]) for name, x in head.input.items()}
    load = features.load_features(store, training, views, shapes)
    val_load = features.load_features(store, validation, 1, shapes)
    val = stored_validation(validation, data, val_load, train.batch)
    val = pipeline.validation(val, validation, videos.classes, train.batch, tuple(head.output))
    return _feed(experiment, videos.classes, head, training, load, val if validation else None)


def _feed(experiment: Experiment, classes, model, training: list[Video], load: pipeline.Load, val) -> Feed:
    data, train = experiment.data, experiment.train

    def batches(epochs: range) -> tf.data.Dataset:
        return pipeline.training(training, classes, data, load, train.batch, epochs, train.seed, tuple(model.output))

    return Feed(model, batches, val, len(training))


def stored_validation(videos: list[Video], data: Data, load: pipeline.Load, batch: int) -> tf.data.Dataset:
    """Batches of `(stored features, index of the video, 1 or 0)`, in order."""

    def sample(index):
        inputs, readable = load(index, tf.constant(0, tf.int64))
        return inputs, index, readable

    return tf.data.Dataset.range(len(videos)).map(sample, num_parallel_calls=pipeline.workers(data)).batch(batch).prefetch(2)


def first_clips(experiment: Experiment, videos: VideoSet, problems: Problems, epoch: int) -> dict[str, np.ndarray]:
    """A few training clips `{stream: (N, T, H, W, 3)}` uint8 as the augmentation of `epoch` makes them."""
    training, data = videos.split("train"), experiment.data
    load = pipeline.load_frames(training, data, ClipReader(data, problems), experiment.train.seed)
    chosen = np.linspace(0, len(training) - 1, min(STRIP_CLIPS, len(training))).astype(np.int64)
    order = tf.data.Dataset.from_tensor_slices(chosen)
    clips = order.map(lambda i: load(i, tf.constant(epoch, tf.int64))[0], num_parallel_calls=pipeline.workers(data))
    return next(clips.batch(STRIP_CLIPS).as_numpy_iterator())


# === Optimizer ===


@keras.saving.register_keras_serializable(package="videorec")
class L2SGD(keras.optimizers.SGD):
    """SGD whose weight decay is added to the gradient before momentum, as in Caffe; Keras's own is decoupled.

    Args:
        l2: weight decay of variables with two axes or more (kernels; not biases or normalisation weights).
    """

    def __init__(self, *args, l2=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        """One variable's update."""
        if self.l2 and len(variable.shape) > 1:
            gradient = keras.ops.add(gradient, keras.ops.cast(self.l2 * variable, gradient.dtype))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        """With l2."""
        return {**super().get_config(), "l2": self.l2}


def learning_rate(train: Train, steps: int):
    """The schedule, for `steps` steps an epoch."""
    if train.schedule == "constant":
        return train.learning_rate
    if train.schedule == "step":
        return keras.optimizers.schedules.ExponentialDecay(train.learning_rate, train.step_every, 0.1, staircase=True)
    warmup = min(round(train.warmup_epochs * steps), train.epochs * steps - 1)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else train.learning_rate,
        decay_steps=train.epochs * steps - warmup,
        warmup_target=train.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def optimizer(train: Train, steps: int) -> keras.optimizers.Optimizer:
    """AdamW, or SGD as in the papers; gradients clipped by their global norm."""
    rate, clip = learning_rate(train, steps), train.clipnorm
    if train.optimizer == "sgd":
        return L2SGD(rate, momentum=train.momentum, global_clipnorm=clip, l2=train.weight_decay)
    adamw = keras.optimizers.AdamW(rate, weight_decay=train.weight_decay, global_clipnorm=clip)
    adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return adamw


def compile_model(model: keras.Model, train: Train, classes: int, steps: int) -> MeanClassAccuracy:
    """Loss on `steps`, or on the steps of each stream of two; metrics on `probabilities`.

    Returns:
        The metric that holds the confusion matrix.
    """
    confusion = MeanClassAccuracy(classes)
    metrics = [keras.metrics.CategoricalAccuracy(name="accuracy"), confusion]
    if classes > 5:
        metrics.append(keras.metrics.TopKCategoricalAccuracy(5, name="top5"))
    of_streams = [name for name in model.output if name.endswith("_steps")]
    model.compile(
        optimizer=optimizer(train, steps),
        loss={
            name: StepCrossentropy(train.step_gain, train.step_reduction, train.label_smoothing)
            for name in of_streams or ["steps"]
        },
        weighted_metrics={"probabilities": metrics},
        jit_compile=train.jit,
    )
    return confusion


# === Fit ===


def fit(
    experiment: Experiment, run: Run, videos: VideoSet, strategy: tf.distribute.Strategy, problems: Problems, progress=None
) -> None:
    """Build, resume and train; the best model and the last state are in the run folder afterwards."""
    train = experiment.train
    with strategy.scope():
        whole = models.for_experiment(experiment, len(videos.classes))
        if train.init and run.last_state() is None:
            transfer([(load_initial(origin), origin) for origin in train.init], whole)
        food = feed(experiment, videos, whole, problems, progress)
        steps = -(-food.clips // train.batch)
        confusion = compile_model(food.model, train, len(videos.classes), steps)
        epoch, counters = _resume(run, food.model)
    if epoch >= train.epochs or (counters and stopped_early(train, counters)):
        log.info("%s is finished after %d epochs; more with --train.epochs", run.place, epoch)
        return
    summaries = Summaries(run.tensorboard, videos.classes, confusion, problems, food.clips)
    clips = first_clips(experiment, videos, problems, epoch)
    summaries.show_clips(clips, experiment.data.flow.encoding, epoch)
    bar = ProgressBar(train.batch, food.clips)
    checkpoint = Checkpoint(run, whole, train, counters)
    with interruptible(), contextlib.closing(bar), contextlib.closing(checkpoint):
        food.model.fit(
            food.train(range(epoch, train.epochs)),
            steps_per_epoch=steps,
            initial_epoch=epoch,
            epochs=train.epochs,
            validation_data=food.val,
            callbacks=[EpochSeeds(), Guard(problems), checkpoint, summaries, bar, Push(run)],
            shuffle=False,  # the pipeline does
            verbose=0,
        )
    summaries.show_attention(whole, clips, train.epochs)


def load_initial(path: str) -> keras.Model:
    """The model to start from: a run folder's best, or a .keras file.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    if files.is_remote(path) or Path(path).is_dir():
        return Run.open(path).load_model()
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        rule = "--train.init must be a run folder or a local .keras file"
        raise UserError(f"{rule}. {path} cannot be read as one: {error}") from error


def _resume(run: Run, model: keras.Model) -> tuple[int, dict | None]:
    """Epochs done and their counters, after loading the last state where there is one."""
    state = run.last_state()
    if state is None:
        return 0, None
    run.restore(model, state)
    log.info("%s: going on after epoch %d", run.place, state["epoch"])
    return state["epoch"], state["counters"]


@contextlib.contextmanager
def interruptible():
    """While training, SIGTERM (a cluster that wants its machine back) acts like Ctrl-C."""

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
