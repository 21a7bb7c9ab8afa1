"""The settings of recognition: labels of clips."""

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from videorec.config.base import CachedFit, Measure, Model
from videorec.config.bounds import Count, CountOrZero, Part, PositiveOrZero, Share
from videorec.config.footage import Footage


@dataclass(frozen=True)
class Data(Footage):
    """Which videos, which of their frames, and how a frame is cropped."""

    without_pixels: ClassVar[dict[str, str]] = Footage.without_pixels | {
        "official_split": "which videos",
        "group": "how videos are split",
        "hop": "how many clips an evaluation takes of a video; one is stored",
        "balance": "how often a clip is drawn",
    }

    path: str = "synthetic"
    """`synthetic` or `synthetic_early` (built-in videos: eight motions; long videos whose first second tells the class), a
    folder with one sub-folder a class, or with train, val, test above the classes (also training, valid, validation,
    testing), a manifest (.csv), a folder with the UCF101 or HMDB51 lists, or one made by videorec.tools.prepare.
    Manifests and prepared folders may be remote (s3://, az://, hdfs://)."""
    official_split: Literal[1, 2, 3] = 1
    """Which of the three official splits of UCF101 or HMDB51."""
    group: str | None = None
    """For a folder without a manifest: a regular expression whose first match in the path is the video's group
    (same recording, same actor); a split never divides a group. Its first parenthesis counts where it has one."""
    sampling: Literal["uniform", "dense", "first"] = "uniform"
    """uniform: T frames spread over the whole video; dense: a window of T frames, `step` apart, anywhere; first: that window at
    the start, and nothing after it is decoded."""
    step: Count = 1
    """Dense sampling: distance of two frames of a clip, in frames (after `fps`)."""
    short: Literal["hold", "repeat"] = "hold"
    """A video shorter than a clip holds its last frame, or repeats from the start (as in Beyond Short Snippets)."""
    hop: Count = 8
    """Dense evaluation over all clips: distance of the starts of two clips, in frames."""
    balance: Literal["none", "sample"] = "none"
    """Unequal classes: draw them equally often (sample), or leave them (none); train.class_balance weights their loss."""

    def of(self, stream: str) -> "Data":
        """As `Footage.of`; flow's distance of frames too."""
        step = self.step if stream == "rgb" else self.flow.step or self.step
        return dataclasses.replace(super().of(stream), step=step)


@dataclass(frozen=True)
class Recogniser(Model):
    """A model with a backbone that turns each frame into features."""

    tasks: ClassVar[dict[str, str]] = {"clip": "recognition", "multilabel": "recognition", "dense": "dense"}
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel")
    """As `Model`; with `dense` where the model has a step a frame."""
    backbone: str = "mobilenet_v2"
    """The CNN over each frame (videorec.models.backbones.names())."""
    tap: Literal["map", "pooled", "fc"] = "pooled"
    """Where features leave the backbone: the last spatial map, its average over space, or a fully connected layer."""
    weights: str | None = "imagenet"
    """Backbone weights at the start: imagenet (downloaded by keras.applications), a weights file, or None."""
    trainable_from: str = "none"
    """none: the backbone is frozen; all: it is trained whole; a layer's name (block_13_expand): trained from that layer on.
    Normalisation layers stay frozen, but for all with --model.weights None."""
    target: Literal["clip", "multilabel", "dense"] = "clip"
    """What is learnt: one class a clip, any number of classes a clip (`a;b`), or any number at every frame."""
    exclusive: bool = False
    """dense: a frame has exactly one of the classes, learnt and answered by a softmax over them, in place of a sigmoid for each
    class; frames without a label are not learnt. Needs --data.single."""
    differences: tuple[Literal["previous", "mean"], ...] = ()
    """Feed with each frame's features their differences: from the frame before (previous), from the mean of the clip (mean;
    not causal). A frozen backbone's features show the scene more than what moves in it."""

    @property
    def causal(self):
        """See `Model`."""
        return "mean" not in self.differences


@dataclass(frozen=True)
class Train(CachedFit):
    """How a recogniser is fitted."""

    step_gain: Literal["uniform", "linear", "last"] = "uniform"
    """Weight of time step t in the loss: 1, rising linearly from 0 to 1, or 1 for the last step and 0 for the others."""
    step_reduction: Literal["mean", "sum"] = "mean"
    """The loss of a clip is the weighted mean over its time steps, or their weighted sum."""
    label_smoothing: Part = 0.0
    """Share of the target spread over all classes."""
    class_balance: Share = 0.0
    """Unequal classes: in the training loss a clip of a class with n of N clips counts (N / n) to this power, scaled to a mean
    of 1. 0: every clip counts the same; 1: every class; 0.5: the square root. Validation and accuracy are not weighted."""
    monitor: Literal["accuracy", "mean_class_accuracy", "map", "loss", "last"] = "accuracy"


@dataclass(frozen=True)
class Evaluate(Measure):
    """How a recogniser is measured; evaluate.py can change it."""

    clips: CountOrZero = 1
    """Clips a video, spread evenly; 0 (dense sampling only): a clip every `data.hop` frames."""
    crops: Literal[1, 2, 3, 10] = 1
    """Crops a clip: the centre (1), also mirrored (2); left, centre, right (3); four corners and centre, each also mirrored
    (10)."""
    hit_at: tuple[Count, ...] = (1, 5)
    """Hit@k: share of videos with a true label among the k highest probabilities."""


@dataclass(frozen=True)
class RecognitionOptions:
    """What evaluate.py takes for a recogniser; data and evaluate start from the run's own settings."""

    fuse: tuple[str, ...] = ()
    """Further runs whose probabilities are averaged in."""
    weights: tuple[PositiveOrZero, ...] = ()
    """Weight of the run and of each of --fuse. Default: equal."""
    data: Data = field(default_factory=Data)
    evaluate: Evaluate = field(default_factory=Evaluate)
