"""What to feed a trained model and what comes out, as plain JSON types: `recipe.json` of a run and of everything exported.

```
format      1: how the recipe itself is written; a greater one is refused
videorec    version that wrote it
task        recognition, dense, anticipation or forecasting; target: what is learnt, as in the model's settings
model       its name
classes     names in the order of the outputs; empty where frames are forecast
streams     by name (rgb, flow):
              input       name of the input in an export
              frames      T, frames of a clip (of a forecast: frames seen); any_length: whether the model takes other numbers
              sampling    uniform: T frames spread over the video; dense: a window of T, `step` apart; first: that window at the
                          start; window: neighbouring frames, `step` apart
              fps         rate that the video is resampled to; null: every frame of the file
              step, short, hop   as in the settings of the data
              interval    seconds between two frames of a clip, the median over training videos; null: not known
              flow        method, encoding and short_side, where the stream is motion; paired (false), where it draws its
                          pictures by itself beside frames of its rate and length
pictures    resize, crop (height and width), fit, channels, values where given; of forecasts: shape (H, W, C), pixels, values,
            key, axes
evaluation  clips and crops a video (recognition); threshold, smooth, change_cost and single (labels of moments)
horizon     steps that are forecast
```
Exports add `export`: form, quantize and streaming; what runs frame by frame also `states` and `delays`.
"""

import json
import math
from pathlib import Path
from types import NoneType

import videorec
from videorec.config import Data, Experiment, Flow, Footage, UserError, bounds
from videorec.config.forecasting import Sequences
from videorec.storage import outside

FORMAT = 1
NAME = "recipe.json"
CHECKSUM = "sha256"  # of what stands before the archive in a TFLite file, which would answer anything where it is damaged
MADE_ANEW = "Remove the file: it is made anew from config.json"
MOST_FRAMES, MOST_PIXELS = 1_000_000, 64_000_000  # what a file of a few bytes may ask for
KINDS = {"task": str, "target": str, "model": str, "classes": list, "streams": dict, "pictures": dict, "evaluation": dict}
OF_EXPORTS = {"export": dict, "states": dict, "delays": dict, "running": list}  # where they are there
OF_EVALUATION = {"recognition": {"clips": int}, "dense": {"threshold": float}, "anticipation": {}, "forecasting": {}}
OF_STREAM = {"input": str, "frames": int, "any_length": bool, "sampling": str, "fps": (float, NoneType), "step": int}


def make(
    experiment: Experiment,
    classes: tuple[str, ...],
    shape: tuple[int, int, int] | None = None,
    intervals: dict[str, float | None] | None = None,
) -> dict:
    """The recipe of a run.

    Args:
        classes: names in the order of the model's outputs.
        shape: `(H, W, C)` of a forecaster's frames; None: not known without the model.
        intervals: seconds between two frames of a clip, by stream.
    """
    data, model = experiment.data, experiment.model
    recipe = {
        "format": FORMAT,
        "videorec": videorec.__version__,
        "task": experiment.task,
        "target": getattr(model, "target", experiment.task),
        "model": model.name,
        "classes": list(classes),
    }
    recipe |= _of_sequences(data, model, shape) if isinstance(data, Sequences) else _of_footage(data, experiment)
    for stream, entry in recipe["streams"].items():
        known = entry["step"] / entry["fps"] if entry["fps"] and entry["sampling"] != "uniform" else None
        entry["interval"] = known or (intervals or {}).get(stream)
    if hasattr(model, "horizon"):
        recipe["horizon"] = model.horizon
    return recipe


def _of_footage(data: Footage, experiment: Experiment) -> dict:
    how = experiment.evaluate
    names = ("clips", "crops") if isinstance(data, Data) else ("threshold", "smooth", "change_cost")
    evaluation = {name: getattr(how, name) for name in names}
    if not isinstance(data, Data):
        evaluation["single"] = data.single
    pictures = {"resize": list(data.resize), "crop": list(data.crop), "fit": data.fit, "channels": "RGB"}
    pictures |= {"values": list(data.values)} if data.values else {}
    return {
        "streams": {stream: _stream(data.of(stream), stream, experiment) for stream in data.streams},
        "pictures": pictures,
        "evaluation": evaluation,
    }


def _stream(data: Footage, stream: str, experiment: Experiment) -> dict:
    entry = {
        "input": stream if len(experiment.data.streams) > 1 else "frames",
        "frames": data.frames,
        "any_length": experiment.model.part(stream).any_length,
        "sampling": getattr(data, "sampling", "window"),
        "fps": data.fps,
        "step": getattr(data, "step", 1),
        "short": getattr(data, "short", "hold"),
        "hop": getattr(data, "hop", data.frames),
    }
    names = ("method", "encoding", "short_side", *(() if data.flow.paired else ("paired",)))
    flow = {name: getattr(data.flow, name) for name in names}
    return entry | ({"flow": flow} if stream == "flow" else {})


def _of_sequences(data: Sequences, model, shape) -> dict:
    entry = {
        "input": "frames",
        "frames": data.frames,
        "any_length": model.any_length,
        "sampling": "window",
        "fps": None,
        "step": data.step,
    }
    pictures = {
        "shape": None if shape is None else list(shape),
        "pixels": model.pixels,
        "values": None if data.values is None else list(data.values),
        "key": data.key,
        "axes": data.axes,
    }
    return {"streams": {"rgb": entry}, "pictures": pictures, "evaluation": {}}


def check(recipe: dict, where: str) -> dict:
    """The recipe, where this version knows how it is written.

    Args:
        where: the file that it comes from, for the message.

    Raises:
        UserError: no recipe, or one of a later version.
        Exception: of many kinds, where the recipe is damaged; to be used in `videorec.storage.outside.reading`.
    """
    number = recipe.get("format") if isinstance(recipe, dict) else None
    if not isinstance(number, int):
        raise UserError(f"{where} must hold a recipe of videorec with its format. Received: none. Export the run anew")
    if number > FORMAT:
        raise UserError(
            f"{where} was written by videorec {recipe.get('videorec', '?')} in format {number}; videorec "
            f"{videorec.__version__} reads formats up to {FORMAT}. Update videorec, or export the run with this version"
        )
    outside.checked(recipe, KINDS)
    outside.checked(recipe, {name: kind for name, kind in OF_EXPORTS.items() if name in recipe})
    if recipe["task"] not in OF_EVALUATION:
        raise ValueError(f"task must be one of {', '.join(OF_EVALUATION)}. Received: {recipe['task']!r}")
    outside.checked(recipe["evaluation"], OF_EVALUATION[recipe["task"]])
    for entry in recipe["streams"].values():
        outside.checked(entry, OF_STREAM)
        if not 1 <= entry["frames"] <= MOST_FRAMES:
            raise ValueError(f"frames must be from 1 to {MOST_FRAMES:,}. Received: {entry['frames']}")
    for name in recipe["classes"]:
        if not isinstance(name, str):
            raise ValueError(f"names of classes must be texts. Received: {name!r}")
    if recipe["task"] != "forecasting":
        _check_pictures(recipe)
    return recipe


def _check_pictures(recipe: dict) -> None:
    for name in ("resize", "crop"):
        sides = recipe["pictures"][name]
        if len(sides) != 2 or not all(type(side) is int and 1 <= side for side in sides) or math.prod(sides) > MOST_PIXELS:
            raise ValueError(f"{name} must be a height and a width, of {MOST_PIXELS:,} pixels at most. Received: {sides}")
    if any(crop > whole for crop, whole in zip(recipe["pictures"]["crop"], recipe["pictures"]["resize"], strict=True)):
        raise ValueError(f"crop must lie within resize. Received: {recipe['pictures']['crop']}, {recipe['pictures']['resize']}")
    how = recipe["evaluation"]
    if recipe["task"] == "recognition" and not (1 <= how["clips"] <= MOST_FRAMES and how.get("crops", 1) in (1, 2, 3, 10)):
        raise ValueError(f"evaluation must be 1 clip or more of 1, 2, 3 or 10 crops. Received: {how}")
    bounds.check(data_of(recipe))


def parse(text: str | bytes, where: str, remedy: str = "Export the run anew") -> dict:
    """A recipe from its JSON.

    Args:
        where, remedy: the file, and what would do where it is damaged, for the message.

    Raises:
        UserError: no JSON, no recipe, or one of a later version.
    """
    with outside.reading(where, remedy):
        return check(json.loads(text), where)


def as_text(recipe: dict) -> str:
    """The recipe as a JSON file."""
    return json.dumps(recipe, indent=2) + "\n"


def read(folder: Path, remedy: str = MADE_ANEW) -> dict | None:
    """The recipe that a folder holds; None where it has none (runs of version 0.1.0).

    Args:
        remedy: what would do where it is damaged; of a run, unless given.

    Raises:
        UserError: as `parse`.
    """
    path = folder / NAME
    if not path.exists():
        return None
    with outside.reading(path, remedy):
        return parse(path.read_bytes(), str(path), remedy)


def data_of(recipe: dict) -> Data:
    """How clips of new videos are read, for `videorec.data.clips.ClipReader` and `videorec.data.video_stream.VideoStream`."""
    streams, pictures = recipe["streams"], recipe["pictures"]
    first = streams.get("rgb") or streams["flow"]
    both = len(streams) > 1
    own = streams["flow"] if both else {}
    flow = Flow(
        **streams["flow"]["flow"] if "flow" in streams else {},
        **{name: own[name] for name in ("frames", "fps", "step") if both},
    )
    sampling = first["sampling"]
    return Data(
        stream="both" if both else next(iter(streams)),
        flow=flow,
        sampling="dense" if sampling == "window" else sampling,
        **{name: first[name] for name in ("frames", "fps", "step", "short", "hop")},
        **{name: tuple(pictures[name]) for name in ("resize", "crop")},
        fit=pictures["fit"],
        values=values_of(recipe),
    )


def values_of(recipe: dict) -> tuple[float, float] | None:
    """The stored values of a video's pictures that become 0 and 255.

    None where none were given, and for forecasters, which scale what they are shown.
    """
    given = recipe["pictures"].get("values")
    return None if given is None or recipe["task"] == "forecasting" else tuple(given)


def interval_of(recipe: dict) -> float | None:
    """Seconds between two frames that a stream takes, where it is known: the same for all streams.

    Raises:
        UserError: the streams of the model run at different rates.
    """
    seconds = {stream: entry.get("interval") for stream, entry in recipe["streams"].items()}
    known = [value for value in seconds.values() if value]
    if known and not all(math.isclose(value, known[0], rel_tol=0.05) for value in known):
        listed = ", ".join(f"{stream} every {value:.3g} s" for stream, value in seconds.items() if value)
        raise UserError(f"A model whose streams run at different rates does not run frame by frame. Received: {listed}")
    return known[0] if known else None
