"""Training of forecasters: windows of sequences, losses over pixels, scheduled sampling."""

import logging

import keras
import numpy as np
import tensorflow as tf

from videorec import models
from videorec.config import Experiment
from videorec.data.problems import Problems
from videorec.data.sequences import windows
from videorec.data.sequences.windows import SequenceSet
from videorec.models.convlstm_stack import ConvLSTMStack, teacher_probability
from videorec.runs.run import Run
from videorec.tasks.forecasting.losses import forecast_loss
from videorec.tasks.forecasting.summaries import ForecastSummaries
from videorec.training import loop
from videorec.training.callbacks import Guard
from videorec.training.loop import Feed
from videorec.training.optimizers import optimizer

log = logging.getLogger(__name__)

SHOWN = 4  # windows that TensorBoard shows


def load(experiment: Experiment) -> SequenceSet:
    """The sequences.

    Raises:
        UserError: none there, or options and files that do not go together.
    """
    return windows.open_sequences(experiment.data, experiment.model.horizon, experiment.train.seed)


def fit(experiment: Experiment, run: Run, source: SequenceSet, strategy: tf.distribute.Strategy, progress=None) -> None:
    """Build, resume and train; the best model and the last state are in the run folder afterwards."""
    train = experiment.train
    with strategy.scope():
        whole = models.from_config(experiment.model, {"rgb": (None, *source.shape)}, classes=1)
        loop.initialise(run, train, whole)
        food = feed(experiment, source, whole)
        compile_model(food.model, experiment, loop.steps(food, train))
        state = loop.resume(run, food.model)
    if loop.is_finished(run, train, *state):
        return
    split = "val" if food.val is not None else "train"
    summaries = ForecastSummaries(run.tensorboard, whole, first_windows(experiment, source, split), food.clips)
    with windows.own_errors(source):
        loop.fit(food, run, whole, train, state, [Guard(Problems(1, 1.0)), summaries])


# === Data ===


def feed(experiment: Experiment, source: SequenceSet, whole: keras.Model) -> Feed:
    """Windows; for a model that reads its own forecasts also the true future, and which of it to show."""
    data, train, model = experiment.data, experiment.train, experiment.model
    common = (source, data, model.horizon, model.pixels, train.batch)
    val = windows.evaluation(*common, split="val").map(lambda x, y, _: (x, y)) if source.windows("val") else None
    if not isinstance(model, ConvLSTMStack):
        alone = {"frames": whole.output["frames"]}  # Keras wants a target for every output: attention is left out of the fit
        fitted = whole if whole.output.keys() == alone.keys() else keras.Model(whole.input, alone, name=whole.name)
        return Feed(fitted, lambda epochs: windows.training(*common, epochs, train.seed), val, source.windows("train"))
    steps = -(-source.windows("train") // train.batch)

    def batches(epochs: range) -> tf.data.Dataset:
        found = windows.training(*common, epochs, train.seed).enumerate(start=epochs.start * steps)
        return found.map(
            lambda step, pair: taught(*pair, model.pixels, _teacher(step, experiment, tf.shape(pair[0]["rgb"])[0]))
        )

    if val is not None:
        val = val.map(lambda x, y: taught(x, y, model.pixels, tf.zeros((tf.shape(x["rgb"])[0], model.horizon - 1))))
    return Feed(model.training_model(whole), batches, val, source.windows("train"))


def _teacher(step: tf.Tensor, experiment: Experiment, batch: tf.Tensor) -> tf.Tensor:
    """`(B, K - 1)` float32: 1 where a step reads the true frame; follows from seed and step."""
    shape = (batch, experiment.model.horizon - 1)
    draw = tf.random.stateless_uniform(shape, [experiment.train.seed, tf.cast(step, tf.int32)])
    probability = tf.numpy_function(
        lambda step: np.float32(teacher_probability(int(step), experiment.train.teacher_steps)), [step], tf.float32
    )
    return tf.cast(draw < tf.ensure_shape(probability, ()), tf.float32)


def taught(inputs: dict, targets: dict, pixels: str, teacher: tf.Tensor) -> tuple[dict, dict]:
    """Inputs and targets of `ConvLSTMStack.training_model`: the loss is over every frame but the first."""
    seen, future = inputs["rgb"], targets["frames"]  # (B, J, H, W, C), (B, K, H, W, C)
    shown = tf.where(tf.math.is_nan(future), 0.0, future)
    scale = 255.0 if pixels == "uint8" else 1.0
    inputs = {
        "rgb": seen,
        "future": tf.cast(tf.round(shown * scale) if pixels == "uint8" else shown, pixels),
        "teacher": teacher,
    }
    past = tf.cast(seen[:, 1:], tf.float32) / scale
    return inputs, {"frames": future, "all_frames": tf.concat([past, future], axis=1)}


def first_windows(experiment: Experiment, source: SequenceSet, split: str) -> tuple[dict, np.ndarray]:
    """A few windows, inputs and targets, spread over a split."""
    data, model = experiment.data, experiment.model
    chosen = np.linspace(0, source.windows(split) - 1, min(SHOWN, source.windows(split))).astype(int)
    found = np.stack([source.window(split, int(index)) for index in chosen])
    return {"rgb": windows.as_inputs(found[:, : data.frames], model.pixels)}, windows.as_targets(found[:, data.frames :])


# === Model ===


def compile_model(model: keras.Model, experiment: Experiment, steps: int) -> None:
    """The loss over the forecast frames; MSE of the forecast frames beside it."""
    train = experiment.train
    output = "all_frames" if "all_frames" in model.output else "frames"
    error = keras.metrics.MeanMetricWrapper(forecast_loss("mse").call, name="mse")
    model.compile(
        optimizer=optimizer(train, steps),
        loss={output: forecast_loss(train.loss)},
        metrics={"frames": [error]},
        jit_compile=train.jit,
    )
