"""Ask a trained model about new videos.

    python predict.py runs/lrcn my.mp4                          the label, and the five most probable classes
    python predict.py runs/lrcn videos/ --csv answers.csv       a folder; also "videos/*.mp4", a list, a manifest
    python predict.py runs/lrcn my.mp4 --save out/              the answer drawn into the video
    python predict.py models/lrcn/1 my.mp4 --json -             what export.saved_model or export.tflite wrote
    python predict.py runs/lrcn 0                               a camera; also rtsp://... and http://...
    python predict.py runs/lrcn videos.txt --out answers/       many videos, in shards: started again it goes on
    python predict.py runs/lrcn videos.txt --out answers/ --runner DirectRunner     the same on Apache Beam, on many machines

With --runner, further options (--NAME=VALUE) go to Beam.

Exit status: 0 where something could be read, 1 where no video could, 2 where the command cannot be carried out, 130 after
Ctrl-C: what is done until then stays.
"""

import logging
import os
import re
import time
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro
from annotated_types import Ge, Le

from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import Count, PositiveOrZero
from videorec.data import beam
from videorec.storage import files
from videorec.training.interrupts import sigterm_as_ctrl_c

log = logging.getLogger("predict")


@dataclass(frozen=True)
class Options:
    """A model, and what it is asked about."""

    model: tyro.conf.Positional[str]
    """A run (runs/NAME, local or remote), the folder of a SavedModel, or a .tflite file."""
    videos: tyro.conf.Positional[tuple[str, ...]]
    """Videos, folders, globs in quotes, lists (.txt, a path a line), manifests (.csv, with or without labels); or one camera:
    its number, or a URL (rtsp://, http://)."""
    top: Count = 5
    """Classes that are shown, the most probable first."""
    json: str | None = None
    """Write the answers to this JSON file; - is standard output."""
    csv: str | None = None
    """Write the answers to this CSV file, a row as soon as it is there; - is standard output."""
    save: str | None = None
    """Write every video with the answer drawn into it to this folder; of forecasts the coming frames (.npy, .png, .gif)."""
    show: bool = False
    """Show that in a window as it is made; q closes it."""
    memory: PositiveOrZero | None = None
    """Of a recogniser's answers to streams and in saved videos: they are about the last so many seconds, at most; 0: about
    everything so far. Default: everything in videos; before a camera two clips of the length of those in training."""
    seconds: PositiveOrZero | None = None
    """Of a camera: end after so many seconds. Default: with Ctrl-C, or q in the window."""
    interval: PositiveOrZero | None = None
    """Seconds between two frames that the model sees of a stream or camera, also while an answer is drawn; 0: every frame.
    Default: as in training."""
    out: str | None = None
    """Write the answers to this folder, local or remote, in files of --videos-per-shard each: for very many videos. Files that
    are there already, of the same model and the same videos, are kept."""
    format: Literal["parquet", "csv"] | None = None
    """Of the files of --out; Parquet needs pyarrow. Default: parquet."""
    videos_per_shard: Annotated[int, Ge(1), Le(100_000)] | None = None
    """Of a file of --out; one that is begun when the command is stopped is begun anew. Default: 1000."""
    again: bool = False
    """With --out: ask again in shards with videos that could not be read."""
    runner: str | None = None
    """Fill --out with Apache Beam, on this runner (DirectRunner, FlinkRunner, SparkRunner ...). Beam's own options follow as
    --NAME=VALUE."""


def main(args: list[str]) -> int:
    """Videos -> predictions -> screen and files."""
    options, rest = beam.parse(Options, args, description=__doc__, prog="python predict.py")
    _validate(options)
    with sigterm_as_ctrl_c():
        return _predict(options) if options.out is None else _predict_in_shards(options, rest)


def _predict_in_shards(options: Options, rest: list[str]) -> int:
    """All videos, to a folder that may be filled by many machines."""
    from videorec.data import given  # OpenCV and TensorFlow take seconds to import: not for --help
    from videorec.inference import capture, sharded
    from videorec.reports.sharded.work import How

    cameras = [word for word in options.videos if capture.camera_of(word) is not None]
    if cameras:
        raise UserError(f"--out is for videos, not for cameras. Received: {' '.join(cameras)}")
    out = options.out if files.is_remote(options.out) else os.path.expanduser(options.out)
    how = How(options.format or "parquet", options.videos_per_shard or 1000, options.again, options.runner, tuple(rest))
    return sharded.predict(options.model, given.videos(options.videos), out, how)


def _predict(options: Options) -> int:
    from videorec.data import given  # OpenCV and TensorFlow take seconds to import: not for --help
    from videorec.data.sequences.formats import SUFFIXES
    from videorec.inference import answers, capture, forms, saving
    from videorec.inference.predictor import Predictor
    from videorec.inference.window import Window

    cameras = [camera for word in options.videos if (camera := capture.camera_of(word)) is not None]
    if cameras:
        return _watch(options, cameras)
    if options.seconds is not None:
        raise UserError(f"--seconds is for cameras. Received: {' '.join(options.videos)}")
    recipe = forms.recipe_of(options.model)
    if options.memory and recipe["task"] != "recognition":
        raise UserError(f"--memory is for recognisers. Received: {options.memory:g}, for {recipe['task']}")
    videos = given.videos(options.videos, *([SUFFIXES] if recipe["task"] == "forecasting" else []))
    _check_outputs(options, [video.path for video in videos])
    places = saving.places(videos, options.save) if options.save else {}
    predictor = Predictor(options.model)
    window = Window("predict.py") if options.show else None
    saver = saving.Saver(predictor, places, window, options.top, options.interval, options.memory or None)
    console = terminal.console(stderr=answers.STDOUT in (options.json, options.csv))
    screen = answers.Screen(console, recipe, [video.name for video in videos], options.top)
    outputs = [answers.Rows(options.csv, recipe)] if options.csv else []
    outputs += [answers.Json(options.json)] if options.json else []
    if recipe["task"] == "forecasting" and not options.save:
        log.info("the coming frames are written with --save FOLDER")
    try:
        return _ask(predictor, videos, [screen, *outputs], saver)
    finally:
        for output in [*outputs, saver]:
            output.close()


def _ask(predictor, videos: list, outputs: list, saver) -> int:
    """Ask about the videos one after the other, and hand on every answer as it comes."""
    done, unreadable, damaged, began = 0, 0, 0, time.monotonic()
    predictions = predictor(videos) if len(videos) > 1 else [predictor(videos[0])]
    try:
        with terminal.Bar("predict") as bar:
            for video, prediction in zip(videos, predictions, strict=True):
                unreadable += prediction.error is not None
                damaged += bool(prediction.damage)
                for output in outputs:
                    output.add(prediction)
                done += 1
                saver.add(video, prediction)
                if len(videos) > 1:
                    bar(done, len(videos))
    finally:
        if len(videos) > 1:
            number = f"{done}" if done == len(videos) else f"{done} of {len(videos)}"
            failed = f", {unreadable} unreadable" if unreadable else ""
            failed += f", {damaged} damaged: the answer is of what can be decoded" if damaged else ""
            log.info("%s videos in %.1f s%s", number, time.monotonic() - began, failed)
    return 1 if unreadable == done else 0


def _watch(options: Options, cameras: list) -> int:
    """One camera, until it ends."""
    from videorec.data.pictures import Unreadable
    from videorec.inference import answers
    from videorec.inference.capture import Capture
    from videorec.inference.predictor import Predictor
    from videorec.inference.watching import Watch
    from videorec.inference.window import Window

    if len(options.videos) > 1:
        raise UserError(f"A camera is watched alone. Received: {' '.join(options.videos)}")
    predictor = Predictor(options.model)
    terminal.allow_streams()
    capture = Capture(cameras[0], options.seconds)
    console = terminal.console(stderr=answers.STDOUT in (options.json, options.csv))
    outputs = [answers.Rows(options.csv, predictor.recipe, stream=True)] if options.csv else []
    outputs += [answers.Json(options.json)] if options.json else []
    name = re.sub(r"\W+", "_", f"{capture.name} {time.strftime('%Y%m%d %H%M%S')}")
    recording = files.must_be_local(options.save, "--save").expanduser() / f"{name}.mp4" if options.save else None
    window = Window(capture.name) if options.show else None
    how = {"interval": options.interval, "memory": _memory(options, predictor.recipe)}
    watch = Watch(predictor, capture, console, outputs, options.top, **how, window=window, recording=recording)
    try:
        return 0 if watch.run() else 1
    except Unreadable as error:
        log.error("%s", error)
        return 1
    finally:
        for output in outputs:
            output.close()


def _memory(options: Options, recipe: dict) -> float | None:
    """Seconds that a recogniser answers from; None: all."""
    if options.memory is not None or recipe["task"] != "recognition":
        return options.memory or None
    clips = [entry["frames"] * entry["interval"] for entry in recipe["streams"].values() if entry.get("interval")]
    return 2 * max(clips) if clips else None


def _validate(options: Options) -> None:
    if not options.videos:
        raise UserError("Which videos? python predict.py MODEL my.mp4\nHelp: python predict.py --help")
    alone = [f"--{name}" for name in ("json", "csv", "save", "show", "memory", "seconds", "interval") if getattr(options, name)]
    if options.out is not None and alone:
        raise UserError(f"With --out nothing else is written or shown. Received: {' '.join(alone)}")
    sharded = {"--runner": options.runner, "--again": options.again}
    sharded |= {"--format": options.format, "--videos-per-shard": options.videos_per_shard}
    without = [name for name, value in sharded.items() if value]
    if options.out is None and without:
        raise UserError(f"{without[0]} needs --out FOLDER, where the answers go")
    if options.json == options.csv == "-":
        raise UserError("--json and --csv cannot both be written to standard output (-)")


def _check_outputs(options: Options, paths: list[str]) -> None:
    """No result may take the place of what it is about."""
    for option, path in (("--json", options.json), ("--csv", options.csv)):
        sources = {os.path.realpath(source) for source in (*options.videos, *paths)}
        if path and os.path.realpath(path) in sources:
            raise UserError(f"{option} must not be one of the files that are read. Received: {path}")


if __name__ == "__main__":
    terminal.run(main)
