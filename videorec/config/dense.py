"""The settings of experiments on dense labels: long videos whose every frame has labels of its own."""

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Gt, Lt

from videorec.config.base import CachedFit, Fit, Measure
from videorec.config.bounds import Count, Part, Positive, PositiveOrZero, Share
from videorec.config.experiment import Experiment
from videorec.config.footage import Footage


@dataclass(frozen=True)
class DenseData(Footage):
    """Which long videos, with the labels of their moments, and the windows of them that a model is trained on."""

    without_pixels: ClassVar[dict[str, str]] = Footage.without_pixels | {
        "frames": "how long a window is; whole videos are stored",
        "file": "how videos are named",
        "class_list": "what labels are called",
        "table_fps": "when labels are true",
        "single": "how many labels a frame has",
        "slack": "when labels are true",
        "group": "how videos are split",
    }

    path: str = "segments.csv"
    """A table path,label,start,end[,split,group] (seconds), a table video,start_frame,end_frame,label, MultiTHUMOS as one JSON
    file, or the folder of its text files (class_list.txt, annotations/)."""
    videos: str | None = None
    """Folder that relative video paths start from. Default: that of `path`, or `path` itself where it is a folder."""
    file: str = "{}.mp4"
    """Of data sets that name videos without suffix: the video's file, {} for its name."""
    class_list: str | None = None
    """File with a line `index name` a class, where the labels are indices (MultiTHUMOS as JSON)."""
    table_fps: Positive = 25.0
    """Frame rate of the videos whose table counts frames."""
    single: bool = False
    """A frame has one label at most: overlapping segments are an error, and accuracy and segments are measured."""
    slack: PositiveOrZero = 0.0
    """single: seconds; two segments that overlap by no more meet where the later one begins."""
    group: str | None = None
    """A regular expression whose first match in the path is the video's group (same place, same actor), where the table has
    no column group; a split never divides a group. Its first parenthesis counts where it has one."""
    stream: Literal["rgb", "flow"] = "rgb"
    """What the model sees: rgb frames, or flow (motion between neighbouring frames, as pictures)."""
    fps: Positive | None = 5.0
    """Frames a second that the model sees and labels. Results depend on it."""
    frames: Count = 100
    """Frames of a training window (T): how far gradients reach back. Evaluation runs through whole videos."""


@dataclass(frozen=True)
class DenseTrain(CachedFit):
    """How a model of dense labels is fitted."""

    batch: Count = 16
    """Windows a step, over all devices."""
    label_smoothing: Part = 0.0
    """Share of the target spread over all classes; without --model.exclusive, of each class's over true and not true."""
    class_balance: Share = 0.0
    """Unequal classes, one a frame: in the training loss a frame of a class with n of N labelled frames counts (N / n) to this
    power, scaled to a mean of 1. 0: every frame counts the same; 1: every class; 0.5: the square root. Validation and accuracy
    are not weighted."""
    monitor: Literal["map", "accuracy", "loss", "last"] = "map"


@dataclass(frozen=True)
class DenseEvaluate(Measure):
    """How a model of dense labels is measured; evaluate.py can change it."""

    batch: Count = 64
    """Frames of a video that go through the CNN at a time."""
    threshold: Annotated[float, Gt(0), Lt(1)] = 0.5
    """Probability from which on a frame has a label, in segments and timelines."""
    smooth: PositiveOrZero = 1.0
    """Seconds over which single labels are smoothed (majority of the frames) before they are joined into segments; 0: not."""
    change_cost: PositiveOrZero = 0.0
    """Single labels of segments: those whose probabilities, as logarithms, are highest in sum, less this for each change of the
    label (Viterbi), before they are smoothed; 6: short runs go unless the model is sure. 0: the highest of each frame."""


@dataclass(frozen=True)
class AnticipationOptions:
    """What evaluate.py takes for labels to come; data and evaluate start from the run's own settings."""

    data: DenseData = field(default_factory=DenseData)
    evaluate: DenseEvaluate = field(default_factory=DenseEvaluate)


@dataclass(frozen=True)
class DenseOptions:
    """What evaluate.py takes for dense labels; data and evaluate start from the run's own settings."""

    timeline: str | None = None
    """A video, annotated or not: its labels over time, as JSON and as a picture, in place of the figures."""
    fuse: tuple[str, ...] = ()
    """Further runs of the same classes and rate whose probabilities of every frame are averaged in."""
    weights: tuple[PositiveOrZero, ...] = ()
    """Weight of the run and of each of --fuse. Default: equal."""
    data: DenseData = field(default_factory=DenseData)
    evaluate: DenseEvaluate = field(default_factory=DenseEvaluate)


SECTIONS = {"data": DenseData, "train": DenseTrain, "evaluate": DenseEvaluate}
# The tasks whose settings these are, and what data and training of each start from. Of several classes one is to come: there
# is no average precision.
STARTS = {"dense": ({}, {}), "anticipation": ({"single": True, "frames": 10}, {"monitor": "accuracy"})}


def with_dense_labels(experiment: Experiment) -> Experiment:
    """The experiment of a model whose target became dense labels, or labels to come: its settings where both tasks have them,
    but for path, stream, rate and length, which mean something else. Models that know no such target stay as they are."""
    target = next((target for target, task in experiment.model.tasks.items() if task in STARTS), None)
    if target is None or experiment.task in STARTS:
        return experiment
    data = DenseData(**_common(experiment.data, Footage, {"path", "stream", "fps", "frames"}))
    train = DenseTrain(**_common(experiment.train, CachedFit) or _common(experiment.train, Fit))
    own_data, own_train = STARTS[experiment.model.tasks[target]]
    return dataclasses.replace(
        experiment,
        data=dataclasses.replace(data, **own_data),
        model=dataclasses.replace(experiment.model, target=target),
        train=dataclasses.replace(train, **own_train),
        evaluate=DenseEvaluate(),
    )


def _common(section, base, without=frozenset()) -> dict:
    """The settings of `base` itself and above that a section has."""
    names = {field.name for field in dataclasses.fields(base)} if isinstance(section, base) else set()
    return {name: getattr(section, name) for name in names - without}
