"""Compare runs: accuracy, size, arithmetic, time to train and to answer, side by side.

    python -m videorec.tools.compare runs/lrcn runs/gru_rcn
    python -m videorec.tools.compare runs/* --markdown

Runs that differ in their name and seed alone are one row, with the mean and the range over seeds. Accuracies are those of
evaluate.py (results.json); the time to answer is measured here, so compare it within one table only.
"""

import dataclasses
import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import tyro
from rich.console import Console
from rich.table import Table

from videorec import terminal
from videorec.config import Experiment, UserError
from videorec.config.file import to_dict

COLUMNS = (
    *("run", "seeds", "accuracy", "mean class accuracy", "measured on", "parameters", "trained"),
    *("MFLOPs a frame", "train s", "ms a clip"),
)
WIDE = 150  # characters of a terminal that takes a run a line


@dataclass(frozen=True)
class Options:
    """What to compare."""

    runs: tyro.conf.Positional[tuple[str, ...]]
    """Run folders, local or remote, each evaluated with evaluate.py."""
    markdown: bool = False
    """Print the table as Markdown."""
    repeats: int = 10
    """Clips that the time to answer is the median of."""


@dataclass(frozen=True)
class Results:
    """What is taken from a run's `results.json`; accuracies in [0, 1]."""

    accuracy: float
    mean_class_accuracy: float
    protocol: str
    """On which videos, in how many views."""


@dataclass(frozen=True)
class Row:
    """What one run shows. `seconds`: its epochs, without the computation of cached features; NaN where unknown."""

    name: str
    results: Results
    parameters: int
    trained: int
    megaflops: float
    seconds: float
    milliseconds: float


def read_results(run) -> Results:
    """The results of a `videorec.runs.run.Run`.

    Raises:
        UserError: there are none yet, the file is damaged, or the run is no recogniser's.
    """
    if run.experiment.task != "recognition" or run.experiment.model.target != "clip":
        raise UserError(
            f"Recognisers of one class a clip are compared here; {run.place} learns something else: "
            f"python evaluate.py {run.place}"
        )
    path, command = run.folder / "results.json", f"python evaluate.py {run.place}"
    if not path.exists():
        raise UserError(f"{run.place} has no results yet: {command}")
    try:
        results = json.loads(path.read_text())
        return Results(
            results["accuracy"], results["mean_class_accuracy"], _describe_protocol(results, run.experiment.data.path)
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}). Write it anew: {command}") from error


def _describe_protocol(results: dict, trained_on: str) -> str:
    protocol = results["protocol"]
    text = f"{results['videos']} {protocol['split']}, {protocol['clips_per_video']} x {protocol['crops_per_clip']}"
    if protocol["data"] != trained_on:
        text += f" of {protocol['data']}"
    if len(protocol["runs"]) > 1:
        text += f", {len(protocol['runs'])} runs fused"
    return text


def measure(run, results: Results, repeats: int) -> Row:
    """Load, count and time one run.

    Args:
        run: a `videorec.runs.run.Run`.
        results: its results.
        repeats: clips to time.

    Raises:
        UserError: its model cannot be read.
    """
    name, data = run.folder.resolve().name, run.experiment.data
    try:
        model = run.load_model()
    except UserError as error:
        raise UserError(f"{error} Train it again: python train.py PRESET --name {name} --train.no-resume") from error
    shapes = {name: (data.of(name).frames, *data.crop, 3) for name in data.streams}
    state = run.last_state()
    return Row(
        name,
        results,
        parameters=model.count_params(),
        trained=sum(math.prod(weight.shape) for weight in model.trainable_weights),
        megaflops=flops_a_frame(model, shapes) / 1e6,
        seconds=state["counters"].get("seconds", math.nan) if state else math.nan,
        milliseconds=milliseconds_a_clip(model, shapes, repeats),
    )


# === Arithmetic ===


def flops_a_frame(model, shapes: dict[str, tuple[int, int, int, int]]) -> float:
    """Floating-point operations of the convolutions and matrix products of a clip, divided by the frames of its
    longer stream.

    A multiplication and its addition are two operations. What is left out (biases, activations, pooling, scaling) has no
    sum over channels, and is a small share. The loops over time are unrolled: in a loop's body TensorFlow knows no shapes.

    Args:
        model: a Keras model with a dict of streams as input.
        shapes: of the clip, `(T, H, W, 3)` by the stream's name; whole, since some layers see it only once.
    """
    import tensorflow as tf

    loops = [(layer, layer.unroll) for layer in model._flatten_layers() if hasattr(layer, "unroll")]
    clip = {name: tf.TensorSpec((1, *shape), tf.uint8, name=name) for name, shape in shapes.items()}
    nested = tf.config.functions_run_eagerly()
    try:
        tf.config.run_functions_eagerly(True)  # Keras puts a grouped convolution in a graph of its own: not so
        for layer, _ in loops:
            layer.unroll = True  # also keeps cuDNN away, which hides a whole LSTM in one operation
        graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(clip).graph
    finally:
        tf.config.run_functions_eagerly(nested)
        for layer, unroll in loops:
            layer.unroll = unroll
    return sum(2 * _multiplications(operation) for operation in graph.get_operations()) / max(
        shape[0] for shape in shapes.values()
    )


def _multiplications(operation) -> int:
    """Of one operation of a TensorFlow graph: the elements of its output, times the products summed in each."""
    if any(attribute.type == "func" for attribute in operation.op_def.attr):
        raise RuntimeError(f"{operation.name} ({operation.type}) hides a graph, whose operations would not be counted.")
    if operation.type in ("Conv2D", "Conv3D", "DepthwiseConv2dNative"):
        kernel, channels = operation.inputs[1].shape, operation.outputs[0].shape[-1]  # groups: the kernel is smaller
        summed = kernel.num_elements() // channels
    elif operation.type in ("MatMul", "BatchMatMulV2"):
        transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        summed = operation.inputs[0].shape[-2 if transposed else -1]
    else:
        return 0
    return operation.outputs[0].shape.num_elements() * summed


# === Time ===


def milliseconds_a_clip(model, shapes: dict[str, tuple[int, int, int, int]], repeats: int) -> float:
    """Median time from one clip of decoded frames, uint8, to probabilities."""
    import numpy as np

    rng = np.random.default_rng(0)
    clip = {name: rng.integers(0, 256, (1, *shape), np.uint8) for name, shape in shapes.items()}
    times = []
    for _ in range(repeats + 2):
        began = time.perf_counter()
        model.predict_on_batch(clip)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[2:])  # the first two build the graph and warm up


# === Table ===


def group(rows: Sequence[Row], experiments: Sequence[Experiment]) -> list[list[Row]]:
    """Together: rows measured alike of experiments that differ in name and seed alone; in the order of their first."""
    groups: dict[str, list[Row]] = {}
    for row, experiment in zip(rows, experiments, strict=True):
        train = dataclasses.replace(experiment.train, seed=0)
        key = [row.results.protocol, to_dict(dataclasses.replace(experiment, name="", train=train))]
        groups.setdefault(json.dumps(key), []).append(row)
    return list(groups.values())


def cells(rows: Sequence[Row]) -> tuple[str, ...]:
    """The texts of one line of the table."""
    first = rows[0]
    return (
        first.name,
        str(len(rows)),
        _spread([row.results.accuracy for row in rows]),
        _spread([row.results.mean_class_accuracy for row in rows]),
        first.results.protocol,
        f"{first.parameters:,}",
        f"{first.trained:,}",
        f"{first.megaflops:,.1f}",
        _mean([row.seconds for row in rows], ".0f"),
        _mean([row.milliseconds for row in rows], ".1f"),
    )


def _mean(values: list[float], form: str) -> str:
    mean = statistics.fmean(values)
    return "-" if math.isnan(mean) else format(mean, form)


def _spread(values: list[float]) -> str:
    ends = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
    return _mean(values, ".3f") + ends


def show(lines: Sequence[tuple[str, ...]], console: Console, markdown: bool) -> None:
    """The table; on a narrow terminal one run a column, since the figures of one run would not fit side by side."""
    if markdown:
        rule = ("---", *("---:" for _ in COLUMNS[1:]))
        for line in (COLUMNS, rule, *lines):
            console.print("| " + " | ".join(line) + " |", soft_wrap=True, markup=False, highlight=False)
        return
    header, *body = (COLUMNS, *lines) if console.width >= WIDE else zip(COLUMNS, *lines, strict=True)
    table = Table()
    for number, text in enumerate(header):
        table.add_column(terminal.rich_escape(text), justify="right" if number else "left", overflow="fold")
    for line in body:
        table.add_row(*map(terminal.rich_escape, line))
    console.print(table)


def main(args: list[str]) -> int:
    """Read -> measure -> group -> show."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.compare")
    if not options.runs:
        raise UserError("Give at least one run folder: python -m videorec.tools.compare runs/*")
    if options.repeats < 1:
        raise UserError(f"--repeats must be 1 or more. Received: {options.repeats}")

    from videorec.runs.run import Run  # TensorFlow takes seconds to import: not for --help

    runs = [Run.open(place) for place in dict.fromkeys(place.rstrip("/") for place in options.runs)]
    results = [read_results(run) for run in runs]  # what is missing shows before anything is measured
    rows = []
    with terminal.Bar("measuring") as bar:
        for run, result in zip(runs, results, strict=True):
            rows.append(measure(run, result, options.repeats))
            bar(len(rows), len(runs))
    show([cells(rows) for rows in group(rows, [run.experiment for run in runs])], Console(), options.markdown)
    return 0


if __name__ == "__main__":
    terminal.run(main)
