"""What the export scripts share: their options, the run's task, and its model in float32 without cuDNN."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import keras
import tyro

from videorec import models
from videorec.runs.run import Run
from videorec.tasks.dense import serving as dense
from videorec.tasks.forecasting import serving as forecasting
from videorec.tasks.recognition import serving as recognition

# What the exports need to know of a task; each module has
#   UNIT, COMPARED, SLACK                 what one example is called; {output: what the comparison calls it}; {output: factor}
#   rebuild(experiment, classes, model)   the network of `model` with new weights
#   tolerance(run)                        largest difference to Keras, times SLACK of the output
#   inputs(run, model)                    {stream: TensorSpec of one example, (1, T, H, W, C)}, named as in the export
#   predict(run, model, clips)            the outputs of any number of such examples, {stream: (B, T, H, W, C)}
#   signatures(run, model)                the SavedModel's, {name: graph}
#   clips(run, number)                    real examples, {stream: (T, H, W, C)}; none where the data are not at hand
TASKS = {"recognition": recognition, "forecasting": forecasting, "dense": dense, "anticipation": dense}


@dataclass(frozen=True)
class Options:
    """What both export scripts take."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote (s3://bucket/runs/NAME)."""
    out: str | None = None
    """Where to write, a local path. Default: into the run folder."""
    verify: bool = True
    """Compare the result with Keras afterwards."""


@dataclass(frozen=True)
class VerifyOptions:
    """What export.verify takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME, with exports in their default places."""


def task(run: Run) -> ModuleType:
    """The module of `TASKS` that the run's model is of."""
    return TASKS[run.experiment.task]


def float32_model(run: Run) -> keras.Model:
    """The run's best model as it is exported.

    A mixed-precision model is rebuilt in float32 with the same weights, since it would not convert; cuDNN is switched
    off, since a graph that names cuDNN's operations does not run on a CPU.
    """
    model = run.load_model()
    if run.experiment.train.precision != "float32":
        keras.config.set_dtype_policy("float32")
        plain = dataclasses.replace(run.experiment, model=models.untrained(run.experiment.model))
        rebuilt = task(run).rebuild(plain, run.classes, model)
        rebuilt.set_weights(model.get_weights())
        model = rebuilt
    for layer in model._flatten_layers():
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False
    return model


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
