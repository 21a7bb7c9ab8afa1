"""Measure videorec's speed against what one would take instead, within one run.

    python -m videorec.tools.benchmark                        all parts (a quarter of an hour on 2 idle cores)
    python -m videorec.tools.benchmark time_distributed       the layer against keras.layers.TimeDistributed
    python -m videorec.tools.benchmark pipeline               clips a second against bare OpenCV reading
    python -m videorec.tools.benchmark prepare                clips a second from prepared pictures against decoding videos
    python -m videorec.tools.benchmark cache                  an epoch on stored features
    python -m videorec.tools.benchmark layers                 convolutional recurrent layers against one convolution
    python -m videorec.tools.benchmark forecast               a forecaster's train step against one convolution
    python -m videorec.tools.benchmark memory                 peak memory of a video of ten minutes against one of ten seconds

Each figure is the median of rounds in which the candidates take turns. Run it on an otherwise idle machine.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from videorec import terminal
from videorec.config import UserError

PARTS = ("time_distributed", "pipeline", "prepare", "cache", "layers", "forecast", "memory")


@dataclass(frozen=True)
class Options:
    """What to measure."""

    part: tyro.conf.Positional[
        Literal["time_distributed", "pipeline", "prepare", "cache", "layers", "forecast", "memory", "all"]
    ] = "all"
    """Which part."""
    video_folder: Path | None = None
    """Videos of the pipeline part, at any depth. Default: made here (320 x 240, 150 frames; H.264 with PyAV)."""
    rounds: int = 3
    """Rounds of time_distributed; the cheaper parts take more."""


def main(args: list[str]) -> int:
    """Measure -> show."""
    options = tyro.cli(Options, args=args, description=__doc__, prog="python -m videorec.tools.benchmark")
    if options.rounds < 1:
        raise UserError(f"--rounds must be 1 or more. Received: {options.rounds}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    from videorec.tools.benchmark import figures  # TensorFlow takes seconds to import: not for --help

    rows = []
    for part in PARTS if options.part == "all" else (options.part,):
        rows += _measure(part, options)
    figures.show(rows, Console())
    return 0


def _measure(part: str, options: Options) -> list:
    if part == "time_distributed":
        from videorec.tools.benchmark import time_distributed

        return time_distributed.measure(rounds=options.rounds)
    if part == "pipeline":
        from videorec.tools.benchmark import pipeline

        return pipeline.measure(options.video_folder, rounds=options.rounds + 2)
    if part == "prepare":
        from videorec.tools.benchmark import prepare

        return prepare.measure(rounds=options.rounds + 2)
    if part == "layers":
        from videorec.tools.benchmark import layers

        return layers.measure(rounds=4 * options.rounds + 1)
    if part == "forecast":
        from videorec.tools.benchmark import forecast

        return forecast.measure(rounds=options.rounds)
    if part == "memory":
        from videorec.tools.benchmark import memory

        return memory.measure()
    from videorec.tools.benchmark import cache

    return cache.measure(epochs=4 * options.rounds + 1)


if __name__ == "__main__":
    terminal.run(main)
