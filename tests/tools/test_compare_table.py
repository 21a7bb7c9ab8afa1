"""Grouping and the table of `videorec.tools.compare`, on hand-made rows."""

import dataclasses
import io
import math

import pytest
from rich.console import Console

from videorec.config import Experiment, Train
from videorec.models.lrcn import LRCN
from videorec.tasks.figures import Figure
from videorec.tools import compare_table
from videorec.tools.compare_runs import Results, Row

NAMES = ("accuracy", "mean class accuracy")
COLUMNS = compare_table.header(NAMES)


def results(accuracy, protocol="16 test, 1 x 1") -> Results:
    return Results(tuple(Figure(name, value) for name, value in zip(NAMES, (accuracy, accuracy / 2), strict=True)), protocol)


ROW = Row("a", results(0.5), 1234567, 890, 1234.56, 99.6, 12.34)


def row(name="a", accuracy=0.5, protocol="16 test, 1 x 1", **changes) -> Row:
    return dataclasses.replace(ROW, name=name, results=results(accuracy, protocol), **changes)


def experiment(name="a", units=8, **train) -> Experiment:
    return Experiment(name=name, model=LRCN(units=units), train=Train(**train))


def names_of(groups) -> list[list[str]]:
    return [[row.name for row in rows] for rows in groups]


def test_runs_that_differ_in_name_and_seed_are_one_row():
    experiments = [
        experiment("a"),
        experiment("wide", units=9),
        experiment("b", seed=1),
        experiment("long", epochs=31),
        experiment("c", seed=2),
        experiment("wide2", units=9, seed=7),
    ]
    groups = compare_table.group([row(x.name) for x in experiments], experiments)
    assert names_of(groups) == [["a", "b", "c"], ["wide", "wide2"], ["long"]]


def test_figures_of_different_protocols_are_not_averaged():
    rows = [row("a"), row("b", protocol="16 test, 5 x 10")]
    assert names_of(compare_table.group(rows, [experiment("a"), experiment("b", seed=1)])) == [["a"], ["b"]]


def test_cells_of_one_run_and_of_several():
    assert compare_table.cells([ROW], NAMES) == (
        *("a", "1", "0.500", "0.250", "16 test, 1 x 1", "1,234,567", "890", "1,234.6", "100", "12.3"),
    )
    rows = [row(accuracy=0.5), row("b", 0.9, seconds=0.4, milliseconds=0.0), row("c", 0.4, seconds=50, milliseconds=0.0)]
    texts = dict(zip(COLUMNS, compare_table.cells(rows, NAMES), strict=True))
    assert texts["run"] == "a" and texts["seeds"] == "3"
    assert texts["accuracy"] == "0.600 (0.400 to 0.900)"
    assert texts["mean class accuracy"] == "0.300 (0.200 to 0.450)"
    assert texts["train s"] == "50" and texts["ms a clip"] == "4.1"


def test_unknown_time_is_a_dash():
    assert compare_table.cells([row(), row("b", seconds=math.nan)], NAMES)[COLUMNS.index("train s")] == "-"


def printed(lines, markdown, width=80) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    compare_table.show(COLUMNS, lines, console, markdown)
    return console.export_text()


def test_markdown():
    lines = [compare_table.cells([row("a[b]")], NAMES), compare_table.cells([row("c"), row("d", 0.75)], NAMES)]
    assert printed(lines, markdown=True).splitlines() == [
        "| run | seeds | accuracy | mean class accuracy | measured on | parameters | trained | MFLOPs a frame | train s "
        "| ms a clip |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| a[b] | 1 | 0.500 | 0.250 | 16 test, 1 x 1 | 1,234,567 | 890 | 1,234.6 | 100 | 12.3 |",
        "| c | 2 | 0.625 (0.500 to 0.750) | 0.312 (0.250 to 0.375) | 16 test, 1 x 1 | 1,234,567 | 890 | 1,234.6 | 100 | 12.3 |",
    ]


def table_cells(text) -> list[list[str]]:
    """The cells of a drawn table; where words of one went to the next line, they are put together again."""
    header, *body = ([part.strip() for part in line.split(line[0])[1:-1]] for line in text.splitlines() if line[0] in "┃│")
    rows = [header]
    for line in body:
        if all(line) and all(rows[-1]):
            rows.append(line)
        else:
            rows[-1] = [f"{old} {new}".strip() for old, new in zip(rows[-1], line, strict=True)]
    return rows


@pytest.mark.parametrize("width, turned", [(200, False), (150, False), (149, True), (80, True)])
def test_every_cell_is_whole_on_any_terminal(width, turned):
    rows = [row("attention[1]"), row("d", 0.75)], [row("lrcn_differences", megaflops=30692.7, parameters=65421285)]
    lines = [compare_table.cells(group, NAMES) for group in rows]
    wanted = [list(line) for line in (COLUMNS, *lines)]
    text = printed(lines, markdown=False, width=width)
    assert table_cells(text) == ([list(line) for line in zip(*wanted, strict=True)] if turned else wanted)
    assert max(map(len, text.splitlines())) <= width


def test_columns_of_all_rows_and_a_dash_where_a_run_lacks_one():
    other = dataclasses.replace(ROW, results=Results((Figure("ssim", 0.5), Figure("mse", 35.49)), "x"))
    names = list(compare_table.columns([[ROW], [other]]))
    assert names == [*NAMES, "ssim", "mse"]
    assert compare_table.cells([other], names)[2:7] == ("-", "-", "0.500", "35.5", "x")
