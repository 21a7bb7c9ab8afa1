"""Forecasters as they are exported: J frames of the size that the model was trained on, to the K that come next."""

import logging

import keras
import numpy as np
import tensorflow as tf

from videorec import models
from videorec.config import Experiment, UserError
from videorec.data.sequences import windows
from videorec.inference import graphs
from videorec.runs.run import Run

log = logging.getLogger(__name__)

UNIT = "window"
COMPARED = {"frames": "frames"}
SLACK = {"frames": 1}


def rebuild(experiment: Experiment, classes: tuple[str, ...], model: keras.Model) -> keras.Model:
    """The experiment's network, for frames of the shape that `model` takes."""
    return models.from_config(experiment.model, {"rgb": model.input["rgb"].shape[1:]}, classes=1)


def tolerance(run: Run) -> float:
    """Largest difference to Keras, of values from 0 to 1."""
    return 1e-5


# === Graphs ===


def inputs(run: Run, model: keras.Model) -> dict[str, tf.TensorSpec]:
    """One window: the J frames that the run's model saw, of the model's own size and type."""
    rgb = model.input["rgb"]
    return {"rgb": tf.TensorSpec((1, rgb.shape[1] or run.experiment.data.frames, *rgb.shape[2:]), rgb.dtype, "frames")}


def predict(run: Run, model: keras.Model, clips: graphs.Tensors) -> graphs.Tensors:
    """Model outputs for `{"rgb": (B, J, H, W, C)}`."""
    return model(clips, training=False)


def signatures(run: Run, model: keras.Model) -> dict[str, graphs.Graph]:
    """`serving_default`: any batch, and any J where the model takes any; K is fixed."""
    rgb = model.input["rgb"]
    specs = {"rgb": tf.TensorSpec((None, *rgb.shape[1:]), rgb.dtype, "frames")}
    return {"serving_default": graphs.trace(lambda clips: predict(run, model, clips), specs)}


# === Windows to compare on ===


def clips(run: Run, number: int) -> list[dict[str, np.ndarray]]:
    """What the model sees of real windows, `{"rgb": (J, H, W, C)}`, spread over the test split (else val, train).

    None where the sequences are not at hand (a run that was moved).
    """
    data, model = run.experiment.data, run.experiment.model
    try:
        source = windows.open_sequences(data, model.horizon, run.experiment.train.seed)
        split = next(split for split in ("test", "val", "train") if source.windows(split))
        count = source.windows(split)
        chosen = np.linspace(0, count - 1, min(number, count)).astype(int)
        seen = [source.window(split, int(index))[: data.frames] for index in chosen]
    except UserError as error:
        log.warning("%s", error)
        return []
    return [{"rgb": windows.as_inputs(frames, model.pixels)} for frames in seen]
