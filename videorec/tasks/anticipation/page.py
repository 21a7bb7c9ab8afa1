"""What a page shows of a model of labels to come: accuracy, beside guesses without learning, by lead time."""

from videorec.reports import html_charts
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.figures import Figure

GUESSES = {"current": "accuracy of the current label", "most_frequent": "accuracy of the most frequent label"}


def figures(results: dict) -> list[Figure]:
    """The figures that `results.json` holds, the most telling first."""
    words = results["definitions"]
    guesses = [
        Figure(GUESSES.get(name, name), row["accuracy"], None, words.get(name, ""), True)
        for name, row in results["guesses"].items()
    ]
    return [Figure("accuracy", results["accuracy"], True, words["accuracy"], True), *guesses]


def measured(results: dict) -> str:
    """On how many windows of which split, in short."""
    protocol = results["protocol"]
    return f"{results['windows']} {protocol['split']} windows, {protocol['frames_seen']} + {protocol['horizon']} frames"


def parts(run: Run, results: dict | None, pictures_wanted: int) -> list[tuple[str, Html]]:
    """The sections of the page that such a model alone has: title and content."""
    if results is None:
        return []
    colors = ("var(--val)", "var(--train)", "var(--soft)")
    rows = {"model": results, **{name.replace("_", " "): row for name, row in results["guesses"].items()}}
    series = {name: (row["by_lead"], color) for (name, row), color in zip(rows.items(), colors, strict=False)}
    return [("By lead time", html_charts.lines("accuracy", series, "frames ahead", unit=(0.0, 1.0)))]
