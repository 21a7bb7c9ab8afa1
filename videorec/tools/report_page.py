"""The page about one run or several: what all tasks have in common, and the sections of each task."""

from collections.abc import Sequence

from videorec.config import Footage
from videorec.config import file as config_file
from videorec.reports import html, html_charts
from videorec.reports.html import Html
from videorec.reports.protocol import versions
from videorec.tools import report_settings
from videorec.tools.report_runs import Shown, epochs

CURVES = ("loss", "accuracy", "map", "mse", "mae")  # these first; what else there is of an epoch comes after
SHARES = ("accuracy", "map", "top5")  # ends of the names of what goes from 0 to 1
SPOKEN = {"map": "mean average precision", "top5": "top-5", "mean_class_accuracy": "mean class accuracy"}
COST = ("run", "parameters", "trained", "MFLOPs a frame", "training, s", "ms a clip, here")
ABOUT_COST = (
    "A multiplication and its addition are two operations; - where they cannot be counted. Training: its epochs, without "
    "features that were computed before. The time to answer is the median from one decoded clip to the answer on this machine: "
    "compare it within this page only."
)


def make(shown: Sequence[Shown]) -> bytes:
    """The whole page of these runs, one at least."""
    title = shown[0].name if len(shown) == 1 else f"{len(shown)} runs: {', '.join(one.name for one in shown)}"
    sections = [("Figures", _figures(shown)), ("Curves", _curves(shown)), *_of_tasks(shown), ("Cost", _cost(shown))]
    sections += [("Settings", report_settings.section(shown)), ("Environment", _environment(shown))]
    sections += [("Commands", html.joined(*(_commands(one, len(shown) > 1) for one in shown)))]
    return html.page(title, _head(shown), sections)


def _head(shown: Sequence[Shown]) -> Html:
    """A line a run: what it is, and its first figure."""
    items = []
    for one in shown:
        experiment = one.run.experiment
        about = f"{experiment.model.name}, {experiment.task}, learnt from {experiment.data.path}"
        if not one.figures:
            verdict = html.tag("span", "not measured yet", class_="wrong")
        else:
            first, others = one.figures[0], [f"{figure.name} {figure.text}" for figure in one.figures[1:4]]
            verdict = html.tag("span", html.tag("b", f"{first.name} {first.text}"), *(f", {other}" for other in others))
        where = html.tag("div", f"measured on {one.protocol}", class_="soft") if one.protocol else ""
        items.append(html.tag("li", html.tag("strong", one.name), " · ", verdict, html.tag("div", about), where))
    return html.tag("ul", *items, class_="verdicts")


# === Figures ===


def _figures(shown: Sequence[Shown]) -> Html:
    """A table a task: a line a figure, a column a run, the best marked where they were measured alike."""
    parts = []
    for task in dict.fromkeys(one.run.experiment.task for one in shown):
        members = [one for one in shown if one.run.experiment.task == task and one.results]
        if members:
            parts.append(_table(members, task))
            words = {figure.name: figure.meaning for one in members for figure in one.figures if figure.meaning}
            parts.append(html.details("What each figure is", html_charts.definitions(words)))
            parts.append(html.details("Protocol", *(_protocol(one) for one in members)))
    for one in shown:
        if "results" in one.missing:
            parts.append(html.missing(f"{one.name} has no figures. {one.missing['results']}", _evaluate(one)))
    return html.joined(*parts)


def _table(members: Sequence[Shown], task: str) -> Html:
    names = dict.fromkeys(figure.name for one in members for figure in one.figures)
    alike = len({one.protocol for one in members} | {one.run.experiment.data.path for one in members}) == 2
    rows = [("measured on", *(one.protocol for one in members))]
    for name in names:
        listed = [next((figure for figure in one.figures if figure.name == name), None) for one in members]
        known = [figure for figure in listed if figure and figure.value is not None]
        best = None
        if alike and len(members) > 1 and known and known[0].higher_is_better is not None:
            best = (max if known[0].higher_is_better else min)(figure.value for figure in known)
        rows.append((_arrowed(name, known), *(_value(figure, best) for figure in listed)))
    note = "; the best in bold" if alike and len(members) > 1 else ""
    differ = "; measured on different data or in different ways, so that none is called the best" if not alike else ""
    return html.table((task, *(one.name for one in members)), rows, f"Figures of results.json{note}{differ}")


def _arrowed(name: str, known: Sequence) -> str:
    return f"{name} (lower is better)" if known and known[0].higher_is_better is False else name


def _value(figure, best: float | None) -> Html:
    if figure is None or figure.value is None:
        return html.tag("td", "-", class_="none")
    mark = "best" if best is not None and figure.value == best else None
    return html.tag("td", f"{figure.text} ✓" if mark else figure.text, class_=mark, title=repr(figure.value))


def _protocol(one: Shown) -> Html:
    rows = [(name, _words(value)) for name, value in one.results["protocol"].items() if name not in ("figures", "versions")]
    for name in ("unreadable", "damaged"):
        rows += [(name, _words(one.results[name]))] if one.results.get(name) else []
    return html.table(("", one.name), rows, f"How {one.name} was measured", class_="words")


def _words(value) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_words(part)}" for name, part in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(_words, value)) or "-"
    return (
        {True: "yes", False: "no", None: "-"}.get(value, str(value)) if value is None or isinstance(value, bool) else str(value)
    )


# === Curves ===


def _curves(shown: Sequence[Shown]) -> Html:
    parts = []
    for one in shown:
        heading = [html.tag("h3", one.name)] if len(shown) > 1 else []
        figures = epochs(one)
        if not figures:
            why = one.missing.get("training", "Its state/ holds no figures of its epochs.")
            parts.append(html.joined(*heading, html.missing(f"{one.name} has no curves. {why}")))
            continue
        names = {name.removeprefix("val_") for name in figures}
        order = sorted(names, key=lambda name: (CURVES.index(name) if name in CURVES else len(CURVES), name))
        best = one.counters.get("best_epoch") or None
        charts = [_curve(name, figures, best) for name in order]
        train = one.run.experiment.train
        limit = f"{train.epochs} epochs" if train.steps is None else f"{train.epochs} epochs, at most {train.steps} steps"
        done, monitor = f"{len(next(iter(figures.values())))} of {limit}", train.monitor
        kept = f"{done}; the model kept is that of epoch {best} (train.monitor: {monitor})." if best else f"{done}."
        parts.append(html.joined(*heading, html.tag("p", kept), html.tag("div", *charts, class_="charts")))
    return html.joined(*parts)


def _curve(name: str, figures: dict[str, list], best: int | None) -> Html:
    series = {}
    if name in figures:
        series["training"] = (figures[name], "var(--train)")
    if f"val_{name}" in figures:
        series["validation"] = (figures[f"val_{name}"], "var(--val)")
    unit = (0.0, 1.0) if name.endswith(SHARES) else None
    return html_charts.lines(SPOKEN.get(name, name), series, "epoch", best, unit)


# === What tasks say, cost, environment, commands ===


def _of_tasks(shown: Sequence[Shown]) -> list[tuple[str, Html]]:
    """The sections of all tasks; those of the same title of several runs are one."""
    titles = dict.fromkeys(title for one in shown for title, _ in one.parts)
    joined = []
    for title in titles:
        members = [(one.name, content) for one in shown for name, content in one.parts if name == title]
        parts = [html.joined(*([html.tag("h3", name)] if len(shown) > 1 else []), content) for name, content in members]
        joined.append((title, html.joined(*parts)))
    return joined


def _cost(shown: Sequence[Shown]) -> Html:
    rows, parts = [], []
    for one in shown:
        if one.cost is None:
            parts.append(html.missing(f"{one.name} has no model to be measured. {one.missing.get('model', '')}"))
            continue
        cost = one.cost
        counts = f"{cost.parameters:,}", f"{cost.trained:,}", _or_dash(cost.megaflops, ",.1f")
        rows.append((one.name, *counts, _or_dash(cost.seconds, ",.0f"), _or_dash(cost.milliseconds, ".1f")))
    table = [html.table(COST, rows, "What each model costs"), html.tag("p", ABOUT_COST, class_="soft")] if rows else []
    return html.joined(*table, *parts)


def _or_dash(value: float, form: str) -> str:
    return format(value, form) if value == value else "-"


def _environment(shown: Sequence[Shown]) -> Html:
    """Versions that figures were measured with, beside those that made this page."""
    measured = [one.results["protocol"].get("versions", {}) if one.results else {} for one in shown]
    here = versions()
    names = dict.fromkeys([*here, *(name for known in measured for name in known)])
    rows = [(name, *(known.get(name, "-") for known in measured), here.get(name, "-")) for name in names]
    header = ("", *(f"{one.name}, measured" for one in shown), "this page, here")
    dates = [one.results["protocol"].get("date", "-") if one.results else "-" for one in shown]
    seeds = [one.run.experiment.train.seed for one in shown]
    rows += [("date of the figures", *dates, "-"), ("seed of the training", *seeds, "-")]
    return html.table(header, rows, "Versions that the figures were measured with, and those that made this page")


def _evaluate(one: Shown) -> str:
    return f"python evaluate.py {one.run.place}"


def _commands(one: Shown, several: bool) -> Html:
    place = one.run.place
    lines = {
        "Train again": report_settings.training(one.run),
        "Measure": _evaluate(one),
        "Use on new material": f"python predict.py {place} {_material(one)}",
        "Export": f"python -m export.saved_model {place}\npython -m export.tflite {place}",
        "Compare": f"python -m videorec.tools.compare {place} runs/OTHER",
    }
    parts = [html.joined(html.tag("p", what), html.command(line)) for what, line in lines.items()]
    config = html.details("All settings (config.json)", html.command(config_file.as_text(one.run.experiment)))
    return html.joined(*([html.tag("h3", one.name)] if several else []), *parts, config)


def _material(one: Shown) -> str:
    return "VIDEO.mp4" if isinstance(one.run.experiment.data, Footage) else "SEQUENCE.npy"
