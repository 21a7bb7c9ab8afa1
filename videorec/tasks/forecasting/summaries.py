"""What TensorBoard shows of a forecaster: curves, and rows of input, truth, forecast and difference."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from videorec.models.backend import without_xla
from videorec.reports import forecast_pictures
from videorec.training import sections
from videorec.training.curves import Curves


class ForecastSummaries(Curves):
    """Curves, and after each epoch what is forecast for a few windows.

    Args:
        folder: of the events.
        model: the whole model, frames in.
        shown: inputs, and targets `(N, K, H, W, C)` in [0, 1].
        clips: training windows an epoch.
    """

    def __init__(self, folder: Path, model: keras.Model, shown: tuple[dict, np.ndarray], clips: int):
        super().__init__(folder, clips)
        self._whole, (self._inputs, self._targets) = without_xla(model), shown

    def write(self, epoch: int) -> None:
        """The pictures."""
        forecast = np.asarray(self._whole.predict_on_batch(self._inputs)["frames"])
        seen = self._inputs["rgb"] / 255 if self._inputs["rgb"].dtype == np.uint8 else self._inputs["rgb"]
        rows = [forecast_pictures.rows(*window) for window in zip(seen, self._targets, forecast, strict=True)]
        tf.summary.image(f"{sections.ANSWERS}/forecasts", np.stack(rows), max_outputs=len(rows))
