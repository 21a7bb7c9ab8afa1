"""What a figure means nothing without: how it was measured, and with which versions."""

import datetime
import platform

import cv2
import keras
import tensorflow as tf

import videorec
from videorec.config import Experiment
from videorec.data.selection import Selection


def describe_protocol(runs: dict[str, float], data: str, measured: Selection, trained: Experiment, **own) -> dict:
    """The protocol in `results.json`: what every task has, and its own entries between.

    Args:
        runs: weight of each measured run by its place.
        data: what was measured on.
        measured: which part of it, and what the run has seen of it.
        trained: the experiment of the (first) run.
        **own: what the task adds, as plain JSON types.
    """
    return {
        "runs": runs,
        "data": data,
        "trained_on": trained.data.path,
        "split": measured.split,
        **measured.protocol(),
        **own,
        "seed": trained.train.seed,
        "date": datetime.date.today().isoformat(),
        "versions": versions(),
    }


def describe_pictures(data) -> dict:
    """How a frame becomes what the model sees, of settings `Footage`."""
    return {"resize": list(data.resize), "crop": list(data.crop), "fit": data.fit}


def versions() -> dict[str, str]:
    """Of this package, and of those that figures hang on."""
    return {
        "videorec": videorec.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "opencv": cv2.__version__,
    }
