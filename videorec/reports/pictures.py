"""Pictures for TensorBoard and reports: motion, average precision, scores by lead time."""

import cv2
import numpy as np
from matplotlib.figure import Figure

from videorec.data import flow
from videorec.reports.drawing import new_figure, short
from videorec.reports.palette import SERIES, SKY

FULL = 99  # percentile of motion that is shown brightest: a few wrong vectors do not darken the rest


def spread(places: np.ndarray, height: int, width: int) -> np.ndarray:
    """Values of the places of a picture, `(rows, columns)`, for each of its pixels: `(height, width)` float32."""
    return cv2.resize(places.astype(np.float32), (width, height))  # bilinear, level beyond the outer centres


def place_heat(coefficients: np.ndarray, height: int, width: int) -> np.ndarray:
    """Attention to the places of frames, `(T, rows, columns)`, as heat for each pixel: `(T, height, width)` float32 in [0, 1].

    1 is the highest of the clip, or twice the mean where that is more: attention that is even everywhere is 0.5.
    """
    level = coefficients / max(float(coefficients.max()), 2 * float(coefficients.mean()), 1e-12)
    return np.stack([spread(places, height, width) for places in level])


def motion(clips: np.ndarray, encoding: str) -> np.ndarray:
    """Flow pictures for people: the hue is the direction (right red, down green-yellow, left cyan, up violet), the
    brightness the speed, relative to the fast parts of all these clips; no motion is black.

    Args:
        clips: `(N, T, H, W, 3)` uint8 flow pictures.
        encoding: theirs, of `videorec.data.flow.ENCODINGS`.

    Returns:
        `(N, T, H, W, 3)` uint8 RGB.
    """
    still = flow.decode(flow.encode(np.zeros((1, 1, 2)), encoding), encoding)  # not quite 0 where 0 is between two levels
    u, v = np.moveaxis(flow.decode(clips, encoding) - still, -1, 0)
    speed = np.hypot(u, v)
    fast = np.percentile(speed, FULL) or speed.max() or 1.0
    hue = np.degrees(np.arctan2(v, u)) % 360 / 2  # OpenCV's hue in 8 bits: half degrees
    value = 255 * np.minimum(speed / fast, 1)
    hsv = np.stack([hue.round() % 180, np.full_like(hue, 255), value.round()], axis=-1).astype(np.uint8)
    return cv2.cvtColor(hsv.reshape(-1, hsv.shape[-2], 3), cv2.COLOR_HSV2RGB).reshape(clips.shape)  # frames one below the other


def to_array(figure: Figure) -> np.ndarray:
    """`(H, W, 3)` uint8."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def precision_figure(per_class: dict[str, dict], title: str) -> Figure:
    """Average precision of each class as a bar, the highest first, a mark where chance is.

    Args:
        per_class: as in `results.json`, `{name: {"ap", "chance", "positive_frames"}}`.
    """
    rows = sorted(per_class.items(), key=lambda item: item[1]["ap"])  # the first is drawn lowest
    figure = new_figure(figsize=(8, 1.6 + 0.22 * len(rows)), dpi=100)
    axes, y = figure.add_subplot(), np.arange(len(rows))
    axes.barh(y, [row["ap"] for _, row in rows], color=SKY, label="average precision")
    axes.vlines([row["chance"] for _, row in rows], y - 0.4, y + 0.4, color="black", linewidth=2, label="chance")
    names = [f"{short(name)} ({row['positive_frames']:,} frames)" for name, row in rows]
    axes.set_yticks(y, names, fontsize=8)
    axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
    axes.tick_params(axis="x", top=True, labeltop=True)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


COLUMNS = 3  # of scores


def by_lead_figure(curves: dict[str, dict[str, list[float]]], title: str) -> Figure:
    """Each score by lead time, a plot a score and a line a forecaster.

    Args:
        curves: `{score: {forecaster: K values}}`, NaN where a score is not defined.
    """
    columns = min(COLUMNS, len(curves))
    lines = -(-len(curves) // columns)
    figure = new_figure(figsize=(4.2 * columns, 3.2 * lines + 0.6), dpi=100)
    for place, (score, values) in enumerate(curves.items(), start=1):
        axes = figure.add_subplot(lines, columns, place)
        axes.set_prop_cycle(color=SERIES)
        for forecaster, by_lead in values.items():
            axes.plot(range(1, len(by_lead) + 1), by_lead, marker=".", label=forecaster)
        axes.set(title=score, xlabel="lead time (frames)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    figure.suptitle(title)
    return figure
