"""The "ConvLSTM" of the common Moving MNIST benchmark: stacked ConvLSTMs that forecast the next frame."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import UserError
from videorec.config.bounds import Count
from videorec.config.forecasting import Forecaster
from videorec.layers import DepthToSpace, NextFrameConvLSTM2D, SpaceToDepth
from videorec.models import forecast


def teacher_probability(step: int, steps: int = 50_000) -> float:
    """The share of true frames that scheduled sampling feeds at a training step (0 is the first one).

    The benchmark's schedule (OpenSTL, `schedule_sampling`): from 1 by 1 / steps (2e-5) less at each step, the first included,
    down to 0.

    Args:
        step: training step, from 0.
        steps: training steps until none is left.
    """
    return max(0.0, 1.0 - (step + 1) / steps)


@dataclass(frozen=True)
class ConvLSTMStack(Forecaster):
    """ConvLSTM-S of the common benchmark (OpenSTL): a next-frame model with scheduled sampling, no encoder-forecaster.

    Four ConvLSTMs (no peepholes, no biases) read patches of the frame and a linear 1 x 1 convolution of the top one forecasts
    the next frame's; after the last frame seen each forecast is read in turn. S has 11,675,648 weights on 64 x 64 x 1, L,
    with filters (192, 192, 192, 192), 26,115,072. The 15.0 and 33.8 million of the benchmark's table count convolutions
    that its code builds and never calls; they are left out here.

    It is trained on `training_model`, which shares its weights; `teacher_probability` is the schedule.

    Input: `rgb` `(B, J, H, W, C)`, any J. Output: `frames` `(B, K, H, W, C)`, linear: not clipped to 0..1 (the benchmark's MSE
    is measured before clipping).
    """

    name: ClassVar[str] = "convlstm_stack"
    filters: tuple[Count, ...] = (128, 128, 128, 128)
    """Channels of each layer's states, bottom to top."""
    kernel: Count = 5
    """Side of the kernels, of input and state."""
    patch: Count = 4
    """Side of the patches of pixels that become the channels of a place."""
    residual: Literal["last", "mean"] | None = None
    """Read and forecast the difference from the last frame seen, or from the mean of all seen: for slow sequences whose level
    differs from one to the next (temperatures); the mean where frames are noisy. The output is linear then; choose
    --train.loss mse or mae. Such a model cannot run frame by frame."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {"horizon": 3, "filters": (3, 4), "kernel": 3, "patch": 2},
            "residual": {"horizon": 3, "filters": (3,), "kernel": 3, "patch": 2, "residual": "mean"},
        }

    def build(self, streams, classes=None) -> keras.Model:
        shape = forecast.shape_of(streams, self)
        forecast.check_patch(shape, self.patch)
        if not self.filters:
            raise UserError("filters must name the channels of at least one layer. Received: none")

        # === Functional Model ===
        frames, x = forecast.frames_input(shape, self)  # (B, J, H, W, C)
        x, start = forecast.relative(x, self.residual)
        x = SpaceToDepth(self.patch, name="patches")(x)  # (B, J, H / p, W / p, p * p * C)
        x = NextFrameConvLSTM2D(self.filters, self.kernel, self.horizon, name="next_frames")(x)  # (B, J + K - 1, ...)
        x = DepthToSpace(self.patch, name="next_frames_pixels", dtype="float32")(x[:, -self.horizon :])
        # The size of a slice of an unknown J is unknown: the reshape says K.
        x = layers.Reshape((self.horizon, *shape[1:]), dtype="float32", name=self._last)(x)  # (B, K, H, W, C)
        outputs = {"frames": self._added(x, start, "frames")}
        return keras.Model({"rgb": frames}, outputs, name=self.name)

    @property
    def _last(self):
        return "changes" if self.residual else "frames"

    def _added(self, x, start, name):
        """Forecasts `(B, T, H, W, C)`, of changes with `residual`."""
        return layers.Add(name=name, dtype="float32")([x, start]) if self.residual else x

    def training_model(self, model: keras.Model) -> keras.Model:
        """The model that is trained, of the layers (and so the weights) of `model`, which `build` made or which was loaded.

        Returns:
            A functional model. Inputs: `rgb` `(B, J, H, W, C)`; `future` `(B, K, H, W, C)`, the true frames, of the same type;
            `teacher` `(B, K - 1)` float32, 1 where a step reads the true frame and 0 where it reads the last forecast.
            Outputs: `frames` `(B, K, H, W, C)`, and `all_frames` `(B, J + K - 1, H, W, C)`, the forecasts of the second frame
            to the last, which the benchmark's loss is over.
        """
        shape = tuple(model.input["rgb"].shape[1:])
        scale, patches, stack = (model.get_layer(name) for name in ("scale_rgb", "patches", "next_frames"))

        # === Functional Model ===
        frames = keras.Input(shape, dtype=self.pixels, name="rgb")  # (B, J, H, W, C)
        future = keras.Input((self.horizon, *shape[1:]), dtype=self.pixels, name="future")  # (B, K, H, W, C)
        teacher = keras.Input((self.horizon - 1,), name="teacher")  # (B, K - 1)
        x, start = forecast.relative(scale(frames), self.residual)
        known = scale(future) - keras.ops.cast(start, stack.compute_dtype) if self.residual else scale(future)
        x = stack(patches(x), patches(known), teacher)  # (B, J + K - 1, H / p, W / p, p * p * C)
        x = DepthToSpace(self.patch, dtype="float32", name="all_changes" if self.residual else "all_frames")(x)
        x = self._added(x, start, "all_frames")  # (B, J + K - 1, H, W, C)
        last = layers.Reshape((self.horizon, *shape[1:]), dtype="float32", name="frames")(x[:, -self.horizon :])
        outputs = {"frames": last, "all_frames": x}
        inputs = {"rgb": frames, "future": future, "teacher": teacher}
        return keras.Model(inputs, outputs, name=f"{self.name}_training")
