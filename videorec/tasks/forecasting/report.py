"""The report of a forecaster's evaluation: every figure with its definition and protocol, as files and on the terminal."""

import math
import re
from dataclasses import dataclass, field

import numpy as np
import skimage
from rich.console import Console
from rich.table import Table

from videorec.config.forecasting import ForecastEvaluate, Sequences
from videorec.data.selection import Selection
from videorec.data.sequences.windows import SequenceSet
from videorec.reports import forecast_pictures
from videorec.reports.files import as_json, as_png
from videorec.reports.pictures import by_lead_figure
from videorec.reports.protocol import describe_protocol
from videorec.runs.run import Run
from videorec.tasks.task import Report

HIGHER_IS_BETTER = ("ssim", "psnr", "correlation", "csi", "pod")  # beginnings of names
BASELINES = {
    "last_frame": "the last frame that the model sees, at every lead time",
    "mean_frame": "the mean of the frames that the model sees, at every lead time",
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
class ForecastReport(Report):
    """What one evaluation measured.

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
            "baselines": {name: row for name, row in scores.items() if name != "model"},
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

    def files(self) -> dict[str, bytes]:
        """`results.json`, `leads.png`, and of each shown window `forecasts/NAME.png` and `NAME.gif`."""
        curves = {
            f"{score} {arrow(score)}": {_spoken(name): row[score]["by_lead"] for name, row in self.scores.items()}
            for score in self.definitions
        }
        contents = {"results.json": as_json(self.results()), "leads.png": as_png(by_lead_figure(curves, self.summary()))}
        for window in self.shown:
            frames = window.inputs, window.truth, window.forecast
            contents[f"forecasts/{window.file}.png"] = forecast_pictures.png(forecast_pictures.rows(*frames))
            contents[f"forecasts/{window.file}.gif"] = forecast_pictures.gif(forecast_pictures.animation(*frames))
        return contents

    def show(self, console: Console) -> None:
        """Figures of model and baselines, what each figure is, and the protocol, on the terminal."""
        table = Table("", *(f"{score} {arrow(score)}" for score in self.definitions))
        for column in table.columns[1:]:
            column.justify = "right"
        for name, row in self.scores.items():
            table.add_row(_spoken(name), *(_number(row[score]["value"]) for score in self.definitions))
        console.print(self.summary(), soft_wrap=True, markup=False)
        console.print(table)
        lines = self.definitions | {_spoken(name): BASELINES[name] for name in self.scores if name in BASELINES}
        left_out = self.protocol.get("left_out", {})
        lines |= {_spoken(name): f"left out: {reason}" for name, reason in left_out.items()}
        protocol = self.protocol
        measured = f"measured on {protocol['split']}, trained on {protocol['trained_on']}, seed {protocol['seed']}"
        lines["protocol"] = f"{protocol['data']}; {measured}"
        for name, text in lines.items():
            console.print(f"{name}: {text}", soft_wrap=True, markup=False, highlight=False)


def _json(value):
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    return value if math.isfinite(value) else None  # JSON has no NaN


def describe(run: Run, source: SequenceSet, data: Sequences, evaluate: ForecastEvaluate, measured: Selection) -> dict:
    """What the figures mean nothing without: data, split, lengths, seed, versions."""
    model = run.experiment.model
    own = {
        "frames": data.frames,
        "horizon": model.horizon,
        "step": data.step,
        "size": list(source.shape),
        "values": data.values,
        "pixels": model.pixels,
        "masked": "pixels that are NaN or infinite are not scored; model and baselines see 0 there",
        "baselines": BASELINES if evaluate.baselines else {},
    }
    protocol = describe_protocol({run.place: 1.0}, source.describe(), measured, run.experiment, **own)
    return protocol | {"versions": protocol["versions"] | {"scikit-image": skimage.__version__}}


def arrow(score: str) -> str:
    """Which way is better."""
    return "↑" if score.startswith(HIGHER_IS_BETTER) else "↓"


def _spoken(forecaster: str) -> str:
    return forecaster.replace("_", " ")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"
