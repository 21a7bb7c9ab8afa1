"""Measure a trained forecaster: its frames, and those of forecasts without learning, against what came."""

import dataclasses
import logging
from collections.abc import Callable

import keras
import numpy as np

from videorec.config import UserError, bounds, nearest
from videorec.config.forecasting import Forecaster, ForecastEvaluate, ForecastOptions, Sequences
from videorec.data import pipeline
from videorec.data.sequences import selected, windows
from videorec.data.sequences.windows import SequenceSet
from videorec.models.backend import without_xla
from videorec.runs.run import Run
from videorec.tasks.forecasting import baselines, report
from videorec.tasks.forecasting.metrics import DEFINITIONS, ForecastScores
from videorec.tasks.forecasting.rainfall import RainfallScores
from videorec.tasks.forecasting.report import ForecastReport, Shown

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
RAIN = "rain"  # of the metrics: all that `RainfallScores` has
Forecasts = Callable[[np.ndarray], np.ndarray]  # what the model sees `(B, J, H, W, C)` -> `(B, K, H, W, C)`


def evaluate(run: Run, options: ForecastOptions, progress: Progress) -> ForecastReport:
    """Run -> windows -> forecasts and scores -> report.

    Raises:
        UserError: options that do not go together or do not suit the run, before anything is forecast; a file that cannot be
            read, forecasts that are not finite.
    """
    check_options(options)
    run.check_model()
    experiment, data = run.experiment, options.data
    source, measured = selected.choose(data, options.evaluate.split, experiment, run.record)
    how = dataclasses.replace(options.evaluate, split=measured.split)
    if run.record is None:
        check_unseen(run, source, data, how.split)
    model = run.load_model()
    check_model(model, source, data)
    known, left_out = forecasters(model, experiment.model.horizon, data.frames, how.baselines)
    scores, shown = measure(known, source, data, experiment.model, how, options.pictures, progress)
    protocol = report.describe(run, source, data, how, measured) | ({"left_out": left_out} if left_out else {})
    definitions = {name: text for part in scorers(how) for name, text in part.definitions.items()}
    return ForecastReport(scores, definitions, source.windows(how.split), protocol, shown)


# === Checks ===


def check_options(options: ForecastOptions) -> None:
    """What types alone cannot say.

    Raises:
        UserError: numbers out of range, metrics unknown or none, thresholds of rain that no pixel or every pixel reaches.
    """
    bounds.check(options, "--")
    scorers(options.evaluate)


def scorers(evaluate: ForecastEvaluate) -> list[ForecastScores | RainfallScores]:
    """What `evaluate.metrics` names, to be fed batch by batch.

    Raises:
        UserError: as `check_options`.
    """
    known = (*DEFINITIONS, RAIN)
    if not evaluate.metrics:
        raise UserError(f"--evaluate.metrics must name one at least. Known: {', '.join(known)}.")
    for name in evaluate.metrics:
        if name not in known:
            raise UserError(f"--evaluate.metrics: unknown {name!r}. {nearest(name, known)}")
    plain = tuple(name for name in evaluate.metrics if name != RAIN)
    rain = [RainfallScores(evaluate.thresholds, evaluate.dbz)] if RAIN in evaluate.metrics else []
    return [*([ForecastScores(plain)] if plain else []), *rain]


def check_model(model: keras.Model, source: SequenceSet, data: Sequences) -> None:
    """The windows must be what the model takes.

    Raises:
        UserError: other frames, or another number of them.
    """
    length, *shape = model.input["rgb"].shape[1:]
    if tuple(shape) != tuple(source.shape):
        height, width, channels = shape
        wanted, came = (" x ".join(map(str, form)) for form in (shape, source.shape))
        same = channels == source.shape[-1]
        hint = f"Resize them with --data.size {height} {width}" if same else f"Choose a --data.path of {channels} channels"
        raise UserError(f"{model.name} takes frames of {wanted} (H x W x C). {data.path} has {came}. {hint}")
    if length not in (None, data.frames):
        rule = f"{model.name} takes {length} frames. Received: {data.frames}"
        raise UserError(f"{rule}. Evaluate with --data.frames {length}")


def check_unseen(run: Run, source: SequenceSet, data: Sequences, split: str) -> None:
    """Files that were trained on must not be measured as others.

    A split of whole files follows from their list, the shares and the seed: other shares, or longer windows, for which some
    files are too short, give another split of the same folder.

    Raises:
        UserError: a file of `split` was trained on or, for test, validated with.
    """
    own = run.experiment.data
    if split == "train" or data == own or data.path != own.path:
        return
    trained = windows.open_sequences(own, run.experiment.model.horizon, run.experiment.train.seed).files
    held = ("train", "val") if split == "test" else ("train",)
    seen = [name for part in held for name in trained.get(part, ()) if name in source.files[split]]
    if seen:
        raise UserError(
            f"With these --data settings the split {split} holds files that the run was trained or validated on: "
            f"{', '.join(seen[:5])}. Leave --data.val, --data.test, --data.frames and --data.step as in the run, or keep the "
            f"{split} files in a sub-folder {split}."
        )


# === Forecasts ===


def forecasters(
    model: keras.Model, horizon: int, frames: int, with_baselines: bool
) -> tuple[dict[str, Forecasts], dict[str, str]]:
    """`model` and the baselines by name, and why a baseline is left out: two frames and 8 px a side are needed for motion.

    All read the same frames: of masked pixels the baselines see the same 0 as the model.
    """
    without_xla(model)
    known, left_out = {"model": lambda seen: model.predict_on_batch({"rgb": seen})["frames"]}, {}
    if not with_baselines:
        return known, left_out
    known["last_frame"] = lambda seen: baselines.repeat_last(windows.as_targets(seen), horizon)
    known["mean_frame"] = lambda seen: baselines.repeat_mean(windows.as_targets(seen), horizon)
    try:
        baselines.advect(np.zeros((1, frames, *model.input["rgb"].shape[2:]), np.float32), 1)
    except UserError as error:
        log.warning("no advected forecasts: %s", error)
        left_out["advected"] = str(error)
    else:
        known["advected"] = lambda seen: baselines.advect(windows.as_targets(seen), horizon)
    return known, left_out


def measure(
    known: dict[str, Forecasts],
    source: SequenceSet,
    data: Sequences,
    forecaster: Forecaster,
    evaluate: ForecastEvaluate,
    pictures: int = 0,
    progress: Progress = lambda done, total: None,
) -> tuple[dict[str, dict[str, dict]], list[Shown]]:
    """One pass over the windows of a split; a batch is held at a time.

    Args:
        known: forecasters by name, the model as `model`.
        pictures: windows to keep.

    Returns:
        `{forecaster: {score: {"value": float, "by_lead": [K floats]}}}`, and the kept windows.

    Raises:
        UserError: a split without windows, a file that cannot be read, forecasts that are not finite.
    """
    split, total = evaluate.split, source.windows(evaluate.split)
    if not total:
        raise UserError(f"The split {split} of {data.path} has no windows. Choose another --evaluate.split")
    parts = {name: scorers(evaluate) for name in known}
    kept, shown = set(np.linspace(0, total - 1, min(pictures, total)).round().astype(int).tolist()), []
    batches = windows.evaluation(source, data, forecaster.horizon, forecaster.pixels, evaluate.batch, split)
    with pipeline.own_errors(source):
        for inputs, targets, indices in batches.as_numpy_iterator():
            seen, truth = inputs["rgb"], targets["frames"]  # (B, J, H, W, C), (B, K, H, W, C)
            forecasts = {name: forecast(seen) for name, forecast in known.items()}
            for name, forecast in forecasts.items():
                for part in parts[name]:
                    part.update(truth, forecast)
            for row in (row for row, index in enumerate(indices) if index in kept):
                frames = windows.as_targets(seen[row]), truth[row], forecasts["model"][row]
                shown.append(Shown(int(indices[row]), source.name(split, int(indices[row])), *frames))
            progress(int(indices[-1]) + 1, total)
    scores = {name: {k: v for part in fed for k, v in part.result().items()} for name, fed in parts.items()}
    return scores, shown
