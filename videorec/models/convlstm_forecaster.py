"""The encoder-forecaster of ConvLSTMs: one stack reads the frames, another goes on from its states."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import UserError
from videorec.config.bounds import Count
from videorec.config.forecasting import Forecaster
from videorec.layers import (
    ConvGRU2D,
    DepthToSpace,
    MovedFrames,
    PeepholeConvLSTM2D,
    SpaceToDepth,
    TimeDistributed,
    UnconditionalConvGRU2D,
)
from videorec.models import forecast

COPIES = 2  # of `motion`: two things that cross


@dataclass(frozen=True)
class ConvLSTMForecaster(Forecaster):
    """Encoding-forecasting ConvLSTM network (Shi et al., NeurIPS 2015, arXiv 1506.04214, sections 3.1 to 3.2, figure 3).

    The encoder reads J frames of patches. Layer k of the forecaster starts from the last states of layer k of the encoder; the
    bottom one has no input, the others read the one below. At each of K steps a 1 x 1 convolution (sigmoid) over the hidden
    states of all forecaster layers gives the patches. No forecast is read again.

    The defaults are the best network of the paper's table 1 (7,585,296 weights on 64 x 64 x 1): 5x5-128-64-64. Others there:
    filters (256,) 13,524,496; (128, 128) 10,042,896; with kernel 9 and recurrent_kernel 1 (128, 128) 11,550,224 and
    (128, 64, 64) 8,830,480. Radar: (64, 64), kernel 3, patch 2, on 100 x 100 x 1.

    Input: `rgb` `(B, J, H, W, C)`, any J. Output: `frames` `(B, K, H, W, C)` from 0 to 1; with `residual` not bounded.
    """

    name: ClassVar[str] = "convlstm_forecaster"
    cell: Literal["conv_lstm", "conv_gru"] = "conv_lstm"
    """The recurrent layers: ConvLSTM (paper), or ConvGRU (with biases) in its place."""
    filters: tuple[Count, ...] = (128, 64, 64)
    """Channels of each layer's states, bottom to top; of encoder and forecaster."""
    kernel: Count = 5
    """Side of the kernels on the input of a layer."""
    recurrent_kernel: Count | None = None
    """Side of the kernels on the state. Default: that of `kernel`, and conv_gru takes no other."""
    peephole: Literal["channel", "spatial"] | None = "channel"
    """conv_lstm: how the gates see the cell state: one weight a channel (the paper's parameter counts), one for each place (the
    paper's equations), or not at all."""
    patch: Count = 4
    """Side of the patches of pixels that become the channels of a place."""
    residual: Literal["last", "mean"] | None = None
    """Forecast the change from the last frame seen, or from the mean of all seen, and begin with next to none: for slow
    sequences whose level differs from one to the next (temperatures); the mean where frames are noisy. The output is linear
    then; choose --train.loss mse or mae."""
    motion: Count | None = None
    """Forecast by moving the last frame seen on, step by step, at most this many px a step: two copies of it, each moved in its
    own way in each patch, and mixed with new content (`videorec.layers.MovedFrames`). For what keeps its looks and changes
    its place. Not with `residual`."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {"horizon": 3, "filters": (3, 4), "kernel": 3, "patch": 2},
            "one": {"horizon": 3, "filters": (3,), "kernel": 3, "patch": 1, "peephole": None},
            "spatial": {"horizon": 3, "filters": (3, 2), "kernel": 3, "recurrent_kernel": 1, "peephole": "spatial"},
            "gru": {"horizon": 3, "cell": "conv_gru", "filters": (3, 4), "kernel": 3, "patch": 2},
            "residual": {"horizon": 3, "filters": (3,), "kernel": 3, "patch": 2, "residual": "last"},
            "mean": {"horizon": 3, "filters": (3,), "kernel": 3, "patch": 2, "residual": "mean"},
            "motion": {"horizon": 3, "filters": (3, 4), "kernel": 3, "patch": 2, "motion": 1},
        }

    def build(self, streams, classes=None) -> keras.Model:
        shape = forecast.shape_of(streams, self)
        forecast.check_patch(shape, self.patch)
        self._check()

        # === Functional Model ===
        frames, seen = forecast.frames_input(shape, self)  # (B, J, H, W, C)
        x = SpaceToDepth(self.patch, name="patches")(seen)  # (B, J, H / p, W / p, p * p * C)
        start, states = self._start(x), []
        for number, filters in enumerate(self.filters, start=1):
            x, *state = self._layer(filters, f"encoder{number}")(x)
            states.append(state)
        hidden = []
        for number, (filters, state) in enumerate(zip(self.filters, states, strict=True), start=1):
            name = f"forecaster{number}"
            if number == 1:
                x = self._bottom(filters, state, name)
            else:
                x, *_ = self._layer(filters, name)(x, initial_state=state)
            hidden.append(x)  # (B, K, H / p, W / p, filters)
        x = layers.Concatenate(name="hidden_states")(hidden) if len(hidden) > 1 else x
        output = self._moved(seen[:, -1], x) if self.motion else self._drawn(start, x, shape[-1])
        return keras.Model({"rgb": frames}, {"frames": output}, name=self.name)

    def _drawn(self, start, x, channels):
        """Frames from hidden states `(B, K, H / p, W / p, F)`: each place gives its patch."""
        convolution = layers.Conv2D(self.patch**2 * channels, 1, name="output", **forecast.last_layer(self.residual))
        x = TimeDistributed(convolution, name="forecast_patches", dtype="float32")(x)  # (B, K, H / p, W / p, p * p * C)
        x = x + keras.ops.cast(start, "float32") if self.residual else x
        return DepthToSpace(self.patch, name="frames", dtype="float32")(x)  # (B, K, H, W, C)

    def _moved(self, last, x):
        """Frames from hidden states: each place says how the last frame `(B, H, W, C)` moves there, and what is new."""
        parts = {"moves": 2 * (2 * self.motion + 1) * COPIES, "mix": self.patch**2 * (COPIES + 1 + last.shape[-1])}
        moves, mix = (
            TimeDistributed(layers.Conv2D(size, 1, dtype="float32", name=f"{name}_output"), name=name, dtype="float32")(x)
            for name, size in parts.items()
        )
        mix = DepthToSpace(self.patch, name="mix_pixels", dtype="float32")(mix)  # (B, K, H, W, copies + 1 + C)
        return MovedFrames(self.motion, COPIES, dtype="float32", name="frames")([last, moves, mix])  # (B, K, H, W, C)

    def _start(self, x):
        """What `residual` adds the forecast change to: `(B, 1, H / p, W / p, p * p * C)`."""
        return keras.ops.mean(x, axis=1, keepdims=True) if self.residual == "mean" else x[:, -1:]

    def _check(self):
        if self.motion and self.residual:
            raise UserError(f"motion and residual exclude each other. Received: motion {self.motion}, residual {self.residual}")
        if not self.filters:
            raise UserError("filters must name the channels of at least one layer. Received: none")
        if self.cell == "conv_gru" and self.recurrent_kernel not in (None, self.kernel):
            raise UserError(
                f"conv_gru has one size for all its kernels: leave recurrent_kernel out, or choose cell conv_lstm. Received: "
                f"kernel {self.kernel}, recurrent_kernel {self.recurrent_kernel}"
            )

    def _layer(self, filters, name):
        """A layer with an input; it gives the hidden states of all steps, and the last state or states."""
        options = {"return_sequences": True, "return_state": True, "name": name}
        if self.cell == "conv_gru":
            return ConvGRU2D(filters, self.kernel, use_bias=True, **options)
        return PeepholeConvLSTM2D(filters, self.kernel, self.recurrent_kernel, self.peephole, **options)

    def _bottom(self, filters, state, name):
        """The hidden states of the layer without input `(B, K, H / p, W / p, filters)`."""
        options = {"return_sequences": True, "name": name}
        if self.cell == "conv_gru":
            return UnconditionalConvGRU2D(filters, self.kernel, self.horizon, use_bias=True, **options)(*state)
        sizes = (filters, self.kernel, self.recurrent_kernel, self.peephole)
        return PeepholeConvLSTM2D(*sizes, unconditional=True, **options)(state, steps=self.horizon)
