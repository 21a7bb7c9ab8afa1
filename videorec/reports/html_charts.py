"""Curves and matrices as parts of a page: small SVG drawings and tables, which follow the page's colours."""

import math
from collections.abc import Sequence

import numpy as np

from videorec.reports.confusion import most_confused
from videorec.reports.html import Html, joined, table, tag

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 480, 250, 52, 34, 26
DASHES = ("none", "7 4", "2 3", "9 3 2 3")
NUMBERED_CLASSES = 30  # above, the matrix is left to its picture


def lines(
    title: str,
    series: dict[str, tuple[Sequence[float | None], str]],
    x: str,
    mark: int | None = None,
    unit: tuple[float, float] | None = None,
) -> Html:
    """Curves over 1, 2, ... in one drawing, told apart by colour and by dashes, with a legend below.

    Args:
        title: what is drawn.
        series: values (None: not there) and CSS colour by name.
        x: name of the horizontal axis.
        mark: where a vertical line stands, e.g. the best epoch.
        unit: least and most of the vertical axis; None: those of the values.
    """
    known = [value for values, _ in series.values() for value in values if value is not None and math.isfinite(value)]
    if not known:
        return Html("")
    count = max(len(values) for values, _ in series.values())
    low, high = unit or _span(known)
    parts = [*_axes(low, high, count), _line_at(mark, count)] if mark else _axes(low, high, count)
    for number, (values, color) in enumerate(series.values()):
        points = [(_across(i, count), _up(v, low, high)) for i, v in enumerate(values) if v is not None and math.isfinite(v)]
        dash = DASHES[number % len(DASHES)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        style = f"stroke: {color}; stroke-dasharray: {dash}"
        parts.append(tag("polyline", points=path, class_="line", style=style))
        if len(points) == 1:
            parts.append(tag("circle", cx=f"{points[0][0]:.1f}", cy=f"{points[0][1]:.1f}", r="4", style=f"fill: {color}"))
    parts.append(tag("text", x, x=f"{WIDTH - 8}", y=f"{HEIGHT - 4}", text_anchor="end"))
    last = "; ".join(f"{name}: last {_shown(values[-1])}" for name, (values, _) in series.items() if len(values))
    drawing = tag("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"{title} by {x}. {last}")
    legend = [_legend(name, color, DASHES[n % len(DASHES)]) for n, (name, (_, color)) in enumerate(series.items())]
    return tag("figure", tag("strong", title), drawing, tag("figcaption", *legend))


def _legend(name: str, color: str, dash: str) -> Html:
    key = tag("line", x1="0", y1="6", x2="28", y2="6", class_="line", style=f"stroke: {color}; stroke-dasharray: {dash}")
    drawn = tag("svg", key, viewBox="0 0 28 12", style="display: inline-block; width: 28px; height: 12px", aria_hidden="true")
    return tag("span", drawn, " ", name, style="margin-right: 1rem; display: inline-block")


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 0.1
    return (0.0 if 0 <= low < 0.35 * high else low - room), high + room


def _across(i: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - 10) * (i / (count - 1) if count > 1 else 0.5)


def _up(value: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))


def _axes(low: float, high: float, count: int) -> list[Html]:
    parts = []
    for value in np.linspace(low, high, 5):
        y = f"{_up(value, low, high):.1f}"
        parts.append(tag("line", x1=str(LEFT), x2=str(WIDTH - 10), y1=y, y2=y, class_="axis"))
        parts.append(
            tag(
                "text",
                f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}",
                x=str(LEFT - 6),
                y=f"{float(y) + 4:.1f}",
                text_anchor="end",
            )
        )
    for i in sorted({0, (count - 1) // 2, count - 1}):
        parts.append(tag("text", i + 1, x=f"{_across(i, count):.1f}", y=str(HEIGHT - BOTTOM + 17), text_anchor="middle"))
    return parts


def _line_at(mark: int, count: int) -> Html:
    x = f"{_across(mark - 1, count):.1f}"
    line = tag(
        "line",
        x1=x,
        x2=x,
        y1=str(TOP - 8),
        y2=str(HEIGHT - BOTTOM),
        class_="line",
        style="stroke: var(--soft); stroke-width: 1",
    )
    side = "end" if mark > count / 2 else "start"
    return joined(line, tag("text", f"kept: {mark}", x=x, y=str(TOP - 12), text_anchor=side))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def bar(share: float | None, form: str = ".3f") -> Html:
    """A number from 0 to 1 with a bar before it, as a cell."""
    if share is None:
        return tag("td", "-", class_="none")
    drawn = tag("span", tag("i", style=f"width: {100 * min(max(share, 0), 1):.0f}%"), class_="bar", aria_hidden="true")
    return tag("td", drawn, format(share, form), style="white-space: nowrap")


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], what: str) -> Html:
    """Counts, true class by predicted class, each as dark as its share; of many classes the worst pairs alone.

    Args:
        matrix: `(C, C)` counts.
        classes: C names.
        what: what is counted: videos, frames.
    """
    pairs = most_confused(np.array(matrix))
    rows = [(classes[true], classes[taken], f"{count:.0f}", bar(share, ".0%")) for true, taken, count, share in pairs]
    header = ("true class", "taken for", what, "of the true class")
    worst = table(header, rows, "Most confused pairs") if rows else tag("p", "No class was taken for another.")
    if len(classes) > NUMBERED_CLASSES:
        return worst
    body = []
    for name, row in zip(classes, matrix, strict=True):
        total = max(sum(row), 1)
        body.append((name, *(_count(count, count / total) for count in row)))
    caption = f"Rows: true class. Columns: predicted class. Counted: {what}."
    return joined(table(("true \\ predicted", *classes), body, caption, class_="confusion"), worst)


def _count(count: int, share: float) -> Html:
    style = f"background: rgba(var(--heat), {share:.2f})" if count else None
    dark = f"{style}; color: var(--paper)" if share > 0.55 else style
    return tag("td", f"{count:,}" if count else "·", style=dark, class_=None if count else "none")


def definitions(words: dict[str, str]) -> Html:
    """Names and what they mean."""
    return tag(
        "dl", *(tag("div", tag("dt", name), tag("dd", meaning)) for name, meaning in words.items()), class_="definitions"
    )
