"""Compare runs: accuracy, size, arithmetic, time to train and to answer, side by side.

    python -m videorec.tools.compare runs/lrcn runs/gru_rcn
    python -m videorec.tools.compare runs/* --markdown

Runs that differ in their name and seed alone are one row, with the mean and the range over seeds. Accuracies are those of
evaluate.py (results.json); the time to answer is measured here, so compare it within one table only.
"""

from dataclasses import dataclass

import tyro

from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import Count


@dataclass(frozen=True)
class Options:
    """What to compare."""

    runs: tyro.conf.Positional[tuple[str, ...]]
    """Run folders, local or remote, each evaluated with evaluate.py."""
    markdown: bool = False
    """Print the table as Markdown."""
    repeats: Count = 10
    """Clips that the time to answer is the median of."""


def main(args: list[str]) -> int:
    """Read -> measure -> group -> show."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.compare")
    if not options.runs:
        raise UserError("Give at least one run folder: python -m videorec.tools.compare runs/*")

    from videorec.runs.run import Run  # TensorFlow takes seconds to import: not for --help
    from videorec.tools import compare_runs, compare_table

    runs = [Run.open(place) for place in dict.fromkeys(place.rstrip("/") for place in options.runs)]
    results = [compare_runs.read_results(run) for run in runs]  # what is missing shows before anything is measured
    rows = []
    with terminal.Bar("measuring") as bar:
        for run, result in zip(runs, results, strict=True):
            rows.append(compare_runs.measure(run, result, options.repeats))
            bar(len(rows), len(runs))
    groups = compare_table.group(rows, [run.experiment for run in runs])
    compare_table.show([compare_table.cells(rows) for rows in groups], terminal.console(), options.markdown)
    return 0


if __name__ == "__main__":
    terminal.run(main)
