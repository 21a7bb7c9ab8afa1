"""Measure a trained recogniser: predict every clip and crop, average per video, report with the protocol."""

import csv
import datetime
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

import videorec
from videorec import pictures
from videorec.config import Data, Evaluate, UserError, nearest
from videorec.data import pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.metrics import hit_at_k
from videorec.run import Run


def predict(
    model: keras.Model,
    videos: Sequence[Video],
    data: Data,
    evaluate: Evaluate,
    problems: Problems,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """`(N, C)` probabilities a video: the mean over its clips and crops. NaN where a video cannot be read.

    Raises:
        UserError: the model takes clips of another number of frames.
    """
    length = model.inputs[0].shape[1]
    if length not in (None, data.frames):
        raise UserError(
            f"{model.name} takes clips of {length} frames. Received: {data.frames}. Evaluate with --data.frames {length}"
        )
    reader = ClipReader(data, problems)
    batches = pipeline.evaluation(videos, data, reader, evaluate.clips, evaluate.crops, evaluate.batch)
    sums, seen = np.zeros((len(videos), model.output["probabilities"].shape[-1])), np.zeros(len(videos))
    for inputs, index, readable in batches:
        probabilities = keras.ops.convert_to_numpy(model.predict_on_batch(inputs)["probabilities"])
        np.add.at(sums, index.numpy(), probabilities * readable.numpy()[:, None])
        np.add.at(seen, index.numpy(), readable.numpy())
        problems.check()
        progress(int(index[-1]) + 1, len(videos))
    with np.errstate(invalid="ignore"):
        return sums / seen[:, None]


def fuse(probabilities: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Weighted mean of several runs' `(N, C)` probabilities: late fusion as in LRCN.

    Raises:
        UserError: not one non-negative weight a run, or all of them 0.
    """
    if len(weights) != len(probabilities) or min(weights) < 0 or sum(weights) <= 0:
        raise UserError(
            f"--weights must be {len(probabilities)} numbers of 0 or more, not all 0: the run's own first, then one for each "
            f"run of --fuse. Received: {' '.join(map(str, weights))}"
        )
    return np.average(np.stack(probabilities), axis=0, weights=weights)


def same_videos(run: Run, other: Run, videos: list[Video], evaluate: Evaluate) -> tuple[Data, list[Video]]:
    """Data settings of a run to be fused, and its own copies of `videos` in their order.

    A flow run reads flow pictures from another place than the RGB run reads videos: they are matched by file name without
    suffix, segment and labels.

    Raises:
        UserError: other classes, or a video that the other run's data lack.
    """
    if run.classes != other.classes:
        raise UserError(
            f"Runs that are fused must have the same classes. {run.folder}: {', '.join(run.classes)}; "
            f"{other.folder}: {', '.join(other.classes)}"
        )
    data = other.experiment.data
    if (data.path, data.videos) == (run.experiment.data.path, run.experiment.data.videos):
        return data, videos
    theirs = {_identity(video): video for video in sources.load_for_evaluation(data, evaluate.split, other.experiment)}
    for video in videos:
        if _identity(video) not in theirs:
            raise UserError(f"Runs that are fused must be measured on the same videos; {other.folder} lacks {video.path}.")
    return data, [theirs[_identity(video)] for video in videos]


def _identity(video: Video) -> tuple:
    return Path(video.path).stem, video.start, video.end, video.labels


def check_labels(videos: Sequence[Video], classes: Sequence[str]) -> None:
    """Every label must be one that the run was trained on."""
    for video in videos:
        for label in video.labels:
            if label not in classes:
                raise UserError(
                    f"{video.path} has the label {label!r}, which the run was not trained on. {nearest(label, classes)} "
                    f"Leave the class out: --data.exclude {label}"
                )


@dataclass(frozen=True)
class Report:
    """Everything that one evaluation found; `videos` and `probabilities` are the readable ones."""

    videos: list[Video]
    classes: tuple[str, ...]
    probabilities: np.ndarray
    protocol: dict
    problems: dict

    @property
    def targets(self) -> np.ndarray:
        """`(N, C)` multi-hot."""
        return pipeline.one_hot(self.videos, self.classes)

    @property
    def matrix(self) -> np.ndarray:
        """`(C, C)` counts: true class by predicted class."""
        labels = range(len(self.classes))
        return confusion_matrix(self.targets.argmax(1), self.probabilities.argmax(1), labels=labels)

    def results(self) -> dict:
        """The content of `results.json`."""
        true, predicted = self.targets.argmax(1), self.probabilities.argmax(1)
        labels = range(len(self.classes))
        precision, recall, _, support = precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
        rows = zip(self.classes, support, precision, recall, strict=True)
        per_class = {
            name: {"videos": int(n), "precision": round(float(p), 6), "recall": round(float(r), 6)} for name, n, p, r in rows
        }
        return {
            "accuracy": hit_at_k(self.targets, self.probabilities, 1),
            "mean_class_accuracy": float(recall[support > 0].mean()),
            "top5": hit_at_k(self.targets, self.probabilities, 5),
            "videos": len(self.videos),
            "per_class": per_class,
            "confusion": self.matrix.tolist(),
            "protocol": self.protocol,
            **self.problems,
        }


def make_report(videos, classes, probabilities: np.ndarray, protocol: dict, problems: Problems) -> Report:
    """Leave the unreadable videos out of the figures; they stay named in the report.

    Raises:
        UserError: none is readable.
    """
    readable = ~np.isnan(probabilities).any(axis=1)
    if not readable.any():
        raise UserError("None of the videos can be read; `python -m videorec.tools.check` says why.")
    kept = [video for video, ok in zip(videos, readable, strict=True) if ok]
    return Report(kept, tuple(classes), probabilities[readable], protocol, problems.summary())


def describe_protocol(data: Data, evaluate: Evaluate, runs: dict[str, float], seed: int) -> dict:
    """What a figure means nothing without: views, aggregation, split, seed, versions."""
    clips = f"every {data.hop} frames" if evaluate.clips == 0 else evaluate.clips
    return {
        "runs": runs,
        "data": data.path,
        "split": evaluate.split,
        "clips_per_video": clips,
        "crops_per_clip": evaluate.crops,
        "aggregation": "probabilities averaged over clips, crops and, with weights, over runs; then the largest",
        "frames": data.frames,
        "sampling": data.sampling,
        "step": data.step,
        "fps": data.fps,
        "resize": list(data.resize),
        "crop": list(data.crop),
        "fit": data.fit,
        "seed": seed,
        "date": datetime.date.today().isoformat(),
        "versions": {
            "videorec": videorec.__version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "opencv": cv2.__version__,
        },
    }


def write(report: Report, folder: Path) -> None:
    """`results.json`, `predictions.csv` and `confusion.png`."""
    results = report.results()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        with open(folder / "predictions.csv", "w", newline="", encoding="utf-8") as file:
            _write_predictions(csv.writer(file), report)
        title = f"{report.protocol['split']}: accuracy {results['accuracy']:.3f}, {results['videos']} videos"
        pictures.confusion_figure(report.matrix, report.classes, title).savefig(folder / "confusion.png")
    except OSError as error:
        raise UserError(f"The results cannot be written to {folder}: {error}. Choose another folder with --out") from error


def _write_predictions(writer, report: Report) -> None:
    writer.writerow(["video", "label", "predicted", "score", *(f"p({name})" for name in report.classes)])
    for video, row in zip(report.videos, report.probabilities, strict=True):
        best = int(row.argmax())
        cells = [
            video.name,
            ";".join(video.labels),
            report.classes[best],
            f"{row[best]:.6f}",
            *(f"{p:.6f}" for p in row),
        ]
        writer.writerow(cells)


def show(report: Report, console: Console) -> None:
    """Figures with their protocol, per class and confusion, on the terminal."""
    results, protocol = report.results(), report.protocol
    for table in _tables(report, results):
        console.print(table)
    console.print(
        f"accuracy {results['accuracy']:.4f}   mean class accuracy {results['mean_class_accuracy']:.4f}   "
        f"top-5 {results['top5']:.4f}"
    )
    console.print(
        f"{results['videos']} {protocol['split']} videos of {protocol['data']}, {protocol['clips_per_video']} clips x "
        f"{protocol['crops_per_clip']} crops, {protocol['frames']} frames {protocol['sampling']}; "
        f"{len(results['unreadable'])} unreadable, {results['shorter_than_clip']} shorter than a clip",
        soft_wrap=True,
    )


def _tables(report: Report, results: dict) -> list[Table]:
    per_class = Table("class", "videos", "precision", "recall", title="per class")
    for column in per_class.columns[1:]:
        column.justify = "right"
    for name, row in results["per_class"].items():
        per_class.add_row(name, str(row["videos"]), f"{row['precision']:.3f}", f"{row['recall']:.3f}")
    if len(report.classes) > 20:
        return [per_class]
    confusion = Table("true \\ predicted", *report.classes, title="confusion")
    for name, row in zip(report.classes, report.matrix, strict=True):
        confusion.add_row(name, *(str(n) if n else "." for n in row))
    return [per_class, confusion]
