"""What a page shows of a forecaster: scores beside forecasts without learning, by lead time, and forecasts to look at."""

import keras

from videorec.config import UserError
from videorec.data.sequences import windows
from videorec.reports import forecast_pictures, html, html_charts
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.figures import Figure
from videorec.tasks.forecasting.report import HIGHER_IS_BETTER
from videorec.tasks.forecasting.training import first_windows

COLORS = ("var(--val)", "var(--train)", "var(--soft)")


def figures(results: dict) -> list[Figure]:
    """The figures that `results.json` holds, the most telling first; of baselines too."""
    words = results["definitions"]
    listed = [
        Figure(score, row["value"], score.startswith(HIGHER_IS_BETTER), words.get(score, ""), True)
        for score, row in results["frames"].items()
    ]
    for baseline, scores in results["baselines"].items():
        about = results["protocol"].get("baselines", {}).get(baseline, "")
        name = baseline.replace("_", " ")
        listed += [Figure(f"{score} of {name}", scores[score]["value"], None, about) for score in list(scores)[:1]]
    return listed


def measured(results: dict) -> str:
    """On how many windows of which split, in short."""
    protocol = results["protocol"]
    return f"{results['windows']} {protocol['split']} windows, {protocol['frames']} + {protocol['horizon']} frames"


def parts(run: Run, results: dict | None, pictures_wanted: int) -> list[tuple[str, Html]]:
    """The sections of the page that a forecaster alone has: title and content."""
    listed = [] if results is None else [("Baselines", _baselines(results)), ("By lead time", _leads(results))]
    return listed + ([("Forecasts", _forecasts(run, pictures_wanted))] if pictures_wanted else [])


def _forecasters(results: dict) -> dict[str, dict]:
    return {"model": results["frames"], **{name.replace("_", " "): row for name, row in results["baselines"].items()}}


def _baselines(results: dict) -> Html:
    scores = list(results["frames"])
    header = ("", *(f"{name} {'↑' if name.startswith(HIGHER_IS_BETTER) else '↓'}" for name in scores))
    rows = [(name, *(Figure("", row[score]["value"]).text for score in scores)) for name, row in _forecasters(results).items()]
    return html.table(header, rows, "The model beside forecasts without learning; ↑ higher is better, ↓ lower is better")


def _leads(results: dict) -> Html:
    charts = []
    for score in results["frames"]:
        rows = _forecasters(results).items()
        series = {name: (row[score]["by_lead"], color) for (name, row), color in zip(rows, COLORS, strict=False)}
        charts.append(html_charts.lines(score, series, "frames ahead"))
    return html.tag("div", *charts, class_="charts")


def _forecasts(run: Run, count: int) -> Html:
    experiment = run.experiment
    try:
        source = windows.open_sequences(experiment.data, experiment.model.horizon, experiment.train.seed, run.record)
        split = next(name for name in ("test", "val", "train") if source.windows(name))
        inputs, truth = first_windows(experiment, source, split)
        frames = keras.ops.convert_to_numpy(run.load_model().predict_on_batch(inputs)["frames"])
    except UserError as error:
        return html.missing(f"No forecast can be drawn: {error}")
    seen = windows.as_targets(inputs["rgb"])
    parts = [html.tag("p", f"Windows of {split}. Rows: what the model sees, what came, what it forecast, and the difference.")]
    for number, window in enumerate(zip(seen[:count], truth, frames, strict=False), start=1):
        alt = f"Forecast {number}: rows of frames seen, true frames, forecast frames and their difference"
        parts.append(
            html.picture(forecast_pictures.png(forecast_pictures.rows(*window)), alt, f"window {number}", class_="wide")
        )
    return html.joined(*parts)
