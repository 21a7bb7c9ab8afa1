"""The report of an evaluation of dense labels: every figure with its definition and protocol, as files and on the terminal."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from sklearn.metrics import confusion_matrix

from videorec.config import UserError
from videorec.config.dense import DenseEvaluate
from videorec.data.moments.frame_labels import single_labels
from videorec.reports import average_precision, pictures
from videorec.reports.confusion import confusion_figure
from videorec.reports.files import as_csv, as_json, as_png
from videorec.reports.segments import PredictedSegment, predicted_segments, single_predictions, smoothing_window
from videorec.reports.spreadsheet import cell
from videorec.tasks.dense import metrics
from videorec.tasks.dense.scores import VideoScores
from videorec.tasks.task import Report


@dataclass(frozen=True)
class DenseReport(Report):
    """What one evaluation measured."""

    figures: dict
    """The content of `results.json`."""
    segments: list[tuple[str, PredictedSegment]]
    """Every segment found, with its video's path."""

    def results(self) -> dict:
        """The content of `results.json`."""
        return self.figures

    def files(self) -> dict[str, bytes]:
        """`results.json`, `segments.csv`, and `per_class.png`, of single labels `confusion.png`."""
        return {
            "results.json": as_json(self.figures),
            "segments.csv": as_csv(_csv(self.segments)),
            "confusion.png" if "confusion" in self.figures else "per_class.png": as_png(_picture(self.figures)),
        }

    def show(self, console: Console) -> None:
        """Figures per class, what each figure is, and all in a line with their protocol, on the terminal."""
        results, single = self.figures, "confusion" in self.figures
        table = Table("class", "AP", "chance", "positive frames", *(["recall"] if single else []), title="per class")
        for column in table.columns[1:]:
            column.justify = "right"
        for name, row in results["per_class"].items():
            cells = [f"{row['ap']:.3f}", f"{row['chance']:.3f}", f"{row['positive_frames']:,}"]
            table.add_row(name, *cells, *([f"{row['recall']:.3f}"] if single else []))
        console.print(table)
        lines = [f"{name}: {text}" for name, text in results["definitions"].items()]
        if results["left_out"]:
            lines.append(f"left out, without a positive frame: {', '.join(results['left_out'])}")
        for line in (*lines, _summary(results, len(self.segments))):
            console.print(line, soft_wrap=True, markup=False, highlight=False)


def make(
    scores: Sequence[VideoScores],
    classes: Sequence[str],
    single: bool,
    protocol: dict,
    evaluate: DenseEvaluate,
    problems: dict,
) -> DenseReport:
    """Measure the videos that could be read.

    Args:
        scores: of each such video.
        classes: C names, in the order of the columns.
        single: a frame has one label at most: accuracy and segments are measured too.
        protocol: what the figures mean nothing without; `split` and `data` at least.
        evaluate: threshold and smoothing of segments.
        problems: what went wrong, as `Problems.summary` gives it.

    Raises:
        UserError: no video, probabilities that are not finite, or no frame that counts has a label.
    """
    _check(scores)
    figures = _ranking(scores, classes)
    if single:
        figures |= _single(scores, classes, evaluate, figures["per_class"])
    segmentation = segmentation_of(evaluate, single)
    figures |= {
        "classes": list(classes),
        "definitions": _definitions(scores, single, evaluate),
        "protocol": protocol | segmentation,
        **problems,
    }
    segments = [
        (video.video.path, segment)
        for video in scores
        for segment in predicted_segments(video.probabilities, classes, video.rate, single=single, **segmentation)
    ]
    return DenseReport(figures, segments)


def segmentation_of(evaluate: DenseEvaluate, single: bool) -> dict:
    """How frames are joined into segments, as `predicted_segments` takes it; several labels at a time are not smoothed."""
    smoothing = {name: getattr(evaluate, name) if single else 0.0 for name in ("smooth", "change_cost")}
    return {"threshold": evaluate.threshold, **smoothing}


def _check(scores: Sequence[VideoScores]) -> None:
    if not scores:
        raise UserError("None of the videos can be read; the log says why. Mend them, or name others with --data.path")
    for video in scores:
        if not np.isfinite(video.probabilities).all():
            raise UserError(
                f"Probabilities must be finite. Received NaN or infinity for {video.video.path}: the training has diverged; "
                "train with a lower --train.learning-rate"
            )


# === Figures ===


def _ranking(scores: Sequence[VideoScores], classes: Sequence[str]) -> dict:
    """What each class's ranking of all frames is worth."""
    masks = [video.mask for video in scores]
    ap = average_precision.frame_ap(
        [video.targets for video in scores], [video.probabilities for video in scores], classes, masks
    )
    positive = sum((video.targets[video.mask] > 0).sum(axis=0) for video in scores)  # (C,)
    frames = int(sum(mask.sum() for mask in masks))
    per_class = {
        name: {"ap": ap.per_class[name], "chance": int(n) / frames, "positive_frames": int(n)}
        for name, n in zip(classes, positive, strict=True)
        if name in ap.per_class
    }
    return {
        "map": ap.mean,
        "chance": float(np.mean([row["chance"] for row in per_class.values()])),
        "videos": len(scores),
        "frames": frames,
        "ambiguous_frames": int(sum((~mask).sum() for mask in masks)),
        "per_class": per_class,
        "left_out": list(ap.left_out),
    }


def _single(scores: Sequence[VideoScores], classes: Sequence[str], evaluate: DenseEvaluate, per_class: dict) -> dict:
    """Accuracy of the frames that have a label, and how well segments are found."""
    none = len(classes)
    truths = [single_labels(video.targets, none) for video in scores]  # (T,)
    labelled = [video.mask & (truth != none) for video, truth in zip(scores, truths, strict=True)]
    highest = [video.probabilities.argmax(axis=1) for video in scores]
    true, predicted = (
        np.concatenate([labels[kept] for labels, kept in zip(each, labelled, strict=True)]) for each in (truths, highest)
    )
    matrix = confusion_matrix(true, predicted, labels=range(none))
    recall = {name: float(row[c] / row.sum()) for c, (name, row) in enumerate(zip(classes, matrix, strict=True)) if row.any()}
    how = segmentation_of(evaluate, single=True)
    smoothed = [single_predictions(video.probabilities, rate=video.rate, **how) for video in scores]
    pairs = [  # ambiguous frames are background on both sides
        [np.where(video.mask, labels, none) for video, labels in zip(scores, each, strict=True)] for each in (truths, smoothed)
    ]
    f1 = {f"f1@{round(100 * k)}": float(metrics.segment_f1(*pairs, k, background=(none,))) for k in metrics.OVERLAPS}
    return {
        "accuracy": metrics.frame_accuracy(truths, highest, labelled),
        "majority_accuracy": float(matrix.sum(axis=1).max() / matrix.sum()),
        "mean_class_accuracy": float(np.mean(list(recall.values()))),
        **f1,
        "edit": metrics.edit_score(*pairs, background=(none,)),
        "unlabelled_frames": int(sum(video.mask.sum() for video in scores) - matrix.sum()),
        "per_class": {name: row | {"recall": recall[name]} for name, row in per_class.items()},
        "confusion": matrix.tolist(),
    }


def _definitions(scores: Sequence[VideoScores], single: bool, evaluate: DenseEvaluate) -> dict[str, str]:
    """Each figure in a sentence."""
    rates, level = _rates(scores), f"{evaluate.threshold:g}"
    words = {
        "map": f"mean over classes of the average precision with which a class's probability ranks all frames of all videos "
        f"together, {rates}; classes without a positive frame are left out",
        "chance": "mean over the same classes of the share of frames that are positive: about the mAP of a random ranking",
        "frames": "frames that count; those marked ambiguous count nowhere",
    }
    if not single:
        return words | {"segments": f"runs of frames, {rates}, in which the class's probability is at least {level}"}
    windows = sorted({smoothing_window(evaluate.smooth, video.rate) for video in scores})
    over = f"smoothed by the majority of {' or '.join(map(str, windows))} frames ({evaluate.smooth:g} s)"
    smoothing = "not smoothed" if windows == [1] else over
    every = "with the same highest class"
    if evaluate.change_cost:
        every = "with the same label of the sequence that has the highest sum of log probabilities, less "
        every += f"{evaluate.change_cost:g} for each change"
    background = "as one more class with" if evaluate.change_cost else "where that is below"
    return words | {
        "accuracy": f"share of frames with a label, {rates}, whose highest class is the label; no threshold, no smoothing",
        "unlabelled_frames": "frames without a label: left out of accuracy, mean class accuracy and confusion",
        "majority_accuracy": "accuracy of always saying the class that most of these frames have",
        "mean_class_accuracy": "mean over classes with such frames of the share of them that are right",
        "confusion": "frames with a label: true class (row) by highest class (column), in the order of `classes`",
        "segments": f"runs of frames, {rates}, {every}, background {background} a probability of {level}, {smoothing}",
        "f1": "F1@k of segments over all videos: a found segment is right where its intersection over union with one of its "
        "label, not yet found, is at least k %; background is left out on both sides, ambiguous frames are background",
        "edit": "1 - edit distance of the sequences of found and true segments / length of the longer one, mean over videos; "
        "background is left out",
    }


def _rates(scores: Sequence[VideoScores]) -> str:
    rates = sorted({video.rate for video in scores})
    return f"at {rates[0]:g}{f' to {rates[-1]:g}' if len(rates) > 1 else ''} frames a second"


# === Files and terminal ===


def _picture(results: dict) -> Figure:
    about = f"{results['protocol']['split']}: {results['videos']} videos, {results['frames']:,} frames"
    if "confusion" in results:
        title = f"{about}\naccuracy {results['accuracy']:.3f} of those with a label"
        return confusion_figure(np.array(results["confusion"]), results["classes"], title, "frames")
    title = f"{about}\nmAP {results['map']:.3f}, by chance {results['chance']:.3f}"
    return pictures.precision_figure(results["per_class"], title)


def _csv(segments: Sequence[tuple[str, PredictedSegment]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["path", "label", "start", "end", "score"])
    for path, segment in segments:
        times = f"{segment.start:.3f}", f"{segment.end:.3f}"
        writer.writerow([cell(path), cell(segment.label), *times, f"{segment.score:.6f}"])
    return file.getvalue()


def _summary(results: dict, segments: int) -> str:
    figures = [f"mAP {results['map']:.4f} (chance {results['chance']:.4f}) of {len(results['per_class'])} classes"]
    counts = [f"{results['videos']:,} videos", f"{results['frames']:,} frames"]
    if "confusion" in results:
        f1 = "/".join(f"{results[f'f1@{round(100 * k)}']:.4f}" for k in metrics.OVERLAPS)
        figures += [
            f"accuracy {results['accuracy']:.4f} (majority {results['majority_accuracy']:.4f})",
            f"mean class accuracy {results['mean_class_accuracy']:.4f}",
            f"F1@10/25/50 {f1}",
            f"edit {results['edit']:.4f}",
        ]
        counts.append(f"{results['unlabelled_frames']:,} of them unlabelled")
    if results["ambiguous_frames"]:
        counts.append(f"{results['ambiguous_frames']:,} more ambiguous")
    counts += [f"{segments:,} segments found", f"{len(results.get('unreadable', ()))} videos unreadable"]
    counts += [f"{len(results['damaged'])} damaged"] if results.get("damaged") else []
    protocol = results["protocol"]
    return f"{'   '.join(figures)}; {protocol['split']} videos of {protocol['data']}: {', '.join(counts)}"
