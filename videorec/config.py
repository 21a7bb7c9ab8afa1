"""The settings of an experiment, as frozen dataclasses: every field has a default, and its docstring is its help text.

The command line (`train.py --help`), the run folder's `config.json` and every later step read the same
classes, so that training, evaluation and export cannot drift apart. Model hyperparameters live with the models: a
model file subclasses `Model`.
"""

import dataclasses
import difflib
import json
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal


class UserError(Exception):
    """What the user can mend: scripts print the message without a traceback and exit with status 2."""


@dataclass(frozen=True)
class Data:
    """Which videos, which of their frames, and how a frame is cut."""

    path: str = "synthetic"
    """`synthetic`, a folder with one sub-folder a class, a manifest (.csv), or a folder with the UCF101 or HMDB51 lists."""
    videos: str | None = None
    """Folder that relative video paths start from. Default: the folder of `path`."""
    official_split: Literal[1, 2, 3] = 1
    """Which of the three official splits of UCF101 or HMDB51."""
    group: str | None = None
    """For a folder without a manifest: a regular expression whose first match in the path is the video's group
    (same recording, same actor); groups are never cut by a split. Its first parenthesis counts where it has one."""
    exclude: tuple[str, ...] = ()
    """Class names to leave out."""
    stream: Literal["rgb", "flow"] = "rgb"
    """What the frames show: rgb pictures, or flow: motion fields stored as pictures, a folder of them a video
    (horizontal, vertical, magnitude; 128 is no motion)."""
    frames: int = 16
    """Frames a clip (T)."""
    sampling: Literal["uniform", "dense"] = "uniform"
    """uniform: T frames spread over the whole video; dense: a window of T frames, `step` apart."""
    step: int = 1
    """Dense sampling: distance of two frames of a clip, in frames (after `fps`)."""
    hop: int = 8
    """Dense evaluation over all clips: distance of the starts of two clips, in frames."""
    fps: float | None = None
    """Resample the video to this rate by time stamps. Default: every frame of the file."""
    resize: tuple[int, int] = (128, 128)
    """Height and width that a decoded frame is resized to."""
    crop: tuple[int, int] = (112, 112)
    """Height and width that the model sees: random crop in training, centre crop otherwise."""
    fit: Literal["stretch", "crop"] = "stretch"
    """How a frame of another shape meets `resize`: stretched, or its centre cut to the aspect ratio first."""
    augment: bool = True
    """Augment training clips (the same change for all frames of a clip). Off: centre crop, no jitter at all."""
    flip: bool = True
    """Mirror half of the training clips. Turn it off where left and right are different classes."""
    flip_vertical: bool = False
    """Also turn half of them upside down: for cameras that look straight down."""
    crop_scale: tuple[float, float] = (0.6, 1.0)
    """Share of the frame's area that a random crop covers, least and most. (1, 1) with `crop` smaller than `resize`:
    a random position at full scale, as in the papers."""
    color: float = 0.2
    """Strength of the random change of brightness, contrast and saturation; 0 turns it off."""
    balance: Literal["none", "sample", "weight"] = "none"
    """Unequal classes: draw them equally often (sample), weight their loss (weight), or leave them (none)."""
    max_unreadable: float = 0.01
    """Share of unreadable videos above which the run stops. Below it they count with weight 0 and are reported."""
    workers: int = 0
    """Videos decoded in parallel; 0: one a core."""


@dataclass(frozen=True)
class Model:
    """What every model has: a backbone that turns a frame into features. Subclasses add their hyperparameters
    and `build(streams, classes) -> keras.Model`."""

    name: ClassVar[str] = ""
    backbone: str = "mobilenet_v2"
    """The CNN over each frame (videorec.models.backbones.names())."""
    tap: Literal["map", "pooled", "fc"] = "pooled"
    """Where features leave the backbone: the last spatial map, its average over space, or a fully connected layer."""
    weights: str | None = "imagenet"
    """Backbone weights at the start: imagenet (downloaded by keras.applications), a weights file, or None."""
    trainable_from: str = "none"
    """none: the backbone is frozen; all: it is trained whole; a layer's name: trained from that layer on."""
    differences: tuple[Literal["previous", "mean"], ...] = ()
    """Feed with each frame's features their differences: from the frame before (previous), from the mean of the clip (mean;
    not causal). A frozen backbone's features show the scene more than what moves in it."""

    @property
    def causal(self) -> bool:
        """Whether the output of a step depends on no later frame."""
        return "mean" not in self.differences

    @property
    def any_length(self) -> bool:
        """Whether one set of weights takes clips of any number of frames."""
        return True

    @property
    def least_frames(self) -> int:
        """The shortest clip that the model takes."""
        return 1


@dataclass(frozen=True)
class Train:
    """How the model is fitted."""

    epochs: int = 30
    """Passes over the training videos."""
    batch: int = 16
    """Clips a step, over all devices."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """adamw: decoupled weight decay; sgd: momentum, with weight decay as an L2 gradient (as in Caffe)."""
    learning_rate: float = 1e-3
    """Base learning rate."""
    momentum: float = 0.9
    """Momentum of sgd."""
    weight_decay: float = 1e-4
    """Weight decay; biases and normalisation weights are left out."""
    clipnorm: float | None = 1.0
    """Largest global norm of the gradient; None: no clipping."""
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    """cosine: down to 0 at the last epoch; step: times 0.1 every `step_every` steps."""
    warmup_epochs: float = 1.0
    """Epochs over which the learning rate rises from 0."""
    step_every: int = 10_000
    """Steps between two drops of the step schedule."""
    step_gain: Literal["uniform", "linear"] = "uniform"
    """Weight of time step t in the loss: 1, or rising linearly from 0 to 1."""
    step_reduction: Literal["mean", "sum"] = "mean"
    """The loss of a clip is the weighted mean over its time steps, or their weighted sum."""
    label_smoothing: float = 0.0
    """Share of the target spread over all classes."""
    monitor: Literal["accuracy", "mean_class_accuracy", "loss", "last"] = "accuracy"
    """Validation figure that picks the best model, the later one of equals (training figure without a validation set).
    last: keep the last epoch's model, where the validation set is too small to choose by."""
    patience: int | None = None
    """Stop after this many epochs without a better `monitor`; None: never."""
    cache: bool = True
    """With a frozen backbone: compute its features once, store them, and train the head on them."""
    cache_views: int = 4
    """Versions of each training clip in the cache: the first is plain, the others are augmented."""
    cache_dir: str = "~/.cache/videorec/features"
    """Folder of the cached features."""
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Arithmetic of the layers; weights and outputs stay float32."""
    jit: bool = False
    """Compile the train step with XLA. Much slower on a CPU."""
    multi_gpu: bool = False
    """Share each batch among all GPUs of this machine (MirroredStrategy)."""
    deterministic: bool = False
    """Same seed, same machine, same numbers; slower."""
    init: str | None = None
    """Start from another run's weights: its folder runs/NAME, or a .keras file. Every weight of the same place and shape is
    taken (the backbone's too), the others are listed and keep their initial values."""
    resume: bool = True
    """Go on where an interrupted run of the same name and settings stopped. Off: start anew, replacing that run."""
    seed: int = 0
    """Seed of the initial weights, the order of the data and the augmentation."""


@dataclass(frozen=True)
class Evaluate:
    """How a trained model is measured; evaluate.py can change it."""

    split: Literal["test", "val", "train"] = "test"
    """Which videos."""
    clips: int = 1
    """Clips a video, spread evenly; 0 (dense sampling only): a clip every `data.hop` frames."""
    crops: Literal[1, 3, 10] = 1
    """Crops a clip: the centre; left, centre, right; or four corners and centre, each also mirrored."""
    batch: int = 16
    """Clips a step."""


@dataclass(frozen=True)
class Experiment:
    """One experiment: data, model, training, evaluation."""

    name: str = ""
    """Name of the run: its folder is `runs/NAME`. Default: the preset's name."""
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)
    evaluate: Evaluate = field(default_factory=Evaluate)


def nearest(word: str, choices: typing.Iterable[str]) -> str:
    """'Did you mean ...?' with the nearest of `choices`, and the list of all."""
    choices = sorted(choices)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}Known: {', '.join(choices)}."


def to_dict(experiment: Experiment) -> dict:
    """The experiment as plain JSON types; the model's registered name is stored beside its hyperparameters."""
    tree = dataclasses.asdict(experiment)
    tree["model"] = {"name": experiment.model.name, **tree["model"]}
    return tree


def from_dict(tree: dict, model_classes: dict[str, type[Model]]) -> Experiment:
    """The inverse of `to_dict`; fields that are absent keep their default.

    Raises:
        UserError: a name that no field and no model has.
    """
    tree = dict(tree)
    model = dict(tree.pop("model", {}))
    name = model.pop("name", None)
    if name not in model_classes:
        raise UserError(f"No model is called {name!r}. {nearest(str(name), model_classes)}")
    sections = {"data": Data, "train": Train, "evaluate": Evaluate}
    parts = {key: _fill(cls, tree.pop(key, {}), key) for key, cls in sections.items()}
    return Experiment(model=_fill(model_classes[name], model, "model"), **parts, **tree)


def _fill(cls, values: dict, section: str):
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}
    for key in values:
        if key not in known:
            raise UserError(f"{section} has no setting {key!r}. {nearest(key, known)}")
    return cls(**{key: _as_type(value, hints[key]) for key, value in values.items()})


def _as_type(value, hint):
    """JSON has lists where the dataclasses have tuples."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    is_tuple = any(typing.get_origin(option) is tuple for option in options)
    return tuple(value) if is_tuple and isinstance(value, list) else value


def save(experiment: Experiment, path: Path) -> None:
    """Write the experiment as JSON."""
    path.write_text(json.dumps(to_dict(experiment), indent=2) + "\n")


def differences(old: dict, new: dict, prefix: str = "") -> list[str]:
    """One line `data.frames: 16 -> 8` for every setting that differs between two trees of `to_dict`."""
    lines = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += differences(a, b, f"{prefix}{key}.")
        elif _plain(a) != _plain(b):
            lines.append(f"{prefix}{key}: {_plain(a)} -> {_plain(b)}")
    return lines


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def validate(experiment: Experiment) -> None:
    """Check what types alone cannot say.

    Raises:
        UserError: naming the option, its rule and what came.
    """
    name, train = experiment.name, experiment.train
    _check("--name must be a plain folder name", name, name == Path(name).name and name not in ("", ".."))
    _check("--train.epochs must be 1 or more", train.epochs, train.epochs >= 1)
    _check("--train.batch must be 1 or more", train.batch, train.batch >= 1)
    _check("--train.cache-views must be 1 or more", train.cache_views, train.cache_views >= 1)
    _check("--train.learning-rate must be above 0", train.learning_rate, train.learning_rate > 0)
    _check("--train.label-smoothing must be in [0, 1)", train.label_smoothing, 0 <= train.label_smoothing < 1)
    frames, least = experiment.data.frames, experiment.model.least_frames
    _check(f"--data.frames must be {least} or more for this model", frames, frames >= least)
    _check("--train.patience must be 1 or more", train.patience, train.patience is None or train.patience >= 1)
    validate_data(experiment.data, experiment.evaluate)


def validate_data(data: Data, evaluate: Evaluate) -> None:
    """The part of `validate` that evaluation needs too."""
    _check("--data.frames must be 1 or more", data.frames, data.frames >= 1)
    _check("--data.step must be 1 or more", data.step, data.step >= 1)
    _check("--data.hop must be 1 or more", data.hop, data.hop >= 1)
    _check("--data.fps must be above 0", data.fps, data.fps is None or data.fps > 0)
    fits = all(1 <= crop <= resize for crop, resize in zip(data.crop, data.resize, strict=True))
    _check("--data.crop must be 1 or more and fit in --data.resize", f"{data.crop} in {data.resize}", fits)
    low, high = data.crop_scale
    _check("--data.crop-scale must be two shares, 0 < least <= most <= 1", data.crop_scale, 0 < low <= high <= 1)
    _check("--data.color must be in [0, 1)", data.color, 0 <= data.color < 1)
    _check("--data.max-unreadable must be in [0, 1]", data.max_unreadable, 0 <= data.max_unreadable <= 1)
    least = 0 if data.sampling == "dense" else 1
    rule = "--evaluate.clips must be 1 or more, or 0 with --data.sampling dense"
    _check(rule, evaluate.clips, evaluate.clips >= least)


def _check(rule: str, value, holds: bool) -> None:
    if not holds:
        raise UserError(f"{rule}. Received: {value}")
