"""Measure a trained model of dense labels on whole videos, or show what it finds in one of them."""

import dataclasses
import logging
import os
from collections.abc import Callable, Sequence

from videorec.config import UserError, bounds, rules
from videorec.config.dense import DenseData, DenseOptions
from videorec.data.moments import sources, tables
from videorec.data.moments.tables import DenseVideo
from videorec.data.moments.windows import rate_of
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.data.selection import Selection
from videorec.data.verdicts import problems_of
from videorec.inference.labeller import FusedLabeller, Labeller
from videorec.reports.protocol import describe_pictures, describe_protocol
from videorec.runs.run import Run
from videorec.storage import files
from videorec.tasks import fusion
from videorec.tasks.dense import report
from videorec.tasks.dense.report import DenseReport
from videorec.tasks.dense.scores import VideoScores, score_one
from videorec.tasks.dense.timeline import Timeline

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def evaluate(run: Run, options: DenseOptions, progress: Progress) -> DenseReport | Timeline:
    """Run -> whole videos -> probabilities of every frame -> figures, or the timeline of one video; those of the runs of
    `options.fuse` are averaged in.

    Raises:
        UserError: options that do not go together, runs that cannot be fused, a video that is not there: before a model is
            loaded.
    """
    bounds.check(options, "--")
    rules.check_dense(options.data)
    rules.check_segments(options.data, options.evaluate)
    if options.timeline:
        return timeline(run, options)
    shares = members(run, options)
    trained, data = run.experiment, options.data
    measured = sources.choose(data, options.evaluate.split, trained.data, trained.train.seed, run.record)
    videos = measured.videos
    tables.check_known(videos, run.classes)
    for other in list(shares)[1:]:
        own = other.experiment
        sources.warn_of_seen(videos, measured.split, own.data, own.train.seed, other.record, other.place)
    labeller = labeller_of(shares, options)
    problems = problems_of(videos, data)
    scores = score(labeller, videos, run.classes, problems, progress)
    protocol = describe(run, shares, labeller, options, measured)
    return report.make(scores, run.classes, data.single, protocol, options.evaluate, problems.summary())


def members(run: Run, options: DenseOptions) -> dict[Run, float]:
    """The run and those of `options.fuse`, with the weight of each.

    Raises:
        UserError: other classes or labels, another rate, a run twice, or weights that are not theirs.
    """
    shares = fusion.members(run, options.fuse, options.weights)
    for other in shares:
        if other is not run and rate_of(other.experiment.data) != rate_of(options.data):
            raise UserError(
                "Runs that are fused must label as many frames a second. "
                f"{run.place}: {rate_of(options.data):g}; {other.place}: {rate_of(other.experiment.data):g}"
            )
    return shares


def labeller_of(shares: dict[Run, float], options: DenseOptions) -> Labeller | FusedLabeller:
    """What gives the probabilities of every frame: of the first run by `options.data`, of the others by their own settings."""
    run, *others = shares
    batch = options.evaluate.batch
    own = Labeller(run.load_model(), options.data, batch)
    if not others:
        return own
    fused = [Labeller(other.load_model(), other.experiment.data, batch) for other in others]
    return FusedLabeller([own, *fused], list(shares.values()))


def score(
    labeller: Labeller | FusedLabeller,
    videos: Sequence[DenseVideo],
    classes: Sequence[str],
    problems: Problems,
    progress: Progress = lambda done, total: None,
) -> list[VideoScores]:
    """Probabilities and labels of every frame of the videos that can be read.

    Raises:
        UserError: too many cannot be read.
    """
    scores = []
    for done, video in enumerate(videos):
        progress(done, len(videos))
        try:
            scores.append(score_one(labeller, video, classes, problems))
        except Unreadable as error:
            problems.add_unreadable(video.path, str(error))
            problems.check()
    progress(len(videos), len(videos))
    return scores


def describe(
    run: Run, shares: dict[Run, float], labeller: Labeller | FusedLabeller, options: DenseOptions, measured: Selection
) -> dict:
    """What the figures mean nothing without: data, split, rate, how videos are run through, seed, versions."""
    data, trained = options.data, run.experiment
    carried = "whole videos; the state is carried from piece to piece"
    own = {
        "exclude": list(data.exclude),
        "videos": f"whole videos at once ({labeller.whole})" if labeller.whole else carried,
        "stream": data.stream,
        "rate": rate_of(data),
        "trained_on_windows_of": trained.data.frames,
    }
    return describe_protocol(
        {member.place: share for member, share in shares.items()},
        data.path,
        measured,
        trained,
        **own,
        **describe_pictures(data),
    )


# === One video ===


def timeline(run: Run, options: DenseOptions) -> Timeline:
    """The timeline of one video, beside its annotation where there is one.

    Raises:
        UserError: the video is not there, or cannot be read.
    """
    place = options.timeline
    if not files.is_remote(place) and not os.path.exists(place):
        raise UserError(f"--timeline must be a video. Received: {place}, which does not exist")
    video = annotated(place, options.data)
    labeller = labeller_of(members(run, options), options)
    try:
        scores = score_one(labeller, video, run.classes, Problems(1, 1.0))
    except Unreadable as error:
        raise UserError(f"--timeline {place} cannot be read: {error}") from error
    return Timeline(scores, run.classes, options.data.single, options.evaluate)


def annotated(path: str, data: DenseData) -> DenseVideo:
    """The video with its segments, where the run's table is at hand and names it; without any otherwise."""
    try:
        known = {_place(video.path): video for video in sources.find(dataclasses.replace(data, group=None))}
    except UserError as error:
        log.warning("no annotation is shown: %s", error)
        known = {}
    return known.get(_place(path), DenseVideo(path, ()))


def _place(path: str) -> str:
    return path if files.is_remote(path) else os.path.realpath(path)
