"""Compare runs: accuracy, size, arithmetic, time to train and to answer, side by side.

    python -m videorec.tools.compare runs/lrcn runs/gru_rcn
    python -m videorec.tools.compare runs/* --markdown

Runs that differ in their name and seed alone are one row, with the mean and the range over seeds; runs of different tasks are
in tables of their own. The figures are those of evaluate.py (results.json), their meanings stand below; the time to answer is
measured here, so compare it within one table only.
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
    experiments = {id(row): run.experiment for row, run in zip(rows, runs, strict=True)}
    tables: dict[tuple, list] = {}
    for group in compare_table.group(rows, list(experiments.values())):
        experiment = experiments[id(group[0])]
        tables.setdefault((experiment.task, getattr(experiment.model, "target", "")), []).append(group)
    console = terminal.console()
    for groups in tables.values():
        figures = compare_table.columns(groups)
        lines = [compare_table.cells(group, list(figures)) for group in groups]
        compare_table.show(compare_table.header(list(figures)), lines, console, options.markdown)
        for name, figure in figures.items():
            console.print(f"{name}: {figure.meaning}" if figure.meaning else name, soft_wrap=True, highlight=False)
    return 0


if __name__ == "__main__":
    terminal.run(main)
