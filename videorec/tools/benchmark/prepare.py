"""Training clips a second from prepared pictures, against decoding the same videos."""

import dataclasses
import logging
import tempfile
from pathlib import Path

import numpy as np

from videorec.config import Data
from videorec.storage import files
from videorec.tools import prepare
from videorec.tools.benchmark import pipeline
from videorec.tools.benchmark.figures import Figure, in_turns

PART = "prepare"
SHORT_SIDE = 128


def measure(rounds: int = 5, batches: int = 3, videos: int = 16, frames: int = 150) -> list[Figure]:
    """The figures, for both ways of sampling; both candidates are videorec's training pipeline with the same settings.

    Args:
        rounds: turns of each candidate, of `batches` batches.
        videos, frames: how many are made, and their length.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as made:
        paths, kind = _write(Path(made) / "videos", videos, frames)
        out = str(Path(made) / "prepared")
        _prepare(str(Path(made) / "videos"), out)
        stored = [files.join(out, *Path(path).parts[-2:]) for path in paths]
        for mode in ("uniform", "dense"):
            data = Data(sampling=mode, **pipeline.SETTINGS)
            candidates = {
                "prepared": pipeline.Ours(stored, dataclasses.replace(data, path=out), batches),
                "decoded": pipeline.Ours(paths, data, batches),
            }
            for candidate in candidates.values():
                candidate.turn()  # the first one also learns the true frame counts
            times = in_turns({name: candidate.turn for name, candidate in candidates.items()}, rounds)
            rows.append(_figure(mode, candidates, times, batches, f"{videos} videos, {kind}"))
    return rows


def _write(folder: Path, videos: int, frames: int) -> tuple[list[str], str]:
    """Videos of two classes in `folder`; their paths, and what they are in words."""
    paths = [str(folder / pipeline.CLASSES[number % 2] / f"{number:03d}.mp4") for number in range(videos)]
    for name in pipeline.CLASSES:
        (folder / name).mkdir(parents=True)
    kinds = [pipeline.write(path, frames, seed=number) for number, path in enumerate(paths)]
    return paths, f"{kinds[0]}, 320 x 240, {frames} frames"


def _prepare(folder: str, out: str) -> None:
    """Run the tool, without its hints."""
    logging.disable(logging.INFO)
    try:
        prepare.main([folder, out, "--short-side", str(SHORT_SIDE), "--videos-per-shard", "4"])
    finally:
        logging.disable(logging.NOTSET)


def _figure(mode: str, candidates: dict[str, pipeline.Ours], times: dict[str, list[float]], batches: int, kind: str) -> Figure:
    rates = [batches * pipeline.BATCH / float(np.median(times[name])) for name in candidates]
    cpu = [1000 * candidate.cpu for candidate in candidates.values()]
    detail = f"{rates[0]:.1f} / {rates[1]:.1f} clips/s, processor time a clip {cpu[0]:.0f} / {cpu[1]:.0f} ms; {kind}"
    value = float(np.median(np.divide(times["decoded"], times["prepared"])))
    name = f"{mode} sampling: {pipeline.OURS}, from pictures of short side {SHORT_SIDE} / from the videos"
    # A dense clip of a video is decoded up to its last frame only, half the video on average: shown for information.
    target = (">= 5", value >= 5) if mode == "uniform" else ("", None)
    return Figure(PART, name, f"{value:.2f}", detail, *target)
