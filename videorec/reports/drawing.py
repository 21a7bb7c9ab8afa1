"""Matplotlib figures whose texts are shown as they are: a `$` in the name of a class begins no formula."""

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from videorec.terminal import visible

matplotlib.rcParams["text.parse_math"] = False
LETTERS = 40  # of a name: a longer one would leave no room for what is drawn


def new_figure(**options) -> Figure:
    """A figure that belongs to no window.

    Args:
        options: of `matplotlib.figure.Figure`.
    """
    figure = Figure(layout="constrained", **options)
    FigureCanvasAgg(figure)
    return figure


def short(name: str, letters: int = LETTERS) -> str:
    """A name from outside as it is drawn: in one line, cut where it is longer."""
    name = visible(" ".join(name.split()))
    return name if len(name) <= letters else f"{name[: letters - 1]}…"
