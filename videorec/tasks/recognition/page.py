"""What a page shows of a recogniser: figures, confusion, classes, the worst errors with their frames, attention."""

import csv
import io
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from videorec.config import UserError
from videorec.data import pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.models.split import SUFFIX
from videorec.reports import attention_pictures, html, html_charts, pictures
from videorec.reports.html import Html
from videorec.reports.spreadsheet import cell
from videorec.reports.strips import cell_size, fitted
from videorec.runs.run import Run
from videorec.storage import outside
from videorec.tasks.figures import Figure

log = logging.getLogger(__name__)
COLUMNS = 8  # frames of a strip
MEAN = "mean class accuracy"
PREDICTIONS = "predictions.csv"


@dataclass(frozen=True)
class Row:
    """A line of predictions.csv: what a video is, what it was taken for, and how sure the model was."""

    video: str
    label: str
    predicted: str
    sureness: float
    """Of a wrong answer: the highest probability of a class that is none of the video's."""
    wrong: bool


def figures(results: dict) -> list[Figure]:
    """The figures that `results.json` holds, the most telling first."""
    meaning, several = results["protocol"].get("figures", {}), "map" in results
    keys = {"map": "mAP", "accuracy": "hit@1"} if several else {"accuracy": "accuracy", "mean_class_accuracy": MEAN}
    listed = [Figure(name, results[key], True, meaning.get(key, ""), True) for key, name in keys.items()]
    hits = {int(k): value for k, value in results.get("hit_at", {}).items() if k != "1"}
    listed += [Figure(f"hit@{k}", value, True, meaning.get("hit_at", ""), several) for k, value in sorted(hits.items())]
    if "clip_accuracy" in results:
        listed.append(Figure("clip accuracy", results["clip_accuracy"], True, meaning.get("clip_accuracy", "")))
    key, name = next(iter(keys.items()))
    for stream, alone in results.get("streams", {}).items():
        listed.append(Figure(f"{stream} alone: {name}", alone[key], True, meaning.get("streams", "")))
    return listed


def measured(results: dict) -> str:
    """On how many videos of which split, in how many views, in short."""
    protocol = results["protocol"]
    return f"{results['videos']} {protocol['split']}, {protocol['clips_per_video']} x {protocol['crops_per_clip']}"


def parts(run: Run, results: dict | None, pictures_wanted: int) -> list[tuple[str, Html]]:
    """The sections of the page that a recogniser alone has: title and content."""
    if results is None:
        return []
    listed = [("Classes", _classes(results))]
    if "confusion" in results:
        listed.insert(0, ("Confusion", html_charts.confusion(results["confusion"], run.classes, "videos")))
    return listed + (_shown(run, results, pictures_wanted) if pictures_wanted else [])


def _classes(results: dict) -> Html:
    keys = {"average_precision": "average precision", "precision": "precision", "recall": "recall"}
    rows = sorted(results["per_class"].items(), key=lambda item: item[1]["recall"])
    here = [key for key in keys if any(key in row for _, row in rows)]
    cells = [(name, f"{row['videos']:,}", *(html_charts.bar(row.get(key)) for key in here)) for name, row in rows]
    return html.table(("class", "videos", *(keys[key] for key in here)), cells, "Each class, that of the lowest recall first")


# === Errors and attention, with frames ===


def _shown(run: Run, results: dict, count: int) -> list[tuple[str, Html]]:
    command = f"python evaluate.py {run.place}"
    try:
        rows = read_rows(run, "map" in results)
    except UserError as error:
        return [("Worst errors", html.missing(f"There are no predictions to show: {error}", command))]
    wrong = sorted((row for row in rows if row.wrong), key=lambda row: -row.sureness)
    right = sorted((row for row in rows if not row.wrong), key=lambda row: -row.sureness)
    try:
        model = run.load_model()
        attentive = [name for name in model.output if name.endswith("attention")]
    except UserError as error:
        log.warning("no attention is shown: %s", error)
        model, attentive = None, []
    known = _videos(run, results)
    lead = f"{len(wrong):,} of {len(rows):,} videos were not recognised"
    lead += f"; the {min(count, len(wrong))} in which the model was surest come first." if wrong else "."
    parts = [html.tag("p", lead), *(_picture(run, row, known, model, attentive) for row in wrong[:count])]
    listed = [("Worst errors", html.joined(*parts))]
    if attentive:
        about = "What the model looked at in videos that it recognised; those that it did not are shown above in the same way. "
        about += "Bars: weight of each frame. Heat: weight of each place."
        shown = [_picture(run, row, known, model, attentive) for row in right[: max(count // 2, 1)]]
        listed.append(("Attention", html.joined(html.tag("p", about), *shown)))
    return listed


def read_rows(run: Run, several: bool) -> list[Row]:
    """The predictions of the last evaluation.

    Args:
        several: a video has any number of labels.

    Raises:
        UserError: there are none, or the file is damaged.
    """
    path = run.folder / PREDICTIONS
    with outside.reading(path, f"Write it anew: python evaluate.py {run.place}"):
        header, *lines = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)
        names = [name.removeprefix("p(").removesuffix(")") for name in header[4:]]
        return [_row(line, names, several) for line in lines]


def _row(line: list[str], names: Sequence[str], several: bool) -> Row:
    video, label, predicted, _, *probabilities = line
    if len(probabilities) != len(names):
        raise ValueError(f"expected {4 + len(names)} values, got {len(line)}")
    true = {name.removeprefix("'") for name in label.split(";")}
    said = {name.removeprefix("'") for name in predicted.split(";") if name}
    wrong = said != true if several else not said & true
    chosen = [float(p) for name, p in zip(names, probabilities, strict=True) if (name not in true) == wrong]
    return Row(video, label, predicted or "nothing", max(chosen, default=0.0), wrong)


def _videos(run: Run, results: dict) -> dict[str, Video]:
    """The videos that were measured, by the name in predictions.csv; without those that are gone."""
    data, split = run.experiment.data, results["protocol"]["split"]
    try:
        videos = sources.load_for_evaluation(data, split, run.experiment, run.record)
    except UserError as error:
        log.warning("the data are not there as they were: %s", error)
        return {}
    return {cell(video.name.encode("utf-8", "backslashreplace").decode()): video for video in videos}


def _picture(run: Run, row: Row, known: dict[str, Video], model, attentive: list[str]) -> Html:
    kind, verb = ("wrong", "taken for") if row.wrong else ("right", "recognised as")
    verdict = html.tag("span", f"{row.label}, {verb} {row.predicted}", class_=kind)
    caption = html.joined(verdict, html.Html(f" with probability {row.sureness:.2f}. "), html.tag("span", row.video))
    video = known.get(row.video) or (Video(row.video, (row.label,)) if os.path.exists(row.video) else None)
    clip = None if video is None else read(run, video)
    if clip is None:
        what = "is not there any more" if video is None else "cannot be read"
        return html.tag("figure", html.missing(f"The video {what}."), html.tag("figcaption", caption))
    alt = f"Frames of a video of {row.label}, {verb} {row.predicted}"
    drawn = [html.photo(picture, alt, caption, class_="wide") for picture in _drawn(run, clip, model, attentive)]
    return html.joined(*drawn)


def read(run: Run, video: Video) -> dict[str, np.ndarray] | None:
    """The clip of a video that evaluation draws first, `{stream: (1, T, H, W, 3)}` uint8; None where it cannot be read."""
    data = run.experiment.data
    reader = ClipReader(data, Problems(1, 1.0))
    try:
        inputs, _, readable = next(iter(pipeline.evaluation([video], data, reader, clips=1, crops=1, batch=1)))
    except UserError as error:
        log.warning("%s", error)
        return None
    return {name: np.asarray(frames) for name, frames in inputs.items()} if float(readable[0]) else None


def _drawn(run: Run, clip: dict[str, np.ndarray], model, attentive: list[str]) -> list[np.ndarray]:
    shown = {
        name: pictures.motion(frames, run.experiment.data.flow.encoding)[0] if name == "flow" else frames[0]
        for name, frames in clip.items()
    }
    if not attentive:
        return [strip(frames) for frames in shown.values()]
    outputs = model.predict_on_batch(clip)
    return [_attended(name, shown, keras.ops.convert_to_numpy(outputs[name])[0], model) for name in attentive]


def _attended(name: str, shown: dict[str, np.ndarray], weights: np.ndarray, model) -> np.ndarray:
    """One stream with the coefficients, `(T,)` or `(T, K)`, of one output."""
    stream = name.split("_")[0] if "_" in name else next(iter(shown))
    if weights.ndim == 1:
        return attention_pictures.over_time(shown[stream], weights, COLUMNS)
    rows, columns = model.get_layer(f"{stream}{SUFFIX}").output.shape[2:4]
    height, width = shown[stream].shape[1:3]
    level = weights.reshape(-1, rows, columns) / max(float(weights.max()), 1e-12)
    heat = np.stack([pictures.spread(places, height, width) for places in level])
    return attention_pictures.over_space(shown[stream], heat, COLUMNS)


def strip(frames: np.ndarray) -> np.ndarray:
    """A few frames of `(T, H, W, 3)` side by side."""
    chosen = np.linspace(0, len(frames) - 1, min(COLUMNS, len(frames))).round().astype(int)
    size = cell_size(*frames.shape[1:3])
    return np.concatenate([fitted(frames[k], *size) for k in chosen], axis=1)
