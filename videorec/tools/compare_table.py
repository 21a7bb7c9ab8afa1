"""The table of a comparison of runs; runs that differ in name and seed alone are one line."""

import dataclasses
import json
import math
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from videorec.config import Experiment
from videorec.config.file import to_dict
from videorec.tasks.figures import Figure
from videorec.tools.compare_runs import Row

COST = ("measured on", "parameters", "trained", "MFLOPs a frame", "train s", "ms a clip")
WIDE = 150  # characters of a terminal that takes a run a line


def group(rows: Sequence[Row], experiments: Sequence[Experiment]) -> list[list[Row]]:
    """Together: rows measured alike of experiments that differ in name and seed alone; in the order of their first."""
    groups: dict[str, list[Row]] = {}
    for row, experiment in zip(rows, experiments, strict=True):
        train = dataclasses.replace(experiment.train, seed=0)
        key = [row.results.protocol, to_dict(dataclasses.replace(experiment, name="", train=train))]
        groups.setdefault(json.dumps(key), []).append(row)
    return list(groups.values())


def columns(groups: Sequence[Sequence[Row]]) -> dict[str, Figure]:
    """The figures of these rows by the name of their column, in the order in which they come."""
    return {figure.name: figure for rows in groups for row in rows for figure in row.results.figures}


def header(names: Sequence[str]) -> tuple[str, ...]:
    """The names of all columns, with those of the figures in their place."""
    return ("run", "seeds", *names, *COST)


def cells(rows: Sequence[Row], names: Sequence[str]) -> tuple[str, ...]:
    """The texts of one line of the table, whose figures are those of `names`."""
    first = rows[0]
    values = [{figure.name: figure.value for figure in row.results.figures} for row in rows]
    return (
        first.name,
        str(len(rows)),
        *(_spread([math.nan if (v := row.get(name)) is None else v for row in values]) for name in names),
        first.results.protocol,
        f"{first.parameters:,}",
        f"{first.trained:,}",
        "-" if math.isnan(first.megaflops) else f"{first.megaflops:,.1f}",
        _mean([row.seconds for row in rows], ".0f"),
        _mean([row.milliseconds for row in rows], ".1f"),
    )


def _mean(values: list[float], form: str) -> str:
    mean = statistics.fmean(values)
    return "-" if math.isnan(mean) else format(mean, form)


def _spread(values: list[float]) -> str:
    form = ".3f" if all(abs(value) < 10 or math.isnan(value) for value in values) else ",.1f"
    ends = f" ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else ""
    return _mean(values, form) + ends


def show(names: Sequence[str], lines: Sequence[tuple[str, ...]], console: Console, markdown: bool) -> None:
    """The table; on a narrow terminal one run a column, since the figures of one run would not fit side by side.

    Args:
        names: of all columns.
    """
    if markdown:
        rule = ("---", *("---:" for _ in names[1:]))
        for line in (names, rule, *lines):
            console.print("| " + " | ".join(line) + " |", soft_wrap=True, markup=False, highlight=False)
        return
    top, *body = (names, *lines) if console.width >= WIDE else zip(names, *lines, strict=True)
    table = Table()
    for number, text in enumerate(top):
        table.add_column(text, justify="right" if number else "left", overflow="fold")
    for line in body:
        table.add_row(*line)
    console.print(table)
