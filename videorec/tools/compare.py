"""Compare runs: accuracy, size, arithmetic, time to train and to answer, side by side.

    python -m videorec.tools.compare runs/lrcn runs/gru_rcn
    python -m videorec.tools.compare runs/* --markdown

Runs that differ in their seed alone are one row, with the mean and the range over seeds. Accuracies are those of evaluate.py
(results.json); the time to answer is measured here, so compare it within one table only.
"""

import dataclasses
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

from videorec import cli
from videorec.config import Experiment, UserError

COLUMNS = ("run", "seeds", "accuracy", "mean class accuracy", "parameters", "trained", "MFLOPs a frame", "train s", "ms a clip")


@dataclass(frozen=True)
class Options:
    """What to compare."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders, each evaluated with evaluate.py."""
    markdown: bool = False
    """Print the table as Markdown."""
    repeats: int = 10
    """Clips that the time to answer is the median of."""


@dataclass(frozen=True)
class Row:
    """What one run shows; accuracies in [0, 1], seconds of training (without the features' computation), and so on."""

    name: str
    accuracy: float
    mean_class_accuracy: float
    parameters: int
    trained: int
    megaflops: float
    seconds: float
    milliseconds: float


def measure(run, repeats: int) -> Row:
    """Read and time one run.

    Args:
        run: a `videorec.run.Run`.
        repeats: clips to time.

    Raises:
        UserError: it has no results yet.
    """
    results = _results(run.folder)
    model, data = run.load_model(), run.experiment.data
    state = run.last_state()
    return Row(
        run.folder.name,
        results["accuracy"],
        results["mean_class_accuracy"],
        model.count_params(),
        sum(weight.shape.num_elements() for weight in model.trainable_weights),
        flops_a_frame(model, run.experiment) / 1e6,
        state["counters"].get("seconds", float("nan")) if state else float("nan"),
        milliseconds_a_clip(model, data.stream, (data.frames, *data.crop, 3), repeats),
    )


def _results(folder: Path) -> dict:
    path = folder / "results.json"
    if not path.exists():
        raise UserError(f"{folder} has no results yet: python evaluate.py {folder}")
    return json.loads(path.read_text())


def flops_a_frame(model, experiment: Experiment) -> float:
    """Floating-point operations of one frame in inference; a multiplication and an addition are two.

    Counted on a clip of one frame, where every loop over time has one step; on a whole clip where one is too short.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    data, settings = experiment.data, experiment.model
    frames = 1 if settings.any_length and settings.least_frames == 1 else data.frames
    clip = tf.TensorSpec((1, frames, *data.crop, 3), tf.uint8)
    function = tf.function(lambda x: model({data.stream: x}, training=False)).get_concrete_function(clip)
    graph = convert_variables_to_constants_v2(function).graph  # loops become plain graphs, whose operations can be counted
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return tf.compat.v1.profiler.profile(graph, options=options).total_float_ops / frames


def milliseconds_a_clip(model, stream: str, shape: tuple[int, ...], repeats: int) -> float:
    """Median time from one clip of decoded frames, `shape` uint8, to probabilities."""
    import numpy as np

    clip = {stream: np.random.default_rng(0).integers(0, 256, (1, *shape), np.uint8)}
    times = []
    for _ in range(repeats + 2):
        began = time.perf_counter()
        model.predict_on_batch(clip)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[2:])  # the first two build the graph and warm up


def group(rows: Sequence[Row], experiments: Sequence[Experiment]) -> list[list[Row]]:
    """Rows of experiments that differ in name and seed alone, together; in the order of the first of each."""
    groups: dict = {}
    for row, experiment in zip(rows, experiments, strict=True):
        train = dataclasses.replace(experiment.train, seed=0)
        groups.setdefault(dataclasses.replace(experiment, name="", train=train), []).append(row)
    return list(groups.values())


def cells(rows: Sequence[Row]) -> tuple[str, ...]:
    """The texts of one line of the table."""

    def mean(field, form):
        return format(statistics.fmean(getattr(row, field) for row in rows), form)

    def spread(field):
        values = [getattr(row, field) for row in rows]
        return mean(field, ".3f") + (f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else "")

    first = rows[0]
    return (
        first.name,
        str(len(rows)),
        spread("accuracy"),
        spread("mean_class_accuracy"),
        f"{first.parameters:,}",
        f"{first.trained:,}",
        f"{first.megaflops:.1f}",
        mean("seconds", ".0f"),
        mean("milliseconds", ".1f"),
    )


def show(lines: Sequence[tuple[str, ...]], console: Console, markdown: bool) -> None:
    """The table."""
    if markdown:
        rule = ("---", *("---:" for _ in COLUMNS[1:]))
        for line in (COLUMNS, rule, *lines):
            console.print("| " + " | ".join(line) + " |", soft_wrap=True, markup=False, highlight=False)
        return
    table = Table()
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if number else "left")
    for line in lines:
        table.add_row(*map(cli.rich_escape, line))
    console.print(table)


def main(args: list[str]) -> int:
    """Measure -> group -> show."""
    options = tyro.cli(Options, args=args, description=__doc__, prog="python -m videorec.tools.compare")
    if options.repeats < 1:
        raise UserError(f"--repeats must be 1 or more. Received: {options.repeats}")

    from videorec.run import Run  # TensorFlow takes seconds to import: not for --help

    runs = [Run(folder) for folder in options.runs]
    rows = [measure(run, options.repeats) for run in runs]
    show([cells(rows) for rows in group(rows, [run.experiment for run in runs])], Console(), options.markdown)
    return 0


if __name__ == "__main__":
    cli.run(main)
