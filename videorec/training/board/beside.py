"""The callbacks that are shown beside a task's own curves and pictures."""

import keras

from videorec.config import Experiment
from videorec.runs.run import Run
from videorec.training.board.about import About
from videorec.training.board.classes import ClassFigures
from videorec.training.board.profile import Profile
from videorec.training.board.projector import Projector
from videorec.training.board.states import States
from videorec.training.board.steps import StepCurves
from videorec.training.curves import Curves
from videorec.training.feed import Feed


def beside(
    own: list[keras.callbacks.Callback], run: Run, experiment: Experiment, dataset, whole: keras.Model, feed: Feed
) -> list:
    """What every task shows beside its `own` callbacks, which write the curves of its epochs.

    Args:
        run, experiment, dataset, whole, feed: of the training, as for `Task.callbacks`.
    """
    train = experiment.train
    callbacks = [Profile(run.tensorboard / "train", *train.profile)] if train.profile else []
    for curves in (callback for callback in own if isinstance(callback, Curves)):
        curves.measure(feed.waiting)
        callbacks += [
            StepCurves(curves, train.batch),
            About(curves, run, dataset.describe(), whole, feed.val is not None),
            States(curves, feed),
        ]
        if dataset.classes:
            callbacks += [ClassFigures(curves, dataset.classes), Projector(curves, run, feed, dataset)]
    return callbacks
