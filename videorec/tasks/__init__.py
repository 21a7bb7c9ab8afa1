"""The tasks, siblings with the same file names: task, training, evaluation, report, summaries, serving.

What differs between learning labels of clips, labels of moments, labels to come, and frames is one object each.
"""

from videorec.config import Experiment
from videorec.tasks.anticipation.task import AnticipationTask
from videorec.tasks.dense.task import DenseTask
from videorec.tasks.forecasting.task import ForecastingTask
from videorec.tasks.recognition.task import RecognitionTask
from videorec.tasks.task import Task

TASKS: dict[str, Task] = {
    "recognition": RecognitionTask(),
    "dense": DenseTask(),
    "anticipation": AnticipationTask(),
    "forecasting": ForecastingTask(),
}


def of(experiment: Experiment) -> Task:
    """The task that the experiment's model and target belong to."""
    return TASKS[experiment.task]
