"""Confusion matrices as pictures: of few classes with their counts, of many in logarithmic colours, the worst pairs listed."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from videorec.reports.drawing import new_figure, short
from videorec.reports.letters import font
from videorec.reports.palette import COUNTS

NUMBERED_CLASSES = 25  # above, the numbers in the cells would not be readable
LONGEST = 120  # letters of a name: those of longer ones are cut
PAIRS = 10  # most confused, listed
DPI = 100
SIZE = 9  # points, of all but the names of very many classes

# Inches.
EDGE, LINE = 0.15, 0.2
CELLS = 0.55, 0.16, 0.075  # side of a cell: of few classes, of many, at least
WIDEST = 20.0  # matrix, before its cells become smaller still


def most_confused(matrix: np.ndarray, number: int = PAIRS) -> list[tuple[int, int, float, float]]:
    """The pairs of different classes that are confused most often: true, predicted, how many, share of the true class.

    Args:
        matrix: `(C, C)` counts, true class by predicted class.
        number: of pairs, at most; those that never occur are left out.
    """
    matrix = np.asarray(matrix, np.float64)
    wrong = matrix * (1 - np.eye(len(matrix)))
    order = np.argsort(-wrong, axis=None, kind="stable")[:number]
    pairs = [divmod(int(place), len(matrix)) for place in order]
    return [(t, p, float(wrong[t, p]), float(wrong[t, p] / matrix[t].sum())) for t, p in pairs if wrong[t, p]]


def confusion_figure(matrix: np.ndarray, classes: Sequence[str], title: str, unit: str = "videos") -> Figure:
    """True classes by predicted classes, and below the matrix the most confused pairs.

    Of up to `NUMBERED_CLASSES` the colour is the share of the true class, with the counts in the cells; of more it is the
    count, in a logarithmic scale. The picture grows with the number and the length of the names.

    Args:
        matrix: `(C, C)` counts.
        title: lines above.
        unit: what is counted.
    """
    matrix, names = np.asarray(matrix, np.float64), [short(name, LONGEST) for name in classes]
    numbered = len(names) <= NUMBERED_CLASSES
    cell = CELLS[0] if numbered else max(min(CELLS[1], WIDEST / len(names)), CELLS[2])
    size = SIZE if numbered else 0.72 * cell * 72
    side, beside = cell * len(names), max(_inches(name, size) for name in names) + EDGE
    pairs = _pairs(matrix, names, unit)
    text = max(_inches(line, 1.2 * SIZE) for line in [*pairs, *title.splitlines()]) + 2 * EDGE
    above, below = LINE * 1.2 * (title.count("\n") + 1) + EDGE, LINE * len(pairs) + EDGE
    left, foot = EDGE + LINE + beside, below + 1.5 * LINE + beside
    width, height = max(left + side + 1.1, text), foot + side + above
    figure = new_figure(figsize=(width, height), dpi=DPI)
    figure.set_layout_engine("none")  # everything is measured
    axes = figure.add_axes((left / width, foot / height, side / width, side / height))
    bar = figure.add_axes(((left + side + 0.2) / width, foot / height, 0.15 / width, side / height))
    _draw(axes, bar, matrix, unit, numbered)
    axes.set_xticks(range(len(names)), names, rotation="vertical", fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_xlabel("predicted class", fontsize=SIZE)
    axes.set_ylabel("true class", fontsize=SIZE)
    figure.text(EDGE / width, 1 - EDGE / 2 / height, title, va="top", fontsize=SIZE * 1.2)
    for number, line in enumerate(pairs):
        weight = "bold" if number == 0 else "normal"
        figure.text(EDGE / width, (below - EDGE - LINE * number) / height, line, va="top", fontsize=SIZE, weight=weight)
    return figure


def _draw(axes: Axes, bar: Axes, matrix: np.ndarray, unit: str, numbered: bool) -> None:
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1e-9)
    if numbered:
        image = axes.imshow(share, cmap=COUNTS, vmin=0, vmax=1)
        label = "share of the true class"
    else:
        scale = LogNorm(vmin=max(min(1.0, matrix[matrix > 0].min(initial=1.0)), 1e-6), vmax=max(matrix.max(), 2.0))
        shades = matplotlib.colormaps[COUNTS]
        shades = shades.from_list("counts", shades(np.linspace(0.25, 1, 256)))  # one video is seen on white
        image = axes.imshow(np.ma.masked_equal(matrix, 0), cmap=shades, norm=scale, interpolation="nearest")
        label = f"{unit} (logarithmic; white: none)"
    axes.figure.colorbar(image, cax=bar).set_label(label, fontsize=SIZE)
    bar.tick_params(labelsize=SIZE)
    if not numbered:
        bar.yaxis.set_major_formatter("{x:g}")
        bar.yaxis.set_minor_formatter("{x:g}" if matrix.max() < 100 else "")
        bar.tick_params(which="minor", labelsize=0.8 * SIZE)
        lines = np.arange(0.5, len(matrix) - 1)
        axes.hlines(lines, -0.5, len(matrix) - 0.5, color="0.92", linewidth=0.4, zorder=0)
        axes.vlines(lines, -0.5, len(matrix) - 0.5, color="0.92", linewidth=0.4, zorder=0)
        axes.tick_params(length=2, pad=1)
        return
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            color = "white" if share[row, column] > 0.5 else "black"
            number = f"{count:,.0f}" if count < 10000 else f"{count:.0e}".replace("e+0", "e")
            axes.text(column, row, number, ha="center", va="center", color=color, fontsize=SIZE)


def _pairs(matrix: np.ndarray, names: Sequence[str], unit: str) -> list[str]:
    """The lines below the matrix."""
    pairs = most_confused(matrix)
    if not pairs:
        return [f"no class is confused with another ({unit})"]
    lines = [
        f"{count:,.0f} ({share:.0%}): {names[true]} taken for {names[predicted]}" for true, predicted, count, share in pairs
    ]
    return [f"most confused, in {unit} (share of the true class):", *lines]


def _inches(text: str, size: float) -> float:
    """Width of a text of `size` points."""
    return font(100, True).getlength(text) / 100 * size / 72
