"""The train step of each convolutional recurrent layer: GFLOP/s against those of a single convolution in the same run.

A train step is the forward pass and the gradients with respect to all weights and to the input, in one `tf.function`
without XLA. Its arithmetic is that of the convolutions alone. A kernel `(k, k, c_in, c_out)` is applied once a step of the
sequence at each of the H x W positions (the zeros beyond the border count), a multiplication and an addition a weight:

    forward = 2 k k c_in c_out H W B T
    train step = 3 forward (the output, the gradient of the input, the gradient of the kernel)

The single convolution has the size of the state's with all gates at once: B maps, f -> 3f channels for the GRUs, f -> 4f
for the LSTMs, T = 1. It is timed in its train step too, a call from Python each, and counted by the same formula.
"""

import functools
import math
import statistics
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from videorec.layers.conv_gru2d import ConvGRU2D
from videorec.layers.peephole_conv_lstm2d import PeepholeConvLSTM2D
from videorec.layers.stacked_conv_gru2d import StackedConvGRU2D
from videorec.tools.benchmark.figures import Figure, in_turns, ratio, seconds

PART = "layers"
KERAS, SAME = "keras.layers.ConvLSTM2D", "PeepholeConvLSTM2D (peephole=None)"  # the same equations
# By gates: how many times f channels the single convolution gives.
LAYERS = {
    3: {
        "ConvGRU2D": ConvGRU2D,
        "StackedConvGRU2D (2 levels)": lambda filters, *args, **kwargs: StackedConvGRU2D((filters, filters), *args, **kwargs),
    },
    4: {
        "PeepholeConvLSTM2D (peephole='channel')": PeepholeConvLSTM2D,
        SAME: functools.partial(PeepholeConvLSTM2D, peephole=None),
        KERAS: functools.partial(keras.layers.ConvLSTM2D, padding="same"),
    },
}


class Candidate:
    """A train step, which is compiled here, and its arithmetic.

    Args:
        forward: the outputs of an input.
        weights: whose gradients are taken, besides the input's.
        inputs: the input.
        positions: H W B T, at which each kernel is applied.
        repeats: train steps in a turn.
    """

    def __init__(self, forward: Callable, weights: Sequence[tf.Variable], inputs, positions: int, repeats: int):
        # Convolution kernels have four axes; the other weights, biases and peepholes, cost next to nothing.
        self.flops = train_flops([tuple(weight.shape) for weight in weights if len(weight.shape) == 4], positions)
        self.cpu: list[float] = []
        self._weights, self._repeats = weights, repeats  # a concrete function does not keep its variables alive
        self._step = functools.partial(train_step(forward, weights).get_concrete_function(inputs), inputs)
        self._step()  # once where no time is taken

    def turn(self) -> float:
        """Seconds of a step; its processor time is kept in `cpu`."""
        cpu = time.process_time()
        took = seconds(self._steps) / self._repeats
        self.cpu.append((time.process_time() - cpu) / self._repeats)
        return took

    def _steps(self):
        for _ in range(self._repeats):
            self._step()
        tf.test.experimental.sync_devices()  # a GPU returns before it is done


def train_flops(kernels: Sequence[tuple[int, ...]], positions: int) -> int:
    """Floating-point operations of a train step: the formula above; `positions` is H W B T."""
    return 3 * sum(2 * math.prod(kernel) * positions for kernel in kernels)


def train_step(forward: Callable, weights: Sequence[tf.Variable]) -> tf.types.experimental.PolymorphicFunction:
    """What takes an input, and gives the gradients with respect to it and to the weights."""

    @tf.function(jit_compile=False, autograph=False)
    def step(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = forward(inputs)
        # Of half the sum of squares: the outputs are their own gradient. A constant one would let TensorFlow leave out
        # the forward pass of the single convolution.
        return tape.gradient(outputs, [inputs, weights], output_gradients=outputs)

    return step


def measure(
    rounds: int = 9, batch: int = 8, steps: int = 8, size: int = 14, channels: int = 64, kernel: int = 3
) -> list[Figure]:
    """The figures.

    Args:
        rounds: turns of each candidate, of one train step; the single convolution's turn is about as long as a layer's.
        batch, steps, size, channels: of the input `(B, T, H, H, C)`; f = C.
        kernel: side of all kernels.
    """
    rng = np.random.default_rng(0)
    maps = tf.constant(rng.standard_normal((batch, steps, size, size, channels), np.float32))
    setting = f"B={batch}, T={steps}, {size} x {size} maps, {channels} -> {channels} channels, kernel {kernel}"
    rows, times_of = [], {}
    for gates, kinds in LAYERS.items():
        weights = tf.Variable(rng.standard_normal((kernel, kernel, channels, gates * channels), np.float32))
        single = convolution_candidate(weights, maps[:, 0], repeats=2 * steps)
        candidates = {
            name: layer_candidate(kind(channels, kernel, return_sequences=True), maps) for name, kind in kinds.items()
        }
        turns = {name: candidate.turn for name, candidate in candidates.items()}
        times = in_turns({"single": single.turn, **turns}, rounds)
        for name, candidate in candidates.items():
            text = f"train step of {name}: GFLOP/s / those of a convolution f -> {gates}f, {setting}"
            rows.append(_speed(text, candidate, times[name], single, times["single"], 0.8 if name != KERAS else None))
        times_of |= times
    ours, keras_own = ([1000 * took for took in times_of[name]] for name in (SAME, KERAS))
    return [*rows, ratio(PART, f"train step: {SAME} / {KERAS}, {setting}", ours, keras_own, "ms", None)]


def layer_candidate(layer: keras.Layer, maps: tf.Tensor) -> Candidate:
    """The layer on `maps` `(B, T, H, W, C)`, all levels on the same ones."""
    inputs = [maps, maps] if isinstance(layer, StackedConvGRU2D) else maps
    layer.build(keras.tree.map_structure(lambda x: tuple(x.shape), inputs))
    weights = [weight.value for weight in layer.trainable_weights]
    return Candidate(lambda x: layer(x, training=True), weights, inputs, math.prod(maps.shape[:4]), repeats=1)


def convolution_candidate(kernel: tf.Variable, maps: tf.Tensor, repeats: int) -> Candidate:
    """The single convolution of `maps` `(B, H, W, C)`."""
    return Candidate(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), [kernel], maps, math.prod(maps.shape[:3]), repeats)


def _speed(
    name: str, layer: Candidate, times: list[float], single: Candidate, single_times: list[float], bound: float | None
) -> Figure:
    """GFLOP/s over GFLOP/s: medians of both, and of their ratio; the bound is the least that it may be."""
    rates, base = layer.flops / 1e9 / np.array(times), single.flops / 1e9 / np.array(single_times)
    value = statistics.median(rates / base)  # of a round: both met the same load
    cpu = statistics.median((layer.flops / single.flops) * np.array(single.cpu) / np.array(layer.cpu))
    detail = f"{statistics.median(rates):.3g} / {statistics.median(base):.3g} GFLOP/s; by processor time {cpu:.2f}; "
    detail += f"{1000 * statistics.median(times):.3g} ms a step, {layer.flops / 1e9:.3g} GFLOP"
    target = "" if bound is None else f">= {bound:g}"
    return Figure(PART, name, f"{value:.2f}", detail, target, None if bound is None else bool(value >= bound))
