"""What predictions look like on the screen, in a CSV file and in a JSON file. Every one is shown as it comes; none is kept."""

import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TextIO

from rich.console import Console
from rich.text import Text

from videorec.config import UserError
from videorec.inference.prediction import LIKELY, Prediction
from videorec.inference.rows import Layout
from videorec.storage import files
from videorec.terminal import printable, visible

BAR = 30  # characters of the longest bar
STDOUT = "-"

# === Files ===


class Rows:
    """Predictions as rows of a CSV file, see `Layout`, each written whole at once: of a process that is killed, what is done
    stays.

    Args:
        path: the file, or - for standard output.
        recipe: of the model.
        stream: predictions are those of a stream.

    Raises:
        UserError: the file cannot be written.
    """

    def __init__(self, path: str, recipe: dict, stream: bool = False):
        self._layout, self._file = Layout(recipe, stream), opened(path)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._write([name for name, _ in self._layout.columns])

    def add(self, prediction: Prediction) -> None:
        """Write the rows of a prediction."""
        for row in self._layout.rows(prediction):
            self._write(self._layout.as_text(row))

    def close(self) -> None:
        """Close the file."""
        closed(self._file)

    def _write(self, row: Sequence) -> None:
        self._writer.writerow(row)
        self._file.flush()


class Json:
    """Predictions as a list in a JSON file, one a line, written as they come; `close` ends the list.

    Args:
        path: the file, or - for standard output.

    Raises:
        UserError: the file cannot be written.
    """

    def __init__(self, path: str):
        self._file, self._before = opened(path), "[\n"

    def add(self, prediction: Prediction) -> None:
        """Write an entry."""
        entry = prediction.as_dict()
        plain = printable(entry["video"]) == entry["video"]  # otherwise its bytes are escaped, so that the file is UTF-8
        self._file.write(self._before + json.dumps(entry, ensure_ascii=not plain))
        self._file.flush()
        self._before = ",\n"

    def close(self) -> None:
        """End the list and close the file."""
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")
        closed(self._file)


def opened(path: str) -> TextIO:
    """A text file to write, its folder made; standard output for -.

    Raises:
        UserError: it cannot be written.
    """
    if path == STDOUT:
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        return sys.stdout
    place = files.must_be_local(path, "an output file").expanduser()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return open(place, "w", newline="", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error


def closed(file: TextIO) -> None:
    """Close a file of `opened`; standard output stays open."""
    if file is sys.stdout:
        file.flush()
    else:
        file.close()


# === Screen ===


class Screen:
    """Predictions on the screen: of one video in detail, of several as a table that grows.

    Args:
        recipe: of the model.
        names: of all videos that are to come, which say how wide the table is.
        top: most probable classes that are shown.
    """

    def __init__(self, console: Console, recipe: dict, names: Sequence[str], top: int):
        self._console, self._recipe, self._top = console, recipe, top
        self._several = len(names) > 1
        self._folder = _common_folder(names) if self._several else ""
        longest = max((len(name) - len(self._folder) for name in names), default=0)
        room = max(console.width - 60, 20) if console.is_terminal else longest
        self._widths = [max(min(longest, room), 5), *_widths(recipe)]
        self._began = False

    def add(self, prediction: Prediction) -> None:
        """Show a prediction."""
        if not self._several and prediction.probabilities and not prediction.coming:
            self._in_detail(prediction)
            return
        if not self._began:
            self._head()
        self._began = True
        if prediction.error is not None:
            self._line([prediction.video, f"unreadable: {prediction.error}"], "red")
            return
        for row in _cells(prediction, self._recipe, self._top):
            self._line([prediction.video, *row])

    def _head(self) -> None:
        if self._folder:
            self._console.print(Text(f"videos in {visible(self._folder)}", style="dim"), soft_wrap=True)
        self._line(["video", *HEADS[self._recipe["task"]]], "bold")

    def _line(self, cells: Sequence[str], style: str = "") -> None:
        name, *others = (visible(printable(cell)) for cell in cells)
        first, *widths = self._widths
        name = name.removeprefix(visible(printable(self._folder)))
        name = name if len(name) <= first or not self._console.is_terminal else f"…{name[1 - first :]}"
        padded = [cell.ljust(width) for cell, width in zip(others, [*widths, *[0] * len(others)], strict=False)]
        line = Text("  ".join([name.ljust(first), *padded]).rstrip(), style=style)
        if self._console.is_terminal:
            self._console.print(line, no_wrap=True, overflow="ellipsis", highlight=False)
        else:
            self._console.print(line, soft_wrap=True, highlight=False)

    def _in_detail(self, prediction: Prediction) -> None:
        top = prediction.top(self._top)
        several = self._recipe["target"] == "multilabel"
        answer = ", ".join(prediction.labels) or f"no label of {LIKELY} or more" if several else prediction.label
        line = Text.assemble(f"{visible(printable(prediction.video))}: ", (visible(answer), "bold green"))
        self._console.print(line, soft_wrap=True, highlight=False)
        width = max((len(name) for name, _ in top), default=0)
        for name, p in top:
            line = f"  {name.ljust(width)}  {p:.3f}  {'█' * round(BAR * p)}".rstrip()
            self._console.print(Text(visible(line)), soft_wrap=True, highlight=False)


HEADS = {
    "recognition": ["label", "score", "then"],
    "dense": ["from (s)", "to (s)", "label", "score"],
    "anticipation": ["from (s)", "to (s)", "label", "score"],
    "forecasting": ["seen", "forecast"],
}


def _widths(recipe: dict) -> list[int]:
    label = min(max((len(name) for name in recipe["classes"]), default=5), 40)
    return {"recognition": [label, 5], "dense": [8, 8, label], "anticipation": [8, 8, label], "forecasting": [20]}[
        recipe["task"]
    ]


def _cells(prediction: Prediction, recipe: dict, top: int) -> Iterator[list[str]]:
    """The cells beside the video's name, of each of its lines."""
    if prediction.frames is not None:
        yield [_size(prediction.seen), _size(prediction.frames)]
    elif prediction.moments is not None:
        for s in prediction.segments:
            yield [f"{s.start:.2f}", f"{s.end:.2f}", s.label, f"{s.score:.3f}"]
        if not prediction.segments:
            yield ["no label in it"]
    elif prediction.coming:
        for first, last, label, score in _coming(prediction.coming):
            yield [f"+{first / prediction.rate:.2f}", f"+{last / prediction.rate:.2f}", label, f"{score:.3f}"]
    else:
        best, *others = prediction.top(max(top, 1))
        if recipe["target"] == "multilabel":
            likely = [(name, p) for name, p in prediction.top(len(prediction.probabilities)) if p >= LIKELY]
            best, others = (likely[0], likely[1:]) if likely else (("-", best[1]), [best, *others])
        yield [best[0], f"{best[1]:.3f}", ", ".join(f"{name} {p:.2f}" for name, p in others)]


def _coming(steps: Sequence[dict[str, float]]) -> Iterator[tuple[int, int, str, float]]:
    """Steps to come with one label, as `(steps before the first, the last step, label, mean probability)`."""
    labels = [max(step, key=step.get) for step in steps]
    for label, group in groupby(range(len(steps)), key=labels.__getitem__):
        run = list(group)
        yield run[0], run[-1] + 1, label, sum(steps[k][label] for k in run) / len(run)


def _size(frames) -> str:
    return f"{len(frames)} frames {frames.shape[1]} x {frames.shape[2]}"


def _common_folder(names: Sequence[str]) -> str:
    """The folder that all names begin with, with its slash; empty where there is none."""
    if any(files.is_remote(name) or os.path.isabs(name) != os.path.isabs(names[0]) for name in names):
        return ""
    common = os.path.commonpath([os.path.dirname(name) for name in names])
    return f"{common.rstrip('/')}/" if common and all(name.startswith(f"{common.rstrip('/')}/") for name in names) else ""
