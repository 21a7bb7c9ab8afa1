"""Cross-validation by group: the folds and their manifests, and what all videos got together."""

import csv
import dataclasses
import io
import json
import logging
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import StratifiedGroupKFold

from videorec.config import Data, UserError
from videorec.data import manifest, same_files
from videorec.data.labels import canonical
from videorec.data.manifest import Video
from videorec.reports.spreadsheet import cell
from videorec.storage import files, outside
from videorec.tools import index_manifest, splits_work
from videorec.tools.splits_work import Split

log = logging.getLogger("folds")
FUSED = "fused"  # folder in a run: evaluated together with the other folds' run; and the row of all seeds together


@dataclass(frozen=True)
class Plan:
    """The runs to do, by `foldK-seedS`, and where their record lies."""

    splits: dict[str, Split]
    record: str
    seeds: tuple[int, ...]
    folds: int
    fuse: str | None


def plan(options, settings: Sequence[str]) -> Plan:
    """Divide the videos, write a manifest a fold, and say what is to be trained on each.

    Args:
        options: of the command line (`folds.Options`).
        settings: of train.py's command line.

    Raises:
        UserError: settings that do not go together, remote runs, a source that is no manifest and no folder of classes, fewer
            groups than folds, or other videos than when folds of this name, or those to fuse with, were made.
    """
    given = [*settings, *(["--name", options.name] if options.name is not None else [])]
    experiment = splits_work.experiment(options.preset, given)
    if files.is_remote(experiment.runs) or getattr(experiment.model, "target", None) != "clip":
        raise UserError("Folds are of recognisers with one class a clip (--model.target clip), and of runs on a local disk.")
    runs, name = Path(experiment.runs), experiment.name
    if options.fuse == name:
        raise UserError(f"--fuse names other folds than these. Received: {options.fuse}")
    folder = runs / f"{name}-folds"
    folder.mkdir(parents=True, exist_ok=True)
    videos = divided(_videos(experiment.data, options.with_test), options.folds)
    splits, weights = {}, ("--weights", *map(str, options.weights)) if options.weights else ()
    for fold in range(1, options.folds + 1):
        table = folder / f"fold{fold}.csv"
        rows = [dataclasses.replace(v, split="test" if k == fold else "train") for v, k in videos]
        _keep(table, rows)
        if options.fuse:
            _check_fused(table, runs / f"{options.fuse}-folds" / table.name)
        for seed in options.seeds:
            key = f"fold{fold}-seed{seed}"
            chosen = (*settings, "--name", f"{name}-{key}", "--data.path", str(table), "--train.seed", str(seed))
            again = ("--fuse", str(runs / f"{options.fuse}-{key}"), "--out", str(runs / f"{name}-{key}" / FUSED), *weights)
            evaluations = ((), again) if options.fuse else ((),)
            parsed = splits_work.experiment(options.preset, chosen)
            splits[key] = Split(name, fold, parsed, (options.preset, *chosen), evaluations)
    return Plan(splits, str(runs / f"{name}-folds.json"), options.seeds, options.folds, options.fuse)


def _keep(table: Path, rows: list[Video]) -> None:
    """Write a fold's manifest; one that is there must say the same, or what is done would be of other videos."""
    new = table.with_name(f"new_{table.name}")
    manifest.write(new.resolve(), rows)
    if table.exists() and table.read_bytes() != new.read_bytes():
        new.unlink()
        raise UserError(f"{table} names other videos or folds than these settings do: choose another --name")
    files.replace(new, table)


def _check_fused(table: Path, other: Path) -> None:
    """What is fused must have been trained on the same videos, or it may have seen those that are measured."""
    if not other.exists() or other.read_bytes() != table.read_bytes():
        what = "names other videos" if other.exists() else "does not exist"
        raise UserError(f"--fuse takes folds of the same videos. Expected as in {table}. Received: {other}, which {what}")


def _videos(data: Data, with_test: bool) -> list[Video]:
    """All that `data` lists, without the test videos of a manifest where they are not wanted."""
    source = Path(data.path).expanduser()
    if source.suffix == ".csv":
        videos = manifest.read(source.resolve(), data.videos)
        kept = [video for video in videos if with_test or video.split != "test"]
        if len(kept) < len(videos):
            log.info("left out: %d test videos of %s (--with-test divides them too)", len(videos) - len(kept), source)
    elif source.is_dir():
        kept = index_manifest.read(source, data.group)
    else:
        raise UserError(f"--data.path must be a manifest (.csv) or a folder with a sub-folder a class. Received: {data.path}")
    return index_manifest.without(kept, data.exclude)


def divided(videos: list[Video], folds: int) -> list[tuple[Video, int]]:
    """Each video with the fold that it is measured in, from 1 on: whole groups, classes as even as groups allow.

    Videos of one file are in one group; a video without a group is its own. The same videos always get the same folds.

    Raises:
        UserError: fewer groups than folds.
    """
    same = same_files.representatives(video.path for video in videos)
    videos = sorted(same_files.in_one_group(videos, same), key=lambda video: video.name)
    groups = [canonical(video.group) if video.group is not None else f"\0{k}" for k, video in enumerate(videos)]
    if len(set(groups)) < folds:
        raise UserError(f"--folds must be {len(set(groups))} at most, one group a fold at least. Received: {folds}")
    labels = [" ".join(sorted(video.labels)) for video in videos]
    number = np.zeros(len(videos), int)
    parts = StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(labels, labels, groups)
    for fold, (_, measured) in enumerate(parts, start=1):
        number[measured] = fold
    return [(dataclasses.replace(v, path=os.path.abspath(v.path)), int(k)) for v, k in zip(videos, number, strict=True)]


# === Results ===


@dataclass(frozen=True)
class Answer:
    """A row of predictions.csv, its names as they stand there."""

    video: str
    label: str
    predicted: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]


def write(plan: Plan, record: dict[str, dict]) -> None:
    """The record, with what all videos got for each seed whose folds are all done."""
    pooled = {title: {str(seed): figures for seed, figures in rows.items()} for title, rows in _pooled(plan, record).items()}
    content = {"runs": record, "folds": plan.folds, "fused_with": plan.fuse, "all_videos": pooled}
    files.write(plan.record, (json.dumps(content, indent=2) + "\n").encode())


def _pooled(plan: Plan, record: dict[str, dict]) -> dict[str, dict[int | str, dict]]:
    """`{"alone" or "fused": {seed: figures}}` over the seeds that are done; of several, all together as the seed `FUSED`."""
    rows = {}
    for title, below in (("alone", ""), (FUSED, FUSED)) if plan.fuse else (("alone", ""),):
        answers: dict[int | str, list[list[Answer]]] = {}
        for seed in plan.seeds:
            keys = [f"fold{fold}-seed{seed}" for fold in range(1, plan.folds + 1)]
            if all(record.get(key, {}).get("status") == "done" for key in keys):
                answers[seed] = [_answers(os.path.join(plan.splits[key].folder, below)) for key in keys]
        if len(answers) == len(plan.seeds) > 1:
            answers[FUSED] = [mean(of_seeds) for of_seeds in zip(*answers.values(), strict=True)]
        rows[title] = {
            seed: figures([[(answer.label, answer.predicted) for answer in fold] for fold in folds])
            for seed, folds in answers.items()
        }
    return rows


def _answers(folder: str) -> list[Answer]:
    """What a run said of the readable videos of a fold.

    Raises:
        UserError: it cannot be read.
    """
    path = os.path.join(folder, "predictions.csv")
    with outside.reading(path, "Without NAME-folds.json the same command evaluates every fold anew"):
        header, *rows = csv.reader(io.StringIO(files.read(path).decode(), newline=""), strict=True)
        classes = tuple(cell(name.removeprefix("p(").removesuffix(")")) for name in header[4:])
        return [Answer(row[0], row[1], row[2], classes, tuple(map(float, row[4:]))) for row in rows]


def mean(seeds: Sequence[list[Answer]]) -> list[Answer]:
    """What several runs say together: the mean of their probabilities, of the videos that all of them could read."""
    first, *others = seeds
    known = [{answer.video: answer for answer in other} for other in others]
    joined = []
    for answer in first:
        if all(answer.video in other for other in known):
            every = [answer.probabilities, *(other[answer.video].probabilities for other in known)]
            together = np.mean(every, axis=0)
            best = answer.classes[int(together.argmax())]
            joined.append(dataclasses.replace(answer, predicted=best, probabilities=tuple(together)))
    return joined


def figures(folds: list[list[tuple[str, str]]]) -> dict:
    """Accuracy over all videos, its mean over classes, and the accuracy of each fold, of (true, predicted) classes."""
    rows = [row for fold in folds for row in fold]
    right = {label: [true == said for true, said in rows if true == label] for label, _ in rows}
    return {
        "videos": len(rows),
        "accuracy": statistics.fmean(true == said for true, said in rows),
        "mean_class_accuracy": statistics.fmean(statistics.fmean(values) for values in right.values()),
        "folds": [statistics.fmean(true == said for true, said in fold) if fold else None for fold in folds],
    }


def show(plan: Plan, record: dict[str, dict], console: Console) -> None:
    """A row a seed, the mean over seeds, and what the seeds get together: their probabilities averaged."""
    for title, rows in _pooled(plan, record).items():
        if not rows:
            continue
        name = title if title == "alone" else f"fused with {plan.fuse}"
        columns = ("accuracy", "mean class accuracy", *(f"fold {k}" for k in range(1, plan.folds + 1)), "videos")
        table = Table("seed", *columns, title=f"{plan.folds} folds by group, {name}")
        for column in table.columns[1:]:
            column.justify = "right"
        values = {
            seed: [row["accuracy"], row["mean_class_accuracy"], *(np.nan if x is None else x for x in row["folds"])]
            for seed, row in rows.items()
        }
        together = values.pop(FUSED, None)
        for seed, numbers in values.items():
            table.add_row(str(seed), *(f"{x:.3f}" for x in numbers), str(rows[seed]["videos"]))
        if len(values) > 1:
            table.add_section()
            table.add_row("mean", *(f"{x:.3f}" for x in np.mean(list(values.values()), axis=0)), "")
        if together:
            table.add_row(FUSED, *(f"{x:.3f}" for x in together), str(rows[FUSED]["videos"]))
        console.print(table)
