"""The report of an evaluation: every figure with its protocol, as files and on the terminal."""

import csv
import datetime
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from rich.console import Console

from videorec.config import Data, Evaluate, UserError
from videorec.data import official_lists, pipeline
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.reports import pictures
from videorec.reports.files import write_files
from videorec.reports.protocol import versions
from videorec.tasks.recognition import meaning, multilabel, single_label
from videorec.tasks.recognition.evaluation import Scores
from videorec.tasks.recognition.metrics import hit_at_k

# The figures of a target. Each module has
#   PROTOCOL                                   what its figures add to the protocol
#   summary(targets, probabilities, classes)   of the whole model, or of a stream alone
#   details(targets, probabilities, classes)   what else stands in results.json
#   line(summary), tables(results), notes(results)   the same for the terminal
#   predicted(probabilities, classes)          texts of a row of predictions.csv: the classes, their probabilities
KINDS = {"clip": single_label, "multilabel": multilabel}


@dataclass(frozen=True)
class Report:
    """Everything that one evaluation found of N readable videos and their M clips."""

    videos: list[Video]
    classes: tuple[str, ...]
    scores: Scores
    protocol: dict
    problems: dict
    hit_at: tuple[int, ...]
    target: str = "clip"

    @property
    def targets(self) -> np.ndarray:
        """`(N, C)` multi-hot."""
        return pipeline.one_hot(self.videos, self.classes)

    @property
    def kind(self) -> ModuleType:
        """The module of `KINDS` with the figures of the target."""
        return KINDS[self.target]

    def results(self) -> dict:
        """The content of `results.json`."""
        targets, scores = self.targets, self.scores
        found = self.kind.summary(targets, scores.videos, self.classes)
        if scores.clips is not None:
            found |= {"clip_accuracy": hit_at_k(targets[scores.owner], scores.clips, 1), "clips": len(scores.clips)}
        if scores.streams:
            found["streams"] = {name: self.kind.summary(targets, rows, self.classes) for name, rows in scores.streams.items()}
        return {
            **found,
            "top5": hit_at_k(targets, scores.videos, 5),
            "hit_at": {str(k): hit_at_k(targets, scores.videos, k) for k in self.hit_at},
            "videos": len(self.videos),
            **self.kind.details(targets, scores.videos, self.classes),
            "protocol": self.protocol,
            **self.problems,
        }


def make(
    videos: Sequence[Video],
    classes: Sequence[str],
    scores: Scores,
    protocol: dict,
    problems: Problems,
    hit_at: tuple[int, ...] = (1, 5),
    target: str = "clip",
) -> Report:
    """Leave the unreadable videos out of the figures; they stay named in the report.

    Args:
        target: of the model, clip or multilabel.

    Raises:
        UserError: none is readable.
    """
    readable = ~np.isnan(scores.videos).any(axis=1)
    if not readable.any():
        raise UserError("None of the videos can be read; `python -m videorec.tools.check` says why.")
    kept = [video for video, ok in zip(videos, readable, strict=True) if ok]
    owner = (np.cumsum(readable) - 1)[scores.owner]
    streams = {name: rows[readable] for name, rows in scores.streams.items()}
    protocol = protocol | KINDS[target].PROTOCOL
    protocol["figures"] = meaning.meaning(scores.clips is not None, bool(streams), target)
    scores = Scores(scores.videos[readable], scores.clips, owner, scores.cut, streams)
    return Report(kept, tuple(classes), scores, protocol, problems.summary(), hit_at, target)


def describe_protocol(data: Data, evaluate: Evaluate, runs: dict[str, float], seed: int) -> dict:
    """What a figure means nothing without: views, aggregation, split, seed, versions."""
    clips = f"every {data.hop} frames" if evaluate.clips == 0 else evaluate.clips
    flow = {"flow": asdict(data.of("flow").flow)} if "flow" in data.streams else {}
    official = {"official_split": data.official_split} if official_lists.has_official_splits(data.path) else {}
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


# === Files ===


def write(report: Report, folder: str | Path) -> list[str]:
    """`results.json`, `predictions.csv` and, of one label a clip, `confusion.png` into a folder, local or remote.

    Returns:
        The names of the files.

    Raises:
        UserError: they cannot be written.
    """
    results = report.results()
    contents = {
        "results.json": (json.dumps(results, indent=2) + "\n").encode(),
        "predictions.csv": _predictions(report).encode(),
    }
    if "confusion" in results:
        title = f"{report.protocol['split']}: accuracy {results['accuracy']:.3f}, {results['videos']} videos"
        picture = io.BytesIO()
        pictures.confusion_figure(np.array(results["confusion"]), report.classes, title).savefig(picture)
        contents["confusion.png"] = picture.getvalue()
    write_files(contents, folder)
    return list(contents)


def _predictions(report: Report) -> str:
    """A row a video: its labels, what is predicted, and all probabilities."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["video", "label", "predicted", "score", *(f"p({name})" for name in report.classes)])
    for video, row in zip(report.videos, report.scores.videos, strict=True):
        predicted = report.kind.predicted(row, report.classes)
        writer.writerow([video.name, ";".join(video.labels), *predicted, *(f"{p:.6f}" for p in row)])
    return file.getvalue()


# === Terminal ===


def show(report: Report, console: Console) -> None:
    """Figures with their protocol, per class and confusion, on the terminal."""
    results = report.results()
    for table in report.kind.tables(results):
        console.print(table)
    clip = f"{results['clip_accuracy']:.4f} ({results['clips']} clips)" if "clips" in results else meaning.NO_CLIPS
    console.print(
        f"{report.kind.line(results)}   top-5 {results['top5']:.4f}   clip accuracy {clip}",
        soft_wrap=True,
    )
    for name, alone in results.get("streams", {}).items():
        console.print(f"{name} alone: {report.kind.line(alone)}")
    others = [f"Hit@{k} {value:.4f}" for k, value in results["hit_at"].items() if int(k) not in (1, 5)]
    if others:  # accuracy is Hit@1, top-5 is Hit@5
        console.print("   ".join(others), soft_wrap=True)
    for note in report.kind.notes(results):
        console.print(note, soft_wrap=True, markup=False)
    console.print(
        f"{results['videos']} {meaning.views(report.protocol)}; "
        f"{len(results['unreadable'])} unreadable, {results['shorter_than_clip']} shorter than a clip",
        soft_wrap=True,
    )
