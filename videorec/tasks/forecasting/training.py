"""Training of forecasters: windows of sequences, losses over pixels, scheduled sampling."""

import functools

import keras
import numpy as np
import tensorflow as tf

from videorec.config import Experiment
from videorec.data import pipeline
from videorec.data.sequences import windows
from videorec.data.sequences.windows import SequenceSet
from videorec.models import backend
from videorec.models.convlstm_stack import ConvLSTMStack, teacher_probability
from videorec.tasks.forecasting.losses import forecast_loss
from videorec.training.feed import Feed
from videorec.training.optimizers import optimizer

SHOWN = 4  # windows that TensorBoard shows


# === Data ===


def feed(experiment: Experiment, source: SequenceSet, whole: keras.Model) -> Feed:
    """Windows; for a model that reads its own forecasts also the true future, and which of it to show."""
    data, train, model = experiment.data, experiment.train, experiment.model
    common = (source, data, model.horizon, model.pixels, train.batch)
    val = windows.evaluation(*common, split="val").map(lambda x, y, _: (x, y)) if source.windows("val") else None
    own_errors = functools.partial(pipeline.own_errors, source)
    if not isinstance(model, ConvLSTMStack):
        alone = {"frames": whole.output["frames"]}  # Keras wants a target for every output: attention is left out of the fit
        fitted = whole if whole.output.keys() == alone.keys() else keras.Model(whole.input, alone, name=whole.name)
        return Feed(
            fitted, lambda epochs: windows.training(*common, epochs, train.seed), val, source.windows("train"), own_errors
        )
    steps = -(-source.windows("train") // train.batch)

    def batches(epochs: range) -> tf.data.Dataset:
        numbered = windows.training(*common, epochs, train.seed).enumerate(start=epochs.start * steps)
        return numbered.map(
            lambda step, pair: taught(*pair, model.pixels, _teacher(step, experiment, tf.shape(pair[0]["rgb"])[0]))
        )

    if val is not None:
        val = val.map(lambda x, y: taught(x, y, model.pixels, tf.zeros((tf.shape(x["rgb"])[0], model.horizon - 1))))
    return Feed(model.training_model(whole), batches, val, source.windows("train"), own_errors)


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
    frames = np.stack([source.window(split, int(index)) for index in chosen])  # (N, J + K, H, W, C)
    return {"rgb": windows.as_inputs(frames[:, : data.frames], model.pixels)}, windows.as_targets(frames[:, data.frames :])


# === Model ===


def compile_model(model: keras.Model, experiment: Experiment, steps: int) -> None:
    """The loss over the forecast frames; MSE of the forecast frames beside it."""
    train = experiment.train
    output = "all_frames" if "all_frames" in model.output else "frames"
    error = keras.metrics.MeanMetricWrapper(forecast_loss("mse").call, name="mse")
    model.compile(
        optimizer=optimizer(train, steps, model),
        loss={output: forecast_loss(train.loss)},
        weighted_metrics={"frames": [error]},
        jit_compile=backend.jit(train.jit),
    )
