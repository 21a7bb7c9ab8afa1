"""Compare the exports of a run with its Keras model on real clips.

    python -m export.verify runs/NAME

Recognisers: prints the largest difference of probabilities and logits, the size and the latency of one clip; exit status 1
where probabilities differ by more than 1e-5 (1e-4 for large backbones), or logits by more than ten times that.
Forecasters: the largest difference of the forecast frames (0 to 1), on windows of the test split (else val, train), the size
and the latency of one window; exit status 1 above 1e-5.
Where the run's data are not at hand, noise is compared instead.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro
from rich.console import Console
from rich.table import Table

from export import common
from videorec import terminal
from videorec.config import UserError
from videorec.runs.run import Run
from videorec.tasks.recognition import serving

log = logging.getLogger(__name__)

Clips = dict[str, np.ndarray]  # {stream: (T, H, W, 3)}; a batch: {stream: (B, T, H, W, 3)}
Predict = Callable[[Clips], dict[str, np.ndarray]]  # of a batch
COMPARED_CLIPS = 4
TIMED_CALLS = 5


def keras_predict(run: Run, model: keras.Model) -> Predict:
    """The run's model on clips of the shapes that the TFLite file takes, any number of them."""
    call = tf.function(lambda clips: common.task(run).predict(run, model, clips), reduce_retracing=True)
    return lambda clips: _arrays(call({stream: tf.constant(clip) for stream, clip in clips.items()}))


def _arrays(outputs: dict) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in outputs.items()}


def saved_model_predict(folder: Path, names: dict[str, str]) -> Predict:
    """The SavedModel's `serving_default`."""
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures["serving_default"]

    def predict(clips):
        assert loaded is not None  # the signature alone does not keep the variables alive
        return _arrays(signature(**{names[stream]: tf.constant(clip) for stream, clip in clips.items()}))

    return predict


def tflite_predict(path: Path, names: dict[str, str]) -> Predict:
    """The TFLite file, one clip at a time."""
    interpreter = tf.lite.Interpreter(str(path), num_threads=os.cpu_count())
    runner = interpreter.get_signature_runner()

    def predict(clips):
        batch = len(next(iter(clips.values())))
        rows = [runner(**{names[stream]: clip[i : i + 1] for stream, clip in clips.items()}) for i in range(batch)]
        return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}

    return predict


@dataclass(frozen=True)
class Comparison:
    """One export beside Keras: largest absolute difference of each compared output, bytes, seconds a clip."""

    differences: dict[str, float]
    size: int
    latency: float


def compare(reference: Predict, predict: Predict, clips: list[Clips], outputs: Iterable[str], size: int) -> Comparison:
    """Differences over all clips; the latency is the median of single-clip calls after a first one."""
    batch = _batch(clips)
    expected, got = reference(batch), predict(batch)
    differences = {key: float(np.abs(expected[key] - got[key]).max()) for key in outputs}
    return Comparison(differences, size, latency(predict, clips[0]))


def _batch(clips: list[Clips]) -> Clips:
    return {stream: np.stack([clip[stream] for clip in clips]) for stream in clips[0]}


def latency(predict: Predict, clip: Clips) -> float:
    """Median seconds of one clip."""
    clip = _batch([clip])
    predict(clip)
    times = []
    for _ in range(TIMED_CALLS):
        began = time.perf_counter()
        predict(clip)
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def examples(run: Run, specs: dict[str, tf.TensorSpec]) -> list[Clips]:
    """Clips to compare on, of the shapes of `specs`: real ones, or noise where the data are not at hand or do not fit."""
    found = common.task(run).clips(run, COMPARED_CLIPS)
    wanted = {stream: tuple(spec.shape[1:]) for stream, spec in specs.items()}
    given = {stream: clip.shape for stream, clip in found[0].items()} if found else None
    if given == wanted:
        return found
    why = f"have the shape {given} now, where the model takes {wanted}" if found else "are not at hand"
    log.warning("The data of %s %s: noise is compared instead.", run.place, why)
    rng = np.random.default_rng(0)
    return [{stream: _noise(rng, wanted[stream], spec.dtype) for stream, spec in specs.items()} for _ in range(COMPARED_CLIPS)]


def _noise(rng: np.random.Generator, shape: tuple, dtype: tf.DType) -> np.ndarray:
    return rng.integers(0, 256, shape, np.uint8) if dtype == tf.uint8 else rng.random(shape, np.float32)


def report(run: Run, saved_model: Path | None = None, tflite: Path | None = None) -> int:
    """Print the comparison; 1 where a difference passes the tolerance, else 0."""
    keras.backend.clear_session()
    task, model, console = common.task(run), common.float32_model(run), Console()
    specs, limit = task.inputs(run, model), task.tolerance(run)
    names = {stream: spec.name for stream, spec in specs.items()}
    clips, reference = examples(run, specs), keras_predict(run, model)
    exports = {}
    for name, path, load in (("SavedModel", saved_model, saved_model_predict), ("TFLite", tflite, tflite_predict)):
        if path is not None:
            exports[name] = compare(reference, load(path, names), clips, task.COMPARED, common.size_of(path))
    console.print(_table(run, exports, latency(reference, clips[0])))
    if saved_model is not None and task is serving:
        _report_raw(run, saved_model_predict(saved_model, names), reference, console)
    limits = {key: limit * task.SLACK[key] for key in task.COMPARED}
    for key, largest in limits.items():
        worst = np.max([result.differences[key] for result in exports.values()])  # NaN where there is one
        if not worst <= largest:
            what = f"The largest difference of {task.COMPARED[key]}, {worst:.1e}, passes the limit {largest:.0e}."
            console.print(f"[bold red]{what}[/]")
            return 1
    frames = " and ".join(f"{len(clip)} {stream + ' ' if len(names) > 1 else ''}frames" for stream, clip in clips[0].items())
    within = ", ".join(f"{task.COMPARED[key]} within {largest:.0e}" for key, largest in limits.items())
    console.print(f"{len(clips)} {task.UNIT}s of {frames}; differences of {within}")
    return 0


def _table(run: Run, exports: dict[str, Comparison], keras_latency: float) -> Table:
    task = common.task(run)
    first, *others = task.COMPARED.values()
    captions = [f"max difference of {first}", *(f"of {name}" for name in others)]
    table = Table("", "size MB", f"ms a {task.UNIT}", *captions)
    table.add_row("Keras", f"{run.model_path.stat().st_size / 1e6:.1f}", f"{1000 * keras_latency:.1f}")
    for name, result in exports.items():
        differences = [f"{difference:.1e}" for difference in result.differences.values()]
        table.add_row(name, f"{result.size / 1e6:.1f}", f"{1000 * result.latency:.1f}", *differences)
    return table


def _report_raw(run: Run, predict: Predict, reference: Predict, console: Console) -> None:
    """Raw frames through the SavedModel against the pipeline's OpenCV resizing: rounding only."""
    raw, resized = serving.clips(run, 1, raw=True), serving.clips(run, 1)
    if raw:
        gap = np.abs(predict(_batch(raw))["probabilities"] - reference(_batch(resized))["probabilities"])
        sizes = " and ".join(f"{clip.shape[2]} x {clip.shape[1]} {stream} frames" for stream, clip in raw[0].items())
        console.print(f"a clip of raw {sizes}, resized in the graph instead of by OpenCV: {gap.max():.1e}")


def main(args: list[str]) -> int:
    """Compare what was exported."""
    options = tyro.cli(common.VerifyOptions, args=args, description=__doc__, prog="python -m export.verify")
    run = Run.open(options.run)
    saved_model, tflite = run.folder / "saved_model", run.folder / "model.tflite"
    if not saved_model.exists() and not tflite.exists():
        raise UserError(f"{run.place} has no export yet: python -m export.saved_model {run.place}")
    return report(run, saved_model if saved_model.exists() else None, tflite if tflite.exists() else None)


if __name__ == "__main__":
    terminal.run(main)
