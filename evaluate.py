"""Measure a trained run on its test data, or on other data.

    python evaluate.py runs/lrcn
    python evaluate.py runs/lrcn --evaluate.clips 5 --evaluate.crops 10
    python evaluate.py runs/lrcn --data.path other_videos/ --out results/other
    python evaluate.py runs/rgb --fuse runs/flow --weights 1 2             recognisers: late fusion
    python evaluate.py runs/multi_lstm --timeline videos/one.mp4           labels of moments: one video over time
    python evaluate.py runs/convlstm --evaluate.metrics mse ssim rain --pictures 8        forecasts

Writes results.json and its companions into the run folder (or --out). What a run takes follows from what it learnt:
python evaluate.py runs/NAME --help. Without a run, the options of recognisers are shown.
"""

import logging
from dataclasses import dataclass

import tyro

from videorec import terminal
from videorec.config.dense import AnticipationOptions, DenseOptions
from videorec.config.forecasting import ForecastOptions
from videorec.config.recognition import RecognitionOptions
from videorec.storage import files

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Common:
    """What every evaluation takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote (s3://bucket/runs/NAME)."""
    out: str | None = None
    """Local folder of the results. Default: the run folder."""


def with_run(section: type) -> type:
    """The dataclass of a command line: the run and `--out` before what one task takes."""

    @dataclass(frozen=True)
    class Options(section, Common):
        __doc__ = section.__doc__

    return Options


OPTIONS = {section: with_run(section) for section in (RecognitionOptions, DenseOptions, AnticipationOptions, ForecastOptions)}


def main(args: list[str]) -> int:
    """Run -> task -> report."""
    place = terminal.run_folder(list(OPTIONS.values()), args, description=__doc__, prog="python evaluate.py")

    from videorec import tasks  # TensorFlow takes seconds to import: not for --help
    from videorec.reports.files import write_files
    from videorec.runs.run import Run

    run = Run.open(place)
    task = tasks.of(run.experiment)
    default = OPTIONS[task.options](run.place, data=run.experiment.data, evaluate=run.experiment.evaluate)
    options = terminal.parse(default, args, description=__doc__, prog=f"python evaluate.py {place}")
    out = files.must_be_local(options.out, "--out") if options.out else run.folder
    with terminal.Bar(run.place) as bar:
        report = task.evaluate(run, options, bar)
    contents = report.files()
    write_files(contents, out)
    report.show(terminal.console())
    if not options.out:
        run.push()
    log.info("written: %s in %s", ", ".join(contents), options.out or run.place)
    return 0


if __name__ == "__main__":
    terminal.run(main)
