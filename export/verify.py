"""Compare the exports of a run with its Keras model on real clips.

    python -m export.verify runs/NAME

A table of all exports in the run folder: size, milliseconds a clip (a frame, of what runs frame by frame), the largest
difference of probabilities and logits to Keras, and, of recognisers of one class a clip, the accuracy on the test videos
(top-1, with the clips of the run's evaluation; on 200 of them, spread evenly, unless --videos says otherwise). Exit status 1
where probabilities differ by more than 1e-5 (1e-4 for large backbones; 1e-2 for float16), or logits by more than ten times
that; of dynamic and int8 the difference is shown, and not judged.
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
from rich.table import Column, Table

from export import common, opened
from export.opened import Export
from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import CountOrZero

if TYPE_CHECKING:
    import tensorflow as tf

    from videorec.inference.engines import Clips, Predict
    from videorec.runs.run import Run
    from videorec.tasks.serving import Clip, Serving

log = logging.getLogger(__name__)

COMPARED_CLIPS = 4
TIMED_CALLS = 5
FLOAT16 = 1e-2  # largest difference of probabilities
NOT_JUDGED = ("dynamic", "int8")


@dataclass(frozen=True)
class Options:
    """What export.verify takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME, with exports in their default places."""
    videos: CountOrZero = 200
    """Most test videos that accuracy is measured on, spread evenly; 0: no accuracy."""


@dataclass(frozen=True)
class Comparison:
    """One export beside Keras: largest absolute difference of each compared output, seconds a clip or a frame."""

    differences: dict[str, float]
    latency: float


def compare(reference: "Predict", export: Export, clips: "list[Clip]", outputs: Iterable[str]) -> Comparison:
    """Differences over all clips, of the outputs that both have in one shape; the latency is the median of single-clip calls
    after a first one."""
    batch = _batch(clips)
    expected, got = reference(batch), export.predict(batch)
    differences = {}
    for key in outputs:
        ours, theirs = got.get(key), expected[key]
        if export.streaming and ours is not None and ours.ndim == theirs.ndim:
            theirs = theirs[:, : ours.shape[1]]  # what comes later than its frame is not there for the last ones
        if ours is not None and ours.shape == theirs.shape and ours.size:
            differences[key] = float(np.abs(theirs - ours).max())
    frames = min(len(frames) for frames in clips[0].values()) if export.streaming else 1
    return Comparison(differences, latency(export.predict, clips[0]) / frames)


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


def accuracies(serving: "Serving", predicts: "list[Predict]", videos: int) -> tuple[list[float], int]:
    """Share of the test videos whose most probable class is theirs, for each model, and the number of videos."""
    right, count = np.zeros(len(predicts)), 0
    for clips, label in serving.labelled(videos):
        batch = _batch(clips)
        right += [predict(batch)["probabilities"].mean(axis=0).argmax() == label for predict in predicts]
        count += 1
    return list(right / max(count, 1)), count


def report(run: "Run", paths: list[Path], videos: int = 0) -> int:
    """Print the comparison; 1 where a difference passes the tolerance, else 0.

    Args:
        paths: of the exports.
        videos: most test videos that accuracy is measured on.
    """
    import keras  # seconds to import: not for --help

    from videorec.inference import engines

    keras.backend.clear_session()
    serving = common.serving_of(run)
    model, console = common.float32_model(serving), terminal.console()
    specs = serving.inputs(model)
    exports = [opened.open_export(path, {stream: spec.name for stream, spec in specs.items()}) for path in paths]
    clips = examples(serving, specs)
    one_view = engines.keras_engine(lambda clips: serving.predict(model, clips))
    all_views = engines.keras_engine(lambda clips: serving.answer(model, lambda number: clips, 1))  # as in the SavedModel
    references = [all_views if export.path.is_dir() else one_view for export in exports]
    results = [compare(*pair, clips, serving.compared) for pair in zip(references, exports, strict=True)]
    shares, count = accuracies(serving, [all_views, *(export.predict for export in exports)], videos)
    console.print(_table(serving, exports, results, latency(one_view, clips[0]), shares if count else []))
    if count:
        console.print(f"accuracy: top-1 on {count} test videos, with the clips of the run's evaluation")
    frames = " and ".join(f"{len(clip)} {stream + ' ' if len(specs) > 1 else ''}frames" for stream, clip in clips[0].items())
    console.print(f"differences: on {len(clips)} {serving.unit}s of {frames}")
    return _judge(serving, exports, results, console)


def _judge(serving: "Serving", exports: list[Export], results: list[Comparison], console: Console) -> int:
    """1 where a difference passes the tolerance."""
    status = 0
    for export, result in zip(exports, results, strict=True):
        if export.quantize in NOT_JUDGED:
            continue
        if not result.differences:
            console.print(f"{export.title}: not compared, its answers come later than a {serving.unit} ends")
        tolerance = FLOAT16 if export.quantize == "float16" else serving.tolerance()
        for key, difference in result.differences.items():
            largest = tolerance * serving.slack[key]
            passes = not difference <= largest  # NaN too
            style, verb = ("bold red", "passes the limit") if passes else ("default", "within")
            line = f"{export.title}: {serving.compared[key]} differ by {difference:.1e}, {verb} {largest:.0e}"
            console.print(line, style=style)
            status = max(status, int(passes))
    return status


def _table(serving: "Serving", exports: list[Export], results: list[Comparison], keras: float, shares: list[float]) -> Table:
    first, *others = serving.compared.values()
    captions = [f"max difference of {first}", *(f"of {name}" for name in others), *["accuracy"] * bool(shares)]
    table = Table(Column("", no_wrap=True), "size MB", f"ms a {serving.unit}", *captions)
    accuracy = [[f"{share:.3f}"] for share in shares] or [[]] * (1 + len(exports))
    blank = [""] * len(serving.compared)
    table.add_row("Keras", f"{common.size_of(serving.run.model_path) / 1e6:.1f}", f"{1000 * keras:.1f}", *blank, *accuracy[0])
    for export, result, share in zip(exports, results, accuracy[1:], strict=True):
        differences = [f"{result.differences[key]:.1e}" if key in result.differences else "" for key in serving.compared]
        milliseconds = f"{1000 * result.latency:.1f}" + " a frame" * export.streaming
        table.add_row(export.title, f"{common.size_of(export.path) / 1e6:.1f}", milliseconds, *differences, *share)
    return table


def main(args: list[str]) -> int:
    """Compare what was exported."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m export.verify")

    from videorec.runs.run import Run  # TensorFlow takes seconds to import: not for --help

    run = Run.open(options.run)
    paths = opened.exports_of(run.folder)
    if not paths:
        raise UserError(f"{run.place} has no export yet: python -m export.saved_model {run.place}")
    return report(run, paths, options.videos)


if __name__ == "__main__":
    terminal.run(main)
