"""What the settings of an experiment must hold together; the bounds of each stand beside it."""

from pathlib import Path

from videorec.config import bounds
from videorec.config.base import Fit
from videorec.config.dense import DenseData, DenseEvaluate
from videorec.config.errors import UserError
from videorec.config.experiment import Experiment
from videorec.config.footage import ASPECT, Footage
from videorec.config.recognition import Data, Evaluate


def check_experiment(experiment: Experiment) -> None:
    """What every experiment must hold.

    Raises:
        UserError: as all of this module: naming the option, its rule and what came.
    """
    bounds.check(experiment, "--")
    name = experiment.name
    _check("--name must be a plain folder name", name, name == Path(name).name and name not in ("", ".."))
    place = f"{experiment.runs}/{name}"  # TensorFlow and HDF5 write below it
    _check("--runs and --name must be UTF-8", ascii(place), place == place.encode("utf-8", "replace").decode())
    _check_fit(experiment.train)


def check_recognition(experiment: Experiment) -> None:
    """What labels of clips need; raises as `check_experiment`."""
    train, target = experiment.train, experiment.model.target
    several = target == "multilabel"
    rule = "--train.monitor must be accuracy, map, loss or last with --model.target multilabel"
    _check(rule, train.monitor, not (several and train.monitor == "mean_class_accuracy"))
    rule = "--train.class-balance weights clips that are drawn equally often already: leave it out, or --data.balance sample"
    _check(rule, train.class_balance, not train.class_balance or experiment.data.balance != "sample")
    alone = getattr(experiment.model, "exclusive", False)
    _check("--model.exclusive is for --model.target dense: a clip's target says how many labels it has", target, not alone)
    rule = "--train.monitor map is for --model.target multilabel"
    _check(rule, f"{train.monitor} with target {target}", several or train.monitor != "map")
    for stream in experiment.data.streams:
        frames, least = experiment.data.of(stream).frames, experiment.model.part(stream).least_frames
        _check(f"--data.frames must be {least} or more for this model", frames, frames >= least)
    check_clips(experiment.data, experiment.evaluate)


def check_anticipation(experiment: Experiment) -> None:
    """What labels to come need beside what dense labels need; raises as `check_experiment`."""
    single, monitor = experiment.data.single, experiment.train.monitor
    _check("--train.monitor must be accuracy, loss or last for labels to come", monitor, monitor != "map")
    _check("--data.single must be on for labels to come: a frame has one class", single, single)


def check_exclusive(experiment: Experiment) -> None:
    """What one class at every frame needs, and what needs it; raises as `check_experiment`."""
    exclusive = getattr(experiment.model, "exclusive", False)
    rule = "--model.exclusive needs --data.single: a frame has one of the classes"
    _check(rule, experiment.data.single, experiment.data.single or not exclusive)
    balance, one = experiment.train.class_balance, exclusive or experiment.task == "anticipation"
    rule = "--train.class-balance needs --model.exclusive: a frame of several labels, or of none, is of no one class"
    _check(rule, balance, one or not balance)


def check_dense(data: DenseData) -> None:
    """What dense labels need, in training and in evaluation; raises as `check_experiment`."""
    rate = data.of(data.stream).fps
    _check("--data.fps must be a number for dense labels", rate, rate is not None)
    lengths = (data.flow.frames, data.flow.step)
    _check("--data.flow.frames and --data.flow.step have no effect on dense labels: leave them out", lengths, not any(lengths))
    _check("--data.file must hold {} for the video's name", data.file, "{}" in data.file)
    _check_footage(data)


def check_segments(data: DenseData, evaluate: DenseEvaluate) -> None:
    """How frames are joined into segments, in training and in evaluation; raises as `check_experiment`."""
    rule = "--evaluate.change-cost decides between labels of which a frame has one: leave it out (0), or --data.single"
    _check(rule, f"{evaluate.change_cost:g} without it", data.single or not evaluate.change_cost)


def check_clips(data: Data, evaluate: Evaluate) -> None:
    """How clips are taken from videos, in training and in evaluation; raises as `check_experiment`."""
    _check_footage(data)
    rule = "--evaluate.crops 2 averages over mirror images: take --evaluate.crops 1 with --data.no-flip"
    _check(rule, evaluate.crops, evaluate.crops != 2 or data.flip)
    least = 0 if data.sampling == "dense" else 1
    rule = "--evaluate.clips must be 1 or more, or 0 with --data.sampling dense"
    _check(rule, evaluate.clips, evaluate.clips >= least)
    if data.stream == "both":
        _check_both_streams(data, evaluate)


def _check_both_streams(data: Data, evaluate: Evaluate) -> None:
    a, b = data.of("rgb"), data.of("flow")
    same = data.flow.paired and (a.frames, a.fps, a.step) == (b.frames, b.fps, b.step)
    rule = "--evaluate.clips must be 1 or more where --data.flow has a rate or length of its own, or is not paired"
    _check(rule, evaluate.clips, same or evaluate.clips > 0)


def _check_fit(train: Fit) -> None:
    rule = f"--train.warmup-epochs is for --train.schedule cosine: leave it out with --train.schedule {train.schedule}"
    _check(rule, train.warmup_epochs, train.schedule == "cosine" or not train.warmup_epochs)
    steps = train.profile
    rule = "--train.profile must be two steps, the first and the last"
    _check(rule, steps, not steps or (len(steps) == 2 and steps[0] <= steps[1]))


def _check_footage(data: Footage) -> None:
    fits = all(crop <= resize for crop, resize in zip(data.crop, data.resize, strict=True))
    _check("--data.crop must fit in --data.resize", f"{data.crop} in {data.resize}", fits)
    rule = "--data.values must be two numbers, the first below the second"
    _check(rule, data.values, data.values is None or data.values[0] < data.values[1])
    low, high = data.crop_scale
    _check("--data.crop-scale must be two shares, the least and the most", data.crop_scale, low <= high)
    low, high = data.crop_aspect
    _check("--data.crop-aspect must be two numbers, the least and the most", data.crop_aspect, low <= high)
    rule = "--data.crop-aspect is for scaled crops: leave it out with --data.crop-scale 1 1"
    _check(rule, data.crop_aspect, data.crop_scale != (1.0, 1.0) or data.crop_aspect == ASPECT)


def _check(rule: str, value, holds: bool) -> None:
    if not holds:
        raise UserError(f"{rule}. Received: {value}")
