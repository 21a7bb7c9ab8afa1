"""Compare the exports of a run with its Keras model on real clips.

    python -m export.verify runs/NAME

Prints the largest difference of probabilities and logits, the size and the latency of one clip; exit status 1 where the
difference passes 1e-5 (1e-4 for large backbones).
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro
from rich.console import Console
from rich.table import Table

from export import common
from videorec import cli
from videorec.config import UserError
from videorec.run import Run

Clips = dict[str, np.ndarray]  # {stream: (T, H, W, 3)}; a batch: {stream: (B, T, H, W, 3)}
Predict = Callable[[Clips], dict[str, np.ndarray]]  # of a batch
TIMED_CALLS = 5


def keras_predict(run: Run) -> Predict:
    """The run's model on clips `{stream: (B, T, *data.resize, 3)}`."""
    model, data = common.float32_model(run), run.experiment.data
    call = tf.function(lambda clips: common.predict_resized(model, clips, data), reduce_retracing=True)
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
    """One export beside Keras: largest absolute differences, bytes, seconds a clip."""

    probabilities: float
    steps: float
    size: int
    latency: float


def compare(reference: Predict, predict: Predict, clips: list[Clips], size: int) -> Comparison:
    """Differences over all clips; the latency is the median of single-clip calls after a first one."""
    batch = _batch(clips)
    expected, got = reference(batch), predict(batch)
    gaps = {key: float(np.abs(expected[key] - got[key]).max()) for key in ("probabilities", "steps")}
    return Comparison(gaps["probabilities"], gaps["steps"], size, latency(predict, clips[0]))


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


def report(run: Run, saved_model: Path | None = None, tflite: Path | None = None) -> int:
    """Print the comparison; 1 where a difference passes the tolerance, else 0."""
    keras.backend.clear_session()
    clips, limit, names = common.clips(run), common.tolerance(run), common.input_names(run.experiment.data)
    reference = keras_predict(run)
    table = Table("", "size MB", "ms a clip", "max difference of probabilities", "of logits")
    table.add_row("Keras", f"{run.model_path.stat().st_size / 1e6:.1f}", f"{1000 * latency(reference, clips[0]):.1f}", "", "")
    worst = 0.0
    exports = [("SavedModel", saved_model, saved_model_predict), ("TFLite", tflite, tflite_predict)]
    for name, path, load in exports:
        if path is None:
            continue
        result = compare(reference, load(path, names), clips, common.size_of(path))
        worst = max(worst, result.probabilities, result.steps)
        figures = (
            f"{result.size / 1e6:.1f}",
            f"{1000 * result.latency:.1f}",
            f"{result.probabilities:.1e}",
            f"{result.steps:.1e}",
        )
        table.add_row(name, *figures)
    console = Console()
    console.print(table)
    if saved_model is not None:
        _report_raw(run, saved_model_predict(saved_model, names), reference, console)
    if not worst <= limit:
        console.print(f"[bold red]The largest difference {worst:.1e} passes the limit {limit:.0e}.[/]")
        return 1
    frames = " and ".join(f"{len(clip)} {stream} frames" for stream, clip in clips[0].items())
    console.print(f"{len(clips)} clips of {frames}; all differences within {limit:.0e}")
    return 0


def _report_raw(run: Run, predict: Predict, reference: Predict, console: Console) -> None:
    """Raw frames through the SavedModel against the pipeline's OpenCV resizing: rounding only."""
    raw, resized = common.clips(run, number=1, raw=True), common.clips(run, number=1)
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
    cli.run(main)
