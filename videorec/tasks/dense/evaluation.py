"""Measure a trained model of dense labels on whole videos, or show what it finds in one.

    python evaluate.py runs/multi_lstm
    python evaluate.py runs/multi_lstm --data.path other.csv --out results/other
    python evaluate.py runs/multi_lstm --timeline videos/one.mp4

Writes results.json, segments.csv and a picture into the run folder (or --out); with --timeline only timelines/VIDEO.json and
timelines/VIDEO.png.
"""

import dataclasses
import datetime
import io
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.console import Console

from videorec import terminal
from videorec.config import UserError
from videorec.config.dense import DenseData, DenseEvaluate
from videorec.config.rules import validate_dense
from videorec.data.decode import Unreadable
from videorec.data.moments import sources, tables
from videorec.data.moments.tables import DenseVideo
from videorec.data.moments.windows import rate_of
from videorec.data.problems import Problems
from videorec.reports.files import write_files
from videorec.reports.protocol import versions
from videorec.runs.run import Run
from videorec.storage import files
from videorec.tasks.dense import report, timeline
from videorec.tasks.dense.found_segments import found_segments
from videorec.tasks.dense.scores import VideoScores
from videorec.tasks.dense.whole_scores import Labeller, score_one

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What evaluate.py takes for dense labels; data and evaluate start from the run's own settings."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote (s3://bucket/runs/NAME)."""
    timeline: str | None = None
    """A video, annotated or not: what is found in it over time, as JSON and as a picture, in place of the figures."""
    out: str | None = None
    """Local folder of the results. Default: the run folder."""
    data: DenseData = field(default_factory=DenseData)
    evaluate: DenseEvaluate = field(default_factory=DenseEvaluate)


def main(run: Run, args: list[str]) -> int:
    """Run -> whole videos -> probabilities of every frame -> report, or timeline."""
    default = Options(run.place, data=run.experiment.data, evaluate=run.experiment.evaluate)
    options = tyro.cli(Options, args=args, default=default, description=__doc__, prog="evaluate.py")
    validate_dense(options.data, options.evaluate)
    out = files.must_be_local(options.out, "--out") if options.out else run.folder
    labeller = Labeller(run.load_model(), options.data, options.evaluate.batch)
    written = (show_timeline if options.timeline else measure)(run, labeller, options, out)
    if not options.out:
        run.push()
    log.info("written: %s in %s", ", ".join(written), options.out or run.place)
    return 0


# === Figures ===


def measure(run: Run, labeller: Labeller, options: Options, out: str | Path) -> list[str]:
    """Figures over the videos of a split; the names of the files written."""
    trained, data = run.experiment, options.data
    videos = sources.load_for_evaluation(data, options.evaluate.split, trained.data, trained.train.seed)
    tables.check_known(videos, run.classes)
    problems = Problems(len(videos), data.max_unreadable)
    with terminal.Bar(run.place) as bar:
        scores = score(labeller, videos, run.classes, problems, bar)
    protocol = describe_protocol(run, labeller, options)
    found = report.make(scores, run.classes, data.single, protocol, options.evaluate, problems.summary())
    report.show(found, Console())
    return report.write(found, out)


def score(
    labeller: Labeller,
    videos: Sequence[DenseVideo],
    classes: Sequence[str],
    problems: Problems,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[VideoScores]:
    """Probabilities and labels of every frame of the videos that can be read.

    Raises:
        UserError: too many cannot be read.
    """
    found = []
    for done, video in enumerate(videos):
        progress(done, len(videos))
        try:
            found.append(score_one(labeller, video, classes, problems))
        except Unreadable as error:
            problems.add_unreadable(video.path, str(error))
            problems.check()
    progress(len(videos), len(videos))
    return found


def describe_protocol(run: Run, labeller: Labeller, options: Options) -> dict:
    """What a figure means nothing without: data, split, rate, how videos are run through, seed, versions."""
    data, trained = options.data, run.experiment
    carried = "whole videos; the state is carried from piece to piece"
    return {
        "runs": {run.place: 1.0},
        "data": data.path,
        "trained_on": trained.data.path,
        "split": options.evaluate.split,
        "exclude": list(data.exclude),
        "videos": f"whole videos at once ({labeller.whole})" if labeller.whole else carried,
        "stream": data.stream,
        "rate": rate_of(data),
        "trained_on_windows_of": trained.data.frames,
        "resize": list(data.resize),
        "crop": list(data.crop),
        "fit": data.fit,
        "seed": trained.train.seed,
        "date": datetime.date.today().isoformat(),
        "versions": versions(),
    }


# === One video ===


def show_timeline(run: Run, labeller: Labeller, options: Options, out: str | Path) -> list[str]:
    """The timeline of one video as JSON and as a picture; the names of the files written.

    Raises:
        UserError: the video cannot be read.
    """
    data, evaluate = options.data, options.evaluate
    video = annotated(options.timeline, data)
    try:
        scores = score_one(labeller, video, run.classes, Problems(1, 1.0))
    except Unreadable as error:
        raise UserError(f"--timeline {options.timeline} cannot be read: {error}") from error
    cut = scores.rate, evaluate.threshold, data.single, evaluate.smooth
    found = found_segments(scores.probabilities, run.classes, *cut)
    picture = io.BytesIO()
    timeline.figure(scores, found, run.classes, timeline.thumbnails(scores), data.single).savefig(picture)
    content = timeline.content(scores, found, run.classes, evaluate.threshold)
    name = f"timelines/{Path(video.path).stem}"
    contents = {
        f"{name}.json": (json.dumps(content, indent=2, allow_nan=False) + "\n").encode(),
        f"{name}.png": picture.getvalue(),
    }
    write_files(contents, out)
    return list(contents)


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
