"""One experiment: its sections, and the task that they belong to."""

from dataclasses import dataclass, field

from videorec.config.base import Fit, Measure, Model, Source
from videorec.config.recognition import Data, Evaluate, Train


@dataclass(frozen=True)
class Experiment:
    """One experiment: data, model, training, evaluation."""

    name: str = ""
    """Name of the run: its folder is `RUNS/NAME`. Default: the preset's name."""
    data: Source = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    train: Fit = field(default_factory=Train)
    evaluate: Measure = field(default_factory=Evaluate)
    runs: str = "runs"
    """Folder of all runs; may be remote (s3://, az://, hdfs://)."""

    @property
    def task(self) -> str:
        """What is learnt, see `task_of`."""
        return task_of(self.model)


def task_of(model: Model) -> str:
    """recognition (labels of a clip), dense (labels of every frame), forecasting (frames), or anticipation (labels of the
    coming steps): follows from the model and its target, and decides which settings an experiment has."""
    return model.tasks.get(getattr(model, "target", None), model.task)
