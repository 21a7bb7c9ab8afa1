"""One page about runs, to be read in any browser, on paper and without a network: everything is inside.

    python -m videorec.tools.report runs/lrcn                        writes runs/lrcn/report.html
    python -m videorec.tools.report runs/lrcn runs/gru_rcn           writes report.html here, both side by side
    python -m videorec.tools.report runs/* --out all.html --pictures 0

Figures are those of evaluate.py with their protocol; curves, confusion, classes, the worst errors with their frames, attention,
timelines and forecasts, cost, settings and commands stand below them. What a run does not have is said, with the command that
makes it. The time to answer is measured here.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import Count, CountOrZero
from videorec.storage import files

log = logging.getLogger(__name__)
NAME = "report.html"


@dataclass(frozen=True)
class Options:
    """What to show."""

    runs: tyro.conf.Positional[tuple[str, ...]]
    """Run folders, local or remote, of any tasks."""
    out: str | None = None
    """The page, a local file. Default: report.html in the folder of a single run, of several in the working directory."""
    pictures: CountOrZero = 6
    """Videos or windows of each run to draw in each section; 0: no video is read."""
    repeats: Count = 5
    """Clips that the time to answer is the median of."""


def main(args: list[str]) -> int:
    """Runs -> page."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.report")
    if not options.runs:
        raise UserError("Give at least one run folder: python -m videorec.tools.report runs/NAME")
    given = files.must_be_local(options.out, "--out") if options.out else None
    if given is not None and not given.absolute().parent.is_dir():
        raise UserError(f"--out must lie in a folder that exists. Received: {given}")

    from videorec.tools import report_page, report_runs  # TensorFlow takes seconds to import: not for --help

    places = list(dict.fromkeys(place.rstrip("/") for place in options.runs))
    shown = []
    with terminal.Bar("report") as bar:
        for place in places:
            shown.append(report_runs.look_at(place, options.pictures, options.repeats))
            bar(len(shown), len(places))
    single = shown[0].run if len(shown) == 1 else None
    out = given or (single.folder if single else Path()) / NAME
    content = report_page.make(shown)
    try:
        files.write(out, content)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error}. Choose another file with --out") from error
    if single and not given:
        single.push()
    log.info("written: %s, %.1f MB: open it in a browser", out, len(content) / 1e6)
    return 0


if __name__ == "__main__":
    terminal.run(main)
