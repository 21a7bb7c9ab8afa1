"""Compare the exports of a run with its Keras model on real clips.

    python -m export.verify runs/NAME

Recognisers: prints the largest difference of probabilities and logits, the size and the latency of one clip; exit status 1
where probabilities differ by more than 1e-5 (1e-4 for large backbones), or logits by more than ten times that.
Forecasters: the largest difference of the forecast frames (0 to 1), on windows of the test split (else val, train), the size
and the latency of one window; exit status 1 above 1e-5.
Where the run's data are not at hand, noise is compared instead.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from export import common
from videorec import terminal
from videorec.config import UserError

if TYPE_CHECKING:
    import tensorflow as tf

    from videorec.inference.engines import Clips, Predict
    from videorec.runs.run import Run
    from videorec.tasks.serving import Clip, Serving

log = logging.getLogger(__name__)

COMPARED_CLIPS = 4
TIMED_CALLS = 5
PLACES = {"saved_model": "SavedModel", "model.tflite": "TFLite"}  # in the run folder


@dataclass(frozen=True)
class Options:
    """What export.verify takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME, with exports in their default places."""


@dataclass(frozen=True)
class Comparison:
    """One export beside Keras: largest absolute difference of each compared output, bytes, seconds a clip."""

    differences: dict[str, float]
    size: int
    latency: float


def compare(reference: "Predict", predict: "Predict", clips: "list[Clip]", outputs: Iterable[str], size: int) -> Comparison:
    """Differences over all clips; the latency is the median of single-clip calls after a first one."""
    batch = _batch(clips)
    expected, got = reference(batch), predict(batch)
    differences = {key: float(np.abs(expected[key] - got[key]).max()) for key in outputs}
    return Comparison(differences, size, latency(predict, clips[0]))


def _batch(clips: "list[Clip]") -> "Clips":
    return {stream: np.stack([clip[stream] for clip in clips]) for stream in clips[0]}


def latency(predict: "Predict", clip: "Clip") -> float:
    """Median seconds of one clip."""
    clip = _batch([clip])
    predict(clip)
    times = []
    for _ in range(TIMED_CALLS):
        began = time.perf_counter()
        predict(clip)
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def examples(serving: "Serving", specs: "dict[str, tf.TensorSpec]") -> "list[Clip]":
    """Clips to compare on, of the shapes of `specs`: real ones, or noise where the data are not at hand or do not fit."""
    clips = serving.examples(COMPARED_CLIPS)
    wanted = {stream: tuple(spec.shape[1:]) for stream, spec in specs.items()}
    given = {stream: clip.shape for stream, clip in clips[0].items()} if clips else None
    if given == wanted:
        return clips
    why = f"have the shape {given} now, where the model takes {wanted}" if clips else "are not at hand"
    log.warning("The data of %s %s: noise is compared instead.", serving.run.place, why)
    rng = np.random.default_rng(0)
    return [{stream: _noise(rng, wanted[stream], spec.dtype) for stream, spec in specs.items()} for _ in range(COMPARED_CLIPS)]


def _noise(rng: np.random.Generator, shape: tuple, dtype: "tf.DType") -> np.ndarray:
    return rng.integers(0, 256, shape, np.uint8) if dtype == "uint8" else rng.random(shape, np.float32)


def report(run: "Run", paths: dict[str, Path]) -> int:
    """Print the comparison; 1 where a difference passes the tolerance, else 0.

    Args:
        paths: of the exports, by a name of `PLACES`.
    """
    import keras  # seconds to import: not for --help

    from videorec.inference import engines

    keras.backend.clear_session()
    serving = common.serving_of(run)
    model, console = common.float32_model(serving), Console()
    specs = serving.inputs(model)
    names = {stream: spec.name for stream, spec in specs.items()}
    load = {"saved_model": engines.saved_model_engine, "model.tflite": engines.tflite_engine}
    clips, reference = examples(serving, specs), engines.keras_engine(lambda clips: serving.predict(model, clips))
    exports = {name: load[name](path, names) for name, path in paths.items()}
    results = {
        name: compare(reference, predict, clips, serving.compared, common.size_of(paths[name]))
        for name, predict in exports.items()
    }
    console.print(_table(serving, results, latency(reference, clips[0])))
    if "saved_model" in exports:
        _report_raw(serving, exports["saved_model"], reference, console)
    frames = " and ".join(f"{len(clip)} {stream + ' ' if len(names) > 1 else ''}frames" for stream, clip in clips[0].items())
    return _judge(serving, results.values(), f"{len(clips)} {serving.unit}s of {frames}", console)


def _judge(serving: "Serving", results: Iterable[Comparison], examples: str, console: Console) -> int:
    limits = {key: serving.tolerance() * serving.slack[key] for key in serving.compared}
    for key, largest in limits.items():
        worst = np.max([result.differences[key] for result in results])  # NaN where there is one
        if not worst <= largest:
            what = f"The largest difference of {serving.compared[key]}, {worst:.1e}, passes the limit {largest:.0e}."
            console.print(f"[bold red]{what}[/]")
            return 1
    within = ", ".join(f"{serving.compared[key]} within {largest:.0e}" for key, largest in limits.items())
    console.print(f"{examples}; differences of {within}")
    return 0


def _table(serving: "Serving", results: dict[str, Comparison], keras_latency: float) -> Table:
    first, *others = serving.compared.values()
    captions = [f"max difference of {first}", *(f"of {name}" for name in others)]
    table = Table("", "size MB", f"ms a {serving.unit}", *captions)
    table.add_row("Keras", f"{serving.run.model_path.stat().st_size / 1e6:.1f}", f"{1000 * keras_latency:.1f}")
    for name, result in results.items():
        differences = [f"{difference:.1e}" for difference in result.differences.values()]
        table.add_row(PLACES[name], f"{result.size / 1e6:.1f}", f"{1000 * result.latency:.1f}", *differences)
    return table


def _report_raw(serving: "Serving", predict: "Predict", reference: "Predict", console: Console) -> None:
    """Raw frames through the SavedModel against the pipeline's OpenCV resizing: rounding only."""
    pair = serving.raw_example()
    if pair:
        raw, resized = pair
        gap = np.abs(predict(_batch([raw]))["probabilities"] - reference(_batch([resized]))["probabilities"])
        sizes = " and ".join(f"{clip.shape[2]} x {clip.shape[1]} {stream} frames" for stream, clip in raw.items())
        console.print(f"a clip of raw {sizes}, resized in the graph instead of by OpenCV: {gap.max():.1e}")


def main(args: list[str]) -> int:
    """Compare what was exported."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m export.verify")

    from videorec.runs.run import Run  # TensorFlow takes seconds to import: not for --help

    run = Run.open(options.run)
    paths = {name: run.folder / name for name in PLACES if (run.folder / name).exists()}
    if not paths:
        raise UserError(f"{run.place} has no export yet: python -m export.saved_model {run.place}")
    return report(run, paths)


if __name__ == "__main__":
    terminal.run(main)
