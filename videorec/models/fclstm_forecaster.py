"""The encoder-forecaster of FC-LSTMs: the baseline that ConvLSTM was measured against."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
import numpy as np
from keras import layers

from videorec.config import UserError
from videorec.config.bounds import Count
from videorec.config.forecasting import Forecaster
from videorec.layers import PeepholeLSTM
from videorec.models import forecast


@dataclass(frozen=True)
class FCLSTMForecaster(Forecaster):
    """FC-LSTM encoder-forecaster (Srivastava et al. 2015, in the form of Shi et al. 2015, arXiv 1506.04214, section 4.1).

    Whole frames as vectors. Layer k of the forecaster starts from the last states of layer k of the encoder; the bottom one has
    no input. An affine map (sigmoid) of the top layer's hidden state alone gives the frame. The default is the paper's
    FC-LSTM-2048-2048: 142,667,776 weights on 64 x 64 x 1.

    Input: `rgb` `(B, J, H, W, C)`, any J. Output: `frames` `(B, K, H, W, C)` from 0 to 1; with `residual` not
    bounded.
    """

    name: ClassVar[str] = "fclstm_forecaster"
    units: tuple[Count, ...] = (2048, 2048)
    """Units of each layer, bottom to top; of encoder and forecaster."""
    peephole: Literal["diagonal", "full"] | None = "diagonal"
    """How the gates see the cell state: unit by unit (paper), through a full matrix, or not at all."""
    residual: Literal["last", "mean"] | None = None
    """Read and forecast the difference from the last frame seen, or from the mean of all seen: for slow sequences whose level
    differs from one to the next (temperatures); the mean where frames are noisy. The output is linear then; choose
    --train.loss mse or mae. Such a model cannot run frame by frame."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {"horizon": 3, "units": (5, 4)},
            "residual": {"horizon": 3, "units": (5,), "residual": "last"},
        }

    def build(self, streams, classes=None) -> keras.Model:
        shape = forecast.shape_of(streams, self)
        if not self.units:
            raise UserError("units must name the size of at least one layer. Received: none")
        size = int(np.prod(shape[1:]))

        # === Functional Model ===
        frames, x = forecast.frames_input(shape, self)  # (B, J, H, W, C)
        x, start = forecast.relative(x, self.residual)
        x = layers.Reshape((-1, size), name="pixels")(x)  # (B, J, H * W * C)
        states = []
        for number, units in enumerate(self.units, start=1):
            x, *state = self._layer(units, f"encoder{number}")(x)
            states.append(state)
        for number, (units, state) in enumerate(zip(self.units, states, strict=True), start=1):
            if number == 1:
                x, *_ = self._layer(units, "forecaster1", unconditional=True)(state, steps=self.horizon)
            else:
                x, *_ = self._layer(units, f"forecaster{number}")(x, initial_state=state)  # (B, K, units)
        x = layers.Dense(size, name="output", **forecast.last_layer(self.residual))(x)  # (B, K, H * W * C)
        x = layers.Reshape((self.horizon, *shape[1:]), dtype="float32", name="changes" if self.residual else "frames")(x)
        outputs = {"frames": layers.Add(name="frames", dtype="float32")([x, start]) if self.residual else x}
        return keras.Model({"rgb": frames}, outputs, name=self.name)

    def _layer(self, units, name, unconditional=False):
        options = {"return_sequences": True, "return_state": True, "unconditional": unconditional}
        return PeepholeLSTM(units, self.peephole, name=name, **options)
