"""A model in any of its forms, Keras, SavedModel or TFLite, as one function from clips to outputs."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from videorec.inference.graphs import Tensors

Clips = dict[str, np.ndarray]  # {stream: (B, T, H, W, C)}
Predict = Callable[[Clips], dict[str, np.ndarray]]


def keras_engine(predict: Callable[[Tensors], Tensors]) -> Predict:
    """What `predict` computes of tensors, any number of clips at a time, as a graph."""
    call = tf.function(predict, reduce_retracing=True)
    return lambda clips: _arrays(call({stream: tf.constant(clip) for stream, clip in clips.items()}))


def saved_model_engine(folder: Path, names: dict[str, str]) -> Predict:
    """The SavedModel's `clips`; of forecasters, and of older exports, `serving_default`.

    Args:
        names: of its inputs, by stream.
    """
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures["clips" if "clips" in loaded.signatures else "serving_default"]

    def predict(clips):
        assert loaded is not None  # the signature alone does not keep the variables alive
        return _arrays(signature(**{names[stream]: tf.constant(clip) for stream, clip in clips.items()}))

    return predict


def tflite_engine(path: Path, names: dict[str, str]) -> Predict:
    """The TFLite file, which takes one clip at a time.

    Args:
        names: of its inputs, by stream.
    """
    interpreter = tf.lite.Interpreter(str(path), num_threads=os.cpu_count())
    runner = interpreter.get_signature_runner()

    def predict(clips):
        batch = len(next(iter(clips.values())))
        rows = [runner(**{names[stream]: clip[i : i + 1] for stream, clip in clips.items()}) for i in range(batch)]
        return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}

    return predict


def _arrays(outputs: dict) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in outputs.items()}
