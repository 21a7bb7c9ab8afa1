"""The report of an evaluation: every figure with its protocol, as files and on the terminal."""

import csv
import datetime
import io
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, recall_score

import videorec
from videorec import figures, pictures
from videorec.config import Data, Evaluate, UserError
from videorec.data import files, pipeline, sources
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.evaluation import Scores
from videorec.metrics import hit_at_k


@dataclass(frozen=True)
class Report:
    """Everything that one evaluation found of N readable videos and their M clips."""

    videos: list[Video]
    classes: tuple[str, ...]
    scores: Scores
    protocol: dict
    problems: dict
    hit_at: tuple[int, ...]

    @property
    def targets(self) -> np.ndarray:
        """`(N, C)` multi-hot."""
        return pipeline.one_hot(self.videos, self.classes)

    @property
    def matrix(self) -> np.ndarray:
        """`(C, C)` counts: true class by predicted class."""
        labels = range(len(self.classes))
        return confusion_matrix(self.targets.argmax(1), self.scores.videos.argmax(1), labels=labels)

    def results(self) -> dict:
        """The content of `results.json`."""
        targets, scores = self.targets, self.scores
        found = _accuracies(targets, scores.videos)
        if scores.clips is not None:
            found |= {"clip_accuracy": hit_at_k(targets[scores.owner], scores.clips, 1), "clips": len(scores.clips)}
        if scores.streams:
            found["streams"] = {name: _accuracies(targets, rows) for name, rows in scores.streams.items()}
        return {
            **found,
            "top5": hit_at_k(targets, scores.videos, 5),
            "hit_at": {str(k): hit_at_k(targets, scores.videos, k) for k in self.hit_at},
            "videos": len(self.videos),
            "per_class": self._per_class(),
            "confusion": self.matrix.tolist(),
            "protocol": self.protocol,
            **self.problems,
        }

    def _per_class(self) -> dict[str, dict]:
        true, predicted, labels = self.targets.argmax(1), self.scores.videos.argmax(1), range(len(self.classes))
        precision, recall, _, support = precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
        rows = zip(self.classes, support, precision, recall, strict=True)
        return {
            name: {"videos": int(n), "precision": round(float(p), 6), "recall": round(float(r), 6)} for name, n, p, r in rows
        }


def _accuracies(targets: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    true = targets.argmax(1)
    recall = recall_score(true, probabilities.argmax(1), labels=np.unique(true), average="macro", zero_division=0)
    return {"accuracy": hit_at_k(targets, probabilities, 1), "mean_class_accuracy": float(recall)}


def make(
    videos: Sequence[Video],
    classes: Sequence[str],
    scores: Scores,
    protocol: dict,
    problems: Problems,
    hit_at: tuple[int, ...] = (1, 5),
) -> Report:
    """Leave the unreadable videos out of the figures; they stay named in the report.

    Raises:
        UserError: none is readable.
    """
    readable = ~np.isnan(scores.videos).any(axis=1)
    if not readable.any():
        raise UserError("None of the videos can be read; `python -m videorec.tools.check` says why.")
    kept = [video for video, ok in zip(videos, readable, strict=True) if ok]
    owner = (np.cumsum(readable) - 1)[scores.owner]
    streams = {name: rows[readable] for name, rows in scores.streams.items()}
    meaning = figures.meaning(scores.clips is not None, bool(streams))
    scores = Scores(scores.videos[readable], scores.clips, owner, scores.cut, streams)
    return Report(kept, tuple(classes), scores, {**protocol, "figures": meaning}, problems.summary(), hit_at)


def describe_protocol(data: Data, evaluate: Evaluate, runs: dict[str, float], seed: int) -> dict:
    """What a figure means nothing without: views, aggregation, split, seed, versions."""
    clips = f"every {data.hop} frames" if evaluate.clips == 0 else evaluate.clips
    flow = {"flow": asdict(data.of("flow").flow)} if "flow" in data.streams else {}
    official = {"official_split": data.official_split} if sources.has_official_splits(data.path) else {}
    return {
        "runs": runs,
        "data": data.path,
        "split": evaluate.split,
        **official,
        "clips_per_video": clips,
        "crops_per_clip": evaluate.crops,
        "aggregation": "probabilities averaged over clips, crops and, with weights, over runs; then the largest",
        "streams": list(data.streams),
        "frames": data.frames,
        "sampling": data.sampling,
        "step": data.step,
        "fps": data.fps,
        "short": data.short,
        **flow,
        "resize": list(data.resize),
        "crop": list(data.crop),
        "fit": data.fit,
        "seed": seed,
        "date": datetime.date.today().isoformat(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Of this package, and of those that figures hang on."""
    return {
        "videorec": videorec.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "opencv": cv2.__version__,
    }


# === Files ===


def write(report: Report, folder: str | Path) -> None:
    """`results.json`, `predictions.csv` and `confusion.png` into a folder, local or remote.

    Raises:
        UserError: they cannot be written.
    """
    results = report.results()
    title = f"{report.protocol['split']}: accuracy {results['accuracy']:.3f}, {results['videos']} videos"
    picture = io.BytesIO()
    pictures.confusion_figure(report.matrix, report.classes, title).savefig(picture)
    contents = {
        "results.json": (json.dumps(results, indent=2) + "\n").encode(),
        "predictions.csv": _predictions(report).encode(),
        "confusion.png": picture.getvalue(),
    }
    write_files(contents, folder)


def write_files(contents: dict[str, bytes], folder: str | Path) -> None:
    """Files by name into a folder, local or remote, each whole or not at all.

    Raises:
        UserError: they cannot be written.
    """
    try:
        for name, content in contents.items():
            files.write(files.join(folder, name), content)
    except OSError as error:
        raise UserError(f"The results cannot be written to {folder}: {error}. Choose another folder with --out") from error


def _predictions(report: Report) -> str:
    """A row a video: its labels, what is predicted, and all probabilities."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["video", "label", "predicted", "score", *(f"p({name})" for name in report.classes)])
    for video, row in zip(report.videos, report.scores.videos, strict=True):
        best = int(row.argmax())
        cells = [
            video.name,
            ";".join(video.labels),
            report.classes[best],
            f"{row[best]:.6f}",
            *(f"{p:.6f}" for p in row),
        ]
        writer.writerow(cells)
    return file.getvalue()


# === Terminal ===


def show(report: Report, console: Console) -> None:
    """Figures with their protocol, per class and confusion, on the terminal."""
    results = report.results()
    for table in _tables(report, results):
        console.print(table)
    clip = f"{results['clip_accuracy']:.4f} ({results['clips']} clips)" if "clips" in results else figures.NO_CLIPS
    console.print(
        f"accuracy {results['accuracy']:.4f}   mean class accuracy {results['mean_class_accuracy']:.4f}   "
        f"top-5 {results['top5']:.4f}   clip accuracy {clip}",
        soft_wrap=True,
    )
    for name, alone in results.get("streams", {}).items():
        console.print(
            f"{name} alone: accuracy {alone['accuracy']:.4f}   mean class accuracy {alone['mean_class_accuracy']:.4f}"
        )
    others = [f"Hit@{k} {value:.4f}" for k, value in results["hit_at"].items() if int(k) not in (1, 5)]
    if others:  # accuracy is Hit@1, top-5 is Hit@5
        console.print("   ".join(others), soft_wrap=True)
    console.print(
        f"{results['videos']} {figures.views(report.protocol)}; "
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
