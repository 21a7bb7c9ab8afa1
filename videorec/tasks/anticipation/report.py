"""The report of an evaluation of labels to come: accuracy by lead time, as files and on the terminal."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from videorec.reports.files import as_json, as_png
from videorec.reports.pictures import by_lead_figure
from videorec.tasks.task import Report

GUESSES = {
    "current": "the true label of the last frame seen stays (an annotator's knowledge, which the model does not have)",
    "most_frequent": "the label that most frames of the training videos have",
}
DEFINITION = "share of the labelled coming frames whose class is right; by_lead: of the 1st, 2nd, ... frame ahead"


@dataclass(frozen=True)
class Predictions:
    """What a model says of the K frames that come after each of N windows."""

    predicted: np.ndarray
    """`(N, K)` classes."""
    true: np.ndarray
    """`(N, K)` classes."""
    weights: np.ndarray
    """`(N, K)`, 0 where a frame has no label or is beyond the end of its video."""
    current: np.ndarray
    """`(N,)` true class of the last frame seen, -1 where it has none."""


@dataclass(frozen=True)
class AnticipationReport(Report):
    """What one evaluation measured."""

    figures: dict
    """The content of `results.json`."""

    def results(self) -> dict:
        """The content of `results.json`."""
        return self.figures

    def files(self) -> dict[str, bytes]:
        """`results.json` and `leads.png`."""
        return {"results.json": as_json(self.figures), "leads.png": as_png(_leads(self.figures))}

    def show(self, console: Console) -> None:
        """Accuracy of model and guesses by lead time, with their meaning, on the terminal."""
        results = self.figures
        rate = results["protocol"]["rate"]
        leads = range(1, len(results["by_lead"]) + 1)
        table = Table("", "all", *(f"{lead / rate:g} s" for lead in leads), title="accuracy by lead time")
        for name, row in {"model": results, **results["guesses"]}.items():
            cells = [row["accuracy"], *row["by_lead"]]
            table.add_row(name.replace("_", " "), *("-" if value is None else f"{value:.3f}" for value in cells))
        console.print(table)
        for name, text in results["definitions"].items():
            console.print(f"{name.replace('_', ' ')}: {text}", soft_wrap=True, markup=False, highlight=False)
        protocol = results["protocol"]
        console.print(
            f"{results['windows']} windows of {protocol['frames_seen']} frames seen, {results['frames']} labelled frames to "
            f"come; {protocol['rate']:g} frames a second; {protocol['split']} of {protocol['data']}; seed {protocol['seed']}",
            soft_wrap=True,
            markup=False,
        )


def accuracies(predictions: Predictions, frequent: int | None) -> dict:
    """`accuracy` of the model and of the guesses, whole and by lead time; a lead time without labelled frames is None."""
    guesses = {"model": predictions.predicted, "current": np.broadcast_to(predictions.current[:, None], predictions.true.shape)}
    if frequent is not None:
        guesses["most_frequent"] = np.full_like(predictions.true, frequent)
    figures = {name: _accuracy(classes == predictions.true, predictions.weights) for name, classes in guesses.items()}
    return {
        **figures.pop("model"),
        "guesses": figures,
        "windows": len(predictions.true),
        "frames": int(predictions.weights.sum()),
        "definitions": {"accuracy": DEFINITION, **{name: GUESSES[name] for name in figures}},
    }


def _accuracy(right: np.ndarray, weights: np.ndarray) -> dict:
    totals = weights.sum(axis=0)
    by_lead = [float(r / n) if n else None for r, n in zip((right * weights).sum(axis=0), totals, strict=True)]
    return {"accuracy": float((right * weights).sum() / totals.sum()), "by_lead": by_lead}


def _leads(results: dict) -> Figure:
    named = {"model": results, **results["guesses"]}
    curves = {name: [np.nan if x is None else x for x in row["by_lead"]] for name, row in named.items()}
    return by_lead_figure({"accuracy": curves}, f"{results['windows']} windows")
