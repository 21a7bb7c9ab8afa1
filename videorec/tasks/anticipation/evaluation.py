"""Measure a trained model that anticipates: the labels of the coming frames, against two guesses without learning.

    python evaluate.py runs/anticipation
    python evaluate.py runs/anticipation --data.path other.csv --out results/other

Writes results.json and leads.png into the run folder (or --out).
"""

import datetime
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice

import keras
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from videorec import terminal
from videorec.config import UserError
from videorec.config.dense import DenseData, DenseEvaluate
from videorec.config.rules import validate_dense
from videorec.data import augment
from videorec.data.moments import sources, tables, windows
from videorec.data.moments.frame_labels import frame_labels
from videorec.data.moments.windows import Labelled, rate_of
from videorec.data.problems import Problems
from videorec.reports.files import write_files
from videorec.reports.pictures import by_lead_figure
from videorec.reports.protocol import versions
from videorec.runs.run import Run
from videorec.storage import files

log = logging.getLogger(__name__)

GUESSES = {
    "current": "the true label of the last frame seen stays (an annotator's knowledge, which the model does not have)",
    "most_frequent": "the label that most frames of the training videos have",
}
DEFINITION = "share of the labelled coming frames whose class is right; by_lead: of the 1st, 2nd, ... frame ahead"


@dataclass(frozen=True)
class Options:
    """What evaluate.py takes for labels to come; data and evaluate start from the run's own settings."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote (s3://bucket/runs/NAME)."""
    out: str | None = None
    """Local folder of the results. Default: the run folder."""
    data: DenseData = field(default_factory=DenseData)
    evaluate: DenseEvaluate = field(default_factory=DenseEvaluate)


@dataclass(frozen=True)
class Predictions:
    """What a model says of the K frames that come behind each of N windows."""

    predicted: np.ndarray
    """`(N, K)` classes."""
    true: np.ndarray
    """`(N, K)` classes."""
    weights: np.ndarray
    """`(N, K)`, 0 where a frame has no label or is behind the end of its video."""
    current: np.ndarray
    """`(N,)` true class of the last frame seen, -1 where it has none."""


def main(run: Run, args: list[str]) -> int:
    """Run -> windows -> classes of the coming frames -> accuracy by lead time."""
    default = Options(run.place, data=run.experiment.data, evaluate=run.experiment.evaluate)
    options = tyro.cli(Options, args=args, default=default, description=__doc__, prog="evaluate.py")
    validate_dense(options.data, options.evaluate)
    out = files.must_be_local(options.out, "--out") if options.out else run.folder
    trained, data = run.experiment, options.data
    videos = sources.load_for_evaluation(data, options.evaluate.split, trained.data, trained.train.seed)
    tables.check_known(videos, run.classes)
    problems = Problems(len(videos), data.max_unreadable)
    labelled = Labelled(videos, (), run.classes, data, trained.model.horizon, single=True)
    with terminal.Bar(run.place) as bar:
        found = predict(run.load_model(), labelled, max(options.evaluate.batch // data.frames, 1), problems, bar)
    results = accuracies(found, most_frequent(run)) | {"protocol": describe_protocol(run, options), **problems.summary()}
    show(results, Console())
    write_files({"results.json": (json.dumps(results, indent=2) + "\n").encode(), "leads.png": _leads(results)}, out)
    if not options.out:
        run.push()
    log.info("written: results.json, leads.png in %s", options.out or run.place)
    return 0


# === Predictions ===


def predict(
    model: keras.Model,
    labelled: Labelled,
    batch: int,
    problems: Problems,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Predictions:
    """Windows one after the other, none of whose coming frames is in another's.

    Raises:
        UserError: no coming frame has a label, or too many videos cannot be read.
    """
    model.jit_compile = False
    found = []
    for index in range(len(labelled.videos)):
        progress(index, len(labelled.videos))
        of_video = _windows(labelled, index, problems)
        while rows := list(islice(of_video, batch)):
            frames, *truth = map(np.stack, zip(*rows, strict=True))
            steps = keras.ops.convert_to_numpy(model.predict_on_batch({labelled.data.stream: frames})["steps"])  # (B, K, C)
            found.append((steps.argmax(-1), *truth))
        problems.check()
    progress(len(labelled.videos), len(labelled.videos))
    predictions = Predictions(*map(np.concatenate, zip(*found, strict=True))) if found else None
    if predictions is None or not predictions.weights.any():
        raise UserError(
            f"No frame to come has a label: {labelled.span} frames a window at {rate_of(labelled.data):g} frames a second are "
            "needed. Choose fewer --data.frames, or another split."
        )
    return predictions


def _windows(labelled: Labelled, index: int, problems: Problems) -> Iterator[tuple[np.ndarray, ...]]:
    """Of each window behind which a frame comes: the frames seen, true classes and weights of those to come, class of the last
    one seen or -1."""
    data, video = labelled.data, labelled.videos[index]
    for start, frames in windows.read_windows(labelled, index, count(0, labelled.span), problems):
        if len(frames) <= data.frames:
            return  # the end of the video: nothing comes
        targets, weights = labelled.labels(index, start, start + len(frames))
        seen, _ = frame_labels(video, labelled.classes, rate_of(data), start + data.frames)
        current = seen[-1].argmax() if seen[-1].any() else -1
        yield np.asarray(augment.cropped(frames[: data.frames], data)), targets.argmax(-1), weights, current


# === Figures ===


def most_frequent(run: Run) -> int | None:
    """The class that most seconds of the run's training videos have; None where those are not at hand, and the log says so."""
    try:
        videos = sources.load(run.experiment.data, run.experiment.train.seed).split("train")
        tables.check_known(videos, run.classes)
    except UserError as error:
        log.warning("the most frequent label of the training videos is not known: %s", error)
        return None
    seconds = dict.fromkeys(run.classes, 0.0)
    for segment in (segment for video in videos for segment in video.segments):
        seconds[segment.label] += segment.end - segment.start
    return run.classes.index(max(seconds, key=seconds.get))


def accuracies(found: Predictions, frequent: int | None) -> dict:
    """`accuracy` of the model and of the guesses, whole and by lead time; a lead time without labelled frames is None."""
    guesses = {"model": found.predicted, "current": np.broadcast_to(found.current[:, None], found.true.shape)}
    if frequent is not None:
        guesses["most_frequent"] = np.full_like(found.true, frequent)
    figures = {name: _accuracy(classes == found.true, found.weights) for name, classes in guesses.items()}
    return {
        **figures.pop("model"),
        "guesses": figures,
        "windows": len(found.true),
        "frames": int(found.weights.sum()),
        "definitions": {"accuracy": DEFINITION, **{name: GUESSES[name] for name in figures}},
    }


def _accuracy(right: np.ndarray, weights: np.ndarray) -> dict:
    totals = weights.sum(axis=0)
    by_lead = [float(r / n) if n else None for r, n in zip((right * weights).sum(axis=0), totals, strict=True)]
    return {"accuracy": float((right * weights).sum() / totals.sum()), "by_lead": by_lead}


def describe_protocol(run: Run, options: Options) -> dict:
    """What a figure means nothing without: data, split, lengths, rate, seed, versions."""
    data, trained = options.data, run.experiment
    return {
        "runs": {run.place: 1.0},
        "data": data.path,
        "trained_on": trained.data.path,
        "split": options.evaluate.split,
        "frames_seen": data.frames,
        "horizon": trained.model.horizon,
        "rate": rate_of(data),
        "windows": "one after the other, without overlap; frames without a label do not count",
        "resize": list(data.resize),
        "crop": list(data.crop),
        "seed": trained.train.seed,
        "date": datetime.date.today().isoformat(),
        "versions": versions(),
    }


# === Output ===


def show(results: dict, console: Console) -> None:
    """Accuracy of model and guesses by lead time, with their meaning, on the terminal."""
    rate = results["protocol"]["rate"]
    leads = range(1, len(results["by_lead"]) + 1)
    table = Table("", "all", *(f"{lead / rate:g} s" for lead in leads), title="accuracy by lead time")
    for name, found in {"model": results, **results["guesses"]}.items():
        cells = [found["accuracy"], *found["by_lead"]]
        table.add_row(name.replace("_", " "), *("-" if value is None else f"{value:.3f}" for value in cells))
    console.print(table)
    for name, text in results["definitions"].items():
        console.print(f"{name.replace('_', ' ')}: {text}", soft_wrap=True, markup=False, highlight=False)
    protocol = results["protocol"]
    console.print(
        f"{results['windows']} windows of {protocol['frames_seen']} frames seen, {results['frames']} labelled frames to come; "
        f"{protocol['rate']:g} frames a second; {protocol['split']} of {protocol['data']}; seed {protocol['seed']}",
        soft_wrap=True,
        markup=False,
    )


def _leads(results: dict) -> bytes:
    named = {"model": results, **results["guesses"]}
    curves = {name: [np.nan if x is None else x for x in found["by_lead"]] for name, found in named.items()}
    picture = io.BytesIO()
    by_lead_figure({"accuracy": curves}, f"{results['windows']} windows").savefig(picture)
    return picture.getvalue()
