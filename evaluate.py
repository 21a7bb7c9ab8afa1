"""Measure a trained run on its test data, or on other data.

    python evaluate.py runs/lrcn
    python evaluate.py runs/lrcn --evaluate.clips 5 --evaluate.crops 10
    python evaluate.py runs/lrcn --data.path other_videos/         into runs/lrcn/results/other_videos/
    python evaluate.py runs/rgb --fuse runs/flow --weights 1 2             recognisers: late fusion
    python evaluate.py runs/multi_lstm --timeline videos/one.mp4           labels of moments: one video over time
    python evaluate.py runs/convlstm --evaluate.metrics mse ssim rain --pictures 8        forecasts

Writes results.json and its companions into the run folder (or --out); those of other data than the run's into
RUN/results/NAME, NAME being that of the data's folder or file. What a run takes follows from what it learnt:
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
    """Local folder of the results. Default: the run folder; of other data than the run's, results/NAME in it."""


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
    from videorec.reports import places
    from videorec.reports.files import write_files
    from videorec.runs.run import Run

    run = Run.open(place)
    task = tasks.of(run.experiment)
    default = OPTIONS[task.options](run.place, data=run.experiment.data, evaluate=run.experiment.evaluate)
    options = terminal.parse(default, args, description=__doc__, prog=f"python evaluate.py {place}")
    given = files.must_be_local(options.out, "--out") if options.out else None
    with terminal.Bar(run.place) as bar:
        report = task.evaluate(run, options, bar)
    contents = report.files()
    own = report.results().get("protocol", {}).get("own_data", True)  # a timeline has no figures, and no protocol
    out = given or places.folder_of(run.folder, options.data, own)
    write_files(contents, out)
    report.show(terminal.console())
    if not given:
        run.push()
    where = given or files.join(run.place, out.relative_to(run.folder).as_posix() if out != run.folder else "")
    log.info("written: %s in %s", ", ".join(contents), str(where).rstrip("/"))
    return 0


if __name__ == "__main__":
    terminal.run(main)
