"""What a comparison shows of a run: its results, its size, its arithmetic and its times."""

import json
import math
import statistics
import time
from dataclasses import dataclass

import keras
import numpy as np

from videorec import tasks
from videorec.config import Data, UserError
from videorec.reports.files import UNFINISHED
from videorec.runs.run import Run
from videorec.storage import outside
from videorec.tasks.recognition.task import RecognitionTask
from videorec.tools.compare_flops import flops_a_frame


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


def read_results(run: Run) -> Results:
    """The results of a run, as evaluate.py wrote them.

    Raises:
        UserError: there are none yet, the file is damaged, or the run is no recogniser's.
    """
    if not isinstance(tasks.of(run.experiment), RecognitionTask) or run.experiment.model.target != "clip":
        raise UserError(
            f"Recognisers of one class a clip are compared here; {run.place} learns something else: "
            f"python evaluate.py {run.place}"
        )
    path, command = run.folder / "results.json", f"python evaluate.py {run.place}"
    if not path.exists():
        raise UserError(f"{run.place} has no results yet: {command}")
    with outside.reading(path, f"Write it anew: {command}"):
        results = json.loads(path.read_text(encoding="utf-8"))
        if UNFINISHED in results:
            raise UserError(f"{path} is not finished: {results[UNFINISHED]}: {command}")
        outside.checked(results, {"accuracy": float, "mean_class_accuracy": float, "videos": int, "protocol": dict})
        if not is_of_own_data(results):
            other = results["protocol"]["data"]
            raise UserError(f"{path} holds figures of other data, {other}. Measure the run's own: {command}")
        return Results(results["accuracy"], results["mean_class_accuracy"], _describe_protocol(results, run.experiment.data))


def is_of_own_data(results: dict) -> bool:
    """Whether the figures in `results.json` are of the data that the run was trained on; older files tell it by the paths."""
    protocol = results["protocol"]
    return protocol.get("own_data", protocol["data"] == protocol.get("trained_on", protocol["data"]))


def _describe_protocol(results: dict, own: Data) -> str:
    protocol = results["protocol"]
    text = f"{results['videos']} {protocol['split']}, {protocol['clips_per_video']} x {protocol['crops_per_clip']}"
    if protocol["data"] != own.path:
        text += f" of {protocol['data']}"
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


def milliseconds_a_clip(model: keras.Model, shapes: dict[str, tuple[int, int, int, int]], repeats: int) -> float:
    """Median time from one clip of decoded frames, uint8, to probabilities."""
    rng = np.random.default_rng(0)
    clip = {name: rng.integers(0, 256, (1, *shape), np.uint8) for name, shape in shapes.items()}
    times = []
    for _ in range(repeats + 2):
        began = time.perf_counter()
        model.predict_on_batch(clip)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[2:])  # the first two build the graph and warm up
