"""Losses of forecast frames. NaN in the target is a masked pixel: it adds neither loss nor gradient."""

import keras
from keras import ops

from videorec.config import UserError, nearest

PROBABILITY_FLOOR = 1e-7  # as in `metrics`, so that loss and score are the same number


def _squared_error(truth, forecast):
    return ops.square(truth - forecast)


def _absolute_error(truth, forecast):
    return ops.abs(truth - forecast)


def _both_errors(truth, forecast):
    return _squared_error(truth, forecast) + _absolute_error(truth, forecast)


def _crossentropy(truth, forecast):
    """-[T log P + (1 - T) log(1 - P)]. 1 - P is computed before it is held at the floor: exact in float32 close to P = 1."""
    p = ops.clip(forecast, 0.0, 1.0)
    return -(truth * _log(p) + (1.0 - truth) * _log(1.0 - p))


def _log(share):
    """log of what is held at the floor, with 1 / floor as its slope there: a maximum alone has none, and the other term would
    then drive a saturated pixel further from its target. Through a sigmoid the slope stays within 1."""
    return ops.log(share + ops.stop_gradient(ops.maximum(share, PROBABILITY_FLOOR) - share))


PIXEL_LOSSES = {"crossentropy": _crossentropy, "mse": _squared_error, "mae": _absolute_error, "mse+mae": _both_errors}


@keras.saving.register_keras_serializable(package="videorec")
class ForecastLoss(keras.losses.Loss):
    """A loss summed over pixels, in the scale of the score of the same name in `videorec.tasks.forecasting.metrics`.

    * crossentropy: -[T log P + (1 - T) log(1 - P)], sum over frames, pixels and channels (Shi et al. 2015, section 4.1); P
      and 1 - P are held at 1e-7 at least. For outputs in [0, 1].
    * mse, mae, mse+mae: squared error, absolute error, both; sum over the pixels and channels of a frame, mean over frames.

    The mean over a data set equals the score where no frame is masked entirely (the scores leave such a frame out; here it
    counts as 0).

    Args:
        kind: of `PIXEL_LOSSES`.

    Call arguments:
        y_true: `(B, K, H, W, C)` in [0, 1], NaN where masked.
        y_pred: `(B, K, H, W, C)`.

    Raises:
        ValueError: an unknown kind.
    """

    def __init__(self, kind="crossentropy", name=None, **kwargs):
        if kind not in PIXEL_LOSSES:
            raise ValueError(f"kind must be one of {', '.join(PIXEL_LOSSES)}. Received: kind={kind!r}")
        super().__init__(name=name or kind.replace("+", "_plus_"), **kwargs)  # TensorFlow allows no + in a scope
        self.kind = kind

    def call(self, y_true, y_pred):
        """`(B,)` loss of each sequence."""
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        masked = ops.isnan(y_true)
        # The target is filled before the loss is computed: NaN would reach the gradient through a mask applied after it.
        losses = PIXEL_LOSSES[self.kind](ops.where(masked, 0.0, y_true), y_pred)
        totals = ops.sum(ops.where(masked, 0.0, losses), axis=(1, 2, 3, 4))
        return totals if self.kind == "crossentropy" else totals / ops.cast(ops.shape(y_true)[1], "float32")

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def forecast_loss(name: str) -> keras.losses.Loss:
    """The loss of that name for the output `frames`: crossentropy, mse, mae or mse+mae.

    Raises:
        UserError: an unknown name.
    """
    if name not in PIXEL_LOSSES:
        raise UserError(f"Forecast loss: unknown {name!r}. {nearest(name, PIXEL_LOSSES)}")
    return ForecastLoss(name)
