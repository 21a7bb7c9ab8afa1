"""The record of a data set's official splits, NAME-splits.json, and the table of it."""

import json
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from videorec.config import UserError
from videorec.reports.files import UNFINISHED
from videorec.storage import files
from videorec.tasks.recognition import meaning

TITLES = {
    "accuracy": "video accuracy",
    "clip_accuracy": "clip accuracy",
    "mean_class_accuracy": "mean class accuracy",
    "top5": "top-5",
}
TWICE = ("hit_at_1", "hit_at_5")  # equal video accuracy and top-5: not in the table
DEVIATION = "sample standard deviation over the splits (n - 1)"
# Number of a split -> run, log, settings, status; where that is "done" also results, videos, clips and protocol.
Record = dict[str, dict]


def read(path: str, entries: str = "splits") -> Record:
    """What is known of each split, or of other `entries` (the runs of folds); empty where there is no record yet.

    Raises:
        UserError: the file is damaged.
    """
    try:
        return dict(json.loads(files.read(path))[entries])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error!r}). Without it, what is finished is only evaluated again.") from error


def read_results(folder: str) -> dict:
    """Results of a run, a number for each figure; with the numbers of videos and clips, and the protocol.

    Raises:
        OSError, ValueError, KeyError: `results.json` is missing or damaged.
    """
    results = json.loads(files.read(files.join(folder, "results.json")))
    if UNFINISHED in results:
        raise ValueError(results[UNFINISHED])
    row = {key: results[key] for key in TITLES if key in results}
    row |= {f"hit_at_{k}": value for k, value in results["hit_at"].items()}
    row |= {f"{stream}_accuracy": alone["accuracy"] for stream, alone in results.get("streams", {}).items()}
    return {"results": row, "videos": results["videos"], "clips": results.get("clips"), "protocol": results["protocol"]}


def write(path: str, record: Record, splits: Sequence[int]) -> None:
    """The record, with mean and deviation over those of `splits` that are done.

    Raises:
        UserError: the file cannot be written.
    """
    done = _done(record, splits)
    columns = _columns(done)
    content = {
        "splits": dict(sorted(record.items())),
        "mean_over": [int(number) for number in done],
        "mean": {key: statistics.fmean(values) for key, values in columns.items()},
        "deviation": {key: statistics.stdev(values) for key, values in columns.items() if len(values) > 1},
        "deviation_is": DEVIATION,
    }
    try:
        files.write(path, (json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise UserError(f"The results cannot be written to {path}: {error}") from error


def failed(record: Record, splits: Sequence[int]) -> list[str]:
    """A line for each of `splits` that is not done: why, and where its log lies."""
    entries = [(number, record[str(number)]) for number in sorted(splits)]
    return [f"split {n}: {entry['status']}. Log: {entry['log']}" for n, entry in entries if entry["status"] != "done"]


def _done(record: Record, splits: Sequence[int]) -> Record:
    return {str(n): record[str(n)] for n in sorted(splits) if record.get(str(n), {}).get("status") == "done"}


def _columns(done: Record) -> dict[str, list[float]]:
    """The splits' values of every figure that all of them have."""
    rows = [entry["results"] for entry in done.values()]
    return {key: [row[key] for row in rows] for key in (rows[0] if rows else {}) if all(key in row for row in rows)}


def show(record: Record, splits: Sequence[int], console: Console) -> None:
    """A row for each of `splits` that is done, mean and deviation, and what the figures are of."""
    done = _done(record, splits)
    if not done:
        return
    columns = {key: values for key, values in _columns(done).items() if key not in TWICE}
    table = Table("split", *(_title(key) for key in columns), "videos", title="official splits")
    for column in table.columns[1:]:
        column.justify = "right"
    for i, (number, entry) in enumerate(done.items()):
        table.add_row(number, *(f"{values[i]:.4f}" for values in columns.values()), str(entry["videos"]))
    table.add_section()
    videos = str(sum(entry["videos"] for entry in done.values()))
    table.add_row("mean", *(f"{statistics.fmean(values):.4f}" for values in columns.values()), videos)
    if len(done) > 1:
        table.add_row("deviation", *(f"{statistics.stdev(values):.4f}" for values in columns.values()), "")
    console.print(table)
    protocol = next(iter(done.values()))["protocol"]
    for line in (
        f"Each split: {meaning.views(protocol)}. Mean over splits {', '.join(done)}; deviation: {DEVIATION}.",
        "Video accuracy: probabilities averaged over the clips and crops of a video; clip accuracy: each clip alone.",
    ):
        console.print(line, soft_wrap=True, highlight=False)


def _title(key: str) -> str:
    return TITLES.get(key, key.replace("hit_at_", "Hit@").replace("_", " "))
