"""The picture and the video of an explained answer."""

from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from videorec.reports import pictures
from videorec.reports.annotated import Answer, Canvas
from videorec.reports.attention_pictures import over_space, over_time
from videorec.reports.drawing import new_figure, short
from videorec.reports.palette import GREY, RIGHT, SERIES, WRONG
from videorec.reports.timelines import Curves
from videorec.reports.video_file import VideoFile
from videorec.tools.explain_clip import Explained, Map, verdict

SHOWN = 5  # classes over time
WIDTH = 12.0  # inches
SLOWEST = 1 / 8  # seconds from frame to frame of the video, at least


def figure(explained: Explained) -> Figure:
    """Rows: each map over the frames, the probabilities over time, the frames that matter most."""
    strips = [strip for shown in explained.maps for strip in _strips(explained, shown)]
    shapes = [WIDTH * strip.shape[0] / strip.shape[1] + 0.55 for _, strip in strips]
    drawn = new_figure(figsize=(WIDTH, sum(shapes) + 3.4 + 3.0), dpi=100)
    rows = drawn.subfigures(len(strips) + 2, 1, height_ratios=[*shapes, 3.4, 3.0])
    for row, (title, strip) in zip(rows, strips, strict=False):
        axes = row.add_subplot()
        axes.imshow(strip, aspect="equal")
        axes.set_axis_off()
        axes.set_title(title, fontsize=9, loc="left", wrap=True)
    _course(rows[-2].add_subplot(), explained)
    _frames(rows[-1], explained)
    name, p = short(explained.classes[explained.label]), explained.probabilities[explained.label]
    drawn.suptitle(f"{short(Path(explained.video).name, 60)}: why {name} ({p:.3f})", fontsize=14)
    return drawn


def _strips(explained: Explained, shown: Map) -> list[tuple[str, np.ndarray]]:
    """Frames with a map, a strip a stream; over places also the frames' shares of it."""
    strips, text = [], verdict(shown, short(explained.classes[explained.label]))
    for stream, values in shown.values.items():
        frames = _visible(explained, stream)
        named = f"{stream}, {text}" if len(explained.clip) > 1 else text
        if shown.over_places:
            strips.append((named, over_space(frames, heat(values, *frames.shape[1:3]))))
            named = "the frames' shares of it"
        weights = values.sum(axis=(1, 2))
        strips.append((named, over_time(frames, weights / max(float(weights.sum()), 1e-12))))
    return strips


def _visible(explained: Explained, stream: str) -> np.ndarray:
    frames = explained.clip[stream]
    return pictures.motion(frames[None], explained.encodings[stream])[0] if stream == "flow" else frames


def heat(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map `(T, h, w)` over the pixels of frames: `(T, height, width)` in [0, 1], 1 where it is highest in the clip."""
    large = np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in values])
    return large / max(float(large.max()), 1e-12)


def _best(explained: Explained) -> list[int]:
    """The classes that are shown over time: the most probable, and the explained one."""
    best = [int(k) for k in np.argsort(-explained.probabilities, kind="stable")[:SHOWN]]
    return best if explained.label in best else [*best[:-1], explained.label]


def _course(axes, explained: Explained) -> None:
    best = _best(explained)
    output, steps = next(iter(explained.steps.items()), ("steps", explained.probabilities[None]))
    if len(steps) == 1:
        axes.barh(range(len(best)), explained.probabilities[best], color=SERIES[: len(best)])
        axes.set_yticks(range(len(best)), [short(explained.classes[k]) for k in best])
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="probability; this model answers once, after the whole clip")
        return
    for k, color in zip(best, SERIES, strict=False):
        width = 2.5 if k == explained.label else 1.2
        axes.plot(range(1, len(steps) + 1), steps[:, k], color=color, lw=width, label=short(explained.classes[k]))
    step = "step" if output == "steps" else f"step of {output.removesuffix('_steps')} alone"  # one of several streams
    axes.set(xlim=(1, len(steps)), ylim=(-0.02, 1.02), xlabel=step, ylabel="probability after the step")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    axes.grid(alpha=0.3)


def _frames(row, explained: Explained) -> None:
    frames, before = _visible(explained, next(iter(explained.clip))), explained.probabilities[explained.label]
    row.suptitle("The frames that matter most: without each of them, the answer changes most", fontsize=10)
    for axes, k in zip(row.subplots(1, len(explained.matter_most), squeeze=False)[0], explained.matter_most, strict=True):
        axes.imshow(frames[min(k, len(frames) - 1)])
        axes.set_axis_off()
        after = explained.without[k]
        color = RIGHT if after > before else WRONG if after < before else GREY
        axes.set_title(f"frame {k + 1}: {before:.3f} → {after:.3f} without it", fontsize=9, color=color)


# === Video ===


def write_video(explained: Explained, path: Path) -> None:
    """The clip frame by frame, the map over places as heat, and the probabilities after each step.

    Raises:
        OSError, UserError: it cannot be written.
    """
    frames = _visible(explained, next(iter(explained.clip)))
    shown = next((each for each in explained.maps if each.over_places), None)
    canvas = Canvas(*frames.shape[1:3], SHOWN)
    values = None if shown is None else heat(next(iter(shown.values.values())), *canvas.view)
    interval = max(explained.interval or 0.0, SLOWEST)
    steps = next(iter(explained.steps.values()), explained.probabilities[None])
    course = Curves(explained.classes, len(frames) * interval) if len(steps) == len(frames) else None
    best = _best(explained)
    name = explained.classes[explained.label]
    caption = f"{'the map' if shown is None else shown.kind} of {name}, {explained.probabilities[explained.label]:.3f}"
    with VideoFile(path, canvas.size, 1 / interval) as file:
        for k, frame in enumerate(frames):
            now = steps[k] if course else explained.probabilities
            if course:
                course.add(k * interval, now)
            bars = [(explained.classes[c], float(now[c])) for c in best]
            answer = Answer(f"frame {k + 1} of {len(frames)}", caption, bars, None if values is None else values[k])
            file.write(canvas.draw(frame, answer, course, k * interval), k * interval)
