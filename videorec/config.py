"""The settings of an experiment, as frozen dataclasses: every field has a default, and its docstring is its help text.

The command line (`train.py --help`), the run folder's `config.json` and every later step read the same
classes, so that training, evaluation and export cannot drift apart. Model hyperparameters live with the models: a
model file subclasses `Model`.
"""

import dataclasses
import difflib
import typing
from dataclasses import dataclass, field
from typing import ClassVar, Literal


class UserError(Exception):
    """What the user can mend: scripts print the message without a traceback and exit with status 2."""


@dataclass(frozen=True)
class Flow:
    """Motion between neighbouring frames: how it is measured, and where its stream differs from the frames'."""

    method: Literal["dis", "farneback", "tvl1", "stored"] = "dis"
    """dis, farneback, tvl1 (needs opencv-contrib-python): measured when a clip is read. stored: each video is a folder of flow
    pictures already."""
    encoding: Literal["lrcn", "short_snippets"] = "lrcn"
    """How motion (u, v) in px becomes a picture. lrcn: 16 u + 128, 16 v + 128, 16 |w| + 128; short_snippets: -40 to 40 px as 0
    to 255, and zeros."""
    frames: int | None = None
    """Flow pictures a clip. Default: data.frames."""
    fps: float | None = None
    """Rate of the frames that motion is measured between. Default: data.fps."""
    step: int | None = None
    """Dense sampling: distance of two flow pictures of a clip. Default: data.step."""
    short_side: int | None = None
    """Short side, in px, of the frames that motion is measured on; it is the unit of u and v. Default: that of data.resize."""


@dataclass(frozen=True)
class Source:
    """What a model learns from."""


@dataclass(frozen=True)
class Footage(Source):
    """Which videos, and how their pictures are read, cut and augmented."""

    path: str = ""
    """What lists the videos."""
    videos: str | None = None
    """Folder that relative video paths start from; may be one made by videorec.tools.prepare. Default: the folder of `path`."""
    exclude: tuple[str, ...] = ()
    """Class names to leave out."""
    stream: Literal["rgb", "flow", "both"] = "rgb"
    """What the model sees: rgb frames, flow (motion between neighbouring frames, as pictures), or both."""
    flow: Flow = field(default_factory=Flow)
    frames: int = 16
    """Frames a clip (T)."""
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
    max_unreadable: float = 0.01
    """Share of unreadable videos above which the run stops. Below it they count with weight 0 and are reported."""
    workers: int = 0
    """Videos decoded in parallel; 0: one a core."""
    remote_cache_gb: float = 20.0
    """Most disk, in GB, that local copies of remote videos take; the ones not used for longest go first."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that a clip has."""
        return ("rgb", "flow") if self.stream == "both" else (self.stream,)

    def of(self, stream: str) -> typing.Self:
        """The settings of one stream alone: for flow, its own rate and length in place of the frames'."""
        if stream == "rgb":
            return dataclasses.replace(self, stream="rgb")
        flow = self.flow
        return dataclasses.replace(
            self,
            stream="flow",
            frames=flow.frames or self.frames,
            fps=flow.fps or self.fps,
            flow=dataclasses.replace(flow, short_side=flow.short_side or min(self.resize)),
        )


@dataclass(frozen=True)
class Data(Footage):
    """Which videos, which of their frames, and how a frame is cut."""

    path: str = "synthetic"
    """`synthetic`, a folder with one sub-folder a class, a manifest (.csv), a folder with the UCF101 or HMDB51 lists, or one
    made by videorec.tools.prepare. Manifests and prepared folders may be remote (s3://, az://, hdfs://)."""
    official_split: Literal[1, 2, 3] = 1
    """Which of the three official splits of UCF101 or HMDB51."""
    group: str | None = None
    """For a folder without a manifest: a regular expression whose first match in the path is the video's group
    (same recording, same actor); groups are never cut by a split. Its first parenthesis counts where it has one."""
    sampling: Literal["uniform", "dense", "first"] = "uniform"
    """uniform: T frames spread over the whole video; dense: a window of T frames, `step` apart, anywhere; first: that window at
    the start, and nothing behind it is decoded."""
    step: int = 1
    """Dense sampling: distance of two frames of a clip, in frames (after `fps`)."""
    short: Literal["hold", "repeat"] = "hold"
    """A video shorter than a clip holds its last frame, or repeats from the start (as in Beyond Short Snippets)."""
    hop: int = 8
    """Dense evaluation over all clips: distance of the starts of two clips, in frames."""
    balance: Literal["none", "sample", "weight"] = "none"
    """Unequal classes: draw them equally often (sample), weight their loss (weight), or leave them (none)."""

    def of(self, stream: str) -> "Data":
        """As `Footage.of`; flow's distance of frames too."""
        step = self.step if stream == "rgb" else self.flow.step or self.step
        return dataclasses.replace(super().of(stream), step=step)


@dataclass(frozen=True)
class Model:
    """What every model is. Subclasses add their hyperparameters and `build(streams, classes) -> keras.Model`."""

    name: ClassVar[str] = ""
    task: ClassVar[str] = "recognition"  # with the default target, see `task_of`

    @property
    def causal(self) -> bool:
        """Whether the output of a step depends on no later frame."""
        return True

    @property
    def any_length(self) -> bool:
        """Whether one set of weights takes clips of any number of frames."""
        return True

    @property
    def least_frames(self) -> int:
        """The shortest clip that the model takes."""
        return 1


@dataclass(frozen=True)
class Recogniser(Model):
    """A model with a backbone that turns each frame into features."""

    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel")  # what `target` can be; with "dense": a step a frame
    backbone: str = "mobilenet_v2"
    """The CNN over each frame (videorec.models.backbones.names())."""
    tap: Literal["map", "pooled", "fc"] = "pooled"
    """Where features leave the backbone: the last spatial map, its average over space, or a fully connected layer."""
    weights: str | None = "imagenet"
    """Backbone weights at the start: imagenet (downloaded by keras.applications), a weights file, or None."""
    trainable_from: str = "none"
    """none: the backbone is frozen; all: it is trained whole; a layer's name: trained from that layer on."""
    target: Literal["clip", "multilabel", "dense"] = "clip"
    """What is learnt: one class a clip, any number of classes a clip (`a;b`), or any number at every frame."""
    differences: tuple[Literal["previous", "mean"], ...] = ()
    """Feed with each frame's features their differences: from the frame before (previous), from the mean of the clip (mean;
    not causal). A frozen backbone's features show the scene more than what moves in it."""

    @property
    def causal(self):
        """See `Model`."""
        return "mean" not in self.differences


@dataclass(frozen=True)
class Fit:
    """How any model is fitted."""

    epochs: int = 30
    """Passes over the training data."""
    batch: int = 16
    """Clips a step, over all devices."""
    optimizer: Literal["adamw", "sgd", "rmsprop"] = "adamw"
    """adamw: decoupled weight decay; sgd: momentum, with weight decay as an L2 gradient (as in Caffe); rmsprop: decay 0.9, no
    weight decay."""
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
    patience: int | None = None
    """Stop after this many epochs without a better `monitor`; None: never."""
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Arithmetic of the layers; weights and outputs stay float32."""
    jit: bool = False
    """Compile the train step with XLA. Much slower on a CPU."""
    multi_gpu: bool = False
    """Share each batch among all GPUs of this machine (MirroredStrategy)."""
    deterministic: bool = False
    """Same seed, same machine, same numbers; slower."""
    init: tuple[str, ...] = ()
    """Start from other runs' weights: folders runs/NAME, or .keras files. Every weight of the same place and shape is taken
    (the backbone's too; a flow network takes an RGB network's), the others are listed and keep their initial values."""
    resume: bool = True
    """Go on where an interrupted run of the same name and settings stopped. Off: start anew, replacing that run."""
    seed: int = 0
    """Seed of the initial weights, the order of the data and the augmentation."""


@dataclass(frozen=True)
class CachedFit(Fit):
    """How a model with a backbone is fitted: a frozen one's features are computed once."""

    cache: bool = True
    """With a frozen backbone: compute its features once, store them, and train the head on them."""
    cache_views: int = 4
    """Versions of each training video in the cache: the first is plain, the others are augmented."""
    cache_dir: str = "~/.cache/videorec/features"
    """Folder of the cached features."""


@dataclass(frozen=True)
class Train(CachedFit):
    """How a recogniser is fitted."""

    step_gain: Literal["uniform", "linear"] = "uniform"
    """Weight of time step t in the loss: 1, or rising linearly from 0 to 1."""
    step_reduction: Literal["mean", "sum"] = "mean"
    """The loss of a clip is the weighted mean over its time steps, or their weighted sum."""
    label_smoothing: float = 0.0
    """Share of the target spread over all classes."""
    monitor: Literal["accuracy", "mean_class_accuracy", "map", "loss", "last"] = "accuracy"
    """Validation figure that picks the best model, the later one of equals (training figure without a validation set).
    map: mean average precision of several labels (multilabel). last: keep the last epoch's model, where the validation set is
    too small to choose by."""


@dataclass(frozen=True)
class Measure:
    """How a trained model is measured."""

    split: Literal["test", "val", "train"] = "test"
    """Which part of the data."""
    batch: int = 16
    """Clips a step."""


@dataclass(frozen=True)
class Evaluate(Measure):
    """How a recogniser is measured; evaluate.py can change it."""

    clips: int = 1
    """Clips a video, spread evenly; 0 (dense sampling only): a clip every `data.hop` frames."""
    crops: Literal[1, 3, 10] = 1
    """Crops a clip: the centre; left, centre, right; or four corners and centre, each also mirrored."""
    hit_at: tuple[int, ...] = (1, 5)
    """Hit@k: share of videos with a true label among the k highest probabilities."""


@dataclass(frozen=True)
class Experiment:
    """One experiment: data, model, training, evaluation."""

    name: str = ""
    """Name of the run: its folder is `RUNS/NAME`. Default: the preset's name."""
    data: Source = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    train: Fit = field(default_factory=Train)
    evaluate: Measure = field(default_factory=Evaluate)
    runs: str = "runs"
    """Folder of all runs; may be remote (s3://, az://, hdfs://)."""

    @property
    def task(self) -> str:
        """What is learnt, see `task_of`."""
        return task_of(self.model)


def task_of(model: Model) -> str:
    """recognition (labels of a clip), dense (labels of every frame), forecasting (frames), or anticipation (labels of the
    coming steps): follows from the model and its target, and decides which settings an experiment has."""
    target = getattr(model, "target", None)
    if model.task == "forecasting":
        return "anticipation" if target == "labels" else "forecasting"
    return "dense" if target == "dense" else model.task


def nearest(word: str, choices: typing.Iterable[str]) -> str:
    """'Did you mean ...?' with the nearest of `choices`, and the list of all."""
    choices = sorted(choices)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}Known: {', '.join(choices)}."
