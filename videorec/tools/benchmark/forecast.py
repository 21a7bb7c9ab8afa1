"""The train step of the common benchmark's ConvLSTM-S: GFLOP/s against those of a single convolution in the same run.

The step is Keras's own (`train_on_batch`: forward, loss over all next frames, backward, Adam). The convolution is that of one
layer at one time step with all gates and both kernels at once, 5 x 5 from 256 to 512 channels on 16 x 16 maps; arithmetic as
in the part `layers`.
"""

import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from videorec.models.convlstm_stack import ConvLSTMStack
from videorec.tasks.forecasting.losses import forecast_loss
from videorec.tools.benchmark.figures import Figure, in_turns, seconds
from videorec.tools.benchmark.layers import convolution_candidate, train_flops

PART = "forecast"


class TrainStep:
    """A train step on frames `(B, J, H, H, 1)` to forecast K more.

    Args:
        model: the settings; K is its horizon.
        batch, frames, size: B, J and H.
    """

    def __init__(self, model: ConvLSTMStack, batch: int, frames: int, size: int):
        whole = model.build({"rgb": (frames, size, size, 1)})
        self._model = model.training_model(whole)
        self._model.compile("adam", loss={"all_frames": forecast_loss("mse")}, jit_compile=False)
        rng, steps, places = np.random.default_rng(0), frames + model.horizon - 1, (size // model.patch) ** 2
        future = rng.integers(0, 256, (batch, model.horizon, size, size, 1), np.uint8)
        self._inputs = {
            "rgb": rng.integers(0, 256, (batch, frames, size, size, 1), np.uint8),
            "future": future,
            "teacher": np.zeros((batch, model.horizon - 1), np.float32),
        }
        self._targets = {"all_frames": rng.random((batch, steps, size, size, 1), np.float32)}
        kernels = [tuple(weight.shape) for weight in whole.trainable_weights if len(weight.shape) == 4]
        self.flops = train_flops(kernels, places * batch * steps)
        self.parameters, self.cpu = whole.count_params(), []
        self._model.train_on_batch(self._inputs, self._targets)  # once where no time is taken

    def turn(self) -> float:
        """Seconds of a step; its processor time is kept in `cpu`."""
        began = time.process_time()
        took = seconds(lambda: self._model.train_on_batch(self._inputs, self._targets))
        self.cpu.append(time.process_time() - began)
        return took


def measure(
    rounds: int = 3, model: ConvLSTMStack | None = None, batch: int = 4, frames: int = 10, size: int = 64
) -> list[Figure]:
    """The figure.

    Args:
        rounds: turns of each candidate.
        model: default: ConvLSTM-S, 10 frames ahead.
        batch, frames, size: of the input `(B, J, H, H, 1)`.
    """
    keras.utils.set_random_seed(0)
    model = model or ConvLSTMStack()
    step = TrainStep(model, batch, frames, size)
    side, channels = size // model.patch, model.filters[0]
    maps = tf.random.normal((batch, side, side, 2 * channels), seed=0)
    kernel = tf.Variable(tf.random.normal((model.kernel, model.kernel, 2 * channels, 4 * channels), seed=0))
    single = convolution_candidate(kernel, maps, repeats=len(model.filters) * (frames + model.horizon - 1))
    times = in_turns({"step": step.turn, "single": single.turn}, rounds)
    rates = [step.flops / 1e9 / took for took in times["step"]]
    base = [single.flops / 1e9 / took for took in times["single"]]
    value = statistics.median(a / b for a, b in zip(rates, base, strict=True))  # of a round: both met the same load
    cpu = statistics.median(
        (step.flops / single.flops) * alone / together for alone, together in zip(single.cpu, step.cpu, strict=True)
    )
    name = f"train step of ConvLSTM-S ({step.parameters:,} weights, B={batch}, {frames} -> {model.horizon}, {size} x {size}): "
    name += f"GFLOP/s / those of a convolution {2 * channels} -> {4 * channels}"
    detail = f"{statistics.median(rates):.3g} / {statistics.median(base):.3g} GFLOP/s; by processor time {cpu:.2f}; "
    detail += f"{statistics.median(times['step']):.3g} s a step, {step.flops / 1e9:.4g} GFLOP"
    return [Figure(PART, name, f"{value:.2f}", detail, ">= 0.8", value >= 0.8)]
