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
from videorec.tools.compare_runs import Row

COLUMNS = (
    *("run", "seeds", "accuracy", "mean class accuracy", "measured on", "parameters", "trained"),
    *("MFLOPs a frame", "train s", "ms a clip"),
)
WIDE = 150  # characters of a terminal that takes a run a line


def group(rows: Sequence[Row], experiments: Sequence[Experiment]) -> list[list[Row]]:
    """Together: rows measured alike of experiments that differ in name and seed alone; in the order of their first."""
    groups: dict[str, list[Row]] = {}
    for row, experiment in zip(rows, experiments, strict=True):
        train = dataclasses.replace(experiment.train, seed=0)
        key = [row.results.protocol, to_dict(dataclasses.replace(experiment, name="", train=train))]
        groups.setdefault(json.dumps(key), []).append(row)
    return list(groups.values())


def cells(rows: Sequence[Row]) -> tuple[str, ...]:
    """The texts of one line of the table."""
    first = rows[0]
    return (
        first.name,
        str(len(rows)),
        _spread([row.results.accuracy for row in rows]),
        _spread([row.results.mean_class_accuracy for row in rows]),
        first.results.protocol,
        f"{first.parameters:,}",
        f"{first.trained:,}",
        f"{first.megaflops:,.1f}",
        _mean([row.seconds for row in rows], ".0f"),
        _mean([row.milliseconds for row in rows], ".1f"),
    )


def _mean(values: list[float], form: str) -> str:
    mean = statistics.fmean(values)
    return "-" if math.isnan(mean) else format(mean, form)


def _spread(values: list[float]) -> str:
    ends = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
    return _mean(values, ".3f") + ends


def show(lines: Sequence[tuple[str, ...]], console: Console, markdown: bool) -> None:
    """The table; on a narrow terminal one run a column, since the figures of one run would not fit side by side."""
    if markdown:
        rule = ("---", *("---:" for _ in COLUMNS[1:]))
        for line in (COLUMNS, rule, *lines):
            console.print("| " + " | ".join(line) + " |", soft_wrap=True, markup=False, highlight=False)
        return
    header, *body = (COLUMNS, *lines) if console.width >= WIDE else zip(COLUMNS, *lines, strict=True)
    table = Table()
    for number, text in enumerate(header):
        table.add_column(text, justify="right" if number else "left", overflow="fold")
    for line in body:
        table.add_row(*line)
    console.print(table)
