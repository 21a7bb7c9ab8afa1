"""The report of an evaluation: every figure with its protocol, as files and on the terminal."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import ModuleType

import numpy as np
from rich.console import Console

from videorec.config import Data, Evaluate, Experiment, UserError
from videorec.data import pipeline
from videorec.data.manifest import Video
from videorec.data.official_lists import has_official_splits
from videorec.data.problems import Problems
from videorec.data.selection import Selection
from videorec.reports.confusion import confusion_figure
from videorec.reports.files import as_csv, as_json, as_png
from videorec.reports.protocol import describe_pictures, describe_protocol
from videorec.reports.spreadsheet import cell
from videorec.tasks.recognition import meaning, multilabel, single_label
from videorec.tasks.recognition.metrics import hit_at_k
from videorec.tasks.recognition.scores import Scores
from videorec.tasks.task import Report

# The figures of a target. Each module has
#   PROTOCOL                                   what its figures add to the protocol
#   summary(targets, probabilities, classes)   of the whole model, or of a stream alone
#   details(targets, probabilities, classes)   what else stands in results.json
#   line(summary), tables(results), notes(results)   the same for the terminal
#   predicted(probabilities, classes)          texts of a row of predictions.csv: the classes, their probabilities
KINDS = {"clip": single_label, "multilabel": multilabel}


@dataclass(frozen=True)
class RecognitionReport(Report):
    """What one evaluation measured of N readable videos and their M clips."""

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
        figures = self.kind.summary(targets, scores.videos, self.classes)
        if scores.clips is not None:
            figures |= {"clip_accuracy": hit_at_k(targets[scores.owner], scores.clips, 1), "clips": len(scores.clips)}
        if scores.streams:
            alone = {name: self.kind.summary(targets, rows, self.classes) for name, rows in scores.streams.items()}
            figures["streams"] = alone
        return {
            **figures,
            "top5": hit_at_k(targets, scores.videos, 5),
            "hit_at": {str(k): hit_at_k(targets, scores.videos, k) for k in self.hit_at},
            "videos": len(self.videos),
            **self.kind.details(targets, scores.videos, self.classes),
            "protocol": self.protocol,
            **self.problems,
        }

    def files(self) -> dict[str, bytes]:
        """`results.json`, `predictions.csv` and, of one label a clip, `confusion.png`."""
        results = self.results()
        contents = {"results.json": as_json(results), "predictions.csv": as_csv(self._predictions())}
        if "confusion" in results:
            title = f"{self.protocol['split']}: accuracy {results['accuracy']:.3f}, {results['videos']} videos"
            picture = confusion_figure(np.array(results["confusion"]), self.classes, title)
            contents["confusion.png"] = as_png(picture)
        return contents

    def _predictions(self) -> str:
        """A row a video: its labels, what is predicted, and all probabilities."""
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        writer.writerow(["video", "label", "predicted", "score", *(f"p({name})" for name in self.classes)])
        for video, row in zip(self.videos, self.scores.videos, strict=True):
            predicted, score = self.kind.predicted(row, self.classes)
            names = map(cell, (video.name, ";".join(video.labels), predicted))
            writer.writerow([*names, score, *(f"{p:.6f}" for p in row)])
        return file.getvalue()

    def show(self, console: Console) -> None:
        """Figures with their protocol, per class and confusion, on the terminal."""
        results = self.results()
        for table in self.kind.tables(results):
            console.print(table)
        clip = f"{results['clip_accuracy']:.4f} ({results['clips']} clips)" if "clips" in results else meaning.NO_CLIPS
        lines = [f"{self.kind.line(results)}   top-5 {results['top5']:.4f}   clip accuracy {clip}"]
        places = {name: f" ({run})" for name, run in self.protocol.get("members", {}).items()}
        alone = {f"{name}{places.get(name, '')}": figures for name, figures in results.get("streams", {}).items()}
        lines += [f"{name} alone: {self.kind.line(figures)}" for name, figures in alone.items()]
        others = [f"Hit@{k} {value:.4f}" for k, value in results["hit_at"].items() if int(k) not in (1, 5)]
        lines += ["   ".join(others)] if others else []  # accuracy is Hit@1, top-5 is Hit@5
        lines += self.kind.notes(results)
        lines.append(
            f"{results['videos']} {meaning.views(self.protocol)}; {len(results['unreadable'])} unreadable, "
            f"{len(results['damaged'])} damaged, {results['shorter_than_clip']} shorter than a clip"
        )
        for line in lines:
            console.print(line, soft_wrap=True, markup=False)


def make(
    videos: Sequence[Video],
    classes: Sequence[str],
    scores: Scores,
    protocol: dict,
    problems: Problems,
    hit_at: tuple[int, ...] = (1, 5),
    target: str = "clip",
) -> RecognitionReport:
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
    scores = Scores(scores.videos[readable], scores.clips, owner, scores.sampling, streams)
    return RecognitionReport(kept, tuple(classes), scores, protocol, problems.summary(), hit_at, target)


def describe(data: Data, evaluate: Evaluate, runs: dict[str, float], trained: Experiment, measured: Selection) -> dict:
    """What the figures mean nothing without: views, aggregation, split, seed, versions."""
    clips = f"every {data.hop} frames" if evaluate.clips == 0 else evaluate.clips
    flow = {"flow": asdict(data.of("flow").flow)} if "flow" in data.streams else {}
    members = {} if trained.model.trained else {"members": {name: member.run for name, member in trained.model.named()}}
    official = {"official_split": data.official_split} if has_official_splits(data.path) else {}
    own = {
        "exclude": list(data.exclude),
        "clips_per_video": clips,
        "crops_per_clip": evaluate.crops,
        "aggregation": "probabilities averaged over clips, crops and, with weights, over runs; then the largest",
        "streams": list(data.streams),
        "frames": data.frames,
        "sampling": data.sampling,
        "step": data.step,
        "fps": data.fps,
        "short": data.short,
    }
    own |= describe_pictures(data)
    return describe_protocol(runs, data.path, measured, trained, **official, **own, **flow, **members)
