"""The report of a forecaster's evaluation: every figure with its definition and protocol, as files and on the terminal."""

import datetime
import io
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import skimage
from rich.console import Console
from rich.table import Table

from videorec.config.forecasting import ForecastEvaluate, Sequences
from videorec.data.sequences.windows import SequenceSet
from videorec.reports.files import write_files
from videorec.reports.pictures import by_lead_figure
from videorec.reports.protocol import versions
from videorec.runs.run import Run
from videorec.tasks.forecasting import pictures

HIGHER_IS_BETTER = ("ssim", "psnr", "correlation", "csi", "pod")  # beginnings of names
BASELINES = {
    "last_frame": "the last frame that the model sees, at every lead time",
    "advected": "the last frame that the model sees, moved on by the optical flow (DIS) between the last two",
}


@dataclass(frozen=True)
class Shown:
    """A window to be shown: inputs `(J, H, W, C)`, truth and forecast `(K, H, W, C)`, in [0, 1], truth NaN where masked."""

    index: int
    name: str
    inputs: np.ndarray
    truth: np.ndarray
    forecast: np.ndarray

    @property
    def file(self) -> str:
        """A file name without suffix: the number in the split, and which sequence."""
        return f"{self.index:05d}_{re.sub(r'[^A-Za-z0-9.-]+', '_', self.name).strip('_.')[-100:]}"


@dataclass(frozen=True)
class Report:
    """Everything that one evaluation found.

    Args:
        scores: `{forecaster: {score: {"value": float, "by_lead": [K floats]}}}`, the model as `model`, then the baselines.
        definitions: of each score.
        windows: how many were scored.
    """

    scores: dict[str, dict[str, dict]]
    definitions: dict[str, str]
    windows: int
    protocol: dict
    shown: list[Shown] = field(default_factory=list)

    def results(self) -> dict:
        """The content of `results.json`; null where a score is not defined."""
        scores = _json(self.scores)
        return {
            "frames": scores["model"],
            "baselines": {name: found for name, found in scores.items() if name != "model"},
            "windows": self.windows,
            "definitions": self.definitions,
            "pictures": {window.file: window.name for window in self.shown},
            "protocol": self.protocol,
        }

    def summary(self) -> str:
        """What was measured, in a line."""
        protocol = self.protocol
        lengths = f"{protocol['frames']} frames seen, {protocol['horizon']} forecast"
        return f"{protocol['split']}: {self.windows:,} window{'s' if self.windows > 1 else ''}, {lengths}"


def _json(value):
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    return value if math.isfinite(value) else None  # JSON has no NaN


def describe_protocol(run: Run, source: SequenceSet, data: Sequences, evaluate: ForecastEvaluate) -> dict:
    """What a figure means nothing without: data, split, lengths, seed, versions."""
    model = run.experiment.model
    return {
        "runs": {run.place: 1.0},
        "data": source.describe(),
        "trained_on": run.experiment.data.path,
        "split": evaluate.split,
        "frames": data.frames,
        "horizon": model.horizon,
        "step": data.step,
        "size": list(source.shape),
        "values": data.values,
        "pixels": model.pixels,
        "masked": "pixels that are NaN are not scored; model and baselines see 0 there",
        "baselines": BASELINES if evaluate.baselines else {},
        "seed": run.experiment.train.seed,
        "date": datetime.date.today().isoformat(),
        "versions": versions() | {"scikit-image": skimage.__version__},
    }


# === Files ===


def write(report: Report, folder: str | Path) -> None:
    """`results.json`, `leads.png`, and of each shown window `forecasts/NAME.png` and `NAME.gif`, into a folder.

    Raises:
        UserError: they cannot be written.
    """
    contents = {"results.json": (json.dumps(report.results(), indent=2) + "\n").encode(), "leads.png": _leads(report)}
    for window in report.shown:
        frames = window.inputs, window.truth, window.forecast
        contents[f"forecasts/{window.file}.png"] = pictures.png(pictures.rows(*frames))
        contents[f"forecasts/{window.file}.gif"] = pictures.gif(pictures.animation(*frames))
    write_files(contents, folder)


def _leads(report: Report) -> bytes:
    curves = {
        f"{score} {arrow(score)}": {_spoken(name): found[score]["by_lead"] for name, found in report.scores.items()}
        for score in report.definitions
    }
    picture = io.BytesIO()
    by_lead_figure(curves, report.summary()).savefig(picture)
    return picture.getvalue()


# === Terminal ===


def show(report: Report, console: Console) -> None:
    """Figures of model and baselines, what each figure is, and the protocol, on the terminal."""
    table = Table("", *(f"{score} {arrow(score)}" for score in report.definitions))
    for column in table.columns[1:]:
        column.justify = "right"
    for name, found in report.scores.items():
        table.add_row(_spoken(name), *(_number(found[score]["value"]) for score in report.definitions))
    console.print(report.summary(), soft_wrap=True, markup=False)
    console.print(table)
    lines = report.definitions | {_spoken(name): BASELINES[name] for name in report.scores if name in BASELINES}
    left_out = report.protocol.get("left_out", {})
    lines |= {_spoken(name): f"left out: {reason}" for name, reason in left_out.items()}
    protocol = report.protocol
    measured = f"measured on {protocol['split']}, trained on {protocol['trained_on']}, seed {protocol['seed']}"
    lines["protocol"] = f"{protocol['data']}; {measured}"
    for name, text in lines.items():
        console.print(f"{name}: {text}", soft_wrap=True, markup=False, highlight=False)


def arrow(score: str) -> str:
    """Which way is better."""
    return "↑" if score.startswith(HIGHER_IS_BETTER) else "↓"


def _spoken(forecaster: str) -> str:
    return forecaster.replace("_", " ")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"
