"""The timeline of one video: what is true and what a model finds in it, as data and as a picture."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from rich.console import Console

from videorec.config.dense import DenseEvaluate
from videorec.data.decode import Reader
from videorec.reports import palette
from videorec.reports.drawing import new_figure, short
from videorec.reports.files import as_json, as_png
from videorec.reports.segments import PredictedSegment, predicted_segments
from videorec.tasks.dense.report import segmentation_of
from videorec.tasks.dense.scores import VideoScores
from videorec.tasks.task import Report

THUMBNAILS = 12
TRACKS = 20  # more would not be readable
GUESSES = 5  # tracks of a video without any label, true or found
BINS = 1200  # steps of a curve, about a pixel each: longer ones are shown as means
LETTERS = 32  # of a class name

# Inches.
WIDTH = 14.0
DPI = 100
LETTER = 0.085  # of a class name beside the tracks, about
THUMBNAIL = 1.5  # longer side, at most
TRACK = 0.3
TITLE = 0.35  # above each panel

TRUE, FOUND, AMBIGUOUS = palette.RIGHT, palette.ORANGE, palette.GREY
PROBABILITY = "#F7DFAE"  # a tint of FOUND


@dataclass(frozen=True)
class Timeline(Report):
    """What is true and what a model finds in one video."""

    scores: VideoScores
    classes: tuple[str, ...]
    single: bool
    """A frame has one label at most."""
    evaluate: DenseEvaluate
    """Threshold and smoothing of segments."""

    @functools.cached_property
    def segments(self) -> list[PredictedSegment]:
        """The segments that the model finds."""
        how = segmentation_of(self.evaluate, self.single)
        return predicted_segments(self.scores.probabilities, self.classes, self.scores.rate, single=self.single, **how)

    def picture(self) -> Figure:
        """The timeline with frames of the video, which is read once more."""
        return figure(self.scores, self.segments, self.classes, thumbnails(self.scores), self.single)

    def results(self) -> dict:
        """The timeline as data, see `content`."""
        return content(self.scores, self.segments, self.classes, self.evaluate.threshold)

    def files(self) -> dict[str, bytes]:
        """`timelines/VIDEO.json` and `timelines/VIDEO.png`."""
        name = f"timelines/{Path(self.scores.video.path).stem}"
        return {f"{name}.json": as_json(self.results()), f"{name}.png": as_png(self.picture())}

    def show(self, console: Console) -> None:
        """Nothing: a timeline is looked at."""


def content(scores: VideoScores, segments: Sequence[PredictedSegment], classes: Sequence[str], threshold: float) -> dict:
    """The timeline as JSON: times in seconds, `truth` null for a video without annotation.

    Args:
        scores: of the video.
        segments: its `predicted_segments`.
        classes: C names.
        threshold: of `segments`.
    """
    video = scores.video
    annotated = bool(video.segments or video.ambiguous)
    return {
        "video": video.path,
        "rate": scores.rate,
        "frames": len(scores.probabilities),
        "duration": round(len(scores.probabilities) / scores.rate, 3),
        "classes": list(classes),
        "segments": [{"label": s.label, **_times(s), "score": round(s.score, 6)} for s in segments],
        "truth": [{"label": s.label, **_times(s)} for s in video.segments] if annotated else None,
        "ambiguous": [_times(s) for s in video.ambiguous],
        "definitions": {
            "rate": "frames a second that the model sees; frame k covers k / rate to (k + 1) / rate",
            "segments": f"what the model finds: stretches of frames with a label, which a frame gets from a probability of "
            f"{threshold:g} on, single labels smoothed afterwards; start and end in seconds",
            "score": "mean probability of the label in the segment",
            "truth": "segments of the annotation, in seconds; null: the video is not annotated",
            "ambiguous": "where the annotation says that frames count nowhere, in seconds",
        },
    }


def _times(segment) -> dict[str, float]:
    return {"start": round(segment.start, 3), "end": round(segment.end, 3)}


def thumbnails(scores: VideoScores) -> list[tuple[float, np.ndarray]]:
    """For `figure`: seconds and RGB frames `(H, W, 3)` uint8, spread over the video, which is read once more."""
    count = len(scores.probabilities)
    number = min(THUMBNAILS, count)
    wanted = set(((np.arange(number) + 0.5) * count / number).astype(int))  # the middles of equal stretches
    frames = enumerate(Reader(scores.video.path, scores.rate, values=scores.values))
    return [(k / scores.rate, np.ascontiguousarray(retrieve()[..., ::-1])) for k, retrieve in frames if k in wanted]


def figure(
    scores: VideoScores,
    segments: Sequence[PredictedSegment],
    classes: Sequence[str],
    thumbnails: Sequence[tuple[float, np.ndarray]],
    single: bool,
) -> Figure:
    """The timeline as a picture: frames at their times, true segments, then probabilities with the segments found.

    A class that is true or found anywhere has a track; of more than `TRACKS` those with the most seconds are shown.

    Args:
        scores: of the video.
        segments: its `predicted_segments`.
        classes: C names.
        thumbnails: seconds, and the frame there `(H, W, 3)` uint8 RGB; evenly spread, so that they do not overlap.
        single: a frame has one label at most.
    """
    duration = len(scores.probabilities) / scores.rate
    shown, occurring = _tracks(scores, segments, classes)
    truth = [name for name in shown if any(segment.label == name for segment in scores.video.segments)]
    images = _thumbnails(thumbnails, duration, 0.95 * (WIDTH - 0.3 - LETTER * max(len(short(name, LETTERS)) for name in shown)))
    annotated = bool(scores.video.segments or scores.video.ambiguous)
    heights = [TITLE + TRACK * max(len(tracks), 1) for tracks in ((truth, shown) if annotated else (shown,))]
    if images:
        heights.insert(0, TITLE + max(image.shape[0] for _, _, image in images) / DPI)
    picture = new_figure(figsize=(WIDTH, sum(heights) + 0.8), dpi=DPI)
    panels = picture.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    panels[0].set_xlim(0, duration)
    if images:
        _draw_thumbnails(panels[0], images)
    if annotated:
        _draw_truth(panels[-2], truth, scores)
    _draw_predictions(panels[-1], shown, scores, segments, classes, single)
    panels[-1].set_xlabel(_note(shown, occurring, segments) + ("" if annotated else "; this video is not annotated"))
    name = scores.video.path.replace("\\", "/").rsplit("/", 1)[-1]
    picture.suptitle(f"{short(name, 80)}: {duration:,.1f} s, {scores.rate:g} frames a second", fontsize=11)
    return picture


def _tracks(scores: VideoScores, segments: Sequence[PredictedSegment], classes: Sequence[str]) -> tuple[list[str], int]:
    """The classes that have a track, in the order of classes, and how many occur; likely ones where none does."""
    seconds = dict.fromkeys(classes, 0.0)
    occurring = {segment.label for segment in (*scores.video.segments, *segments)}
    for segment in (*scores.video.segments, *segments):
        seconds[segment.label] += segment.end - segment.start
    if occurring:
        chosen = set(sorted(occurring, key=lambda name: (-seconds[name], name))[:TRACKS])
    else:
        chosen = {classes[c] for c in np.argsort(-scores.probabilities.max(axis=0), kind="stable")[:GUESSES]}
    return [name for name in classes if name in chosen], len(occurring)


def _note(shown: Sequence[str], occurring: int, segments: Sequence[PredictedSegment]) -> str:
    notes = ["seconds"]
    if not segments:
        notes.append("no class reaches the threshold")
    if not occurring:
        notes.append(f"shown: the {len(shown)} most probable classes")
    elif occurring > len(shown):
        notes.append(f"{occurring - len(shown)} more classes occur, for less time than these {len(shown)}")
    return "; ".join(notes)


# === Panels ===


def _thumbnails(
    thumbnails: Sequence[tuple[float, np.ndarray]], duration: float, width: float
) -> list[tuple[str, float, np.ndarray]]:
    """The text below each frame, its middle in [0, 1] of the time axis, and the frame, sized so that neighbours do not touch.

    Args:
        width: of the time axis, in inches.
    """
    at = np.clip([seconds / duration for seconds, _ in thumbnails], 0, 1)
    nearest = np.diff(np.sort(at)).min(initial=1.0)
    margin = min(at.min(initial=1.0), 1 - at.max(initial=0.0))
    widest = min(nearest, (margin + nearest) * 2 / 3)  # of the axis; the outer ones are moved inwards by what would be cut
    images = []
    for place, (seconds, frame) in zip(at, thumbnails, strict=True):
        height, length = frame.shape[:2]
        scale = DPI * min(width * widest / length, THUMBNAIL / max(height, length))
        size = [max(round(side * scale), 1) for side in (length, height)]
        half = size[0] / DPI / width / 2
        image = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        images.append((f"{seconds:.1f}", float(np.clip(place, half, 1 - half)), image))
    return images


def _draw_thumbnails(axes: Axes, images: Sequence[tuple[str, float, np.ndarray]]) -> None:
    axes.set_axis_off()
    for text, middle, image in images:
        shown = OffsetImage(image, zoom=72 / DPI)  # a pixel a pixel
        box = AnnotationBbox(
            shown, (middle, 0), xycoords="axes fraction", box_alignment=(0.5, 0), frameon=False, pad=0, annotation_clip=False
        )
        box.set_in_layout(False)
        axes.add_artist(box)
        axes.annotate(text, (middle, 0), (0, -3), "axes fraction", "offset points", ha="center", va="top", fontsize=8)


def _draw_truth(axes: Axes, tracks: Sequence[str], scores: VideoScores) -> None:
    _prepare(axes, tracks, "truth", scores)
    if not tracks:
        axes.text(0.5, 0.5, "no frame has a label", transform=axes.transAxes, ha="center", va="center", color="0.35")
    for y, name in enumerate(tracks):
        spans = [(s.start, s.end - s.start) for s in scores.video.segments if s.label == name]
        axes.broken_barh(spans, (y + 0.15, 0.7), facecolor=TRUE, edgecolor=TRUE, linewidth=0.5)


def _draw_predictions(
    axes: Axes,
    tracks: Sequence[str],
    scores: VideoScores,
    segments: Sequence[PredictedSegment],
    classes: Sequence[str],
    single: bool,
) -> None:
    what = "one class at a time" if single else "any number of classes at a time"
    frames = len(scores.probabilities)
    means = f", means over {frames / BINS / scores.rate:.1f} s" if frames > BINS else ""
    _prepare(axes, tracks, f"prediction, {what}: bars are segments found, curves the probability from 0 to 1{means}", scores)
    edges = np.linspace(0, frames, min(frames, BINS) + 1).astype(int)
    steps = np.add.reduceat(scores.probabilities, edges[:-1], axis=0) / np.diff(edges)[:, None]  # (bins, C)
    for y, name in enumerate(tracks):
        heights = 0.75 * steps[:, list(classes).index(name)]
        axes.stairs(y + 0.8 - heights, edges / scores.rate, baseline=y + 0.8, fill=True, color=PROBABILITY)
        spans = [(s.start, s.end - s.start) for s in segments if s.label == name]
        axes.broken_barh(spans, (y + 0.8, 0.16), facecolor=FOUND, edgecolor=FOUND, linewidth=0.5)


def _prepare(axes: Axes, tracks: Sequence[str], title: str, scores: VideoScores) -> None:
    """A row a track, the first on top, a line below each; where frames count nowhere the panel is hatched."""
    rows = max(len(tracks), 1)
    axes.set_ylim(rows, 0)
    axes.set_yticks(np.arange(len(tracks)) + 0.5, [short(name, LETTERS) for name in tracks], fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelbottom=True, labelsize=8)
    axes.hlines(np.arange(1, rows), 0, 1, transform=axes.get_yaxis_transform(), color="0.85", linewidth=0.6, zorder=0)
    for segment in scores.video.ambiguous:
        axes.axvspan(segment.start, segment.end, facecolor="none", edgecolor=AMBIGUOUS, hatch="///", linewidth=0)
    hatched = "; hatched: ambiguous, not counted" if scores.video.ambiguous else ""
    axes.set_title(title + hatched, loc="left", fontsize=9)
