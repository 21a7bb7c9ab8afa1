"""What the settings of an experiment must hold beyond their types."""

import math
from pathlib import Path

from videorec.config.base import Fit, UserError
from videorec.config.dense import DenseData, DenseEvaluate
from videorec.config.experiment import Experiment
from videorec.config.footage import Footage
from videorec.config.recognition import Data, Evaluate


def check_experiment(experiment: Experiment) -> None:
    """What every experiment must hold.

    Raises:
        UserError: as all of this module: naming the option, its rule and what came.
    """
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
    rule = "--train.monitor map is for --model.target multilabel"
    _check(rule, f"{train.monitor} with target {target}", several or train.monitor != "map")
    _check("--train.label-smoothing must be in [0, 1)", train.label_smoothing, 0 <= train.label_smoothing < 1)
    for stream in experiment.data.streams:
        frames, least = experiment.data.of(stream).frames, experiment.model.part(stream).least_frames
        _check(f"--data.frames must be {least} or more for this model", frames, frames >= least)
    check_clips(experiment.data, experiment.evaluate)


def check_anticipation(experiment: Experiment) -> None:
    """What labels to come need beside what dense labels need; raises as `check_experiment`."""
    single, monitor = experiment.data.single, experiment.train.monitor
    _check("--train.monitor must be accuracy, loss or last for labels to come", monitor, monitor != "map")
    _check("--data.single must be on for labels to come: a frame has one class", single, single)


def check_dense(data: DenseData, evaluate: DenseEvaluate) -> None:
    """What dense labels need, in training and in evaluation; raises as `check_experiment`."""
    _check("--data.fps must be above 0", data.of(data.stream).fps, (data.of(data.stream).fps or 0) > 0)
    lengths = (data.flow.frames, data.flow.step)
    _check("--data.flow.frames and --data.flow.step have no effect on dense labels: leave them out", lengths, not any(lengths))
    _check("--data.table-fps must be above 0", data.table_fps, data.table_fps > 0)
    _check("--data.file must hold {} for the video's name", data.file, "{}" in data.file)
    _check("--data.slack must be 0 or more seconds", data.slack, data.slack >= 0)
    _check("--evaluate.batch must be 1 or more", evaluate.batch, evaluate.batch >= 1)
    _check("--evaluate.threshold must be above 0 and below 1", evaluate.threshold, 0 < evaluate.threshold < 1)
    _check("--evaluate.smooth must be 0 or more seconds", evaluate.smooth, evaluate.smooth >= 0)
    _check_footage(data)


def check_clips(data: Data, evaluate: Evaluate) -> None:
    """How clips are taken from videos, in training and in evaluation; raises as `check_experiment`."""
    _check("--data.step must be 1 or more", data.step, data.step >= 1)
    _check("--data.hop must be 1 or more", data.hop, data.hop >= 1)
    _check_footage(data)
    _check("--evaluate.batch must be 1 or more", evaluate.batch, evaluate.batch >= 1)
    _check("--evaluate.hit-at must be 1 or more, each of them", evaluate.hit_at, min(evaluate.hit_at, default=1) >= 1)
    least = 0 if data.sampling == "dense" else 1
    rule = "--evaluate.clips must be 1 or more, or 0 with --data.sampling dense"
    _check(rule, evaluate.clips, evaluate.clips >= least)
    if data.stream == "both":
        _check_both_streams(data, evaluate)


def _check_both_streams(data: Data, evaluate: Evaluate) -> None:
    a, b = data.of("rgb"), data.of("flow")
    same = (a.frames, a.fps, a.step) == (b.frames, b.fps, b.step)
    rule = "--evaluate.clips must be 1 or more where --data.flow has a rate or length of its own"
    _check(rule, evaluate.clips, same or evaluate.clips > 0)


def _check_fit(train: Fit) -> None:
    _check("--train.epochs must be 1 or more", train.epochs, train.epochs >= 1)
    _check("--train.batch must be 1 or more", train.batch, train.batch >= 1)
    _check("--train.learning-rate must be above 0", train.learning_rate, train.learning_rate > 0)
    _check("--train.patience must be 1 or more", train.patience, train.patience is None or train.patience >= 1)
    rule = f"--train.warmup-epochs is for --train.schedule cosine: leave it out with --train.schedule {train.schedule}"
    _check(rule, train.warmup_epochs, train.schedule == "cosine" or not train.warmup_epochs)
    _check("--train.warmup-epochs must be 0 or more", train.warmup_epochs, (train.warmup_epochs or 0) >= 0)
    views = getattr(train, "cache_views", 1)
    _check("--train.cache-views must be 1 or more", views, views >= 1)


def _check_footage(data: Footage) -> None:
    flow = data.flow
    _check("--data.frames must be 1 or more", data.frames, data.frames >= 1)
    _check("--data.val must be a share, 0 or more and below 0.85", data.val, 0 <= data.val < 0.85)
    _check("--data.fps must be above 0", data.fps, data.fps is None or data.fps > 0)
    _check("--data.flow.frames must be 1 or more", flow.frames, flow.frames is None or flow.frames >= 1)
    _check("--data.flow.step must be 1 or more", flow.step, flow.step is None or flow.step >= 1)
    _check("--data.flow.fps must be above 0", flow.fps, flow.fps is None or flow.fps > 0)
    _check("--data.flow.short-side must be 16 or more", flow.short_side, flow.short_side is None or flow.short_side >= 16)
    _check("--data.remote-cache-gb must be above 0", data.remote_cache_gb, data.remote_cache_gb > 0)
    fits = all(1 <= crop <= resize for crop, resize in zip(data.crop, data.resize, strict=True))
    _check("--data.crop must be 1 or more and fit in --data.resize", f"{data.crop} in {data.resize}", fits)
    rule = "--data.values must be two numbers, the first below the second"
    _check(rule, data.values, data.values is None or -math.inf < data.values[0] < data.values[1] < math.inf)
    low, high = data.crop_scale
    _check("--data.crop-scale must be two shares, 0 < least <= most <= 1", data.crop_scale, 0 < low <= high <= 1)
    _check("--data.color must be in [0, 1)", data.color, 0 <= data.color < 1)
    _check("--data.max-unreadable must be in [0, 1]", data.max_unreadable, 0 <= data.max_unreadable <= 1)


def _check(rule: str, value, holds: bool) -> None:
    if not holds:
        raise UserError(f"{rule}. Received: {value}")
