"""Measure a trained model that anticipates: the labels of the coming frames, beside two guesses without learning."""

import logging
from collections.abc import Callable, Iterator
from itertools import count, islice

import keras
import numpy as np

from videorec.config import UserError, bounds, rules
from videorec.config.dense import AnticipationOptions, DenseData
from videorec.data import augment
from videorec.data.moments import sources, tables, windows
from videorec.data.moments.frame_labels import frame_labels
from videorec.data.moments.windows import Labelled, rate_of
from videorec.data.problems import Problems
from videorec.data.selection import Selection
from videorec.data.verdicts import problems_of
from videorec.inference.framewise import Framewise
from videorec.models.backend import without_xla
from videorec.models.split import backbone_layers, cut
from videorec.reports.protocol import describe_pictures, describe_protocol
from videorec.runs.run import Run
from videorec.tasks.anticipation.report import AnticipationReport, Predictions, accuracies

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def evaluate(run: Run, options: AnticipationOptions, progress: Progress) -> AnticipationReport:
    """Run -> windows -> classes of the coming frames -> accuracy by lead time.

    Raises:
        UserError: options that do not go together, no coming frame with a label, or too many videos that cannot be read.
    """
    bounds.check(options, "--")
    rules.check_dense(options.data)
    run.check_model()
    trained, data = run.experiment, options.data
    measured = sources.choose(data, options.evaluate.split, trained.data, trained.train.seed, run.record)
    videos = measured.videos
    tables.check_known(videos, run.classes)
    problems = problems_of(videos, data)
    labelled = Labelled(videos, (), run.classes, data, trained.model.horizon, single=True)
    predictions = predict(run.load_model(), labelled, options.evaluate.batch, problems, progress)
    protocol = {"protocol": describe(run, options, measured)}
    return AnticipationReport(accuracies(predictions, most_frequent(run)) | protocol | problems.summary())


def describe(run: Run, options: AnticipationOptions, measured: Selection) -> dict:
    """What the figures mean nothing without: data, split, lengths, rate, seed, versions."""
    data, trained = options.data, run.experiment
    own = {
        "frames_seen": data.frames,
        "horizon": trained.model.horizon,
        "rate": rate_of(data),
        "windows": "one begins every horizon frames, so that each frame comes once; frames without a label do not count",
    }
    return describe_protocol({run.place: 1.0}, data.path, measured, trained, **own, **describe_pictures(data))


def most_frequent(run: Run) -> int | None:
    """The class that most seconds of the run's training videos have; None where those are not at hand, and the log says so."""
    try:
        videos = sources.load(run.experiment.data, run.experiment.train.seed, run.record).split("train")
        tables.check_known(videos, run.classes)
    except UserError as error:
        log.warning("the most frequent label of the training videos is not known: %s", error)
        return None
    seconds = dict.fromkeys(run.classes, 0.0)
    for segment in (segment for video in videos for segment in video.segments):
        seconds[segment.label] += segment.end - segment.start
    return run.classes.index(max(seconds, key=seconds.get))


# === Predictions ===


def predict(
    model: keras.Model,
    labelled: Labelled,
    batch: int,
    problems: Problems,
    progress: Progress = lambda done, total: None,
) -> Predictions:
    """A window every K frames, so that every frame after the first J comes once, whatever J is.

    Args:
        batch: frames that go through the model at a time.

    Raises:
        UserError: no coming frame has a label, or too many videos cannot be read.
    """
    kept, head = _parts(model, labelled.data, batch)
    batches, at_once = [], max(batch // labelled.data.frames, 1)
    for index in range(len(labelled.videos)):
        progress(index, len(labelled.videos))
        of_video = _windows(labelled, index, kept, problems)
        while rows := list(islice(of_video, at_once)):
            seen, *truth = map(np.stack, zip(*rows, strict=True))
            steps = keras.ops.convert_to_numpy(head.predict_on_batch({labelled.data.stream: seen})["steps"])  # (B, K, C)
            batches.append((steps.argmax(-1), *truth))
        problems.check()
    progress(len(labelled.videos), len(labelled.videos))
    predictions = Predictions(*map(np.concatenate, zip(*batches, strict=True))) if batches else None
    if predictions is None or not predictions.weights.any():
        raise UserError(
            f"No frame to come has a label: {labelled.span} frames a window at {rate_of(labelled.data):g} frames a second are "
            "needed. Choose fewer --data.frames, or another split."
        )
    return predictions


def _parts(model: keras.Model, data: DenseData, batch: int) -> tuple[Callable[[np.ndarray], np.ndarray], keras.Model]:
    """What is kept of pictures `(t, *data.resize, 3)`, `(t, ...)`, and the model that reads windows of it: features, where
    there is a CNN, so that a frame goes through it once, in however many windows it is seen."""
    if data.stream not in backbone_layers(model):
        return lambda pictures: np.asarray(augment.cropped(pictures, data)), without_xla(model)
    framewise, head = Framewise(model, batch), without_xla(cut(model)[1])

    def features(pictures: np.ndarray) -> np.ndarray:
        return framewise.features({data.stream: np.asarray(augment.cropped(pictures, data))[None]})[data.stream][0]

    return features, head


def _windows(
    labelled: Labelled, index: int, kept: Callable[[np.ndarray], np.ndarray], problems: Problems
) -> Iterator[tuple[np.ndarray, ...]]:
    """Of each window after which a frame comes: what is kept of the frames seen, true classes and weights of those to come,
    class of the last one seen or -1."""
    data, video = labelled.data, labelled.videos[index]
    for start, frames in windows.read_windows(labelled, index, count(0, labelled.horizon), problems, kept):
        if len(frames) <= data.frames:
            return  # the end of the video: nothing comes
        targets, weights = labelled.labels(index, start, start + len(frames))
        seen, _ = frame_labels(video, labelled.classes, rate_of(data), start + data.frames)
        current = seen[-1].argmax() if seen[-1].any() else -1
        yield frames[: data.frames], targets.argmax(-1), weights, current
