"""What the settings of every task share: a model, its data, how it is fitted and measured."""

import difflib
import typing
from dataclasses import dataclass
from typing import ClassVar, Literal


class UserError(Exception):
    """What the user can mend: scripts print the message without a traceback and exit with status 2."""


@dataclass(frozen=True)
class Source:
    """What a model learns from."""


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
    warmup_epochs: float | None = None
    """cosine: epochs over which the learning rate rises from 0. Default: 1. The other schedules start at full rate."""
    step_every: int = 10_000
    """Steps between two drops of the step schedule."""
    monitor: str = "loss"
    """Validation metric that picks the best model, the later one of equals (training metric without a validation set).
    map: mean average precision of several labels; last: keep the last epoch's model, where the validation set is too small to
    choose by."""
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
class Measure:
    """How a trained model is measured."""

    split: Literal["test", "val", "train"] = "test"
    """Which part of the data."""
    batch: int = 16
    """Clips a step."""


def nearest(word: str, choices: typing.Iterable[str]) -> str:
    """'Did you mean ...?' with the nearest of `choices`, and the list of all."""
    choices = sorted(choices)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}Known: {', '.join(choices)}."
