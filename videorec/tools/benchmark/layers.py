"""The train step of each convolutional recurrent layer: GFLOP/s against those of a single convolution in the same run. Then
our layers against Keras's that are nearest to them, by processor time.

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
from videorec.layers.peephole_lstm import PeepholeLSTM
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


# Processor time over that of Keras's layer, at most.
CONV_BOUND, LSTM_BOUND = 1.11, 1.15
LSTMS = {"PeepholeLSTM": PeepholeLSTM, "keras.layers.LSTM": keras.layers.LSTM}


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
    rows = []
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
    # The last ones are those of the LSTMs.
    *others, keras_own = candidates
    rows += [_against(name, keras_own, candidates, setting, CONV_BOUND) for name in others]
    return [*rows, _lstms(rounds), _wide(rounds)]


def _lstms(rounds: int, batch: int = 16, steps: int = 16, features: int = 1280, units: int = 256) -> Figure:
    """`PeepholeLSTM` against `keras.layers.LSTM`, which has no peepholes, on features `(B, T, D)`."""
    x = tf.constant(np.random.default_rng(0).standard_normal((batch, steps, features)), tf.float32)
    candidates = {name: layer_candidate(kind(units, return_sequences=True), x, 4) for name, kind in LSTMS.items()}
    in_turns({name: candidate.turn for name, candidate in candidates.items()}, rounds)
    return _against(*LSTMS, candidates, f"B={batch}, T={steps}, {features} -> {units}", LSTM_BOUND)


def _wide(rounds: int, batch: int = 8, steps: int = 8, size: int = 7, channels: int = 1280, filters: int = 64) -> Figure:
    """`ConvGRU2D` on a CNN's maps, with the terms of its inputs made for all steps at once against step by step."""
    x = tf.constant(np.random.default_rng(0).standard_normal((batch, steps, size, size, channels)), tf.float32)
    first, in_loop = "ConvGRU2D, its inputs' terms first", "in the loop"
    candidates = {}
    for name, least in ((first, 0), (in_loop, math.inf)):
        layer = ConvGRU2D(filters, 3, return_sequences=True)
        layer.cell.least_products = least
        candidates[name] = layer_candidate(layer, x)
    in_turns({name: candidate.turn for name, candidate in candidates.items()}, rounds)
    setting = f"B={batch}, T={steps}, {size} x {size} maps, {channels} -> {filters} channels, kernel 3"
    return _against(first, in_loop, candidates, setting, 1.0)


def _against(name: str, other: str, candidates: dict[str, Candidate], setting: str, bound: float) -> Figure:
    """Processor time of a train step over that of another layer, in the same rounds."""
    ours, theirs = ([1000 * took for took in candidates[key].cpu] for key in (name, other))
    return ratio(PART, f"processor time of a train step: {name} / {other}, {setting}", ours, theirs, "ms", bound)


def layer_candidate(layer: keras.Layer, maps: tf.Tensor, repeats: int = 1) -> Candidate:
    """The layer on `maps` `(B, T, H, W, C)`, all levels on the same ones, or on features `(B, T, D)`."""
    inputs = [maps, maps] if isinstance(layer, StackedConvGRU2D) else maps
    layer.build(keras.tree.map_structure(lambda x: tuple(x.shape), inputs))
    weights = [weight.value for weight in layer.trainable_weights]
    return Candidate(lambda x: layer(x, training=True), weights, inputs, math.prod(maps.shape[:-1]), repeats)


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
