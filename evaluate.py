"""Measure a trained run on its test data, or on other data; fuse several runs.

    python evaluate.py runs/lrcn
    python evaluate.py runs/lrcn --evaluate.clips 5 --evaluate.crops 10
    python evaluate.py runs/lrcn --data.path other_videos/ --out results/other
    python evaluate.py runs/rgb --fuse runs/flow --weights 1 2

Writes results.json, predictions.csv and confusion.png into the run folder (or --out). Runs that forecast frames or label every
moment have options of their own: python evaluate.py runs/NAME --help
"""

import logging
from dataclasses import dataclass, field

import tyro
from rich.console import Console

from videorec import terminal
from videorec.config import Data, Evaluate

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Options:
    """What evaluate.py takes; data and evaluate start from the run's own settings."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote (s3://bucket/runs/NAME)."""
    fuse: tuple[str, ...] = ()
    """Further runs whose probabilities are averaged in."""
    weights: tuple[float, ...] = ()
    """Weight of the run and of each of --fuse. Default: equal."""
    out: str | None = None
    """Local folder of the results. Default: the run folder."""
    data: Data = field(default_factory=Data)
    evaluate: Evaluate = field(default_factory=Evaluate)


def main(args: list[str]) -> int:
    """Run -> views -> probabilities -> report."""
    named = args and not args[0].startswith("-")
    if not named:
        tyro.cli(Options, args=args, description=__doc__, prog="evaluate.py")  # prints the help, or what is missing

    from videorec.config.rules import validate_data
    from videorec.data import sources
    from videorec.data.problems import Problems
    from videorec.runs.run import Run
    from videorec.storage import files
    from videorec.tasks.recognition import evaluation, report

    run = Run.open(args[0])
    if run.experiment.task == "forecasting":
        from videorec.tasks.forecasting import evaluation as forecasts

        return forecasts.main(run, args)
    if run.experiment.task == "dense":
        from videorec.tasks.dense import evaluation as dense

        return dense.main(run, args)
    if run.experiment.task == "anticipation":
        from videorec.tasks.anticipation import evaluation as anticipation

        return anticipation.main(run, args)
    default = Options(run.place, data=run.experiment.data, evaluate=run.experiment.evaluate)
    options = tyro.cli(Options, args=args, default=default, description=__doc__, prog="evaluate.py")
    validate_data(options.data, options.evaluate)
    out = files.must_be_local(options.out, "--out") if options.out else run.folder
    videos = sources.load_for_evaluation(options.data, options.evaluate.split, run.experiment)
    evaluation.check_labels(videos, run.classes)
    problems = Problems(len(videos), options.data.max_unreadable)
    runs = [run, *(Run.open(place) for place in options.fuse)]
    weights = options.weights or (1.0,) * len(runs)
    scores = []
    for member in runs:
        # Every run sees the same videos, each through its own preprocessing.
        data, seen = (options.data, videos) if member is run else evaluation.same_videos(run, member, videos, options.evaluate)
        with terminal.Bar(member.place) as bar:
            scores.append(evaluation.predict(member.load_model(), seen, data, options.evaluate, problems, bar))
    fused = evaluation.fuse(scores, weights)
    shares = {member.place: weight for member, weight in zip(runs, weights, strict=True)}
    protocol = report.describe_protocol(options.data, options.evaluate, shares, run.experiment.train.seed)
    found = report.make(videos, run.classes, fused, protocol, problems, options.evaluate.hit_at, run.experiment.model.target)
    written = report.write(found, out)
    report.show(found, Console())
    if not options.out:
        run.push()
    log.info("written: %s in %s", ", ".join(written), options.out or run.place)
    return 0


if __name__ == "__main__":
    terminal.run(main)
