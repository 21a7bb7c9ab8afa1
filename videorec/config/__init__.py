"""The settings of an experiment, as frozen dataclasses: every field has a default, and its docstring is its help text.

The command line (`train.py --help`), the run folder's `config.json` and every later step read the same classes, so that
training, evaluation and export cannot drift apart. Model hyperparameters live with the models: a model file subclasses `Model`.
"""

from videorec.config.base import CachedFit, Fit, Measure, Model, Source
from videorec.config.errors import UserError, nearest
from videorec.config.experiment import Experiment, task_of
from videorec.config.footage import Flow, Footage
from videorec.config.recognition import Data, Evaluate, Recogniser, Train

__all__ = [
    "CachedFit",
    "Data",
    "Evaluate",
    "Experiment",
    "Fit",
    "Flow",
    "Footage",
    "Measure",
    "Model",
    "Recogniser",
    "Source",
    "Train",
    "UserError",
    "nearest",
    "task_of",
]
