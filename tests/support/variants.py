"""Every model that is found, in each of its small forms: the cases of the tests that all models must pass."""

import dataclasses
import functools
import os
import random

import keras
import numpy as np

from videorec import models
from videorec.config import Model
from videorec.config.forecasting import Forecaster
from videorec.models.ensemble import Ensemble

CLASSES = 3
FRAMES = 4  # of models that take one length only

# The settings of each case: `lrcn` is the form plain of lrcn, `lrcn-bidirectional` another of its forms. Where compiling takes
# long (JAX), one form of each model is enough: their layers have tests of their own.
ONE_FORM = os.environ.get("VIDEOREC_TEST_FORMS") == "plain"
CASES: dict[str, Model] = {
    name if form == "plain" else f"{name}-{form}": cls(**hyperparameters)
    for name, cls in models.CLASSES.items()
    for form, hyperparameters in cls.forms().items()
    if form == "plain" or not ONE_FORM
}
FORECASTERS = [case for case, model in CASES.items() if isinstance(model, Forecaster)]
RECOGNISERS = [case for case, model in CASES.items() if model.task == "recognition"]  # of clips


def streams(case: str) -> tuple[str, ...]:
    """The streams that the model takes; a recogniser of one stream is tested on rgb."""
    return tuple(CASES[case].default_streams)


def parts(case: str) -> list[tuple]:
    """`(stream, what its outputs' names begin with, settings)` of every model of one stream in the model."""
    model, names = CASES[case], streams(case)
    if isinstance(model, Ensemble):
        return [(member.stream, f"member{number}_", member.model) for number, member in enumerate(model.members, start=1)]
    return [(stream, f"{stream}_" if len(names) > 1 else "", model.part(stream)) for stream in names]


def frame(case: str) -> tuple[int, int, int]:
    """Height, width and channels of a frame: forecasters take any, but for a backbone RGB."""
    if case not in FORECASTERS:
        return 32, 32, 3
    return 8, 12, 3 if getattr(CASES[case], "backbone", None) else 2


def clips(case: str, batch: int, *times: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Noise for each stream `(B, T, H, W, C)`; `times`: of all streams, or of each."""
    rng = np.random.default_rng(seed)
    times = times if len(times) > 1 else times * len(streams(case))
    shapes = {stream: (batch, time, *frame(case)) for stream, time in zip(streams(case), times, strict=True)}
    return {stream: rng.integers(0, 256, shape).astype("uint8") for stream, shape in shapes.items()}


def build(case: str, time=None, classes: int = CLASSES, stream: str = "rgb", **changes):
    """The model of a case, with changed settings; T open where it can be. `stream`: of a model of one stream."""
    settings = dataclasses.replace(CASES[case], **changes)
    names = (stream,) if len(streams(case)) == 1 else streams(case)
    lengths = [time if time or settings.part(name).any_length else FRAMES for name in names]
    shapes = {name: (length, *frame(case)) for name, length in zip(names, lengths, strict=True)}
    return models.from_config(settings, shapes, classes)


@functools.cache
def shared(case: str, **changes):
    """As `build`, once a session: for tests that leave the model's weights as they are, which are the same in every session."""
    state = random.getstate()  # as if nothing was drawn: the test goes on alike whether the model was there or not
    random.seed(f"{case} {changes} {os.environ.get('VIDEOREC_TEST_SEED', '0')}")
    model = build(case, **changes)
    random.setstate(state)
    return model


def weightless():
    """A scope in which models are built to be counted: their variables have shapes, but neither memory nor values."""
    return keras.StatelessScope(initialize_variables=False)


def shaken(model):
    """Random weights after the backbone, biases too."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        for weight in [] if layer.name.endswith("_backbone") else layer.weights:
            value = rng.normal(scale=0.4, size=weight.shape)
            weight.assign(np.abs(value) + 0.1 if "variance" in weight.path else value)
    return model
