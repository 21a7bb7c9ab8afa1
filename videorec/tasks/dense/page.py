"""What a page shows of a model of dense labels: figures, confusion, classes, timelines of videos."""

import dataclasses

from videorec.config import UserError
from videorec.config.dense import DenseOptions
from videorec.data.moments import sources
from videorec.reports import html, html_charts
from videorec.reports.files import as_png
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.dense import evaluation
from videorec.tasks.figures import Figure

TIMELINES = 3  # at most: whole videos go through the model
NAMES = {
    "map": "mAP",
    "accuracy": "frame accuracy",
    "mean_class_accuracy": "mean class accuracy",
    "f1@10": "F1@10",
    "f1@25": "F1@25",
    "f1@50": "F1@50",
    "edit": "edit",
    "chance": "mAP by chance",
    "majority_accuracy": "accuracy of the most frequent class",
}
HEADLINES = ("map", "accuracy", "f1@50", "edit")
NEITHER = ("chance", "majority_accuracy")


def figures(results: dict) -> list[Figure]:
    """The figures that `results.json` holds, the most telling first."""
    words = results["definitions"]
    return [
        Figure(name, results[key], None if key in NEITHER else True, _meaning(key, words), key in HEADLINES)
        for key, name in NAMES.items()
        if key in results
    ]


def _meaning(key: str, words: dict[str, str]) -> str:
    return words.get(key, words.get(key.split("@")[0], ""))


def measured(results: dict) -> str:
    """On how many videos of which split, in short."""
    protocol = results["protocol"]
    return f"{results['videos']} {protocol['split']}, {protocol['rate']:g} frames a second"


def parts(run: Run, results: dict | None, pictures_wanted: int) -> list[tuple[str, Html]]:
    """The sections of the page that such a model alone has: title and content."""
    listed = [] if results is None else [("Classes", _classes(results))]
    if results is not None and "confusion" in results:
        listed.insert(0, ("Confusion", html_charts.confusion(results["confusion"], results["classes"], "frames")))
    return listed + ([("Timelines", _timelines(run, results, min(pictures_wanted, TIMELINES)))] if pictures_wanted else [])


def _classes(results: dict) -> Html:
    rows = sorted(results["per_class"].items(), key=lambda item: item[1]["ap"])
    single = "confusion" in results
    cells = [
        (
            name,
            f"{row['positive_frames']:,}",
            html_charts.bar(row["ap"]),
            f"{row['chance']:.3f}",
            *([html_charts.bar(row["recall"])] if single else []),
        )
        for name, row in rows
    ]
    header = ("class", "positive frames", "average precision", "by chance", *(["recall"] if single else []))
    table = html.table(header, cells, "Each class, that of the lowest average precision first")
    left_out = results.get("left_out")
    return html.joined(table, html.tag("p", f"Without a positive frame: {', '.join(left_out)}")) if left_out else table


def _timelines(run: Run, results: dict | None, count: int) -> Html:
    experiment = run.experiment
    split = results["protocol"]["split"] if results else experiment.evaluate.split
    try:
        videos = sources.load_for_evaluation(experiment.data, split, experiment.data, experiment.train.seed, run.record)
    except UserError as error:
        return html.missing(f"No timeline can be drawn, for the videos are not there: {error}")
    return html.joined(*(_timeline(run, video.path) for video in videos[:count]))


def _timeline(run: Run, path: str) -> Html:
    options = DenseOptions(data=run.experiment.data, evaluate=run.experiment.evaluate)
    try:
        shown = evaluation.timeline(run, dataclasses.replace(options, timeline=path))
        picture = as_png(shown.picture())
    except (UserError, OSError) as error:
        return html.missing(f"No timeline of {path}: {error}")
    alt = f"Timeline of {path}: frames, true segments, and probabilities with the segments that the model finds"
    return html.picture(picture, alt, path, class_="wide")
