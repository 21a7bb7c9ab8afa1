"""Measure videorec's speed against what one would take instead, within one run.

    python -m videorec.tools.benchmark                        all parts (a quarter of an hour on 2 idle cores)
    python -m videorec.tools.benchmark time_distributed       the layer against keras.layers.TimeDistributed
    python -m videorec.tools.benchmark pipeline               clips a second against bare OpenCV reading; what limits them
    python -m videorec.tools.benchmark index                  the first reading of every video against bare OpenCV grabbing
    python -m videorec.tools.benchmark prepare                clips a second from prepared pictures against decoding videos
    python -m videorec.tools.benchmark start                  what 10,000 videos cost before training begins
    python -m videorec.tools.benchmark cache                  an epoch on stored features
    python -m videorec.tools.benchmark summaries              training with all that TensorBoard shows against nothing of it
    python -m videorec.tools.benchmark layers                 convolutional recurrent layers against one convolution
    python -m videorec.tools.benchmark forecast               a forecaster's train step against one convolution
    python -m videorec.tools.benchmark stream                 a step of a stream against its CNN alone and a window run again
    python -m videorec.tools.benchmark memory                 peak memory of a video of ten minutes against one of ten seconds
    python -m videorec.tools.benchmark keras_io --manifest M.csv     the keras.io example's way; not a part of all
    python -m videorec.tools.benchmark damage --files 1000    damaged files before every command; not a part of all
    python -m videorec.tools.benchmark faults --kills 50      commands that are killed at every moment; not a part of all

Each figure is the median of rounds in which the candidates take turns. Run it on an otherwise idle machine.
"""

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from videorec import terminal
from videorec.config.bounds import Count, Seed

# Modules beside this one, each with `measure(...) -> list[Figure]`: what it takes of the options.
PARTS = {
    "time_distributed": lambda options: {"rounds": options.rounds},
    "pipeline": lambda options: {"folder": options.video_folder, "rounds": options.rounds + 2},
    "index": lambda options: {"rounds": options.rounds + 2},
    "prepare": lambda options: {"rounds": options.rounds + 2},
    "start": lambda options: {"videos": options.videos},
    "cache": lambda options: {"epochs": 4 * options.rounds + 1},
    "summaries": lambda options: {"rounds": -(-options.rounds // 3)},
    "layers": lambda options: {"rounds": 4 * options.rounds + 1},
    "forecast": lambda options: {"rounds": options.rounds},
    "stream": lambda options: {"rounds": 10 * options.rounds + 1, "frames": options.frames},
    "memory": lambda options: {},
}
APART = {
    "keras_io": lambda options: {
        "path": options.manifest,
        "weights": options.weights,
        "rounds": -(-options.rounds // 3),
        "size": options.size,
    },
    "damage": lambda options: {"files": options.files, "folder": options.video_folder, "seed": options.seed},
    "faults": lambda options: {"kills": options.kills, "task": options.task, "seed": options.seed},
}
KILLED = ("recognition", "cached", "dense", "forecasting", "prepare", "evaluate", "export")


@dataclass(frozen=True)
class Options:
    """What to measure."""

    part: tyro.conf.Positional[Literal[(*PARTS, *APART, "all")]] = "all"
    """Which part."""
    video_folder: Path | None = None
    """Videos of the pipeline part, and what is damaged in the damage part, at any depth. Default: made here."""
    manifest: Path | None = None
    """keras_io: the clips, with a split of train, val and test."""
    weights: str = "imagenet"
    """keras_io: weights of MobileNetV2: imagenet (downloaded) or a file."""
    size: tuple[Count, Count] | None = None
    """keras_io: height and width of the frames that our CNN sees. Default: 224 x 224, as theirs."""
    rounds: Count = 3
    """Rounds of time_distributed; the cheaper parts take more."""
    frames: Count = 10_000
    """Length of the stream whose memory is measured."""
    videos: Count = 10_000
    """Videos of the start part."""
    files: Count = 1000
    """Damaged files."""
    kills: Count = 50
    """Kills of each command of the faults part."""
    task: Literal[(*KILLED, "all")] = "all"
    """Which command is killed: training (four), preparing, evaluating or exporting."""
    seed: Seed = 0
    """Of the damage, and of the moments of kills."""


def main(args: list[str]) -> int:
    """Measure -> show."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.benchmark")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    from videorec.tools.benchmark import figures, pipeline  # TensorFlow takes seconds to import: not for --help

    if options.video_folder is not None:
        pipeline.videos_below(options.video_folder)  # refused before a part is measured
    rows = []
    for part in PARTS if options.part == "all" else (options.part,):
        rows += importlib.import_module(f"videorec.tools.benchmark.{part}").measure(**(PARTS | APART)[part](options))
    figures.show(rows, terminal.console())
    return 0


if __name__ == "__main__":
    terminal.run(main)
