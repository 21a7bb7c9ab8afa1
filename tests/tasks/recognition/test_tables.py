"""Confusion on the terminal: whole names in 80 columns, counts and pairs counted by hand."""

import io

import numpy as np

from videorec import terminal
from videorec.tasks.recognition import single_label


def printed(true: list[int], predicted: list[int], classes: list[str]) -> str:
    details = single_label.details(np.eye(len(classes))[true], np.eye(len(classes))[predicted], classes)
    file = io.StringIO()
    terminal.console(file=file, width=80).print(single_label.tables(details)[1])
    return file.getvalue()


def test_few_classes_are_a_matrix_with_whole_names():
    classes = [f"a rather long name of a class {k}" for k in range(8)]
    text = printed([0, 0, 0, 1], [0, 0, 1, 7], classes)
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    rows = {name: counts for name, *counts in cells}
    assert list(rows) == [f"{k + 1} {name}" for k, name in enumerate(classes)]
    assert rows[f"1 {classes[0]}"] == ["2", "1", *"......"] and rows[f"2 {classes[1]}"] == [*".......", "1"]


def test_many_classes_are_a_list_of_the_most_confused_pairs():
    lines = printed([0, 0, 0, 0, 9], [3, 3, 0, 1, 9], [f"c{k}" for k in range(30)]).splitlines()
    pairs = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert pairs == [["c0", "c3", "2", "50%"], ["c0", "c1", "1", "25%"]]
