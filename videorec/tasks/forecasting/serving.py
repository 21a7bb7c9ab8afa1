"""Forecasters as they are exported: J frames of the size that the model was trained on, to the K that come next."""

import logging
from functools import partial

import numpy as np
import tensorflow as tf

from videorec import models
from videorec.config import UserError
from videorec.data.sequences import windows
from videorec.inference import graphs, raw_frames
from videorec.tasks.serving import SPLITS, Serving

log = logging.getLogger(__name__)


class ForecastServing(Serving):
    """See `Serving`."""

    unit = "window"
    compared = {"frames": "frames"}
    slack = {"frames": 1}

    def rebuild(self, model):
        return models.from_config(models.untrained(self.run.experiment.model), {"rgb": model.input["rgb"].shape[1:]}, classes=1)

    def inputs(self, model):
        """One window: the J frames that the run's model saw, of the model's own size and type."""
        rgb = model.input["rgb"]
        frames = rgb.shape[1] or self.run.experiment.data.frames
        return {"rgb": tf.TensorSpec((1, frames, *rgb.shape[2:]), rgb.dtype, "frames")}

    def predict(self, model, clips):
        """Model outputs for `{"rgb": (B, J, H, W, C)}`."""
        return model(clips, training=False)

    def signatures(self, model):
        """`serving_default`: any batch, and any J where the model takes any; K is fixed."""
        rgb = model.input["rgb"]
        specs = {"rgb": tf.TensorSpec((None, *rgb.shape[1:]), rgb.dtype, "frames")}
        return {
            "serving_default": partial(graphs.trace, lambda clips: self.predict(model, {"rgb": _checked(clips["rgb"])}), specs)
        }

    def examples(self, number, splits=SPLITS):
        """What the model sees of windows, `{"rgb": (J, H, W, C)}`, spread over the test split (else val, train)."""
        data, model = self.run.experiment.data, self.run.experiment.model
        try:
            source = windows.open_sequences(data, model.horizon, self.run.experiment.train.seed, self.run.record)
            split = next((split for split in splits if source.windows(split)), None)
            if split is None:
                return []
            count = source.windows(split)
            chosen = np.linspace(0, count - 1, min(number, count)).astype(int)
            seen = [source.window(split, int(index))[: data.frames] for index in chosen]
        except UserError as error:
            log.warning("%s", error)
            return []
        return [{"rgb": windows.as_inputs(frames, model.pixels)} for frames in seen]

    def recipe(self, form, quantize="none", streaming=False, step=None):
        """As of every task; the shape of frames is the model's where an older run does not hold it."""
        recipe = super().recipe(form, quantize, streaming, step)
        if recipe["pictures"]["shape"] is None:
            recipe["pictures"]["shape"] = list(self.run.load_model().input["rgb"].shape[2:])
        return recipe


def _checked(frames: tf.Tensor) -> tf.Tensor:
    """The frames `(B, J, H, W, C)`; the graph fails where there are none, and on float32 that is not from 0 to 1."""
    frames = raw_frames.check_frames(frames, "frames")
    if frames.dtype != tf.float32:
        return frames
    least, most = tf.reduce_min(frames), tf.reduce_max(frames)
    rule = "frames must be numbers from 0 to 1, masked pixels 0. Received the least and the most"
    return raw_frames.checked(frames, tf.reduce_all((frames >= 0) & (frames <= 1)), rule, least, most)  # NaN is neither
