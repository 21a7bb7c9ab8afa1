"""What a comparison shows of a run: its results, its size, its arithmetic and its times."""

import json
import math
import statistics
import time
from dataclasses import dataclass

import keras
import numpy as np

from videorec import tasks
from videorec.config import UserError
from videorec.config.base import Source
from videorec.config.footage import Footage
from videorec.reports.files import UNFINISHED
from videorec.runs.run import Run
from videorec.storage import outside
from videorec.tasks.figures import Figure
from videorec.tools.compare_flops import flops_a_frame


@dataclass(frozen=True)
class Results:
    """What is taken from a run's `results.json`."""

    figures: tuple[Figure, ...]
    """The headlines of its task."""
    protocol: str
    """On what, in how many views."""


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


def read_results(run: Run) -> Results:
    """The results of a run, as evaluate.py wrote them.

    Raises:
        UserError: there are none yet, or the file is damaged, unfinished, or of other data.
    """
    results = read_json(run)
    figures = tasks.of(run.experiment).figures(results)
    return Results(tuple(figure for figure in figures if figure.headline), describe_protocol(results, run))


def read_json(run: Run) -> dict:
    """The content of a run's `results.json`, which has the figures of its task.

    Raises:
        UserError: as `read_results`.
    """
    path, command = run.folder / "results.json", f"python evaluate.py {run.place}"
    if not path.exists():
        raise UserError(f"{run.place} has no results yet: {command}")
    with outside.reading(path, f"Write it anew: {command}"):
        results = json.loads(path.read_text(encoding="utf-8"))
        if UNFINISHED in results:
            raise UserError(f"{path} is not finished: {results[UNFINISHED]}: {command}")
        outside.checked(results, {"protocol": dict})
        if not is_of_own_data(results):
            other = results["protocol"]["data"]
            raise UserError(f"{path} holds figures of other data, {other}. Measure the run's own: {command}")
        for figure in tasks.of(run.experiment).figures(results):
            if not isinstance(figure.value, int | float | None):
                raise ValueError(f"{figure.name} must be a number. Received: {figure.value!r}")
        describe_protocol(results, run)
        return results


def is_of_own_data(results: dict) -> bool:
    """Whether the figures in `results.json` are of the data that the run was trained on; older files tell it by the paths."""
    protocol = results["protocol"]
    return protocol.get("own_data", protocol["data"] == protocol.get("trained_on", protocol["data"]))


def describe_protocol(results: dict, run: Run) -> str:
    """What figures were measured on; those of two runs with the same text may be compared."""
    protocol, own = results["protocol"], run.experiment.data
    text = tasks.of(run.experiment).measured(results)
    place = protocol["data"].split(": ")[0]  # of forecasters the text goes on with their windows
    if own.path not in (protocol["data"], place) and not protocol.get("own_data"):
        text += f" of {place}"
    left_out = [name for name in protocol.get("exclude", ()) if name not in own.exclude]
    if left_out:
        text += f" without {', '.join(left_out)}"
    if len(protocol["runs"]) > 1:
        text += f", {len(protocol['runs'])} runs fused"
    return text


def measure(run: Run, results: Results, repeats: int) -> Row:
    """Load, count and time one run.

    Args:
        run, results: the run, and its results.
        repeats: clips to time.

    Raises:
        UserError: its model cannot be read.
    """
    name = run.folder.resolve().name
    try:
        model = run.load_model()
    except UserError as error:
        raise UserError(f"{error} Train it again: python train.py PRESET --name {name} --train.no-resume") from error
    shapes = clip_shapes(model, run.experiment.data)
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


def clip_shapes(model: keras.Model, data: Source) -> dict[str, tuple[int, ...]]:
    """`(T, H, W, C)` of what the model takes, by stream; what it leaves open is as the data say."""
    shapes = {}
    for name, tensor in model.input.items():
        part = data.of(name) if isinstance(data, Footage) else data
        given = (part.frames, *(part.crop if isinstance(data, Footage) else (None, None)), None)
        shapes[name] = tuple(known or other for known, other in zip(tensor.shape[1:], given, strict=True))
    return shapes


def milliseconds_a_clip(model: keras.Model, shapes: dict[str, tuple[int, ...]], repeats: int) -> float:
    """Median time from one clip of decoded frames, uint8, to probabilities."""
    rng = np.random.default_rng(0)
    clip = {name: rng.integers(0, 256, (1, *shape), np.uint8).astype(model.input[name].dtype) for name, shape in shapes.items()}
    for name, frames in clip.items():
        clip[name] = frames / np.float32(255) if frames.dtype == np.float32 else frames
    times = []
    for _ in range(repeats + 2):
        began = time.perf_counter()
        model.predict_on_batch(clip)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[2:])  # the first two build the graph and warm up
